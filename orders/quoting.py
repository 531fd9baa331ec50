"""
What a cart would come to: with which coupon, with how many points, and why not with others.

Reads only. ``placing`` asks again under locks, and places nothing that the buyer has not seen.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from accounts import memberships
from accounts.memberships import NO_TERMS, Terms
from accounts.models import Plan
from accounts.points import usable as usable_points
from orders import coupons, pricing
from orders.lines import item_of, lines_of, plan_in
from orders.models import Order
from shop import carts
from shop.models import Cart, CartLine

REMEMBERED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """How the buyer would pay less: a coupon's key or code, and so many points."""

    coupon: str = ""
    points: int = 0


NO_WISH = Wish()


@dataclass(frozen=True, slots=True)
class Basket:
    """
    A cart on the review page.

    ``refusal`` says why the wanted coupon was not ``applied``. Of ``balance`` points, those that a
    pending order of this cart holds among them, this purchase can use ``usable``.
    """

    lines: list[CartLine]
    quote: pricing.Quote
    applied: coupons.Applied | None
    refusal: coupons.CouponRefused | None
    choices: list[coupons.Choice]
    balance: int
    usable: int
    terms: Terms = NO_TERMS

    @property
    def is_by_code(self) -> bool:
        """Is the coupon none of the shopper's own?"""
        own = {choice.coupon for choice in self.choices}
        return self.applied is not None and self.applied.coupon not in own

    @property
    def needs_delivery(self) -> bool:
        return any(line.needs_delivery for line in self.lines)

    @property
    def plan(self) -> Plan | None:
        """The membership among the goods; a cart holds one at most."""
        return plan_in(self.lines)


def look(cart: Cart | None, wish: Wish, *, user_id: int, now: datetime) -> Basket:
    """
    What the cart comes to if the wish is met as far as it can be: a coupon that is refused is left
    out, and of too many points only the usable ones are used.
    """
    terms = memberships.terms_of(user_id, now=now)
    lines = lines_of(cart, terms)
    pending = pending_of(cart)
    applied = refusal = None
    try:
        applied = coupons.apply(wish.coupon, lines, user_id=user_id, pending=pending, now=now)
    except coupons.CouponRefused as error:
        refusal = error
    balance = usable_points(user_id, now=now, returning=pending.points if pending else 0)
    payable = quote_of(lines, applied, terms=terms).total
    usable = min(balance, payable)
    return Basket(
        lines=lines,
        quote=quote_of(lines, applied, min(wish.points, usable), terms=terms),
        applied=applied,
        refusal=refusal,
        choices=coupons.choices(lines, user_id=user_id, pending=pending, now=now),
        balance=balance,
        usable=usable,
        terms=terms,
    )


def pending_of(cart: Cart | None) -> Order | None:
    """The cart's order that waits for its payment, or for being closed."""
    if cart is None:
        return None
    pending = Order.objects.filter(cart=cart, status=Order.Status.PENDING)
    return pending.first()


def unpaid_of(cart: Cart | None, *, now: datetime) -> Order | None:
    """
    The cart's latest order, if it waits or was given up in the last day: how and where to its
    buyer wanted it then is what they are offered again.
    """
    if cart is None:
        return None
    orders = Order.objects.filter(cart=cart, placed_at__gt=now - REMEMBERED)
    latest = orders.select_related("redemption__coupon", "shipment").first()
    unpaid = {Order.Status.PENDING, Order.Status.CANCELED}
    return latest if latest and latest.status in unpaid else None


def wish_of(order: Order | None) -> Wish:
    """How the buyer chose to pay for an order, so that they need not choose again."""
    if order is None:
        return NO_WISH
    redemption = getattr(order, "redemption", None) if order.coupon_name else None
    return Wish(coupons.key_of(redemption.coupon) if redemption else "", order.points)


def quote_of(
    lines: Iterable[CartLine],
    applied: coupons.Applied | None = None,
    points: int = 0,
    *,
    terms: Terms,
) -> pricing.Quote:
    """What the lines come to today, with the delivery fee for a shopper with these terms."""
    return pricing.quote(
        [item_of(line) for line in lines],
        coupon=applied.reduction if applied else None,
        points=points,
        delivery=carts.delivery_for(terms),
    )


def earned_by(quote: pricing.Quote) -> int:
    """Points that paying it would earn today."""
    return pricing.earned(quote.goods_total, settings.POINTS_EARN_PERCENT)
