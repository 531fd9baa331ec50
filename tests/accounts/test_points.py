"""Points: what comes in, what is held, given back and taken back, and what is owed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from accounts import expiring, points
from accounts.models import PointEntry, User
from tests.points import DAY, NOW, entries, left
from tests.queries import queries_of

pytestmark = pytest.mark.usefixtures("all_adds_up")


class TestUsable:
    def test_nobody_begins_with_points(self, shopper):
        """Without entries it is 0, not None."""
        assert points.usable(shopper.pk, now=NOW) == 0

    def test_what_expired_does_not_count(self, shopper, give):
        """A lot is good until its last moment, not in it; others' points are others'."""
        give(100, days=1)
        give(30, days=2)
        points.grant(User.objects.create_user("du@example.com"), 7, note="", by=None, now=NOW)
        moment = timedelta(microseconds=1)
        assert points.usable(shopper.pk, now=NOW + DAY - moment) == 130
        assert points.usable(shopper.pk, now=NOW + DAY) == 30
        assert points.usable(shopper.pk, now=NOW + 2 * DAY) == 0

    def test_one_query(self, shopper, give):
        """However many lots there are."""
        for _ in range(5):
            give(10)
        assert len(queries_of(lambda: points.usable(shopper.pk, now=NOW))) == 1


class TestHold:
    def test_what_expires_first_is_used_first(self, shopper, give):
        """Whatever the order they came in; of two lots that end together it is the older."""
        late, soon = give(100, days=30), give(50, days=1)
        older, newer = give(70, days=9), give(40, days=9)
        points.hold(shopper.pk, "A", 130, now=NOW)
        assert left(soon, older, newer, late) == [0, 0, 30, 100]
        assert entries(shopper)[4:] == [("HELD", -50, 0), ("HELD", -70, 0), ("HELD", -10, 0)]
        points.hold(shopper.pk, "B", 130, now=NOW)
        assert left(soon, older, newer, late) == [0, 0, 0, 0]

    def test_an_entry_says_all(self, shopper, give):
        """Whose it is, for which order, from which lot and when."""
        lot = give(100)
        points.hold(shopper.pk, "A", 60, now=NOW + DAY)
        held = PointEntry.objects.get(kind="HELD")
        assert (held.user, held.order_number, held.source) == (shopper, "A", lot)
        assert (held.created_at, held.expires_at, held.note) == (NOW + DAY, None, "")

    @pytest.mark.parametrize(("wanted", "usable"), [(101, 100), (1_000_000, 100)])
    def test_more_than_there_are(self, shopper, give, wanted, usable):
        """Refused with what there is, and not a point is held."""
        give(60), give(40), give(500, days=-1)
        with pytest.raises(points.NotEnoughPoints) as refusal:
            points.hold(shopper.pk, "A", wanted, now=NOW)
        assert refusal.value.usable == usable
        assert {kind for kind, _, _ in entries(shopper)} == {"GRANTED"}
        assert points.usable(shopper.pk, now=NOW) == 100

    def test_nobody_holds_the_points_of_another(self, shopper, give):
        """A person without points has none, however rich the others are."""
        give(100)
        other = User.objects.create_user("du@example.com")
        with pytest.raises(points.NotEnoughPoints) as refusal:
            points.hold(other.pk, "A", 1, now=NOW)
        assert refusal.value.usable == 0

    def test_one_query(self, shopper, give):
        """Over three lots as over one."""
        give(10), give(10), give(10)
        assert len(queries_of(lambda: points.hold(shopper.pk, "A", 25, now=NOW))) == 1

    def test_the_database_refuses_to_overspend(self, shopper, give):
        """Whatever the code does: nothing is left of a lot but from 0 to its amount."""
        lot = PointEntry.objects.filter(pk=give(10).pk)
        for wrong in (-1, 11):
            with pytest.raises(IntegrityError, match="not_overspent"), transaction.atomic():
                lot.update(left=wrong)


class TestSettle:
    def test_used_and_earned(self, shopper, give, settings):
        """The held points are used for good; what is earned lasts to the end of a day in Seoul."""
        settings.POINTS_EXPIRE_DAYS = 365
        give(300)
        points.hold(shopper.pk, "A", 300, now=NOW)
        points.settle(shopper.pk, "A", used=300, earned=220, now=NOW)
        assert entries(shopper)[2:] == [("SPENT", 0, 0), ("EARNED", 220, 220)]
        assert points.usable(shopper.pk, now=NOW) == 220
        lot = PointEntry.objects.get(kind="EARNED")
        assert lot.expires_at == datetime(2027, 11, 21, 14, 59, 59, 999_999, tzinfo=UTC)
        assert points.give_back("B", now=NOW) == 0

    def test_queries(self, shopper):
        """One, and none if there is nothing to say."""

        def settle(number, used, earned):
            points.settle(shopper.pk, number, used=used, earned=earned, now=NOW)

        assert len(queries_of(lambda: settle("A", 10, 10))) == 1
        assert len(queries_of(lambda: settle("B", 0, 10))) == 1
        assert len(queries_of(lambda: settle("C", 10, 0))) == 1
        assert len(queries_of(lambda: settle("D", 0, 0))) == 0

    @pytest.mark.parametrize(("used", "earned"), [(10, 0), (0, 10)])
    def test_an_order_is_settled_once(self, shopper, used, earned):
        """The database refuses a second time, with whatever figures."""
        points.settle(shopper.pk, "A", used=used, earned=earned, now=NOW)
        with pytest.raises(IntegrityError, match="_once"), transaction.atomic():
            points.settle(shopper.pk, "A", used=2 * used, earned=2 * earned, now=NOW)


class TestGiveBack:
    def test_back_to_where_they_came_from(self, shopper, give):
        """Each lot has what it had; a second time gives nothing."""
        one, two = give(50, days=1), give(100)
        points.hold(shopper.pk, "A", 120, now=NOW)
        points.hold(shopper.pk, "B", 10, now=NOW)
        assert points.give_back("A", now=NOW) == 120
        assert left(one, two) == [50, 90]
        assert entries(shopper)[-2:] == [("RETURNED", 50, 0), ("RETURNED", 70, 0)]
        assert points.give_back("A", now=NOW) == 0
        assert points.give_back("none", now=NOW) == 0
        assert len(entries(shopper)) == 7

    def test_in_parts(self, shopper, give):
        """What lasts longest comes back first, and never more than was held."""
        one, two, three = give(50, days=1), give(20, days=2), give(100, days=9)
        points.hold(shopper.pk, "A", 130, now=NOW)
        assert points.give_back("A", amount=65, now=NOW) == 65
        assert left(one, two, three) == [0, 5, 100]
        assert points.give_back("A", amount=0, now=NOW) == 0
        assert points.give_back("A", amount=20, now=NOW) == 20
        assert left(one, two, three) == [5, 20, 100]
        assert points.give_back("A", amount=999, now=NOW) == 45
        assert left(one, two, three) == [50, 20, 100]
        assert points.give_back("A", now=NOW) == 0

    def test_in_parts_after_they_expired(self, shopper, give, settings):
        """Each part gets its own days more, and none is given twice."""
        settings.POINTS_GRACE_DAYS = 7
        give(50, days=1), give(100, days=9)
        points.hold(shopper.pk, "A", 130, now=NOW)
        assert points.give_back("A", amount=100, now=NOW + 2 * DAY) == 100
        assert points.give_back("A", amount=20, now=NOW + 3 * DAY) == 20
        assert points.give_back("A", now=NOW + 3 * DAY) == 10
        back = [(points, left) for kind, points, left in entries(shopper) if kind == "RETURNED"]
        assert back == [(80, 0), (20, 20), (20, 20), (10, 10)]

    def test_what_expired_meanwhile_gets_some_days_more(self, shopper, give, settings):
        """One new lot for all of it, to the end of the last day; the rest goes back to its lots."""
        settings.POINTS_GRACE_DAYS = 7
        lots = give(50, days=1), give(20, days=2), give(100, days=9)
        points.hold(shopper.pk, "A", 130, now=NOW)
        assert points.give_back("A", now=NOW + 2 * DAY) == 130
        assert left(*lots) == [0, 0, 100]
        assert entries(shopper)[-2:] == [("RETURNED", 60, 0), ("RETURNED", 70, 70)]
        new = PointEntry.objects.latest("pk")
        assert new.expires_at == datetime(2026, 11, 30, 14, 59, 59, 999_999, tzinfo=UTC)
        assert (new.source, new.order_number) == (None, "A")
        assert points.usable(shopper.pk, now=NOW + 2 * DAY) == 170
        assert points.give_back("A", now=NOW + 3 * DAY) == 0

    def test_some_days_more_are_given_once(self, shopper, give, settings):
        """Else whoever orders and quits again and again would keep points for ever."""
        settings.POINTS_GRACE_DAYS = 7
        give(50, days=1)
        points.hold(shopper.pk, "A", 50, now=NOW)
        points.give_back("A", now=NOW + 2 * DAY)
        points.hold(shopper.pk, "B", 50, now=NOW + 8 * DAY)
        assert points.give_back("B", now=NOW + 11 * DAY) == 50
        assert points.usable(shopper.pk, now=NOW + 11 * DAY) == 0
        assert expiring.expire(now=NOW + 11 * DAY) == 50

    def test_written_off_in_between(self, shopper, give):
        """The night run takes what was left of the lot, not what is held of it."""
        give(50, days=1)
        points.hold(shopper.pk, "A", 30, now=NOW)
        assert expiring.expire(now=NOW + DAY) == 20
        assert points.give_back("A", now=NOW + DAY) == 30
        assert points.usable(shopper.pk, now=NOW + DAY) == 30

    def test_an_order_that_was_revived(self, shopper, give):
        """Held again after they came back, they can be given back again."""
        one, two = give(50, days=1), give(100, days=9)
        points.hold(shopper.pk, "A", 80, now=NOW)
        assert points.give_back("A", now=NOW + 2 * DAY) == 80
        points.hold(shopper.pk, "A", 80, now=NOW + 2 * DAY)
        assert points.give_back("A", now=NOW + 2 * DAY) == 80
        assert points.usable(shopper.pk, now=NOW + 2 * DAY) == 150
        assert left(one, two) == [0, 100]

    def test_after_payment_and_full_refund(self, shopper, give):
        """Points that were used for good come back as well."""
        give(100)
        points.hold(shopper.pk, "A", 100, now=NOW)
        points.settle(shopper.pk, "A", used=100, earned=0, now=NOW)
        assert points.give_back("A", now=NOW + DAY) == 100
        assert points.usable(shopper.pk, now=NOW + DAY) == 100

    def test_queries(self, shopper, give):
        """One where an order holds nothing; five to give back, to three lots as to one."""
        give(10), give(10), give(10)
        points.hold(shopper.pk, "A", 25, now=NOW)
        assert len(queries_of(lambda: points.give_back("B", now=NOW))) == 1
        assert len(queries_of(lambda: points.give_back("A", now=NOW))) == 5


class TestExpirePoints:
    def test_the_command_says_how_many(self, shopper, give, capsys):
        """Of two people's lots those that ended, and a second time none."""
        ended, lasting = give(1_200, days=-1), give(500, days=36_500)
        other = User.objects.create_user("du@example.com")
        points.grant(other, 30, note="", by=None, now=NOW, expires_at=NOW)
        for said in ("1,230 points expired\n", "0 points expired\n"):
            call_command("expire_points")
            assert capsys.readouterr() == (said, "")
        assert left(ended, lasting) == [0, 500]

    def test_a_batch_at_a_time(self, shopper, give, monkeypatch):
        """Each is told of when it is written."""
        monkeypatch.setattr(expiring, "PEOPLE_AT_ONCE", 2)
        give(1, days=-1)
        for number in range(2):
            person = User.objects.create_user(f"{number}@example.com")
            points.grant(person, 10, note="", by=None, now=NOW, expires_at=NOW)
        batches = [(each.people, each.expired) for each in expiring.batches(now=NOW)]
        assert batches == [(2, 11), (1, 10)]


class TestGrant:
    def test_a_year_unless_said_otherwise(self, shopper, settings):
        """To the end of the last day; who gave them, and why, is kept."""
        settings.POINTS_EXPIRE_DAYS = 10
        staff = User.objects.create_user("staff@example.com")
        lot = points.grant(shopper, 500, note="Sorry", by=staff, now=NOW)
        lot.refresh_from_db()
        assert lot.expires_at == datetime(2026, 12, 1, 14, 59, 59, 999_999, tzinfo=UTC)
        assert (lot.user, lot.kind, lot.amount, lot.left) == (shopper, "GRANTED", 500, 500)
        assert (lot.granted_by, lot.note, lot.created_at) == (staff, "Sorry", NOW)

    @pytest.mark.parametrize("amount", [0, -5])
    def test_at_least_one(self, shopper, amount):
        """Nothing, or less, is a mistake of whoever calls."""
        with pytest.raises(ValueError, match="at least 1"):
            points.grant(shopper, amount, note="", by=None, now=NOW)


def test_an_account_takes_its_points_along(shopper, give):
    """Deleting a person deletes their entries, also those that others name as their source."""
    give(500)
    points.hold(shopper.pk, "N1", 100, now=NOW)
    shopper.delete()
    assert not PointEntry.objects.exists()
