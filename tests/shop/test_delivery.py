"""What delivery costs, and how much more makes it free."""

import pytest

from shop.delivery import Delivery
from shop.models import CartLine, Product

RULE = Delivery(fee=3_000, free_from=50_000)


def goods(*amounts, needs_delivery=True):
    """Lines of a cart that come to these amounts."""
    return [
        CartLine(quantity=1, product=Product(price=amount, needs_delivery=needs_delivery))
        for amount in amounts
    ]


@pytest.mark.parametrize(
    ("rule", "lines", "cost", "missing"),
    [
        (RULE, [], 0, 0),
        (RULE, goods(20_000, 18_000), 3_000, 12_000),
        (RULE, goods(49_999), 3_000, 1),
        (RULE, goods(50_000), 0, 0),
        (RULE, goods(20_000, 40_000), 0, 0),
        (RULE, goods(38_000, needs_delivery=False), 0, 0),
        (RULE, [*goods(38_000, needs_delivery=False), *goods(20_000)], 3_000, 30_000),
        (Delivery(fee=3_000), goods(900_000), 3_000, 0),
        (Delivery(fee=0, free_from=50_000), goods(20_000), 0, 0),
    ],
)
def test_the_rule(rule, lines, cost, missing):
    """Only what is delivered counts; the threshold itself is free; there may be none."""
    assert (rule.cost(lines), rule.missing(lines)) == (cost, missing)
