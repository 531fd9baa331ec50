"""Points from many tabs, workers and refunds at once, on PostgreSQL: none is used twice."""

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import count
from time import sleep

import pytest
from django.db import connection, transaction

from accounts import expiring, points
from accounts.models import PointEntry, User
from tests.points import DAY, NOW, earn, entries, left
from tests.races import all_at_once, at_once

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("all_adds_up")]


def tab(shopper: User, amount: int, *, told: list):
    """Each call holds points for an order of its own, and appends what it was told."""
    numbers = count(1)

    def hold() -> None:
        try:
            with transaction.atomic(durable=True):
                points.hold(shopper.pk, f"TAB-{next(numbers)}", amount, now=NOW)
            told.append("held")
        except points.NotEnoughPoints as refusal:
            told.append(refusal.usable)

    return hold


@pytest.mark.parametrize("attempt", range(5))
def test_eight_tabs_with_points_for_one(shopper, give, attempt):
    """One holds all, over three lots; seven are told that nothing is left."""
    lots = give(1_000, days=3), give(1_500, days=1), give(500, days=2)
    told = []
    at_once(tab(shopper, 3_000, told=told), times=8)
    assert Counter(told) == {"held": 1, 0: 7}
    assert left(*lots) == [0, 0, 0]
    assert PointEntry.objects.filter(kind="HELD").count() == 3


def test_as_many_as_there_are_points_for(shopper, give):
    """Five of sixteen, of lots that end in the middle of what an order needs."""
    for days in range(7, 0, -1):
        give(77, days=days)
    told = []
    at_once(tab(shopper, 100, told=told), times=16)
    assert Counter(told) == {"held": 5, 39: 11}
    assert points.usable(shopper.pk, now=NOW) == 39


def test_refunds_take_while_tabs_hold(shopper, give):
    """Four refunds and eight tabs: what is not there any more is owed, and nobody fails."""
    give(500)
    for number in range(4):
        earn(shopper, f"PAID-{number}", 125)
    told, taken = [], []

    def refund(number: int) -> None:
        with transaction.atomic(durable=True):
            taken.append(points.take_back(f"PAID-{number}", keep=25, now=NOW))

    refunds = [partial(refund, number) for number in range(4)]
    all_at_once(refunds + [tab(shopper, 100, told=told)] * 8)
    assert taken == [100] * 4
    held = 100 * told.count("held")
    owed = -sum(left for _, _, left in entries(shopper) if left < 0)
    assert owed == max(held - 600, 0)
    assert points.usable(shopper.pk, now=NOW) == max(600 - held, 0)


def test_everything_at_once(shopper, give):
    """Held, given back, taken back, granted, set off and written off: nobody fails or waits in a
    circle, and the books say what everybody was told."""
    for number in range(4):
        earn(shopper, f"PAID-{number}", 300)
        points.hold(shopper.pk, f"OLD-{number}", 200, now=NOW)
    for days in (1, 1, 2, 3):
        give(250, days=days)
    told, given, taken, expired = [], [], [], []

    def full_refund(number: int) -> None:
        with transaction.atomic(durable=True):
            given.append(points.give_back(f"OLD-{number}", now=NOW + DAY))
            taken.append(points.take_back(f"PAID-{number}", keep=0, now=NOW + DAY))

    def night() -> None:
        expired.append(expiring.expire(now=NOW + DAY))

    def staff() -> None:
        points.grant(shopper, 50, note="", by=None, now=NOW)

    refunds = [partial(full_refund, number) for number in range(4)]
    all_at_once(refunds + [tab(shopper, 60, told=told)] * 8 + [night] * 4 + [staff] * 2)
    night()
    assert (given, taken) == ([200] * 4, [300] * 4)
    came, went = 4 * 300 + 4 * 250 + 2 * 50 + sum(given), 4 * 200 + sum(taken) + sum(expired)
    balance = came - went - 60 * told.count("held")
    assert sum(left for _, _, left in entries(shopper)) == balance
    assert points.usable(shopper.pk, now=NOW + DAY) == max(balance, 0)


def wait_until_it_waits(taking: Future) -> None:
    """Return once somebody waits for a lock; fail if that does not come about."""
    with connection.cursor() as cursor:
        for _ in range(500):
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
            sleep(0.01)
    pytest.fail(f"it did not wait: {taking}")


@pytest.mark.parametrize("change", ["hold", "take back"])
def test_the_night_sets_off_meanwhile(shopper, give, change):
    """Whoever wants points that the night is setting off waits, and sees what is left of them."""
    for number in ("A", "B"):
        earn(shopper, number, 100)
    points.hold(shopper.pk, "C", 200, now=NOW)
    with transaction.atomic():
        points.take_back("A", keep=0, now=NOW)
    lot = give(150)

    def take() -> int:
        try:
            with transaction.atomic(durable=True):
                if change == "take back":
                    return points.take_back("B", keep=0, now=NOW)
                points.hold(shopper.pk, "D", 60, now=NOW)
                return 60
        except points.NotEnoughPoints as refusal:
            return refusal.usable
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(durable=True):
            expiring.set_off([shopper.pk], now=NOW)
            taking = pool.submit(take)
            wait_until_it_waits(taking)
        result = taking.result()
    owed = -sum(left for _, _, left in entries(shopper) if left < 0)
    assert (result, left(lot), owed) == {"hold": (50, [50], 0), "take back": (100, [0], 50)}[change]


def test_two_nights_at_once(shopper):
    """Each lot is written off once, whoever comes to it."""
    people = User.objects.bulk_create(User(email=f"{n}@example.com") for n in range(40))
    for person in people:
        for _ in range(3):
            points.grant(person, 10, note="", by=None, now=NOW, expires_at=NOW + DAY)
    expired = []
    at_once(lambda: expired.append(expiring.expire(now=NOW + DAY)), times=4)
    assert sum(expired) == 1_200
    assert PointEntry.objects.filter(kind="EXPIRED", amount=-10).count() == 120
