"""What things cost, and KakaoPay's rule for the VAT inside it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.pricing import Item, Quote, quote, vat_within


def test_a_mixed_cart():
    """Tax-free goods carry no VAT; the rest carries an eleventh."""
    items = [Item(1, 11_000, 2, False), Item(2, 5_000, 1, True)]
    assert quote(items) == Quote(subtotal=27_000, total=27_000, tax_free=5_000, vat=2_000)


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


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_vat_is_the_rounded_eleventh(taxed, tax_free):
    """The whole-number formula equals exact rounding, whatever the amounts."""
    assert vat_within(taxed + tax_free, tax_free) == round(Fraction(taxed, 11))
