"""What things cost: figures that a shopkeeper can check by hand."""

from pathlib import Path

import pytest
from django.db import connection

from orders.pricing import (
    MOST,
    NOTHING,
    Delivery,
    Item,
    Part,
    Quote,
    Reduction,
    earned,
    kept,
    quote,
    share,
    spread,
    vat_within,
)

DOCS = Path(__file__).parents[2] / "docs/prices.md"

POT = Item(1, 38_000, 1, is_tax_free=False)
RICE = Item(2, 12_500, 2, is_tax_free=True)
LESSON = Item(3, 15_000, 1, is_tax_free=False, needs_delivery=False)
FEE = Delivery(fee=3_000, free_from=70_000)


def figures(quote: Quote) -> dict[str, int]:
    """The quote's amounts that are not 0, by name."""
    names = ("subtotal", "discount", "points", "shipping", "total", "tax_free", "vat")
    return {name: getattr(quote, name) for name in names if getattr(quote, name)}


def test_goods_alone():
    """Tax-free goods carry no VAT; the rest carries an eleventh."""
    plain = quote([Item(1, 11_000, 2, False), Item(2, 5_000, 1, True)])
    assert figures(plain) == {"subtotal": 27_000, "total": 27_000, "tax_free": 5_000, "vat": 2_000}
    assert [(line.amount, line.total, line.vat) for line in plain.lines] == [
        (22_000, 22_000, 2_000),
        (5_000, 5_000, 0),
    ]


def test_nothing_costs_nothing():
    """An empty cart comes to 0 won, without a delivery fee."""
    assert figures(quote([], coupon=Reduction(won=1_000), points=500, delivery=FEE)) == {}


def test_everything_at_once():
    """Coupon, then delivery, then points, then VAT: the worked example of docs/prices.md."""
    whole = quote(
        [POT, RICE, LESSON], coupon=Reduction(percent=10, cap=5_000), points=2_000, delivery=FEE
    )
    assert figures(whole) == {
        "subtotal": 78_000,
        "discount": 5_000,
        "points": 2_000,
        "shipping": 3_000,
        "total": 74_000,
        "tax_free": 22_781,
        "vat": 4_656,
    }
    assert whole.goods_total == 71_079
    names = ("Teapot", "Rice, 2 × 12,500", "Pottery lesson", "Delivery")
    rows = [
        (name, each.amount, each.discount, each.points, each.total, each.is_tax_free, each.vat)
        for name, each in zip(names, whole.shares, strict=True)
    ]
    assert rows == [
        ("Teapot", 38_000, 2_436, 936, 34_628, False, 3_148),
        ("Rice, 2 × 12,500", 25_000, 1_603, 616, 22_781, True, 0),
        ("Pottery lesson", 15_000, 961, 369, 13_670, False, 1_243),
        ("Delivery", 3_000, 0, 79, 2_921, False, 265),
    ]
    told = DOCS.read_text()
    for name, amount, discount, points, total, is_tax_free, vat in rows:
        tax_free = total if is_tax_free else 0
        cells = (amount, discount, points, total, tax_free, vat)
        assert f"| {name} | {' | '.join(f'{won:,}' for won in cells)} |" in told
    assert "| **Together** | 81,000 | 5,000 | 2,000 | **74,000** | 22,781 | 4,656 |" in told


# -- coupons --


@pytest.mark.parametrize(
    ("coupon", "off"),
    [
        (Reduction(won=5_000), 5_000),
        (Reduction(won=9_990), 9_990),
        (Reduction(won=10_000), 9_990),
        (Reduction(percent=15), 1_498),
        (Reduction(percent=100), 9_990),
        (Reduction(percent=50, cap=4_994), 4_994),
        (Reduction(percent=50, cap=4_995), 4_995),
        (Reduction(percent=50, cap=4_996), 4_995),
        (Reduction(percent=50, cap=0), 0),
    ],
)
def test_what_a_coupon_takes_off(coupon, off):
    """Of 9,990 won: never more than that or than the cap, and a percentage is rounded down."""
    assert coupon.of(9_990) == off


def test_a_coupon_worth_more_than_the_goods():
    """The goods are free; the delivery fee is not the coupon's to pay."""
    items = [Item(1, 11_000, 2, False), Item(2, 5_000, 1, True)]
    given_away = quote(items, coupon=Reduction(won=50_000), delivery=Delivery(3_000))
    assert figures(given_away) == {
        "subtotal": 27_000,
        "discount": 27_000,
        "shipping": 3_000,
        "total": 3_000,
        "vat": 273,
    }
    assert [line.discount for line in given_away.lines] == [22_000, 5_000]
    assert given_away.goods_total == 0


def test_a_coupon_for_some_goods():
    """It takes off what it is for, however much more it is worth, and leaves the rest alone."""
    coupon = Reduction(won=40_000, product_ids=frozenset({2, 9}))
    assert coupon.base([POT, RICE, LESSON]) == 25_000
    reduced = quote([POT, RICE, LESSON], coupon=coupon)
    assert [line.discount for line in reduced.lines] == [0, 25_000, 0]
    assert figures(reduced) == {
        "subtotal": 78_000,
        "discount": 25_000,
        "total": 53_000,
        "vat": 4_818,
    }


def test_a_percentage_of_some_goods():
    """The percentage is of the goods it is for, not of the cart."""
    coupon = Reduction(percent=10, product_ids=frozenset({1, 3}))
    assert [line.discount for line in quote([POT, RICE, LESSON], coupon=coupon).lines] == [
        3_800,
        0,
        1_500,
    ]


@pytest.mark.parametrize("product_ids", [frozenset(), frozenset({4})])
def test_a_coupon_for_none_of_the_goods(product_ids):
    """It takes nothing off."""
    coupon = Reduction(won=1_000, product_ids=product_ids)
    assert quote([POT, RICE], coupon=coupon) == quote([POT, RICE])


# -- delivery --


@pytest.mark.parametrize(
    ("free_from", "price", "fee", "missing"),
    [
        (50_000, 49_999, 3_000, 1),
        (50_000, 50_000, 0, 0),
        (50_000, 50_001, 0, 0),
        (50_000, 1, 3_000, 49_999),
        (0, 10_000_000, 3_000, 0),
    ],
)
def test_the_delivery_fee(free_from, price, fee, missing):
    """Free from the threshold on, and never without one; what is missing until then."""
    delivery, goods = Delivery(3_000, free_from), [Item(1, price, 1, False)]
    assert (delivery.cost(goods), delivery.missing(goods)) == (fee, missing)
    assert quote(goods, delivery=delivery).shipping == fee


def test_goods_that_are_not_delivered():
    """They cost no fee, and do not help the others over the threshold."""
    assert (FEE.cost([LESSON]), FEE.missing([LESSON])) == (0, 0)
    goods = [Item(1, 60_000, 1, False), Item(2, 90_000, 1, False, needs_delivery=False)]
    assert (FEE.cost(goods), FEE.missing(goods)) == (3_000, 10_000)


def test_a_coupon_makes_no_delivery_fee_appear():
    """The threshold is asked of the goods' prices, not of what is left of them."""
    goods = [Item(1, 70_000, 1, False)]
    assert figures(quote(goods, coupon=Reduction(won=69_000), points=500, delivery=FEE)) == {
        "subtotal": 70_000,
        "discount": 69_000,
        "points": 500,
        "total": 500,
        "vat": 45,
    }


# -- points --


def test_points_pay_what_the_coupon_left():
    """A percentage is of the price, not of what points leave; each line bears its share."""
    goods = [Item(1, 10_000, 1, False), Item(2, 10_000, 1, True)]
    coupon = Reduction(percent=50, product_ids=frozenset({1}))
    paid = quote(goods, coupon=coupon, points=3_000)
    assert [(line.discount, line.points, line.total) for line in paid.lines] == [
        (5_000, 1_000, 4_000),
        (0, 2_000, 8_000),
    ]
    assert (paid.tax_free, paid.vat) == (8_000, 364)


@pytest.mark.parametrize("points", [76_000, 76_001, 10**9])
def test_points_for_everything(points):
    """No more are used than there is to pay, delivery included; nothing is left to tax."""
    free = quote(
        [POT, RICE, LESSON], coupon=Reduction(percent=10, cap=5_000), points=points, delivery=FEE
    )
    assert figures(free) == {
        "subtotal": 78_000,
        "discount": 5_000,
        "points": 76_000,
        "shipping": 3_000,
    }
    assert [each.points for each in free.shares] == [35_564, 23_397, 14_039, 3_000]
    assert [(each.total, each.vat) for each in free.shares] == [(0, 0)] * 4


def test_one_won_is_left():
    """One point less than everything leaves one won to pay, which carries no VAT."""
    almost = quote([POT, RICE, LESSON], points=77_999)
    assert (almost.points, almost.total, almost.vat) == (77_999, 1, 0)


@pytest.mark.parametrize(
    ("charged", "left", "stays"),
    [
        (74_000, 74_000, 710),
        (74_000, 0, 0),
        (74_000, 37_000, 355),
        (74_000, 73_999, 709),
        (74_000, 104, 0),
        (74_000, 105, 1),
        (0, 0, 710),
    ],
)
def test_points_that_stay_after_a_refund(charged, left, stays):
    """In proportion to the money that stays paid, rounded down; of no money, all of them."""
    assert kept(710, charged=charged, left=left) == stays


@pytest.mark.parametrize(
    ("paid", "percent", "points"), [(71_079, 1, 710), (99, 1, 0), (100, 1, 1), (71_079, 0, 0)]
)
def test_points_that_goods_earn(paid, percent, points):
    """A percentage of the money for goods, rounded down."""
    assert earned(paid, percent) == points


# -- tax --


@pytest.mark.parametrize(
    ("total", "tax_free", "vat"),
    [
        (1_000, 0, 91),
        (15_000, 0, 1_364),
        (11_000, 10_000, 91),
        (5_000, 5_000, 0),
        (5, 0, 0),
        (6, 0, 1),
    ],
)
def test_vat_is_rounded_to_the_nearest_won(total, tax_free, vat):
    """Known figures, and both sides of one half."""
    assert vat_within(total, tax_free) == vat


def test_vat_is_rounded_once():
    """Three lines of 1,005 won have 91.36 won of VAT each and 274 together, not 273."""
    taxed = quote([Item(number, 1_005, 1, False) for number in (1, 2, 3)])
    assert taxed.vat == 274
    assert [line.vat for line in taxed.lines] == [92, 91, 91]


def test_delivering_tax_free_goods():
    """The goods are tax-free, the fee for bringing them is not."""
    delivered = quote([RICE], delivery=FEE)
    assert figures(delivered) == {
        "subtotal": 25_000,
        "shipping": 3_000,
        "total": 28_000,
        "tax_free": 25_000,
        "vat": 273,
    }
    assert (delivered.lines[0].vat, delivered.delivery.vat) == (0, 273)


def test_tax_free_goods_alone():
    """All of the total is tax-free."""
    assert figures(quote([RICE], points=1_000)) == {
        "subtotal": 25_000,
        "points": 1_000,
        "total": 24_000,
        "tax_free": 24_000,
    }


@pytest.mark.parametrize(
    ("left", "amount", "part"),
    [
        (Part(12_000, 1_000, 1_000), 4_000, Part(4_000, 334, 333)),
        (Part(12_000, 1_000, 1_000), 12_000, Part(12_000, 1_000, 1_000)),
        (Part(11_000, 0, 1_000), 1, Part(1, 0, 0)),
        (Part(11_000, 0, 1_000), 10_995, Part(10_995, 0, 1_000)),
        (Part(11_000, 0, 900), 1, Part(1, 0, 0)),
        (Part(11_000, 0, 1_000), 11_000, Part(11_000, 0, 1_000)),
    ],
)
def test_the_share_of_a_refund(left, amount, part):
    """Tax-free in proportion, and so much VAT that the rest keeps the right one."""
    assert share(left, amount) == part


def test_parts_add_up():
    """Parts can be added and taken away, figure by figure."""
    assert Part(5, 2, 1) + Part(10, 0, 1) - Part(15, 2, 2) == NOTHING


# -- sharing out --


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (1, [0, 5, 5], [0, 1, 0]),
        (1, [5, 0, 6], [0, 0, 1]),
        (10, [5, 3, 3], [4, 3, 3]),
        (5, [3, 3, 3, 3], [2, 1, 1, 1]),
        (7, [3, 0, 3, 1], [3, 0, 3, 1]),
        (0, [3, 4], [0, 0]),
        (5, [0, 0], [0, 0]),
        (0, [], []),
        (10**17 + 6, [10**17 + 3, 3], [10**17 + 3, 3]),
    ],
)
def test_the_largest_remainder(amount, weights, parts):
    """Won left over go to who lost most, of equals to the first, and never to a weight of 0."""
    assert spread(amount, weights) == parts


# -- how much at most --


def test_the_most_that_can_be_sold():
    """A total of MOST is exact to the won, and is the most that an amount's column can hold."""
    dear = quote([Item(1, MOST - 3_001, 1, False), Item(2, 1, 1, True)], delivery=Delivery(3_000))
    assert figures(dear) == {
        "subtotal": 2_147_480_647,
        "shipping": 3_000,
        "total": MOST,
        "tax_free": 1,
        "vat": 195_225_786,
    }
    assert connection.ops.integer_field_range("PositiveIntegerField") == (0, MOST)
