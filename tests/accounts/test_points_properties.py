"""Random lives of a shopper's points, beside the rules in plain Python."""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import balances, expiring, points
from accounts.models import PointEntry, User
from tests.points import DAY, NOW, points_differences

LIVES = int(os.environ.get("LIVES", "200"))
GRACE, YEAR = 2, 4  # days; so short a year that points end while the story goes on
ORDERS = st.integers(0, 3)

STEPS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 72)),
    st.tuples(st.just("night")),
    st.tuples(st.just("grant"), st.integers(1, 300), st.integers(0, 6)),
    st.tuples(st.just("hold"), ORDERS, st.integers(1, 110)),
    st.tuples(st.just("hold"), ORDERS, st.just(100)),
    st.tuples(st.just("pay"), ORDERS, st.integers(0, 200)),
    st.tuples(st.just("cancel"), ORDERS),
    st.tuples(st.just("give_back"), ORDERS, st.integers(0, 150)),
    st.tuples(st.just("refund"), ORDERS, st.integers(0, 200)),
    st.tuples(st.just("refund"), ORDERS, st.just(0)),
)


@dataclass(eq=False)
class Lot:
    until: datetime
    left: int
    expired: int = 0
    is_grace: bool = False


@dataclass
class Debt:
    since: datetime
    left: int


@dataclass
class Order:
    held: list[tuple[Lot, int]] = field(default_factory=list)
    is_paid: bool = False
    lot: Lot | None = None
    earned: int = 0
    taken: int = 0


class Rules:
    """What should happen, told without a database."""

    def __init__(self) -> None:
        self.now = NOW
        self.lots: list[Lot] = []
        self.debts: list[Debt] = []

    def good(self) -> list[Lot]:
        """What can be used, in the order in which it is."""
        return sorted((lot for lot in self.lots if lot.until > self.now), key=lambda lot: lot.until)

    @property
    def usable(self) -> int:
        left = sum(lot.left for lot in self.good()) - sum(debt.left for debt in self.debts)
        return max(left, 0)

    def come(self, amount: int, days: int) -> Lot:
        day = self.now + timedelta(hours=9) + days * DAY
        end = day.replace(hour=23, minute=59, second=59, microsecond=999_999)
        self.lots.append(Lot(end - timedelta(hours=9), amount))
        return self.lots[-1]

    def take(self, lots: list[Lot], amount: int) -> list[tuple[Lot, int]]:
        taken = []
        for lot in lots:
            part = min(lot.left, amount - sum(n for _, n in taken))
            lot.left -= part
            taken.append((lot, part))
        return taken

    def give_back(self, order: Order, amount: int | None = None) -> int:
        """What lasts longest first; all of it if no amount is named."""
        late, kept, back = 0, [], 0
        latest = sorted(order.held, key=lambda held: (held[0].until, self.lots.index(held[0])))
        for lot, held in reversed(latest):
            part = held if amount is None else min(held, amount - back)
            back += part
            kept.append((lot, held - part))
            if lot.until > self.now or lot.is_grace:
                lot.left += part
            else:
                late += part
        if late:
            self.come(late, GRACE).is_grace = True
        order.held = [(lot, part) for lot, part in kept if part]
        return back

    def take_back(self, order: Order, keep: int) -> int:
        if order.lot is None:
            return 0
        lost = order.lot.expired + (order.lot.left if order.lot.until <= self.now else 0)
        wanted = max(order.earned - keep - order.taken - lost, 0)
        good = self.good()
        good.sort(key=lambda lot: lot is not order.lot)
        owed = wanted - sum(part for _, part in self.take(good, wanted))
        if owed:
            self.debts.append(Debt(self.now, owed))
        order.taken += wanted
        return wanted

    def night(self) -> int:
        for debt in self.debts:
            for lot in sorted(self.lots, key=lambda lot: lot.until):
                if lot.until > debt.since:
                    part = min(lot.left, debt.left)
                    lot.left -= part
                    debt.left -= part
        gone = [lot for lot in self.lots if lot.until <= self.now]
        for lot in gone:
            lot.expired += lot.left
        expired = sum(lot.left for lot in gone)
        for lot in gone:
            lot.left = 0
        return expired


class Life:
    """Does each step in the shop and by the rules, and compares what both say."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.rules = Rules()
        self.orders = {f"ORDER-{number}": Order() for number in range(4)}

    def live(self, steps: list[tuple]) -> None:
        for what, *details in steps:
            if details and what in {"hold", "pay", "cancel", "give_back", "refund"}:
                details[0] = f"ORDER-{details[0]}"
            getattr(self, what)(*details)
            self.compare()
        self.compare_what_is_shown()

    def wait(self, hours: int) -> None:
        self.rules.now += timedelta(hours=hours)

    def night(self) -> None:
        assert expiring.expire(now=self.rules.now) == self.rules.night()

    def grant(self, amount: int, days: int) -> None:
        lot = self.rules.come(amount, days)
        until = points.end_of_day(self.rules.now, days=days)
        assert until == lot.until
        points.grant(self.user, amount, note="", by=None, now=self.rules.now, expires_at=until)

    def hold(self, number: str, percent: int) -> None:
        """Of what can be used."""
        order = self.orders[number]
        if order.held or order.is_paid:
            return
        usable = self.rules.usable
        amount = max(1, usable * percent // 100)
        if amount > usable:
            with pytest.raises(points.NotEnoughPoints) as refusal:
                points.hold(self.user.pk, number, amount, now=self.rules.now)
            assert refusal.value.usable == usable
        else:
            points.hold(self.user.pk, number, amount, now=self.rules.now)
            order.held = self.rules.take(self.rules.good(), amount)

    def pay(self, number: str, earned: int) -> None:
        order = self.orders[number]
        if order.is_paid:
            return
        used = sum(part for _, part in order.held)
        points.settle(self.user.pk, number, used=used, earned=earned, now=self.rules.now)
        order.is_paid = True
        order.earned = earned
        order.lot = self.rules.come(earned, YEAR) if earned else None

    def cancel(self, number: str) -> None:
        back = self.rules.give_back(self.orders[number])
        assert points.give_back(number, now=self.rules.now) == back

    def give_back(self, number: str, amount: int) -> None:
        """A part of what it holds, as when some of its goods are refunded."""
        back = self.rules.give_back(self.orders[number], amount)
        assert points.give_back(number, amount=amount, now=self.rules.now) == back

    def refund(self, number: str, keep: int) -> None:
        """All of it if nothing is kept; the points that were used come back then."""
        if keep == 0:
            self.cancel(number)
        taken = self.rules.take_back(self.orders[number], keep)
        assert points.take_back(number, keep=keep, now=self.rules.now) == taken

    def compare(self) -> None:
        """Lot for lot and debt for debt."""
        mine = PointEntry.objects.filter(user=self.user).order_by("pk")
        lots = [entry for entry in mine if entry.expires_at]
        assert [(lot.left, lot.expires_at) for lot in lots] == [
            (lot.left, lot.until) for lot in self.rules.lots
        ]
        debts = [entry for entry in mine if entry.kind == "TAKEN_BACK" and not entry.source_id]
        assert [-debt.left for debt in debts] == [debt.left for debt in self.rules.debts]

    def compare_what_is_shown(self) -> None:
        """And the sums."""
        assert points_differences(self.user.pk) == []
        assert points.usable(self.user.pk, now=self.rules.now) == self.rules.usable
        shown = balances.balance(self.user.pk, now=self.rules.now)
        waiting = {number: order for number, order in self.orders.items() if not order.is_paid}
        held = {n: sum(part for _, part in order.held) for n, order in waiting.items()}
        assert shown.usable == self.rules.usable
        assert shown.held == {number: amount for number, amount in held.items() if amount}
        left = sum(entry.left for entry in PointEntry.objects.filter(user=self.user))
        assert sum(line["points"] for line in balances.history(self.user.pk)) == left


@settings(max_examples=LIVES, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=25, max_size=60))
def live_at_random(shopper: User, steps: list[tuple]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_pointentry")
    Life(shopper).live(steps)


@pytest.mark.timeout(600)
def test_random_lives(shopper, settings):
    """After every step the shop has what the rules say, lot for lot, and tells it the shopper."""
    settings.POINTS_GRACE_DAYS, settings.POINTS_EXPIRE_DAYS = GRACE, YEAR
    live_at_random(shopper)
