"""
What of an order goes back, and what stays: worked out beforehand (``plan``), and done once the
money has moved (``complete``).

A line's pieces go back with their shares of coupon, points and VAT, as ``pricing`` spreads them;
the delivery fee with its own. Never more goes back than is left: where money went back by amount
before, a line's share may be larger than that. The coupon goes back with the last that was paid
for, and so do points whose goods nobody named. The caller of both holds the order's lock.

    RefundRefused
    ├── NothingLeft   nothing of it can go back
    ├── TooMuch       more than what is left; ``left`` says how much that is
    └── NotNamed      the provider's name for its payment is not known, so nothing can be asked
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, QuerySet

from accounts import points
from orders import fulfilment, joining, pricing, redemptions
from orders.models import Order, OrderLine, PaymentTransaction, Refund, RefundRequest
from orders.pricing import Part
from shop.models import Product

Kind = Refund.Kind
Status = Refund.Status

#: Of an order that is one of these, something may go back.
REFUNDABLE = (Order.Status.PAID, Order.Status.PARTIALLY_REFUNDED)


class RefundRefused(Exception):
    """Nothing is given back."""


class NothingLeft(RefundRefused):
    """The order is not paid, or nothing of it is left to give back."""


class TooMuch(RefundRefused):
    """More than is ``left``: won, or pieces of the line ``name``."""

    def __init__(self, left: int, name: str = "") -> None:
        super().__init__(f"{left} left {name}".strip())
        self.left = left
        self.name = name


class NotNamed(RefundRefused):
    """The answer that named the payment was lost: its ``tid`` must be entered first."""


@dataclass(frozen=True, slots=True)
class Scope:
    """
    What is to go back: all that is left, ``amount`` won, ``pieces`` by the id of their line and the
    delivery fee, or a ``term``: so much money, and so many points, for the rest of a membership.
    ``restock``: whether the pieces go back into stock.
    """

    kind: Refund.Kind
    amount: int = 0
    term: tuple[Part, int] = (pricing.NOTHING, 0)
    pieces: Mapping[int, int] = field(default_factory=dict)
    with_delivery: bool = False
    restock: bool = False


def everything(*, restock: bool = False) -> Scope:
    return Scope(Kind.FULL, restock=restock)


def by_amount(won: int, *, restock: bool = False) -> Scope:
    """``restock`` counts if that is all the money that is left."""
    return Scope(Kind.AMOUNT, amount=won, restock=restock)


def by_line(
    pieces: Mapping[int, int], *, with_delivery: bool = False, restock: bool = False
) -> Scope:
    """``pieces`` by the id of their line."""
    return Scope(Kind.LINES, pieces=pieces, with_delivery=with_delivery, restock=restock)


def by_term(line: OrderLine, *, days: int, left: int) -> Scope:
    """
    For the ``left`` of ``days`` days of the membership that ``line`` is: of its money and of its
    points as much as days are left, rounded down.
    """
    share = share_of(line)
    total, vat = share.total * left // days, share.vat * left // days
    tax_free = total if share.is_tax_free else 0
    return Scope(Kind.TERM, term=(Part(total, tax_free, vat), share.points * left // days))


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What goes back, in won and points, and what stays of the order then.

    ``takes_back`` are the points that the order earned and its buyer loses; ``pieces_left`` have
    not gone back. ``figures`` tells whether somebody has seen this very plan.
    """

    kind: Refund.Kind
    money: Part
    points: int
    returns_coupon: bool
    takes_back: int
    pieces: Mapping[int, int]
    with_delivery: bool
    restock: bool
    left: Part
    points_left: int
    pieces_left: int

    @property
    def worth(self) -> int:
        """Money and points, in won: what limits are about."""
        return self.money.total + self.points

    @property
    def figures(self) -> str:
        money, left = self.money, self.left
        goes = (money.total, money.tax_free, money.vat, self.points, sum(self.pieces.values()))
        stays = (left.total, self.points_left, self.pieces_left)
        return "-".join(map(str, goes + stays))


def plan(
    order: Order,
    lines: Sequence[OrderLine],
    transactions: list[PaymentTransaction],
    scope: Scope,
) -> Plan:
    """
    What of the order, from all its ``lines`` and ``transactions``, goes back.

    A payment that came after the order had ended goes back as money only: the order holds nothing.

    :raises NothingLeft, TooMuch: what was asked for cannot go back.
    """
    left = fulfilment.refundable(transactions)
    if scope.kind == Kind.AMOUNT and scope.amount == left.total > 0:
        scope = everything(restock=scope.restock)
    holds = order.status in REFUNDABLE
    if not holds and left.total == 0:
        raise NothingLeft
    spent = order.points - order.points_refunded if holds else 0
    kept = {line.pk: line.kept for line in lines if line.kept and holds}
    pieces = chosen(scope, lines, kept)
    with_delivery = has_delivery_fee(order) and (scope.with_delivery or scope.kind == Kind.FULL)
    money, back = shares_of(order, lines, pieces, with_delivery)
    if scope.kind == Kind.AMOUNT:
        if not 0 < scope.amount <= left.total:
            raise TooMuch(left.total)
        money, back = pricing.share(left, scope.amount), 0
    if scope.kind == Kind.TERM:
        money, back = scope.term
    everything_goes = pieces == kept and (with_delivery or not has_delivery_fee(order))
    if scope.kind == Kind.FULL or (scope.kind == Kind.LINES and everything_goes):
        money, back = left, spent
    money, back = pricing.limited(money, left), min(back, spent)
    rest = left - money
    if not (money.total or back or pieces):
        raise NothingLeft
    charged = fulfilment.moved(transactions, PaymentTransaction.Kind.CHARGE).total
    earned_now = pricing.kept(order.earns, charged=charged, left=left.total)
    earned_then = pricing.kept(order.earns, charged=charged, left=rest.total)
    over = is_over(order, rest.total, spent - back, has_goods=pieces != kept)
    return Plan(
        kind=scope.kind,
        money=money,
        points=back,
        returns_coupon=holds and over and bool(order.coupon_name),
        takes_back=earned_now - earned_then if holds else 0,
        pieces=pieces,
        with_delivery=with_delivery and holds,
        restock=scope.restock and bool(pieces),
        left=rest,
        points_left=spent - back,
        pieces_left=sum(kept.values()) - sum(pieces.values()),
    )


def chosen(scope: Scope, lines: Iterable[OrderLine], kept: Mapping[int, int]) -> Mapping[int, int]:
    """:raises TooMuch: if there are fewer pieces of a line."""
    if scope.kind == Kind.FULL:
        return kept
    if scope.kind in {Kind.AMOUNT, Kind.TERM}:
        return {}
    names = {line.pk: line.name for line in lines}
    for line_id, quantity in scope.pieces.items():
        if not 0 <= quantity <= kept.get(line_id, 0):
            raise TooMuch(kept.get(line_id, 0), names.get(line_id, ""))
    return {line_id: quantity for line_id, quantity in scope.pieces.items() if quantity}


def has_delivery_fee(order: Order) -> bool:
    """Is there a delivery fee that has not gone back?"""
    return order.shipping > 0 and not order.is_shipping_refunded


def shares_of(
    order: Order, lines: Iterable[OrderLine], pieces: Mapping[int, int], with_delivery: bool
) -> tuple[Part, int]:
    """The money and the points that fall on these pieces, and on the delivery fee."""
    shares = []
    for line in lines:
        if line.pk in pieces:
            first, count = line.refunded, pieces[line.pk]
            shares += pricing.pieces(share_of(line), line.quantity)[first : first + count]
    if with_delivery:
        fee, paid = order.shipping, order.shipping_points
        shares.append(pricing.Share(fee, 0, paid, is_tax_free=False, vat=order.shipping_vat))
    money = sum((share.part for share in shares), pricing.NOTHING)
    return money, sum(share.points for share in shares)


def share_of(line: OrderLine) -> pricing.Share:
    return pricing.Share(line.amount, line.discount, line.points, line.is_tax_free, line.vat)


def is_over(order: Order, money_left: int, points_left: int, *, has_goods: bool) -> bool:
    """
    Is nothing that was paid for the order left? What a coupon paid alone is over with its goods.
    """
    if order.total + order.points == 0:
        return not has_goods
    return money_left == 0 and points_left == 0


def complete(
    order: Order, refund: Refund, transactions: list[PaymentTransaction], *, now: datetime
) -> None:
    """
    The refund's money has moved, if it has any: let goods, points, coupon and the order's status
    follow.

    Money that turns out to have moved long after it was given up may find less left to do: then
    only that is done.
    """
    refund.status, refund.settled_at = Status.SUCCEEDED, now
    if order.status in REFUNDABLE:
        lines = list(order.lines.order_by("pk"))
        return_goods(lines, refund)
        left = fulfilment.refundable(transactions).total
        spent = order.points - order.points_refunded
        is_all = left == 0 and refund.kind in {Kind.FULL, Kind.AMOUNT}
        refund.points = spent if is_all else min(refund.points, spent)
        order.points_refunded += refund.points
        order.is_shipping_refunded |= refund.with_delivery
        has_goods = any(line.kept for line in lines)
        over = is_over(order, left, spent - refund.points, has_goods=has_goods)
        refund.returns_coupon = over and bool(order.coupon_name)
        order.status = Order.Status.REFUNDED if over else Order.Status.PARTIALLY_REFUNDED
        order.is_to_ship &= not over
        order.save(
            update_fields=["status", "points_refunded", "is_shipping_refunded", "is_to_ship"]
        )
        asked = order.refund_requests if over else refund.requests  # perhaps given up before
        accept_requests(asked.all(), refund, now=now)
        if refund.returns_coupon:  # its coupon is locked before the shopper's points
            redemptions.give_back(order, now=now)
        if refund.points:
            points.give_back(order.number, amount=refund.points, now=now)
        if order.earns:
            charged = fulfilment.moved(transactions, PaymentTransaction.Kind.CHARGE).total
            keep = pricing.kept(order.earns, charged=charged, left=left)
            points.take_back(order.number, keep=keep, now=now)
        if order.plan_id and (over or ends_membership(order, refund, lines)):
            joining.give_back(order, now=now)  # last: the membership is locked after its person
    refund.save(update_fields=["status", "settled_at", "points", "returns_coupon"])


def ends_membership(order: Order, refund: Refund, lines: Iterable[OrderLine]) -> bool:
    """Is it for the rest of the membership, or for the line that is one?"""
    bought = joining.plan_line(order).pk
    return refund.kind == Kind.TERM or any(line.pk == bought and not line.kept for line in lines)


def return_goods(lines: Iterable[OrderLine], refund: Refund) -> None:
    """Count the refund's pieces as gone back, and put them into stock if that is wanted."""
    wanted = dict(refund.lines.values_list("line", "quantity"))
    returned: dict[int, int] = {}
    for line in lines:
        count = min(wanted.get(line.pk, 0), line.kept)
        if count:
            line.refunded += count
            returned[line.product_id] = count
    if not returned:
        return
    OrderLine.objects.bulk_update([line for line in lines if line.pk in wanted], ["refunded"])
    if refund.restock:
        products = Product.objects.filter(pk__in=returned)
        list(products.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        products.update(stock=F("stock") + fulfilment.pieces(returned))


def fail(refund: Refund, *, now: datetime) -> None:
    """The money did not move: nothing follows, and a buyer's request waits for an answer again."""
    refund.status, refund.settled_at = Status.FAILED, now
    refund.save(update_fields=["status", "settled_at"])
    reopen_requests(refund)


def accept_requests(requests: QuerySet[RefundRequest], refund: Refund, *, now: datetime) -> None:
    """The refund answers those of the requests that are open."""
    requests.filter(status=RefundRequest.Status.OPEN).update(
        status=RefundRequest.Status.ACCEPTED,
        refund=refund,
        decided_by=refund.requested_by_id,
        decided_at=now,
    )


def reopen_requests(refund: Refund) -> None:
    """
    What the refund was to answer is open again; it still names the refund, whose money may turn
    out to have gone back after all.
    """
    refund.requests.update(status=RefundRequest.Status.OPEN, decided_by=None, decided_at=None)
