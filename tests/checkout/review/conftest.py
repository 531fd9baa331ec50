"""A shopper at the review page, with points and something to be delivered."""

import pytest
from django.utils import timezone

from accounts import points
from shop.models import Coupon
from tests.checkout.review.page import QUOTE, TYPED, seal_on


@pytest.fixture
def cart(shopper, fill_cart, make_product):
    """Two cups for 22,000 won and tax-free tea for 8,000, all delivered for 3,000."""
    cup = make_product(price=11_000, stock=5, needs_delivery=True)
    tea = make_product(price=8_000, stock=5, needs_delivery=True, is_tax_free=True)
    return fill_cart((cup, 2), (tea, 1))


@pytest.fixture
def spring(db):
    return Coupon.objects.create(code="SPRING", name_ko="봄 쿠폰", value=3_000, limit=5)


@pytest.fixture
def browser(client, shopper, cart):
    """The shopper's browser, signed in; they have 5,000 points."""
    points.grant(shopper, 5_000, note="반가워요", by=None, now=timezone.now())
    client.force_login(shopper)
    return client


@pytest.fixture
def seal(browser):
    """What the page shows is sent along."""
    return seal_on(browser.get("/checkout/"))


@pytest.fixture
def ask(browser, seal):
    """Have the amounts worked out anew, as htmx does; or without JavaScript."""

    def post(*, htmx=True, **changed):
        headers = {"HX-Request": "true"} if htmx else {}
        return browser.post(QUOTE, TYPED | {"seen": seal} | changed, headers=headers)

    return post
