"""What things cost. Pure: no queries, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass

#: The largest total in won that the columns, and KakaoPay's integers, can hold.
MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Item:
    """A number of one product at one price; ``unit_price`` is in won, VAT included."""

    product_id: int
    unit_price: int
    quantity: int
    is_tax_free: bool

    @property
    def amount(self) -> int:
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Quote:
    """What a purchase comes to, in won. ``tax_free`` and ``vat`` are parts of ``total``."""

    subtotal: int
    total: int
    tax_free: int
    vat: int


def quote(items: Iterable[Item]) -> Quote:
    items = list(items)
    subtotal = sum(item.amount for item in items)
    tax_free = sum(item.amount for item in items if item.is_tax_free)
    return Quote(
        subtotal=subtotal, total=subtotal, tax_free=tax_free, vat=vat_within(subtotal, tax_free)
    )


def vat_within(total: int, tax_free: int) -> int:
    """
    The VAT in ``total`` won of which ``tax_free`` won carry none.

    KakaoPay's rule: ``round((total − tax_free) / 11)``. An eleventh is never exactly one half, so
    whole numbers settle it without floats.
    """
    return (2 * (total - tax_free) + 11) // 22
