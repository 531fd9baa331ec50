"""A cart with a coupon, points and a delivery."""

import pytest
from django.utils import timezone

from accounts import points
from accounts.addresses import Destination
from checkout import payments
from orders import quoting
from orders.models import Order
from orders.quoting import Wish
from shop.models import Coupon
from tests.conftest import CONTACT

HOME = Destination("김하나", "+821012345678", "04524", "서울 중구 세종대로 110", "3층", "문 앞")
WISH = Wish("SPRING", 2_000)


@pytest.fixture
def spring(db):
    return Coupon.objects.create(
        code="SPRING", name_ko="봄 쿠폰", kind="PERCENT", value=10, cap=3_000, limit=5
    )


@pytest.fixture
def cart(shopper, fill_cart, make_product):
    """Two cups at 11,000 won and tax-free tea at 8,000, all delivered; the shopper has points."""
    points.grant(shopper, 5_000, note="반가워요", by=None, now=timezone.now())
    cup = make_product(price=11_000, stock=5, needs_delivery=True)
    tea = make_product(price=8_000, stock=5, needs_delivery=True, is_tax_free=True)
    return fill_cart((cup, 2), (tea, 1))


@pytest.fixture
def buy(cart, spring, kakaopay):
    """Order the cart as its owner sees it, with the coupon and 2,000 points."""

    def order(wish=WISH, *, cart=cart, **changed):
        now = timezone.now()
        seen = quoting.look(cart, wish, user_id=cart.user_id, now=now).quote
        given = {"user": cart.user, "contact": CONTACT, "destination": HOME, "now": now}
        return payments.start(**(given | {"wish": wish, "seen": seen} | changed))

    return order


@pytest.fixture
def bought(buy, pay):
    """A paid order."""
    charge = buy()
    payments.capture(charge, pg_token=pay(charge), now=timezone.now())
    return Order.objects.get(pk=charge.order_id)
