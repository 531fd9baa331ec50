"""What a membership takes off a cart or an order. Every amount is whole won."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from accounts.memberships import NO_TERMS, Terms
from accounts.models import Plan
from shop import carts
from shop.models import CartLine, Product


class Line(Protocol):
    """A line of a cart, or of an order: whose ``list_price`` is None where everybody pays it."""

    @property
    def product(self) -> Product: ...

    @property
    def quantity(self) -> int: ...

    @property
    def unit_price(self) -> int: ...

    @property
    def list_price(self) -> int | None: ...


def on_goods(lines: Iterable[Line]) -> int:
    """How much less a member pays for them than others; a trial is nothing that members have."""
    return sum(
        ((line.list_price or line.unit_price) - line.unit_price) * line.quantity
        for line in lines
        if line.product.plan_id is None
    )


def on_delivery(lines: Sequence[CartLine], terms: Terms) -> int:
    """What delivering them would cost somebody who is no member, if it is free with these terms."""
    return carts.delivery_for(NO_TERMS).cost(lines) if terms.free_delivery else 0


def possible(lines: Sequence[CartLine]) -> int:
    """What the best plan on sale would take off what these lines cost everybody; one query."""
    plan = Plan.objects.filter(is_active=True).order_by("-discount_percent").first()
    if plan is None:
        return 0
    terms = Terms(percent=plan.discount_percent, free_delivery=plan.has_free_delivery)
    off = ((each.unit_price - each.product.price_for(terms)) * each.quantity for each in lines)
    return sum(off) + on_delivery(lines, terms)
