"""Won, as their reader writes them."""

import pytest
from django.utils import translation

from shop.templatetags.money import won


@pytest.mark.parametrize(
    ("language", "amount", "written"),
    [
        ("ko", 0, "0원"),
        ("ko", 12_000, "12,000원"),
        ("ko", -1_234_567, "-1,234,567원"),
        ("en", 12_000, "₩12,000"),
        ("en", -500, "-₩500"),
        (None, 1_000, "1,000원"),
    ],
)
def test_won(language, amount, written):
    """Grouped by thousands, with the sign of the reader's language; Korean where there is none."""
    with translation.override(language):
        assert won(amount) == written
