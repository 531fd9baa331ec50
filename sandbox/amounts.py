"""Money the way KakaoPay splits it. Everything is in won."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import add, sub
from typing import Self


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of money and its parts. The sandbox never grants points or discounts."""

    total: int = 0
    tax_free: int = 0
    vat: int = 0
    point: int = 0
    discount: int = 0
    green_deposit: int = 0

    def __add__(self, other: Self) -> Self:
        return self._combine(add, other)

    def __sub__(self, other: Self) -> Self:
        return self._combine(sub, other)

    def _combine(self, operation: Callable[[int, int], int], other: Self) -> Self:
        names = (field.name for field in fields(self))
        return type(self)(*(operation(getattr(self, n), getattr(other, n)) for n in names))

    @property
    def consistent(self) -> bool:
        """Whether the tax-free part, the VAT and the deposit fit into the total."""
        return self.tax_free + self.vat <= self.total and self.green_deposit <= self.total


def included_vat(taxable: int) -> int:
    """The VAT contained in a taxable price: an eleventh, rounded half up."""
    return (2 * taxable + 11) // 22
