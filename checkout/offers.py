"""What the buyer was shown, carried through the form, and how it differs from what is true now."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum

from django.core import signing

from orders import pricing
from orders.lines import item_of
from shop.models import CartLine, Product

SALT = "checkout.quote"  # another one with each change of what is sealed
NOTHING_SEEN = pricing.quote([])


class What(StrEnum):
    PRICE = "price"
    QUANTITY = "quantity"
    ADDED = "added"
    REMOVED = "removed"
    SHORTAGE = "shortage"
    TAX = "tax"
    DISCOUNT = "discount"
    POINTS = "points"
    SHIPPING = "shipping"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``was`` and ``now`` are pieces for QUANTITY, ADDED and SHORTAGE, else won."""

    what: What
    name: str = ""
    was: int = 0
    now: int = 0

    @property
    def is_wish(self) -> bool:
        """Did the buyer change it themselves, if nothing was refused?"""
        return self.what in {What.DISCOUNT, What.POINTS}


def sealed(quote: pricing.Quote) -> str:
    """The quote as a value for a hidden field that cannot be altered."""
    items = [astuple(item) for item in quote.items]
    lines = [astuple(line) for line in quote.lines]
    return signing.dumps([items, lines, astuple(quote.delivery)], salt=SALT)


def opened(value: str) -> pricing.Quote:
    """What ``sealed`` was given; nothing if it is not our seal: then everything is asked again."""
    try:
        items, lines, delivery = signing.loads(value, salt=SALT)
    except signing.BadSignature:
        return NOTHING_SEEN
    return pricing.Quote(
        items=tuple(pricing.Item(*row) for row in items),
        lines=tuple(pricing.Share(*row) for row in lines),
        delivery=pricing.Share(*delivery),
    )


def changes(
    seen: pricing.Quote,
    quote: pricing.Quote,
    lines: Sequence[CartLine],
    *,
    only_goods: bool = False,
) -> list[Change]:
    """In which ways the cart is no longer what the buyer saw, or can no longer be had."""
    found = changed_goods(seen, lines)
    for what in () if only_goods else (What.DISCOUNT, What.POINTS, What.SHIPPING):
        was, now = getattr(seen, what), getattr(quote, what)
        if was != now and seen.items:
            found.append(Change(what, was=was, now=now))
    return found


def changed_goods(seen: pricing.Quote, lines: Sequence[CartLine]) -> list[Change]:
    before = {item.product_id: item for item in seen.items}
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
