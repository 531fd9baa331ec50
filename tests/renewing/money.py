"""The oracle on money: each paid period has one payment, each payment one period, to the won."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime

from accounts.models import MembershipPeriod
from orders.models import Order, PaymentTransaction
from tests.killing.books import Difference, Harm
from tests.renewing import months
from tests.renewing.books import Books

CHARGE, REFUND = PaymentTransaction.Kind.CHARGE, PaymentTransaction.Kind.REFUND
SUCCEEDED = PaymentTransaction.Status.SUCCEEDED


def in_money(books: Books) -> Iterator[Difference]:
    for number in books.orders.keys() | books.payments_by_order.keys():
        yield from in_order(books, number)
    for periods in books.periods.values():
        for period in periods:
            yield from in_period(books, period)
    yield from in_days(books)


def in_order(books: Books, number: str) -> Iterator[Difference]:
    """What an order's transactions say is what the sandbox holds under its number."""
    order, theirs = books.orders.get(number), books.payments_by_order.get(number, [])
    if order is None:
        yield Difference(Harm.LOST, f"{number}: paid, but there is no such order")
        return
    if len(theirs) > 1:
        yield Difference(Harm.DOUBLED, f"{order}: {len(theirs)} payments")
    rows = books.transactions.get(order.pk, [])
    for row in rows:
        if row.status == PaymentTransaction.Status.PROCESSING:
            yield Difference(Harm.WRONG, f"{order}: {row} is still not known")
    ours = [row for row in rows if row.status == SUCCEEDED and row.amount]
    for kind, their_sum in (
        (CHARGE, sum(payment.total for payment in theirs)),
        (REFUND, sum(payment.canceled_total for payment in theirs)),
    ):
        our_sum = sum(row.amount for row in ours if row.kind == kind)
        if our_sum != their_sum:
            yield Difference(Harm.LOST, f"{order}: {kind} {our_sum} here, {their_sum} there")
    named = {row.tid for row in ours if row.tid}
    if strange := named - {payment.tid for payment in theirs}:
        yield Difference(Harm.WRONG, f"{order}: {strange} are no payments of it")
    if theirs and order.period_id is None:
        yield Difference(Harm.LOST, f"{order}: paid, but for no period")


def in_period(books: Books, period: MembershipPeriod) -> Iterator[Difference]:
    """Paid once if it is paid, and not at all if it is not: whatever its orders were."""
    orders = books.orders_of(period)
    theirs = [each for order in orders for each in books.payments_by_order.get(order.number, [])]
    kept = [payment for payment in theirs if payment.available_total]
    name = f"membership {period.membership_id}, period {period.number} ({period.status})"
    if len(kept) > 1:
        yield Difference(Harm.DOUBLED, f"{name}: paid {len(kept)} times")
    if period.status in {"DUE", "UNPAID"} and kept:
        yield Difference(Harm.WRONG, f"{name}: paid all the same")
    if period.status == "PAID" and [each.total for each in kept] != [period.price] * bool(
        period.price
    ):
        paid = [payment.total for payment in kept]
        yield Difference(Harm.LOST, f"{name}: costs {period.price}, paid {paid}")
    if period.status == "REFUNDED" and period.price and len(theirs) != 1:
        yield Difference(Harm.LOST, f"{name}: paid {len(theirs)} times")
    live = [order for order in orders if order.status != Order.Status.CANCELED]
    if len(live) > 1:
        yield Difference(Harm.DOUBLED, f"{name}: {len(live)} orders")


def in_days(books: Books) -> Iterator[Difference]:
    """Each day's won, in and out, and all of them together."""
    ours, theirs = our_days(books), their_days(books)
    for day, kind in sorted(ours.keys() | theirs.keys()):
        if ours[day, kind] != theirs[day, kind]:
            here, there = ours[day, kind], theirs[day, kind]
            yield Difference(Harm.WRONG, f"{day}: {kind} {here} won here, {there} there")


def our_days(books: Books) -> Counter[tuple[date, str]]:
    won: Counter[tuple[date, str]] = Counter()
    for rows in books.transactions.values():
        for row in rows:
            if row.status == SUCCEEDED and row.amount:
                won[months.day_of(row.approved_at), row.kind] += row.amount
    return won


def their_days(books: Books) -> Counter[tuple[date, str]]:
    won: Counter[tuple[date, str]] = Counter()
    for payment in books.payments:
        for action in payment.actions:
            kind = CHARGE if action.type == "PAYMENT" else REFUND
            if action.amount:
                won[months.day_of(moment(action.at)), str(kind)] += action.amount
    return won


def moment(text: str) -> datetime:
    """A time in the sandbox's books, which is in Korea."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=months.KST)


def balance(won: Counter[tuple[date, str]]) -> int:
    """What came in and did not go out again."""
    return sum(amount if kind == CHARGE else -amount for (_, kind), amount in won.items())
