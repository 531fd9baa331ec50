"""Points taken back after a refund, what is owed then, and the end of points."""

import pytest

from accounts import expiring, points
from accounts.models import PointEntry, User
from tests.points import DAY, NOW, earn, entries, left
from tests.queries import queries_of

pytestmark = pytest.mark.usefixtures("all_adds_up")


class TestTakeBack:
    def test_from_the_order_s_own_lot_first(self, shopper, give):
        """Though another expires sooner."""
        sooner, own = give(100, days=1), earn(shopper, "A", 220)
        assert points.take_back("A", keep=110, now=NOW) == 110
        assert left(sooner, own) == [100, 110]
        assert entries(shopper)[2:] == [("TAKEN_BACK", -110, 0)]

    def test_in_steps(self, shopper):
        """Each refund leaves what is to be kept, counting what was taken before; never twice."""
        own = earn(shopper, "A", 220)
        steps = [(220, 0), (150, 70), (150, 0), (149, 1), (200, 0), (0, 149), (0, 0)]
        assert [points.take_back("A", keep=keep, now=NOW) for keep, _ in steps] == [
            taken for _, taken in steps
        ]
        assert left(own) == [0]

    def test_then_from_what_expires_first(self, shopper, give):
        """What was used of the own lot is taken from the others; expired ones are not touched."""
        own = earn(shopper, "A", 100)
        points.hold(shopper.pk, "B", 90, now=NOW)
        late, soon, gone = give(50, days=30), give(30, days=3), give(40, days=1)
        assert points.take_back("A", keep=0, now=NOW + 2 * DAY) == 100
        assert left(own, soon, late, gone) == [0, 0, 0, 40]
        assert entries(shopper)[-4:] == [
            ("TAKEN_BACK", -10, 0),
            ("TAKEN_BACK", -30, 0),
            ("TAKEN_BACK", -50, 0),
            ("TAKEN_BACK", -10, -10),
        ]

    def test_what_was_used_is_owed(self, shopper, give):
        """It counts against what comes later, and is never seen as fewer than no points."""
        earn(shopper, "A", 100)
        points.hold(shopper.pk, "B", 100, now=NOW)
        assert points.take_back("A", keep=20, now=NOW) == 80
        assert entries(shopper)[-1] == ("TAKEN_BACK", -80, -80)
        assert points.usable(shopper.pk, now=NOW) == 0
        give(50)
        assert points.usable(shopper.pk, now=NOW) == 0
        give(50)
        assert points.usable(shopper.pk, now=NOW) == 20
        with pytest.raises(points.NotEnoughPoints) as refusal:
            points.hold(shopper.pk, "C", 21, now=NOW)
        assert refusal.value.usable == 20
        points.hold(shopper.pk, "C", 20, now=NOW)
        assert points.usable(shopper.pk, now=NOW) == 0
        with pytest.raises(points.NotEnoughPoints) as refusal:
            points.hold(shopper.pk, "D", 1, now=NOW)
        assert refusal.value.usable == 0

    def test_what_expired_unused_is_not_owed(self, shopper, settings):
        """Of 100 earned, 40 were used; the rest was lost to the shopper anyway."""
        settings.POINTS_EXPIRE_DAYS = 1
        earn(shopper, "A", 100)
        points.hold(shopper.pk, "B", 40, now=NOW)
        later = NOW + 3 * DAY
        assert points.take_back("A", keep=50, now=later) == 0
        expiring.expire(now=later)
        assert points.take_back("A", keep=50, now=later) == 0
        assert points.take_back("A", keep=10, now=later) == 30
        assert points.take_back("A", keep=0, now=later) == 10
        assert [entry for entry in entries(shopper) if entry[2]] == [
            ("TAKEN_BACK", -30, -30),
            ("TAKEN_BACK", -10, -10),
        ]

    def test_an_order_that_earned_nothing(self, shopper, give):
        """There is nothing to take, and other points stay."""
        lot = give(100)
        points.settle(shopper.pk, "A", used=10, earned=0, now=NOW)
        assert points.take_back("A", keep=0, now=NOW) == 0
        assert left(lot) == [100]

    def test_queries(self, shopper, give):
        """Six, over three lots and a debt as over one lot."""
        earn(shopper, "A", 100)
        points.hold(shopper.pk, "B", 90, now=NOW)
        give(10), give(10), give(10)
        assert len(queries_of(lambda: points.take_back("A", keep=0, now=NOW))) == 6


class TestExpire:
    def test_what_is_left_of_what_expired(self, shopper, give):
        """It is written off once, and nothing else is touched."""
        gone, used, good = give(100, days=1), give(50, days=1), give(30, days=2)
        points.hold(shopper.pk, "A", 120, now=NOW)
        assert expiring.expire(now=NOW + DAY) == 30
        assert left(gone, used, good) == [0, 0, 30]
        assert entries(shopper)[-1] == ("EXPIRED", -30, 0)
        assert expiring.expire(now=NOW + DAY) == 0
        assert len(entries(shopper)) == 6

    def test_what_is_owed_is_set_off_first(self, shopper, give):
        """Against what expires first, also if it expired since; the rest of that is written off."""
        earn(shopper, "A", 100)
        points.hold(shopper.pk, "B", 100, now=NOW)
        points.take_back("A", keep=0, now=NOW)
        debt = PointEntry.objects.latest("pk")
        soon, late = give(30, days=1), give(90, days=9)
        assert points.usable(shopper.pk, now=NOW) == 20
        assert expiring.expire(now=NOW + 2 * DAY) == 0
        assert left(debt, soon, late) == [0, 0, 20]
        assert entries(shopper)[-4:] == [
            ("SET_OFF", -30, 0),
            ("SET_OFF", 30, 0),
            ("SET_OFF", -70, 0),
            ("SET_OFF", 70, 0),
        ]
        assert points.usable(shopper.pk, now=NOW + 2 * DAY) == 20

    def test_what_expired_before_it_was_owed(self, shopper, give):
        """It pays for nothing: it could not be used any more."""
        earn(shopper, "A", 100)
        points.hold(shopper.pk, "B", 100, now=NOW)
        gone = give(100, days=1)
        points.take_back("A", keep=0, now=NOW + 2 * DAY)
        assert expiring.expire(now=NOW + 3 * DAY) == 100
        assert [entry for entry in entries(shopper) if entry[2]] == [("TAKEN_BACK", -100, -100)]
        assert left(gone) == [0]

    def test_one_lot_pays_several_debts(self, shopper, give):
        """The oldest first; and what lasts is what is over."""
        for number in "AB":
            earn(shopper, number, 100)
        points.hold(shopper.pk, "C", 200, now=NOW)
        for number in "AB":
            points.take_back(number, keep=0, now=NOW)
        first, second = PointEntry.objects.filter(left__lt=0).order_by("pk")
        lot = give(150)
        assert expiring.expire(now=NOW) == 0
        assert left(first, second, lot) == [0, -50, 0]
        another = give(70)
        assert expiring.expire(now=NOW) == 0
        assert left(second, another) == [0, 20]

    def test_nobody_pays_for_another(self, shopper, give):
        """A debt waits for points of the same person."""
        earn(shopper, "A", 100)
        points.hold(shopper.pk, "B", 100, now=NOW)
        points.take_back("A", keep=0, now=NOW)
        other = User.objects.create_user("du@example.com")
        points.grant(other, 500, note="", by=None, now=NOW)
        assert expiring.expire(now=NOW) == 0
        assert points.usable(other.pk, now=NOW) == 500
        assert PointEntry.objects.filter(left=-100).count() == 1

    def test_many_people(self, monkeypatch):
        """Nobody is left out; a batch takes five queries, and a savepoint here, for any number."""
        people = User.objects.bulk_create(User(email=f"{n}@example.com") for n in range(25))
        for person in people:
            points.grant(person, 10, note="", by=None, now=NOW, expires_at=NOW + DAY)
        monkeypatch.setattr(expiring, "PEOPLE_AT_ONCE", 10)
        queries = queries_of(lambda: expiring.expire(now=NOW + DAY))
        assert len(queries) == 3 * (5 + 2) + 1
        assert PointEntry.objects.filter(kind="EXPIRED", amount=-10).count() == 25
