"""The lines of carts and orders, as prices see them."""

from collections.abc import Iterable

from accounts.memberships import Terms
from accounts.models import Plan
from orders import pricing
from orders.models import OrderLine
from shop import carts
from shop.models import Cart, CartLine


def lines_of(cart: Cart | None, terms: Terms) -> list[CartLine]:
    """The cart's lines that can be ordered, with their products, at this shopper's prices."""
    lines = carts.lines_of(cart).filter(product__is_active=True).order_by("product_id")
    return carts.priced(lines, terms)


def item_of(line: CartLine | OrderLine) -> pricing.Item:
    """A cart's line at today's price, or an order's at the price it was ordered at."""
    return pricing.Item(
        line.product_id, line.unit_price, line.quantity, line.is_tax_free, line.needs_delivery
    )


def plan_in(lines: Iterable[CartLine]) -> Plan | None:
    """The membership among the goods; a cart holds one at most."""
    return next((line.product.plan for line in lines if line.product.plan), None)
