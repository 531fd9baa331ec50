"""From a cart to an order: what the buyer saw is what is ordered, and its stock is taken."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils.translation import get_language

from accounts.models import User
from orders import fulfilment, pricing
from orders.models import Order, OrderLine, PaymentTransaction
from shop.models import Cart, CartLine, Product


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
        ├── OfferChanged       price, stock or lines are not what the buyer saw; ask again
        └── PaymentInProgress  the cart's last payment has an unknown outcome; ``order`` tells
    """


class CartIsEmpty(CannotPlace):
    pass


class TooMuch(CannotPlace):
    pass


class OfferChanged(CannotPlace):
    pass


class PaymentInProgress(CannotPlace):
    def __init__(self, order: Order) -> None:
        super().__init__(order.number)
        self.order = order


def place(*, user: User, contact: Contact, seen: list[pricing.Item], now: datetime) -> Order:
    """
    Place the order for the user's cart, or resume the pending one if it is for the same things.

    Takes the stock and sets the deadline. Must be called inside the transaction that also records
    the charge.

    :param seen: what the buyer agreed to on the review page.
    :raises CannotPlace: see the tree there.
    """
    cart = Cart.objects.select_for_update(no_key=True).filter(user=user).first()
    if cart is None:
        raise CartIsEmpty
    pending = (
        Order.objects.select_for_update(no_key=True)
        .filter(cart=cart, status=Order.Status.PENDING)
        .first()
    )
    if pending and has_unknown_outcome(pending):
        raise PaymentInProgress(pending)
    lock_products(cart, pending)
    lines = list(lines_of(cart))
    if not lines:
        raise CartIsEmpty
    items = [item_of(line) for line in lines]
    if set(items) != set(seen):
        raise OfferChanged
    if pricing.quote(items).total > pricing.MOST:
        raise TooMuch
    if pending and resumes(pending, items, now):
        return resume(pending, contact)
    if pending:
        fulfilment.cancel(pending, Order.CancelReason.SUPERSEDED, now=now)
    return create(user, cart, contact, lines, now)


def lock_products(cart: Cart, pending: Order | None) -> None:
    """
    Lock what is wanted, and what a pending order may give back, together in the order of ids:
    locked one after the other, two shoppers could wait for each other.
    """
    wanted = CartLine.objects.filter(cart=cart).values("product")
    held = OrderLine.objects.filter(order=pending).values("product")
    products = Product.objects.filter(Q(pk__in=wanted) | Q(pk__in=held)).order_by("pk")
    list(products.select_for_update(no_key=True).values_list("pk"))


def lines_of(cart: Cart | None) -> QuerySet[CartLine]:
    """The cart's lines that can be ordered, with their products."""
    lines = CartLine.objects.filter(cart=cart, product__is_active=True)
    return lines.select_related("product").order_by("product_id")


def item_of(line: CartLine | OrderLine) -> pricing.Item:
    """A cart's line at today's price, or an order's at the price it was ordered at."""
    return pricing.Item(line.product_id, line.unit_price, line.quantity, line.is_tax_free)


def has_unknown_outcome(order: Order) -> bool:
    return order.transactions.filter(status=PaymentTransaction.Status.PROCESSING).exists()


def resumes(pending: Order, items: list[pricing.Item], now: datetime) -> bool:
    """Is the pending order still in time, and for exactly these things at these prices?"""
    if pending.is_past_deadline(now):
        return False
    return {item_of(line) for line in pending.lines.all()} == set(items)


def resume(pending: Order, contact: Contact) -> Order:
    pending.name, pending.phone, pending.email = contact.name, contact.phone, contact.email
    pending.save(update_fields=["name", "phone", "email"])
    return pending


def create(user: User, cart: Cart, contact: Contact, lines: list[CartLine], now: datetime) -> Order:
    wanted = {line.product_id: line.quantity for line in lines}
    try:
        fulfilment.take_from_stock(wanted)
    except fulfilment.OutOfStock as error:
        raise OfferChanged from error
    quote = pricing.quote(item_of(line) for line in lines)
    order = Order.objects.create(
        user=user,
        cart=cart,
        name=contact.name,
        phone=contact.phone,
        email=contact.email,
        language=get_language() or settings.LANGUAGE_CODE,
        subtotal=quote.subtotal,
        total=quote.total,
        tax_free=quote.tax_free,
        vat=quote.vat,
        consented_at=now,
        placed_at=now,
        deadline_at=now + timedelta(seconds=settings.CHECKOUT_WINDOW_SECONDS),
    )
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=line.product,
            name=line.name,
            unit_price=line.unit_price,
            quantity=line.quantity,
            is_tax_free=line.is_tax_free,
        )
        for line in lines
    )
    CartLine.objects.filter(cart=cart, product__in=wanted).update(held=F("quantity"))
    return order
