"""Every point of every request that moves money, killed once."""

import pytest

from tests.kakaopay import KakaoPay
from tests.killing.conftest import Tally
from tests.killing.journeys import WANTED, Capture, Journey
from tests.killing.matrix import JOURNEYS, Point, dies, kill, points_of, ways_to_die
from tests.killing.programs import AddToCart
from tests.killing.web import KillableShop, NotKilled


@pytest.mark.timeout(300)
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
def test_nothing_is_lost_or_doubled_wherever_the_process_is_killed(
    journey: type[Journey], killable: KillableShop, kakaopay: KakaoPay, tally: Tally
):
    """SIGKILL at each point in turn: after recovery our books are the provider's."""
    points = points_of(journey, killable, kakaopay)
    assert len(points) >= journey.least_points
    kills = [kill(point, journey, killable, kakaopay) for point in ways_to_die(points)]
    tally(journey.name, points=len(points), kills=len(kills))
    assert [str(each) for each in kills if each.differences] == []


def test_a_request_that_is_answered_does_not_count_as_killed(
    killable: KillableShop, kakaopay: KakaoPay
):
    """The matrix cannot pass without killing: no request gets as far as its 99th point."""
    with pytest.raises(NotKilled, match="an answer in spite of 99"):
        kill(Point(99, "nowhere"), Capture, killable, kakaopay)


def test_the_cart_is_filled_once_wherever_the_process_is_killed(
    killable: KillableShop, kakaopay: KakaoPay, tally: Tally
):
    """SIGKILL at each point of adding one cup; asked again with the same key, there is one more."""
    run = AddToCart(killable, kakaopay)
    points = run.request(kill_at=0).headers["X-Points"].split(", ")
    assert len(points) >= run.least_points
    for number in range(1, len(points) + 1):
        run = AddToCart(killable, kakaopay)
        assert dies(run, number)
        run.request()
        assert run.pieces() == WANTED + 1, points[number - 1]
    tally(run.name, points=len(points), kills=len(points))
