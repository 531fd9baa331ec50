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


@dataclass(frozen=True, slots=True)
class Part:
    """Some won, and of them the tax-free part and the VAT."""

    total: int
    tax_free: int
    vat: int

    def __add__(self, other: "Part") -> "Part":
        return Part(self.total + other.total, self.tax_free + other.tax_free, self.vat + other.vat)

    def __sub__(self, other: "Part") -> "Part":
        return Part(self.total - other.total, self.tax_free - other.tax_free, self.vat - other.vat)


NOTHING = Part(0, 0, 0)


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


def share(left: Part, amount: int) -> Part:
    """
    What of ``amount`` won, taken from what is ``left``, is tax-free, and its VAT.

    Worked out from what remains, so that however often something is taken, such shares add up to
    the whole: tax-free in proportion, VAT by KakaoPay's rule on the rest. Where somebody has taken
    other shares in between, a won of VAT may be left over.
    """
    rest = left.total - amount
    rest_tax_free = rest * left.tax_free // left.total
    rest_vat = min(left.vat, vat_within(rest, rest_tax_free))
    tax_free = left.tax_free - rest_tax_free
    return Part(amount, tax_free, min(left.vat - rest_vat, amount - tax_free))
