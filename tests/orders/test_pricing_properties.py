"""What holds of every cart there can be; ``CARTS`` says how many are tried of each property."""

import os
from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.pricing import (
    FREE,
    MOST,
    NOTHING,
    Delivery,
    Item,
    Part,
    Reduction,
    limited,
    pieces,
    quote,
    share,
    vat_within,
)

CARTS = int(os.environ.get("CARTS", "1000"))

many = settings(
    max_examples=CARTS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
pytestmark = pytest.mark.timeout(0)

#: Products 1 to 9; the same may stand in several lines.
ITEMS = st.builds(
    Item,
    product_id=st.integers(1, 9),
    unit_price=st.integers(1, 20) | st.integers(1, 100_000) | st.integers(1, 10_000_000),
    quantity=st.integers(1, 3) | st.integers(1, 99),
    is_tax_free=st.booleans(),
    needs_delivery=st.booleans(),
)
#: For all goods, or for some, which may be none of those in the cart.
PRODUCTS = st.none() | st.frozensets(st.integers(1, 10))
FIXED = st.builds(
    Reduction, won=st.integers(1, 10**5) | st.integers(1, 10**9), product_ids=PRODUCTS
)
PERCENT = st.builds(
    Reduction,
    percent=st.integers(1, 100),
    cap=st.none() | st.integers(0, 10**5) | st.integers(0, 10**9),
    product_ids=PRODUCTS,
)
#: What ``quote`` is given. The most points are more than the dearest cart comes to.
PURCHASES = st.fixed_dictionaries(
    {
        "items": st.lists(ITEMS, min_size=1, max_size=30),
        "coupon": st.none() | FIXED | PERCENT,
        "points": st.just(0) | st.integers(1, 10**5) | st.integers(1, 10**11),
        "delivery": st.just(FREE)
        | st.builds(Delivery, st.integers(1, 10_000), st.just(0) | st.integers(1, 10**7)),
    }
)


def eleventh(won: int) -> int:
    """KakaoPay's rule for the VAT in ``won`` that carry it, in decimals."""
    return int((Decimal(won) / 11).quantize(Decimal(1), ROUND_HALF_UP))


def is_fair(parts: Sequence[int], amount: int, weights: Sequence[int]) -> bool:
    """Whether the parts are whole, all of ``amount``, and within a won of the exact proportion."""
    whole = sum(weights)
    exact = [Fraction(amount * weight, whole) if whole else Fraction(0) for weight in weights]
    near = all(abs(part - due) < 1 for part, due in zip(parts, exact, strict=True))
    return near and sum(parts) == (amount if whole else 0)


@many
@given(PURCHASES)
def test_the_amounts_follow_from_one_another(purchase):
    """Discount, points, fee, total, tax-free part and VAT, each worked out here once more."""
    items, coupon = purchase["items"], purchase["coupon"]
    quoted = quote(**purchase)
    subtotal = sum(item.unit_price * item.quantity for item in items)
    delivered = [item.unit_price * item.quantity for item in items if item.needs_delivery]
    rule = purchase["delivery"]
    free = rule.free_from and sum(delivered) >= rule.free_from
    shipping = rule.fee if delivered and not free else 0
    discount = 0
    if coupon:
        base = sum(item.amount for item in items if is_for(coupon, item))
        worth = coupon.won or int(Decimal(base) * coupon.percent / 100)
        discount = min(worth, base, base if coupon.cap is None else coupon.cap)
    points = min(purchase["points"], subtotal - discount + shipping)
    total = subtotal - discount - points + shipping
    assert quoted.items == tuple(items)
    assert (quoted.subtotal, quoted.discount, quoted.points) == (subtotal, discount, points)
    assert (quoted.shipping, quoted.total) == (shipping, total)
    assert quoted.tax_free == sum(
        line.total for line, item in zip(quoted.lines, items, strict=True) if item.is_tax_free
    )
    assert quoted.vat == eleventh(total - quoted.tax_free)
    assert 0 <= quoted.vat + quoted.tax_free <= total
    assert quoted.goods_total == total - quoted.delivery.total


def is_for(coupon: Reduction, item: Item) -> bool:
    return coupon.product_ids is None or item.product_id in coupon.product_ids


@many
@given(PURCHASES)
def test_every_share_is_whole_fair_and_fits(purchase):
    """
    Within a won of the exact proportion, never negative, never more than there is to share, and
    nothing for what the coupon is not for or what is tax-free; together exactly the whole.
    """
    items, coupon = purchase["items"], purchase["coupon"]
    quoted = quote(**purchase)
    lines, shares = quoted.lines, quoted.shares
    for line, item in zip(lines, items, strict=True):
        assert (line.amount, line.is_tax_free) == (item.amount, item.is_tax_free)
        assert line.discount == 0 or is_for(coupon, item)
    assert (quoted.delivery.discount, quoted.delivery.is_tax_free) == (0, False)
    for each in shares:
        assert 0 <= each.discount <= each.amount
        assert 0 <= each.points <= each.amount - each.discount
        assert 0 <= each.vat <= (0 if each.is_tax_free else each.total)
    reducible = [item.amount if coupon and is_for(coupon, item) else 0 for item in items]
    payable = [each.amount - each.discount for each in shares]
    taxed = [0 if each.is_tax_free else each.total for each in shares]
    assert is_fair([line.discount for line in lines], quoted.discount, reducible)
    assert is_fair([each.points for each in shares], quoted.points, payable)
    assert is_fair([each.vat for each in shares], quoted.vat, taxed)


@many
@given(PURCHASES, st.data())
def test_more_off_is_never_dearer(purchase, data):
    """A coupon of more, of a higher cap or for more goods, or more points: no larger total."""
    total = quote(**purchase).total
    more_points = purchase["points"] + data.draw(st.integers(1, 10**6), "points")
    assert quote(**purchase | {"points": more_points}).total <= total
    coupon = purchase["coupon"] or Reduction()
    more = data.draw(st.integers(1, 10**6), "more")
    better = [replace(coupon, product_ids=None), replace(coupon, cap=None)]
    if coupon.won:
        better.append(replace(coupon, won=coupon.won + more))
    if coupon.percent:
        better.append(replace(coupon, percent=min(100, coupon.percent + more % 100)))
    if coupon.cap is not None:
        better.append(replace(coupon, cap=coupon.cap + more))
    for each in better:
        assert quote(**purchase | {"coupon": each}).total <= total


@many
@given(PURCHASES, st.data())
def test_how_the_goods_are_listed_does_not_matter(purchase, data):
    """
    Another order of lines, or one line as two, comes to the same. Two alike lines have the same
    shares whichever of them comes first.
    """
    items = purchase["items"]
    place = data.draw(st.integers(0, len(items) - 1), "place")
    item = items[place]
    twin = replace(item, unit_price=item.amount, quantity=1)
    there = data.draw(st.integers(place + 1, len(items)), "there")
    one = [*items[:there], twin, *items[there:]]
    other = [*one]
    other[place], other[there] = twin, item
    assert quote(**purchase | {"items": one}).shares == quote(**purchase | {"items": other}).shares
    whole = purchase | {"items": [*items[:place], replace(item, quantity=2), *items[place + 1 :]]}
    split = [
        replace(item, quantity=1),
        *items[place + 1 :],
        *items[:place],
        replace(item, quantity=1),
    ]
    comes_to = [
        (got.subtotal, got.discount, got.points, got.shipping, got.total)
        for got in (quote(**whole), quote(**whole | {"items": split}))
    ]
    assert comes_to[0] == comes_to[1]


@many
@given(st.integers(0, MOST), st.integers(0, MOST), st.lists(st.integers(1, MOST), max_size=6))
def test_a_refund_in_pieces(taxed, tax_free, pieces):
    """However a total is taken back, the pieces fit into what is left, down to exactly nothing."""
    total = taxed + tax_free
    left = Part(total, tax_free, eleventh(taxed))
    for piece in [*pieces, total]:
        if not left.total:
            break
        taken = share(left, min(piece, left.total))
        assert taken.total == min(piece, left.total)
        assert taken.tax_free >= 0 <= taken.vat <= taken.total - taken.tax_free
        left -= taken
        assert 0 <= left.tax_free <= left.total
        assert left.vat == eleventh(left.total - left.tax_free)
    assert left == NOTHING


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_vat_is_the_rounded_eleventh(taxed, tax_free):
    """The whole-number formula equals exact rounding, whatever the amounts."""
    assert vat_within(taxed + tax_free, tax_free) == eleventh(taxed) == round(Fraction(taxed, 11))


@many
@given(PURCHASES)
def test_pieces_are_their_line(purchase):
    """Each piece costs its price, no part of it is below zero, and together they are the line."""
    quoted = quote(**purchase)
    for item, line in zip(quoted.items, quoted.lines, strict=True):
        shares = pieces(line, item.quantity)
        assert {each.amount for each in shares} == {item.unit_price}
        for each in shares:
            assert min(each.discount, each.points, each.vat, each.total - each.vat) >= 0
        assert sum((each.part for each in shares), NOTHING) == line.part
        assert sum(each.discount for each in shares) == line.discount
        assert is_fair([each.discount for each in shares], line.discount, [1] * item.quantity)


#: A sum of which so much is tax-free, and of the rest so much VAT.
PARTS = st.integers(0, 10**6).flatmap(
    lambda total: st.integers(0, total).flatmap(
        lambda free: st.builds(Part, st.just(total), st.just(free), st.integers(0, total - free))
    )
)


@many
@given(PARTS, PARTS)
def test_what_is_left_holds_what_is_taken(wanted, left):
    """Never more than is left; both what goes and what stays hold their tax-free part and VAT."""
    taken = limited(wanted, left)
    assert taken.total == min(wanted.total, left.total)
    for part in (taken, left - taken):
        assert min(part.total, part.tax_free, part.vat) >= 0
        assert part.tax_free + part.vat <= part.total
    if taken.total == left.total:
        assert taken == left
