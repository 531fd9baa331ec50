from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from accounts import memberships
from accounts.models import BillingAgreement, Membership, Plan, User
from shop import plans
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


@pytest.fixture
def make_plan(db: None) -> Callable[..., Plan]:
    """Plans with their products: 4,900 won a month, 10% off and free delivery."""

    def make(**fields: Any) -> Plan:
        category, _ = Category.objects.get_or_create(
            slug="memberships", defaults={"name_ko": "멤버십", "name_en": "Memberships"}
        )
        number = Plan.objects.count() + 1
        names = {"name_ko": f"프리미엄 {number}", "name_en": f"Premium {number}"}
        defaults = {"slug": f"premium-{number}", "price": 4_900, "discount_percent": 10}
        plan = Plan(**(defaults | names | {"has_free_delivery": True} | fields))
        plans.offer(plan, category=category)
        return plan

    return make


@pytest.fixture
def monthly(make_plan: Callable[..., Plan]) -> Plan:
    return make_plan(slug="monthly", trial_days=14)


@pytest.fixture
def join(shopper: User, db: None) -> Callable[..., Membership]:
    """Make the shopper a member: ``join(plan)``. What renews is charged by an agreement."""

    def buy(plan: Plan, *, is_trial: bool = False) -> Membership:
        agreement = None
        if plan.renews:
            agreement = BillingAgreement(user=shopper, gateway="kakaopay")
            agreement.sid = "S1"
            agreement.save()
        memberships.join(
            shopper.pk,
            plan,
            price=plan.price,
            is_trial=is_trial,
            agreement=agreement,
            language="ko",
            now=timezone.now(),
        )
        return Membership.objects.get(user=shopper)

    return buy
