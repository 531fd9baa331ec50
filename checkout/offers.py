"""What the buyer was shown, carried through the form, and how it differs from what is true now."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.core import signing

from orders import pricing
from orders.placing import item_of
from shop.models import CartLine, Product

SALT = "checkout.offer"


class What(StrEnum):
    PRICE = "price"
    QUANTITY = "quantity"
    ADDED = "added"
    REMOVED = "removed"
    SHORTAGE = "shortage"
    TAX = "tax"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``was`` and ``now`` are won for PRICE, pieces otherwise."""

    what: What
    name: str
    was: int = 0
    now: int = 0


def sealed(items: Iterable[pricing.Item]) -> str:
    """The items as a value for a hidden field that cannot be altered."""
    return signing.dumps(
        [[i.product_id, i.unit_price, i.quantity, int(i.is_tax_free)] for i in items], salt=SALT
    )


def opened(value: str) -> list[pricing.Item]:
    """What ``sealed`` was given; nothing if it is not our seal: then everything is asked again."""
    try:
        rows = signing.loads(value, salt=SALT)
    except signing.BadSignature:
        return []
    return [pricing.Item(pk, price, quantity, bool(free)) for pk, price, quantity, free in rows]


def changes(seen: list[pricing.Item], lines: list[CartLine]) -> list[Change]:
    """In which ways the cart is no longer what the buyer saw, or can no longer be had."""
    before = {item.product_id: item for item in seen}
    found = []
    for line in lines:
        was, now, name = before.pop(line.product_id, None), item_of(line), line.name
        if was is None:
            found.append(Change(What.ADDED, name, now=now.quantity))
        else:
            if was.unit_price != now.unit_price:
                found.append(Change(What.PRICE, name, was.unit_price, now.unit_price))
            if was.is_tax_free != now.is_tax_free:
                found.append(Change(What.TAX, name))
            if was.quantity != now.quantity:
                found.append(Change(What.QUANTITY, name, was.quantity, now.quantity))
        if line.quantity > line.available:
            found.append(Change(What.SHORTAGE, name, line.quantity, line.available))
    gone = Product.objects.filter(pk__in=before)
    found += [Change(What.REMOVED, product.name) for product in gone]
    return found
