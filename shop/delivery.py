"""What delivery costs. Pure: every amount is whole won."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Goods(Protocol):
    """So many of a product that come to ``amount`` won: a line of a cart, or an item of a quote."""

    @property
    def amount(self) -> int: ...

    @property
    def needs_delivery(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """``fee`` won, or nothing from ``free_from`` won of delivered goods on; 0 is never free."""

    fee: int
    free_from: int = 0

    def cost(self, goods: Iterable[Goods]) -> int:
        """What delivering the goods costs: nothing if none of them needs it."""
        delivered = self.delivered(goods)
        if not delivered:
            return 0
        is_free = 0 < self.free_from <= sum(delivered)
        return 0 if is_free else self.fee

    def missing(self, goods: Iterable[Goods]) -> int:
        """How many won more of delivered goods make it free; 0 if it is free, or never will be."""
        goods = list(goods)
        if not self.free_from or not self.cost(goods):
            return 0
        return self.free_from - sum(self.delivered(goods))

    @staticmethod
    def delivered(goods: Iterable[Goods]) -> list[int]:
        """What those of the goods that need delivery come to, each."""
        return [each.amount for each in goods if each.needs_delivery]
