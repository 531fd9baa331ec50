"""
The cart, from the first look to signing in.

A visitor's cart is found through the session, a shopper's through their account. Looking makes no
rows. A cart takes nothing from stock; it only refuses to hold what could not be ordered anyway.

    CannotChangeCart
    ├── UnknownProduct   no such product, or not sold any more
    ├── UnknownLine      not a line of this cart, or not any more
    ├── NotAQuantity     less than one piece, or more than one cart line may hold
    ├── OnlyOne          a membership, of which a cart holds one
    └── NotEnough        fewer are ``left`` than are wanted, perhaps none

Every function that writes locks the cart first, so two tabs of one shopper take turns.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.memberships import Terms
from api import idempotency
from shop.delivery import Delivery
from shop.models import MAX_LINE_QUANTITY, Cart, CartLine, Product

SESSION_KEY = "cart"


class CannotChangeCart(Exception):
    """The cart is as it was; the message is a sentence for the shopper."""


class UnknownProduct(CannotChangeCart):
    def __init__(self) -> None:
        super().__init__(_("This product is not sold here, or not any more."))


class UnknownLine(CannotChangeCart):
    def __init__(self) -> None:
        super().__init__(_("This is no longer in your cart."))


class NotAQuantity(CannotChangeCart):
    def __init__(self) -> None:
        super().__init__(quantity_rule())


class OnlyOne(CannotChangeCart):
    def __init__(self) -> None:
        super().__init__(_("A membership is bought once at a time: it is in your cart."))


class NotEnough(CannotChangeCart):
    """``left`` is how many the cart could hold of this product."""

    def __init__(self, left: int, *, already: int = 0) -> None:
        super().__init__(shortage(left, already))
        self.left = left


@dataclass(frozen=True, slots=True)
class Capped:
    """At sign-in, fewer pieces of ``product`` fitted into the cart than the two carts held."""

    product: Product
    wanted: int
    kept: int


def for_request(request: HttpRequest) -> Cart | None:
    """The cart of whoever asks, or None if nothing was ever put into one."""
    return carts_of(request).first()


def carts_of(request: HttpRequest) -> QuerySet[Cart]:
    """No cart or one: the account's, or else the session's."""
    if request.user.is_authenticated:
        return Cart.objects.filter(user=request.user)
    if SESSION_KEY not in request.session:
        return Cart.objects.none()
    return Cart.objects.filter(pk=request.session[SESSION_KEY], user=None)


def lines_of(cart: Cart | None) -> QuerySet[CartLine]:
    """The cart's lines with their products and plans, in one query."""
    return CartLine.objects.filter(cart=cart).select_related("product__plan")


def priced(lines: Iterable[CartLine], terms: Terms) -> list[CartLine]:
    """The lines at the prices of a shopper with these terms."""
    priced = list(lines)
    for line in priced:
        line.terms = terms
    return priced


def delivery_for(terms: Terms) -> Delivery:
    """What delivery costs a shopper with these terms."""
    if terms.free_delivery:
        return Delivery(fee=0)
    return Delivery(settings.DELIVERY_FEE, settings.DELIVERY_FREE_FROM)


def count(request: HttpRequest) -> int:
    """How many pieces are in the cart, in one query."""
    lines = CartLine.objects.filter(cart__in=carts_of(request))
    pieces: int = lines.aggregate(pieces=Sum("quantity", default=0))["pieces"]
    return pieces


def add(request: HttpRequest, slug: str, quantity: int) -> CartLine:
    """
    Put ``quantity`` more of a product into the cart, which is made if there is none.

    :raises UnknownProduct, NotAQuantity, NotEnough: the cart is as it was.
    """
    if not 1 <= quantity <= MAX_LINE_QUANTITY:
        raise NotAQuantity
    with transaction.atomic(durable=True):
        cart = locked(request) or make(request)
        product = Product.objects.on_sale().filter(slug=slug).first()
        if product is None:
            raise UnknownProduct
        if product.plan_id:
            remove_other_plans(cart, product)
        line = lines_of(cart).select_for_update(of=("self",)).filter(product=product).first()
        line = line or CartLine(cart=cart, product=product, quantity=0)
        if product.plan_id and line.quantity + quantity > 1:
            raise OnlyOne
        if line.quantity + quantity > line.available:
            raise NotEnough(line.available, already=line.quantity)
        if line.quantity + quantity > MAX_LINE_QUANTITY:
            raise NotAQuantity
        line.quantity += quantity
        line.save()
        idempotency.made(line.pk)
    if cart.user_id is None:
        request.session[SESSION_KEY] = cart.pk
    return line


def set_quantity(request: HttpRequest, line_id: int, quantity: int) -> CartLine:
    """
    Change how many of a product the cart holds.

    :raises UnknownLine, UnknownProduct, NotAQuantity, NotEnough: the cart is as it was.
    """
    if not 1 <= quantity <= MAX_LINE_QUANTITY:
        raise NotAQuantity
    with transaction.atomic(durable=True):
        lines = lines_of(locked(request)).select_for_update(of=("self",))
        line = lines.filter(pk=line_id).first()
        if line is None:
            raise UnknownLine
        if not line.product.is_active:
            raise UnknownProduct
        if line.product.plan_id and quantity > 1:
            raise OnlyOne
        if quantity > max(line.quantity, line.available):
            raise NotEnough(line.available)
        line.quantity = quantity
        line.save(update_fields=["quantity"])
    return line


def remove(request: HttpRequest, line_id: int) -> Product:
    """
    Take a line out of the cart. Returns its product.

    :raises UnknownLine: it is not in this cart.
    """
    with transaction.atomic(durable=True):
        line = lines_of(locked(request)).filter(pk=line_id).first()
        if line is None:
            raise UnknownLine
        line.delete()
    return line.product


def merge_at_sign_in(request: HttpRequest) -> list[Capped]:
    """
    Pour the visitor's cart into the account's and tell the shopper what did not fit.

    Quantities add up, but not beyond what can be ordered. The visitor's cart is gone afterwards, so
    a repeated or simultaneous sign-in adds nothing twice.
    """
    visitor_cart_id = request.session.pop(SESSION_KEY, None)
    if visitor_cart_id is None:
        return []
    with transaction.atomic(durable=True):
        Cart.objects.get_or_create(user_id=cast(int, request.user.pk))
        both = Cart.objects.filter(pk=visitor_cart_id, user=None) | carts_of(request)
        carts = {cart.user_id: cart for cart in both.order_by("pk").select_for_update(no_key=True)}
        if None not in carts:
            return []
        visitors = carts.pop(None)
        capped = pour(visitors, carts[request.user.pk])
        visitors.delete()
    for cap in capped:
        messages.warning(request, told(cap))
    return capped


def pour(source: Cart, target: Cart) -> list[Capped]:
    """Add the lines of one locked cart to another. Returns where the quantity had to be cut."""
    present = {line.product_id: line for line in lines_of(target).select_for_update(of=("self",))}
    has_plan = any(line.product.plan_id for line in present.values())
    merged, capped = [], []
    for extra in lines_of(source):
        if extra.product.plan_id and has_plan:
            continue  # a cart holds one membership, and the account's was chosen by its owner
        line = present.get(extra.product_id) or CartLine(
            cart=target, product=extra.product, quantity=0
        )
        wanted = line.quantity + extra.quantity
        kept = max(min(wanted, limit(line)), line.quantity)
        if kept < wanted:
            capped.append(Capped(extra.product, wanted, kept))
        line.quantity = kept
        if kept:
            merged.append(line)
    CartLine.objects.bulk_create(
        merged,
        update_conflicts=True,
        unique_fields=["cart", "product"],
        update_fields=["quantity"],
    )
    return capped


def locked(request: HttpRequest) -> Cart | None:
    """The requester's cart, locked until the transaction ends."""
    return carts_of(request).select_for_update(no_key=True).first()


def make(request: HttpRequest) -> Cart:
    """A new cart for the requester, locked; if another request was quicker, that one's."""
    if not request.user.is_authenticated:
        return Cart.objects.create()
    Cart.objects.get_or_create(user=request.user)
    return carts_of(request).select_for_update(no_key=True).get()


def remove_other_plans(cart: Cart, product: Product) -> None:
    """A cart holds one membership: choosing another takes the place of the first."""
    plans = CartLine.objects.filter(cart=cart, product__plan__isnull=False)
    plans.exclude(product=product).delete()


def limit(line: CartLine) -> int:
    """How many of its product the line may hold at most."""
    if line.product.plan_id:
        return 1
    return min(line.available, MAX_LINE_QUANTITY) if line.product.is_active else 0


def quantity_rule() -> str:
    return _("Enter a whole number from 1 to %(most)d.") % {"most": MAX_LINE_QUANTITY}


def shortage(left: int, already: int) -> str:
    if left == 0:
        return _("This product is sold out.")
    only = ngettext("Only %(left)d is left.", "Only %(left)d are left.", left) % {"left": left}
    if not already:
        return only
    return f"{only} " + _("Your cart already holds %(already)d.") % {"already": already}


def told(cap: Capped) -> str:
    """What the shopper reads about a quantity that was cut at sign-in."""
    values = {"product": cap.product.name, "wanted": cap.wanted, "kept": cap.kept}
    if cap.kept == 0:
        return _("%(product)s can no longer be ordered and was left out of your cart.") % values
    return (
        _("%(product)s: %(wanted)d were in your carts together; %(kept)d can be ordered.") % values
    )
