from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from accounts.models import User
from shop.models import Category, Coupon, Product


@pytest.fixture
def english(client: Client) -> Client:
    """A browser that reads English, where sentences are compared."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def htmx(english: Client) -> Any:
    """Posts as htmx does: ``htmx(url, data)``."""

    def post(url: str, data: dict[str, Any]) -> Any:
        return english.post(url, data, headers={"HX-Request": "true"})

    return post


@pytest.fixture
def staff(english: Client, db: None) -> Client:
    """A browser in which a superuser is signed in, in English."""
    english.force_login(User.objects.create_superuser("staff@example.com", "open-sesame-2"))
    return english


@pytest.fixture
def make_coupon(db: None) -> Callable[..., Coupon]:
    """Coupons of 3,000 won, valid since 2026, for everything unless goods are named."""

    def make(
        *, products: Sequence[Product] = (), categories: Sequence[Category] = (), **fields: Any
    ) -> Coupon:
        number = Coupon.objects.count() + 1
        defaults = {
            "name_ko": f"쿠폰 {number}",
            "name_en": f"Coupon {number}",
            "value": 3_000,
            "valid_from": datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Seoul")),
            "is_for_all": not (products or categories),
        }
        coupon = Coupon.objects.create(**(defaults | fields))
        coupon.products.set(products)
        coupon.categories.set(categories)
        return coupon

    return make
