from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts import points
from accounts.addresses import Destination
from accounts.models import User
from checkout import payments
from orders import quoting
from orders.models import Order
from orders.quoting import Wish
from shop.models import Cart, Coupon, Product
from tests.conftest import CONTACT
from tests.kakaopay import KakaoPay

HOME = Destination("김하나", "+821012345678", "04524", "서울 중구 세종대로 110", "3층", "문 앞")


@pytest.fixture
def goods(make_product: Callable[..., Product]) -> dict[str, Product]:
    """A taxed cup and tax-free tea, both delivered, and a taxed ticket that is not."""
    return {
        "cup": make_product(price=11_000, stock=50, needs_delivery=True),
        "tea": make_product(price=5_000, stock=50, needs_delivery=True, is_tax_free=True),
        "ticket": make_product(price=2_000, stock=50),
    }


@pytest.fixture
def spring(db: None) -> Coupon:
    return Coupon.objects.create(code="SPRING", name_ko="봄", value=4_500, limit=9, per_person=None)


@pytest.fixture
def buy(
    shopper: User, goods: dict[str, Product], spring: Coupon, kakaopay: KakaoPay
) -> Callable[..., Order]:
    """
    Three cups, two teas and a ticket, delivered for 3,000 won; 4,500 won off by the coupon, and
    9,000 points: 37,500 - 3,000 won. Other ``pieces``, ``wish`` and shoppers may be named.
    """

    def order(
        pieces: dict[str, int] | None = None,
        wish: Wish = Wish("SPRING", 9_000),  # noqa: B008
        user: User = shopper,
        **more: Any,
    ) -> Order:
        now = timezone.now()
        cart, _ = Cart.objects.get_or_create(user=user)
        for name, quantity in (pieces or {"cup": 3, "tea": 2, "ticket": 1}).items():
            cart.lines.create(product=goods[name], quantity=quantity)
        if wish.points:
            points.grant(user, wish.points, note="가입", by=None, now=now)
        seen = quoting.look(cart, wish, user_id=user.pk, now=now).quote
        given = {"user": user, "contact": CONTACT, "destination": HOME, "now": now}
        placed = payments.start(**given | more, seen=seen, wish=wish)
        if isinstance(placed, Order):
            return placed
        token = kakaopay.pay(placed.redirect_urls["pc"]).rpartition("pg_token=")[2]
        return payments.capture(placed, pg_token=token, now=timezone.now()).order

    return order


@pytest.fixture
def order(buy: Callable[..., Order]) -> Order:
    return buy()
