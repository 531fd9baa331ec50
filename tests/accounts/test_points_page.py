"""What a shopper sees of their points."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts import expiring, points
from accounts.models import User
from tests.points import DAY, earn
from tests.queries import queries_of

pytestmark = pytest.mark.usefixtures("all_adds_up")
NUMBER = "20261121-7KQ4MX9T"
OTHER = "20261121-8LR5NY2U"


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def give(shopper, now):
    """Points from today that last so many days."""

    def give(amount: int, *, days: float = 100, note: str = "Hello"):
        until = now + days * DAY
        return points.grant(shopper, amount, note=note, by=None, now=now, expires_at=until)

    return give


@pytest.fixture
def browser(client: Client, shopper) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    client.force_login(shopper)
    return client


@pytest.fixture
def see(browser):
    """The page, and the movements on it as (label, change)."""

    def see(page: int = 1):
        answer = browser.get("/accounts/points/", {"page": page})
        moved = [(movement.label, movement.change) for movement in answer.context["movements"]]
        return answer, moved

    return see


def words(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_only_their_own(client, shopper):
    """It needs a sign-in, and shows nobody else's."""
    answer = client.get("/accounts/points/")
    assert (answer.status_code, answer["Location"]) == (
        302,
        "/accounts/login/?next=/accounts/points/",
    )
    points.grant(shopper, 777, note="Mine", by=None, now=timezone.now())
    client.force_login(User.objects.create_user("du@example.com"))
    page = client.get("/accounts/points/", headers={"Accept-Language": "en"}).content.decode()
    assert "0 points" in page
    assert "777" not in page
    assert "Nothing yet. You earn points with every order that you pay for." in page


def test_it_is_in_the_account_s_menu(browser):
    """From every page of the account."""
    assert 'href="/accounts/points/"' in browser.get("/accounts/").content.decode()


class TestBalance:
    def test_what_ends_within_thirty_days(self, see, give):
        """By day, the first first; what lasts longer is only in the sum."""
        give(1_000, days=10), give(200, days=5), give(50, days=5), give(4_000, days=31)
        answer, _ = see()
        balance = answer.context["balance"]
        assert balance.usable == 5_250
        day = timezone.localdate()
        assert list(balance.expiring.items()) == [(day + 5 * DAY, 250), (day + 10 * DAY, 1_000)]
        assert "5,250 points" in words(answer)
        assert f"Expire after {day + 5 * DAY}</dt><dd>250</dd>" in words(answer)

    def test_what_waits_with_an_order(self, see, give, shopper, now):
        """Until it is paid or canceled, with a link to it."""
        give(1_000)
        for number in (NUMBER, OTHER):
            points.hold(shopper.pk, number, 300, now=now)
        points.settle(shopper.pk, OTHER, used=300, earned=0, now=now)
        answer, _ = see()
        assert answer.context["balance"].held == {NUMBER: 300}
        link = f'Held for your order <a href="/orders/{NUMBER}/">{NUMBER}</a></dt><dd>300</dd>'
        assert link in words(answer)
        points.give_back(NUMBER, now=now)
        points.give_back(OTHER, now=now)
        assert see()[0].context["balance"].held == {}

    def test_what_is_owed(self, see, give, shopper):
        """It takes what ends first, and is explained only where more is owed than there is."""
        earn(shopper, NUMBER, 500)
        points.hold(shopper.pk, OTHER, 500, now=timezone.now())
        points.take_back(NUMBER, keep=0, now=timezone.now())
        answer, _ = see()
        assert (answer.context["balance"].usable, answer.context["balance"].owed) == (0, 500)
        assert "The next 500 points that you get make up for it." in words(answer)
        give(300, days=3), give(400, days=4)
        answer, _ = see()
        balance = answer.context["balance"]
        assert (balance.usable, balance.owed) == (200, 0)
        assert list(balance.expiring.values()) == [200]
        assert "make up for it" not in words(answer)


class TestHistory:
    def test_one_use_is_one_line(self, see, give, shopper, now):
        """Though it came from three lots; held until the order is paid, and used from then on."""
        give(100, days=1), give(100, days=2), give(100, days=3)
        points.hold(shopper.pk, NUMBER, 250, now=now + DAY / 2)
        held, granted = ("held for an order", "−250"), ("given by the shop", "+300")
        assert see()[1] == [held, granted]
        points.settle(shopper.pk, NUMBER, used=250, earned=20, now=now + DAY / 2)
        assert see()[1] == [("earned", "+20"), ("used", "−250"), granted]
        points.give_back(NUMBER, now=now + DAY / 2)
        assert see()[1][0] == ("given back", "+250")

    def test_notes_and_links(self, see, give, shopper, now):
        """Why the shop gave points, for what order they moved, and how long new ones last."""
        give(100, note="<b>Sorry</b>", days=50)
        points.settle(shopper.pk, NUMBER, used=0, earned=20, now=now)
        page = words(see()[0])
        assert "<p>Given by the shop: &lt;b&gt;Sorry&lt;/b&gt;</p>" in page
        assert f"good until {timezone.localdate() + 50 * DAY}" in page
        assert f'<a href="/orders/{NUMBER}/">{NUMBER}</a>' in page

    def test_what_was_set_off_is_not_said_twice(self, see, give, shopper, now):
        """The lines add up to the balance, whatever is owed."""
        earn(shopper, NUMBER, 500)
        points.hold(shopper.pk, OTHER, 500, now=now)
        points.take_back(NUMBER, keep=0, now=now + DAY)
        give(700)
        expiring.expire(now=now + DAY)
        answer, moved = see()
        assert ("taken back after a refund", "−500") in moved
        assert {label for label, _ in moved} == {
            *("earned", "held for an order", "taken back after a refund", "given by the shop")
        }
        assert sum(movement.points for movement in answer.context["movements"]) == 200
        assert answer.context["balance"].usable == 200

    def test_what_expired(self, see, give, now):
        """All of one night in one line."""
        give(30, days=1), give(20, days=1), give(10, days=3)
        expiring.expire(now=now + 2 * DAY)
        assert see()[1] == [("expired", "−50"), ("given by the shop", "+60")]

    def test_pages(self, see, give):
        """Twenty a page, the newest first, and the same number of queries for any length."""
        give(1, note="0")
        few = len(queries_of(see))
        for number in range(1, 25):
            give(number + 1, note=str(number))
        assert see()[1] == [("given by the shop", f"+{n}") for n in range(25, 5, -1)]
        answer, moved = see(2)
        assert moved == [("given by the shop", f"+{n}") for n in range(5, 0, -1)]
        assert 'aria-current="page">2</a>' in words(answer)
        assert few == len(queries_of(see)) == 8

    def test_it_reads_in_korean(self, client, shopper, give):
        """The page opens in the shop's first language as well."""
        give(1_200)
        client.force_login(shopper)
        page = client.get("/accounts/points/").content.decode()
        assert '<html lang="ko">' in page
        assert "1,200" in page
