"""
What a refund would come to, worked out for a page: nothing is locked and nothing is changed.

``orders_to_refund`` reads orders with all that this needs, so that many are looked at with the
queries of one.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import MembershipPeriod, User
from checkout import limits, refunds
from checkout.admin import membership_words
from checkout.admin.refund_words import why_not
from orders import fulfilment, pricing, refunding
from orders.models import Order, OrderLine, Refund, RefundRequest, Shipment

Kind = Refund.Kind


@dataclass(frozen=True, slots=True)
class Outlook:
    """
    The ``plan``, or the ``problem`` that keeps it from being one; for a person who may go through
    with it, unless it is ``above_limit``, and alone, unless it ``waits`` for somebody's approval.
    ``membership`` says what it does to one that the order has paid.
    """

    plan: refunding.Plan | None = None
    problem: str = ""
    above_limit: str = ""
    waits: bool = False
    earned_left: int = 0
    membership: str = ""

    @property
    def is_possible(self) -> bool:
        return self.plan is not None and not self.above_limit


def orders_to_refund() -> QuerySet[Order]:
    related = ("lines__product", "transactions", "refunds", "refund_requests")
    orders = Order.objects.select_related("user", "shipment", "period__membership__plan")
    return orders.prefetch_related(*related, "period__membership__periods")


def look(order: Order, scope: refunding.Scope, *, by: User) -> Outlook:
    """What would go back of an order that ``orders_to_refund`` read, if ``by`` refunds it."""
    lines, transactions = list(order.lines.all()), list(order.transactions.all())
    try:
        if unanswered := open_refund(order):
            raise refunds.AlreadyOpen(unanswered)
        plan = refunding.plan(order, lines, transactions, scope)
        if plan.money.total and any(txn.is_unnamed for txn in transactions):
            raise refunding.NotNamed
    except (refunds.AlreadyOpen, refunding.RefundRefused) as error:
        return Outlook(problem=why_not(error))
    balance = fulfilment.balance_of(order, transactions)
    more: dict[str, Any] = {
        "earned_left": balance.earned - plan.takes_back,
        "membership": membership_after(order, plan, lines),
    }
    try:
        waits = limits.needs_approval(by, order, worth_refunded(order) + plan.worth)
    except limits.MayNot as error:
        return Outlook(plan, above_limit=why_not(error), **more)
    return Outlook(plan, waits=waits, **more)


def membership_after(order: Order, plan: refunding.Plan, lines: list[OrderLine]) -> str:
    """A sentence about the membership of which the order has paid a period; "" without one."""
    if order.period is None or order.period.status != MembershipPeriod.Status.PAID:
        return ""
    over = refunding.is_over(
        order, plan.left.total, plan.points_left, has_goods=plan.pieces_left > 0
    )
    goes = any(
        line.product.plan_id == order.plan_id and line.kept <= plan.pieces.get(line.pk, 0)
        for line in lines
    )
    if over or goes:
        return membership_words.after_refund(order.period, now=timezone.now())
    return _("The membership goes on: only a refund of its line, or of all, ends its period.")


def open_refund(order: Order) -> Refund | None:
    """The refund that waits for approval or for the provider's word; there is at most one."""
    still = {Refund.Status.WAITING, Refund.Status.PROCESSING}
    return next((refund for refund in order.refunds.all() if refund.status in still), None)


def open_request(order: Order) -> RefundRequest | None:
    """The buyer's request that nobody has answered yet; there is at most one."""
    is_open = RefundRequest.Status.OPEN
    return next((asked for asked in order.refund_requests.all() if asked.status == is_open), None)


def worth_refunded(order: Order) -> int:
    """What has gone back of the order, in money and points, in won."""
    done = (each for each in order.refunds.all() if each.status == Refund.Status.SUCCEEDED)
    return sum(refund.amount + refund.points for refund in done)


def kinds(order: Order) -> list[Refund.Kind]:
    """The ways in which something of the order can go back; none if nothing can."""
    left = fulfilment.refundable(list(order.transactions.all())).total
    if order.status not in refunding.REFUNDABLE:
        return [Kind.FULL, Kind.AMOUNT] if left else []
    by_line = [Kind.LINES] if lines_left(order) or refunding.has_delivery_fee(order) else []
    return [Kind.FULL, *by_line, *([Kind.AMOUNT] if left else [])]


def lines_left(order: Order) -> list[OrderLine]:
    """The lines of which there are pieces that have not gone back."""
    holds = order.status in refunding.REFUNDABLE
    return [line for line in order.lines.all() if line.kept and holds]


def took_stock(order: Order) -> bool:
    """A renewal takes nothing from the shelf, so nothing of it goes back there."""
    return order.kind == Order.Kind.SALE


def has_left(order: Order) -> bool:
    """Has the order's parcel left? Where there is none, nothing has."""
    parcel = getattr(order, "shipment", None)
    return parcel is not None and parcel.status != Shipment.Status.PREPARING


@dataclass(frozen=True, slots=True)
class PieceShare:
    """What goes back with one piece: from ``low`` to ``high`` won, and so many points."""

    low: int
    high: int
    low_points: int
    high_points: int


def per_piece(line: OrderLine) -> PieceShare:
    """Of the pieces that have not gone back, of which one may differ from another by a won."""
    shares = pricing.pieces(refunding.share_of(line), line.quantity)
    kept = shares[line.refunded :]
    money, points = [share.total for share in kept], [share.points for share in kept]
    return PieceShare(min(money), max(money), min(points), max(points))


def fee_share(order: Order) -> PieceShare | None:
    """Of a delivery fee that has not gone back."""
    if Kind.LINES not in kinds(order) or not refunding.has_delivery_fee(order):
        return None
    money = order.shipping - order.shipping_points
    return PieceShare(money, money, order.shipping_points, order.shipping_points)
