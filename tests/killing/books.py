"""Comparing what the shop believes with what happened at the provider, once all is over."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from accounts.models import PointEntry
from checkout.models import Mail
from orders.models import Order, PaymentTransaction
from shop.models import CartLine
from tests.books import holdings, pieces_out
from tests.killing.journeys import STOCK, Journey

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
