"""
From a cart to an order: what the buyer saw is what is ordered.

Its stock, its coupon's use and its points are taken with it.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts import addresses, memberships, points
from accounts.addresses import Destination
from accounts.memberships import Terms, prospects
from accounts.models import Plan, User
from orders import coupons, fulfilment, pricing, redemptions
from orders.lines import item_of, lines_of, plan_in
from orders.models import Order, OrderLine, PaymentTransaction, Shipment
from orders.quoting import NO_WISH, Wish, earned_by, quote_of
from shop.models import Cart, CartLine, Product

JUST_NOW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to reach about the order; ``phone`` is E.164."""

    name: str
    phone: str
    email: str


class CannotPlace(Exception):
    """
    The order was not placed, nothing was taken and nothing charged.

        CannotPlace
        ├── CartIsEmpty        there is nothing to order
        ├── TooMuch            more won than one payment can be
        ├── NoDestination      goods are to be delivered, but nobody says where to
        ├── CannotJoin         the membership in the cart is none for somebody who has one that
        │                      renews, or that could not be charged
        ├── OfferChanged       price, stock, lines or fee are not what the buyer saw; ask again
        └── PaymentInProgress  the cart's last payment has an unknown outcome; ``order`` tells

    ``coupons.CouponRefused`` and ``points.NotEnoughPoints`` mean the same.
    """


class CartIsEmpty(CannotPlace):
    pass


class TooMuch(CannotPlace):
    pass


class NoDestination(CannotPlace):
    pass


class CannotJoin(CannotPlace):
    pass


class OfferChanged(CannotPlace):
    pass


class PaymentInProgress(CannotPlace):
    def __init__(self, order: Order) -> None:
        super().__init__(order.number)
        self.order = order


def place(
    *,
    user: User,
    contact: Contact,
    seen: pricing.Quote,
    now: datetime,
    wish: Wish = NO_WISH,
    destination: Destination | None = None,
    is_saved: bool = False,
) -> Order:
    """
    Place the order for the user's cart, or resume the pending one if it is for the same things.

    Takes the stock, the coupon and the points, and sets the deadline. Must be called inside the
    transaction that also records the charge.

    :param seen: what the buyer agreed to on the review page.
    :param destination: needed if anything in the cart is delivered; ``is_saved`` keeps it in the
        account.
    :raises CannotPlace, coupons.CouponRefused, points.NotEnoughPoints: roll the transaction back.
    """
    cart, pending = lock(user)
    terms = memberships.terms_of(user.pk, now=now)
    lines = lines_of(cart, terms)
    if not lines:
        raise CartIsEmpty
    if not can_join(plan_in(lines), terms):
        raise CannotJoin
    applied = coupons.apply(
        wish.coupon, lines, user_id=user.pk, pending=pending, now=now, lock=True
    )
    quote = quote_of(lines, applied, wish.points, terms=terms)
    if quote != seen:
        raise OfferChanged
    if quote.subtotal + quote.shipping > pricing.MOST:
        raise TooMuch
    if not any(item.needs_delivery for item in quote.items):
        destination = None
    elif destination is None:
        raise NoDestination
    if pending and resumes(pending, quote, applied, now):
        order = resume(pending, contact, destination)
    else:
        if pending:
            fulfilment.cancel(pending, Order.CancelReason.SUPERSEDED, now=now)
        take_from_shelf(cart, lines)
        order = create(user, cart, contact, lines, quote, applied, now)
        if applied:
            redemptions.redeem(order, applied)
        if quote.points:
            points.hold(user.pk, order.number, quote.points, now=now)
        if destination:
            Shipment.objects.create(order=order, **asdict(destination))
    if destination and is_saved:  # last, as the account's pages lock the person first
        addresses.remember(user.pk, destination, now=now)
    return order


def can_join(plan: Plan | None, terms: Terms) -> bool:
    """May a shopper with these terms buy the plan?"""
    return prospects.hindrance(plan, terms) is None


def just_placed(user: User, seen: pricing.Quote, *, now: datetime) -> Order | None:
    """The order of these very things that the user placed in the last minutes, and that is paid."""
    orders = Order.objects.filter(
        user=user,
        status=Order.Status.PAID,
        total=seen.total,
        placed_at__gt=now - JUST_NOW,
    )
    for order in orders.prefetch_related("lines")[:1]:
        if {item_of(line) for line in order.lines.all()} == set(seen.items):
            return order
    return None


def lock(user: User) -> tuple[Cart, Order | None]:
    """
    The user's cart and its pending order, locked, and the products of both.

    :raises CartIsEmpty: nothing was ever put into it.
    :raises PaymentInProgress: the pending order may be paid.
    """
    cart = Cart.objects.select_for_update(no_key=True).filter(user=user).first()
    if cart is None:
        raise CartIsEmpty
    orders = Order.objects.select_for_update(no_key=True)
    pending = orders.filter(cart=cart, status=Order.Status.PENDING).first()
    if pending and has_unknown_outcome(pending):
        raise PaymentInProgress(pending)
    lock_products(cart, pending)
    return cart, pending


def lock_products(cart: Cart, pending: Order | None) -> None:
    """
    Lock what is wanted, and what a pending order may give back, together in the order of ids:
    locked one after the other, two shoppers could wait for each other.
    """
    wanted = CartLine.objects.filter(cart=cart).values("product")
    held = OrderLine.objects.filter(order=pending).values("product")
    products = Product.objects.filter(Q(pk__in=wanted) | Q(pk__in=held)).order_by("pk")
    list(products.select_for_update(no_key=True).values_list("pk"))


def has_unknown_outcome(order: Order) -> bool:
    return order.transactions.filter(status=PaymentTransaction.Status.PROCESSING).exists()


def resumes(
    pending: Order, quote: pricing.Quote, applied: coupons.Applied | None, now: datetime
) -> bool:
    """Is the pending order still in time, and for exactly these things at these prices?"""
    if pending.is_past_deadline(now):
        return False
    figures = ("discount", "points", "shipping", "total", "tax_free", "vat")
    if any(getattr(pending, name) != getattr(quote, name) for name in figures):
        return False
    if {item_of(line) for line in pending.lines.all()} != set(quote.items):
        return False
    coupon = applied.coupon.pk if applied else None
    return coupon == redemptions.held_by(pending)


def resume(pending: Order, contact: Contact, destination: Destination | None) -> Order:
    """The pending order, for whom and to where the buyer says now."""
    pending.name, pending.phone, pending.email = contact.name, contact.phone, contact.email
    pending.save(update_fields=["name", "phone", "email"])
    if destination:
        Shipment.objects.filter(order=pending).update(**asdict(destination))
    return pending


def take_from_shelf(cart: Cart, lines: list[CartLine]) -> None:
    """:raises OfferChanged: there are fewer than the buyer saw."""
    wanted = {line.product_id: line.quantity for line in lines}
    try:
        fulfilment.take_from_stock(wanted)
    except fulfilment.OutOfStock as error:
        raise OfferChanged from error
    CartLine.objects.filter(cart=cart, product__in=wanted).update(held=F("quantity"))


def create(
    user: User,
    cart: Cart | None,
    contact: Contact,
    lines: list[CartLine],
    quote: pricing.Quote,
    applied: coupons.Applied | None,
    now: datetime,
    **more: Any,
) -> Order:
    """The order and its lines, as they were quoted; ``more`` are columns of the order."""
    plan = plan_in(lines)
    about = {
        "plan": plan,
        "is_recurring": plan is not None and plan.renews,
        "deadline_at": now + timedelta(seconds=settings.CHECKOUT_WINDOW_SECONDS),
    }
    order = Order.objects.create(
        user=user,
        cart=cart,
        title=title_of(lines),
        pieces=sum(line.quantity for line in lines),
        name=contact.name,
        phone=contact.phone,
        email=contact.email,
        language=get_language() or settings.LANGUAGE_CODE,
        subtotal=quote.subtotal,
        discount=quote.discount,
        coupon_name=applied.coupon.name if applied else "",
        points=quote.points,
        shipping=quote.shipping,
        total=quote.total,
        tax_free=quote.tax_free,
        vat=quote.vat,
        shipping_points=quote.delivery.points,
        shipping_vat=quote.delivery.vat,
        is_to_ship=any(line.needs_delivery for line in lines),
        earns=earned_by(quote),
        consented_at=now,
        placed_at=now,
        **about | more,
    )
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=line.product,
            name=line.name,
            unit_price=line.unit_price,
            list_price=line.list_price if line.unit_price != line.list_price else None,
            quantity=line.quantity,
            is_tax_free=line.is_tax_free,
            needs_delivery=line.needs_delivery,
            discount=share.discount,
            points=share.points,
            vat=share.vat,
        )
        for line, share in zip(lines, quote.lines, strict=True)
    )
    return order


def title_of(lines: list[CartLine]) -> str:
    """
    The first product, and how many more: what the order is called in one line. A membership comes
    first: by this name its buyer finds the agreement at the provider.
    """
    name = next((line for line in lines if line.product.plan_id), lines[0]).name
    if len(lines) == 1:
        return name
    return _("%(name)s and %(count)d more") % {"name": name, "count": len(lines) - 1}
