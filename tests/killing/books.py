"""Comparing what the shop believes with what happened at the provider, once all is over."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from accounts.models import PointEntry
from checkout.models import Discrepancy, Mail
from orders.models import Order, PaymentTransaction
from shop.models import CartLine
from tests.books import holdings, pieces_out
from tests.killing.journeys import STOCK, Journey
from tests.killing.renewals import Renewal

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status
ENDED = {Status.SUCCEEDED, Status.FAILED, Status.CANCELED}
OUR_WORD = {"PAYMENT": Kind.CHARGE, "CANCEL": Kind.REFUND}


class Harm(StrEnum):
    LOST = "lost"  # money moved that the shop does not know, or did not move though it thinks so
    DOUBLED = "doubled"  # money moved more often than somebody wanted
    WRONG = "wrong"  # the money is right, but something else is not


@dataclass(frozen=True)
class Difference:
    harm: Harm
    what: str


def differences(run: Journey) -> Iterator[Difference]:
    """Whatever is not as it must be after this run and its recovery; nothing, if all is well."""
    if isinstance(run, Renewal):
        yield from in_renewal(run)
        return
    orders = list(Order.objects.filter(user=run.user))
    if len(orders) > 1 or not (orders or run.may_have_no_order):
        yield Difference(Harm.WRONG, f"{len(orders)} orders")
    for order in orders:
        yield from in_money(run, order)
        yield from in_order(run, order)
    yield from in_goods(run)
    for wrong in holdings(orders, [run.coupon]) + points_of_nothing(run, orders):
        yield Difference(Harm.WRONG, wrong)


def in_money(run: Journey, order: Order) -> Iterator[Difference]:
    """Movement by movement, with amount, tax and ``aid``; then how many there are."""
    theirs = Counter(
        (OUR_WORD[each.type], payment.tid, each.aid, each.amount, each.tax_free, each.vat)
        for payment in run.kakaopay.payments(order.number)
        for each in payment.actions
    )
    ours = Counter(
        (Kind(each.kind), each.tid, each.aid, each.amount, each.tax_free, each.vat)
        for each in order.transactions.filter(status=Status.SUCCEEDED)
    )
    for movement in theirs - ours:
        yield Difference(Harm.LOST, f"only in their books: {movement}")
    for movement in ours - theirs:
        yield Difference(Harm.LOST, f"only in our books: {movement}")
    for kind in (Kind.CHARGE, Kind.REFUND):
        if (times := sum(movement[0] == kind for movement in theirs.elements())) > 1:
            yield Difference(Harm.DOUBLED, f"{times} × {kind} in their books")


def in_renewal(run: Renewal) -> Iterator[Difference]:
    """The month was charged once, by both books, and nothing else was; it has its mail."""
    orders = list(Order.objects.filter(user=run.user).order_by("pk"))
    taken = {each.pk: run.kakaopay.payments(each.number) for each in orders}
    times = sum(len(payments) for payments in taken.values()) - 1  # without the first month
    if times != 1 or run.kakaopay.subscription(run.agreement.sid).charges != 2:
        yield Difference(Harm.DOUBLED if times > 1 else Harm.LOST, f"{times} charges for a month")
    run.membership.refresh_from_db()
    if run.membership.paid_until != run.month.ends_at:
        yield Difference(Harm.LOST, f"paid until {run.membership.paid_until}")
    for order in orders:
        ours = order.transactions.filter(status=Status.SUCCEEDED)
        if len(ours) != len(taken[order.pk]):
            yield Difference(Harm.LOST, f"{order}: {len(ours)} in our books, {taken[order.pk]}")
        if len(ours) != Mail.objects.filter(order=order, event=Mail.Event.PAID).count():
            yield Difference(Harm.WRONG, f"{order}: {len(ours)} charges, another number of mails")
        names = {(txn.tid, txn.aid) for txn in ours if txn.tid}
        theirs = {(each.tid, each.actions[0].aid) for each in taken[order.pk]}
        if names - theirs:
            yield Difference(Harm.WRONG, f"{order}: {names}, but {theirs}")
        for txn in order.transactions.exclude(status__in=ENDED):
            yield Difference(Harm.WRONG, f"a {txn.kind} is still {txn.status}")
    unnamed = PaymentTransaction.objects.filter(order__in=orders, status="SUCCEEDED", tid="")
    told = Discrepancy.objects.filter(transaction__order__in=orders, kind="NO_NAME")
    if {txn.pk for txn in unnamed} != {row.transaction_id for row in told}:
        yield Difference(Harm.WRONG, f"{len(unnamed)} without a tid, of which {len(told)} are told")
    for wrong in holdings(orders):
        yield Difference(Harm.WRONG, wrong)


def in_order(run: Journey, order: Order) -> Iterator[Difference]:
    """Its end, that the money moved accordingly, and that the buyer was told of each movement."""
    if order.status not in run.ends:
        yield Difference(Harm.WRONG, f"the order is {order.status}, not {' or '.join(run.ends)}")
        return
    moved = run.ends[Order.Status(order.status)]
    ours = Counter(
        order.transactions.filter(status=Status.SUCCEEDED).values_list("kind", flat=True)
    )
    wanted = Counter({Kind.CHARGE: moved.charges, Kind.REFUND: moved.refunds})
    if ours != +wanted:
        yield Difference(Harm.WRONG, f"{order.status}, but what moved is {dict(ours)}")
    for txn in order.transactions.exclude(status__in=ENDED):
        yield Difference(Harm.WRONG, f"a {txn.kind} is still {txn.status}")
    mails = Counter(Mail.objects.filter(order=order).values_list("event", flat=True))
    confirmed = moved.charges or int(order.total == 0)
    news = Counter({Mail.Event.PAID: confirmed, Mail.Event.REFUNDED: moved.refunds})
    if mails != +news:
        yield Difference(Harm.WRONG, f"{order.status}, but the mails are {dict(mails)}")


def in_goods(run: Journey) -> Iterator[Difference]:
    """Every piece is in stock or sold (unless refunded into stock), and no cart still holds any."""
    run.product.refresh_from_db()
    stock, sold = run.product.stock, pieces_out(run.product.pk)
    if stock + sold != STOCK:
        yield Difference(Harm.WRONG, f"{stock} in stock and {sold} sold, of {STOCK}")
    if CartLine.objects.filter(cart=run.cart, held__gt=0).exists():
        yield Difference(Harm.WRONG, "the cart still holds goods")


def points_of_nothing(run: Journey, orders: list[Order]) -> list[str]:
    """Points that were held or earned for an order that there is not."""
    numbers = ["", *(order.number for order in orders)]
    strays = PointEntry.objects.filter(user=run.user).exclude(order_number__in=numbers)
    return [f"{entry} for {entry.order_number}, which there is not" for entry in strays]
