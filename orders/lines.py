"""The lines of carts and orders, as prices see them."""

from django.db.models import QuerySet

from orders import pricing
from orders.models import OrderLine
from shop.models import Cart, CartLine


def lines_of(cart: Cart | None) -> QuerySet[CartLine]:
    """The cart's lines that can be ordered, with their products."""
    lines = CartLine.objects.filter(cart=cart, product__is_active=True)
    return lines.select_related("product").order_by("product_id")


def item_of(line: CartLine | OrderLine) -> pricing.Item:
    """A cart's line at today's price, or an order's at the price it was ordered at."""
    return pricing.Item(
        line.product_id, line.unit_price, line.quantity, line.is_tax_free, line.needs_delivery
    )
