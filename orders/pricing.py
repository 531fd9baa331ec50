"""
What things cost. Pure: no queries, no clock. Every amount is whole won.

A ``Quote`` is worked out once and is then what the buyer sees, what the order stores and what the
provider is sent. In this order:

1. The coupon reduces the goods it is for, each by its share.
2. The delivery fee is decided by the goods as they are priced, so that no coupon makes it appear.
3. Points pay for goods and delivery alike, each by its share.
4. What is left is paid in money. Its tax-free part is that of the tax-free goods; the delivery fee
   carries VAT. The VAT is the provider's rule on the whole, and each line has its share of it.

Shares are whole won and add up exactly (``spread``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shop.delivery import Delivery

#: The largest total in won that the columns, and KakaoPay's integers, can hold.
MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Item:
    """A number of one product at one price; ``unit_price`` is in won, VAT included."""

    product_id: int
    unit_price: int
    quantity: int
    is_tax_free: bool
    needs_delivery: bool = True

    @property
    def amount(self) -> int:
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Reduction:
    """
    What a coupon takes off: ``won``, or ``percent`` but no more than ``cap`` won.

    Of the goods it is for: ``product_ids``, or all if that is None. Whether they come to the
    coupon's minimum is not asked here.
    """

    won: int = 0
    percent: int = 0
    cap: int | None = None
    product_ids: frozenset[int] | None = None

    def is_for(self, item: Item) -> bool:
        return self.product_ids is None or item.product_id in self.product_ids

    def base(self, items: Iterable[Item]) -> int:
        """What the goods it is for come to."""
        return sum(item.amount for item in items if self.is_for(item))

    def of(self, base: int) -> int:
        """What it takes off goods of ``base`` won: never more than they cost."""
        off = self.won or base * self.percent // 100
        return min(off, base) if self.cap is None else min(off, base, self.cap)


FREE = Delivery(fee=0)


@dataclass(frozen=True, slots=True)
class Share:
    """
    What of the coupon, the points and the VAT falls on one line, or on the delivery fee.

    ``total`` is what of ``amount`` is paid in money.
    """

    amount: int
    discount: int
    points: int
    is_tax_free: bool
    vat: int = 0

    @property
    def total(self) -> int:
        return self.amount - self.discount - self.points

    @property
    def part(self) -> "Part":
        """The money, with its tax-free part and its VAT."""
        return Part(self.total, self.total if self.is_tax_free else 0, self.vat)


@dataclass(frozen=True, slots=True)
class Quote:
    """
    What a purchase comes to: ``total`` = ``subtotal`` − ``discount`` − ``points`` + ``shipping``.

    ``tax_free`` and ``vat`` are parts of ``total``. ``lines`` has one share for each of ``items``,
    in their order; ``delivery`` is the delivery fee's.
    """

    items: tuple[Item, ...]
    lines: tuple[Share, ...]
    delivery: Share

    @property
    def shares(self) -> tuple[Share, ...]:
        return (*self.lines, self.delivery)

    @property
    def subtotal(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def discount(self) -> int:
        return sum(line.discount for line in self.lines)

    @property
    def points(self) -> int:
        return sum(share.points for share in self.shares)

    @property
    def shipping(self) -> int:
        return self.delivery.amount

    @property
    def total(self) -> int:
        return sum(share.total for share in self.shares)

    @property
    def tax_free(self) -> int:
        return sum(share.total for share in self.shares if share.is_tax_free)

    @property
    def vat(self) -> int:
        return sum(share.vat for share in self.shares)

    @property
    def goods_total(self) -> int:
        """What of ``total`` is paid for goods: what points are earned on."""
        return sum(line.total for line in self.lines)


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


def quote(
    items: Iterable[Item],
    *,
    coupon: Reduction | None = None,
    points: int = 0,
    delivery: Delivery = FREE,
) -> Quote:
    """
    What ``items`` come to with a coupon, points and delivery.

    :param points: how many the buyer would use, at least 0; of more than there is to pay, the rest
        is not used.
    """
    items = tuple(items)
    discounts = reduced(items, coupon)
    fee = delivery.cost(items)
    payable = [item.amount - off for item, off in zip(items, discounts, strict=True)] + [fee]
    used = spread(min(points, sum(payable)), payable)
    paid = [cost - part for cost, part in zip(payable, used, strict=True)]
    is_free = [item.is_tax_free for item in items] + [False]
    taxed = [0 if free else won for won, free in zip(paid, is_free, strict=True)]
    vats = spread(vat_within(sum(taxed), 0), taxed)
    costs = [item.amount for item in items] + [fee]
    rows = zip(costs, [*discounts, 0], used, is_free, vats, strict=True)
    *lines, shipping = (Share(*row) for row in rows)
    return Quote(items=items, lines=tuple(lines), delivery=shipping)


def reduced(items: Sequence[Item], coupon: Reduction | None) -> list[int]:
    """What the coupon takes off each item."""
    if coupon is None:
        return [0] * len(items)
    weights = [item.amount if coupon.is_for(item) else 0 for item in items]
    return spread(coupon.of(sum(weights)), weights)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """
    ``amount`` in parts as the ``weights`` are to each other; the parts add up to it exactly.

    By the largest remainder: each part is rounded down, and the won that are left over go to the
    parts that lost most, of equal ones to the first. No part is larger than its weight if
    ``amount`` is not larger than all weights together.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    lost = [amount * weight % whole for weight in weights]
    first = sorted(range(len(weights)), key=lambda place: -lost[place])
    for place in first[: amount - sum(parts)]:
        parts[place] += 1
    return parts


def pieces(whole: Share, quantity: int) -> list[Share]:
    """The share of each of ``quantity`` like pieces; together they are the ``whole``, exactly."""
    prices = [whole.amount // quantity] * quantity
    discounts = spread(whole.discount, prices)
    payable = [price - off for price, off in zip(prices, discounts, strict=True)]
    points = spread(whole.points, payable)
    paid = [cost - part for cost, part in zip(payable, points, strict=True)]
    vats = spread(whole.vat, paid)
    rows = zip(prices, discounts, points, vats, strict=True)
    return [Share(*row[:3], is_tax_free=whole.is_tax_free, vat=row[3]) for row in rows]


def earned(goods_total: int, percent: int) -> int:
    """Points that money for goods earns."""
    return goods_total * percent // 100


def kept(earned: int, *, charged: int, left: int) -> int:
    """
    Of the points that an order earned, those that stay when ``left`` of ``charged`` won stay paid.
    """
    return earned * left // charged if charged else earned


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


def limited(wanted: Part, left: Part) -> Part:
    """
    ``wanted``, or as much of it as can be taken from what is ``left``.

    Its tax-free part and its VAT are kept if what remains can then still hold the rest of theirs.
    """
    total = min(wanted.total, left.total)
    taxed = left.total - left.tax_free
    tax_free = min(max(wanted.tax_free, total - taxed), left.tax_free, total)
    rest_taxed = taxed - (total - tax_free)
    vat = min(max(wanted.vat, left.vat - rest_taxed), left.vat, total - tax_free)
    return Part(total, tax_free, vat)
