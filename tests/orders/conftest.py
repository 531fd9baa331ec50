from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from shop.models import Product


@pytest.fixture
def make_order(shopper: User, make_product: Callable[..., Product]) -> Callable[..., Order]:
    """Orders for two cups of 11,000 won each, of which three were left."""
    cup = make_product(stock=3)

    def make(**fields: Any) -> Order:
        now = timezone.now()
        amounts = {"subtotal": 22_000, "total": 22_000, "tax_free": 0, "vat": 2_000}
        contact = {"name": "김하나", "phone": "+821012345678", "email": "hana@example.com"}
        times = {"consented_at": now, "placed_at": now, "deadline_at": now}
        order = Order.objects.create(**({"user": shopper} | amounts | contact | times | fields))
        order.lines.create(product=cup, name="컵", unit_price=11_000, quantity=2, is_tax_free=False)
        return order

    return make


@pytest.fixture
def paid(make_order: Callable[..., Order]) -> Order:
    """Paid by a Shinhan card in three months, at 08:59:58 in Seoul."""
    order = make_order(status="PAID")
    order.transactions.create(
        kind="CHARGE",
        status="SUCCEEDED",
        gateway="kakaopay",
        amount=22_000,
        tax_free=0,
        vat=2_000,
        tid="T0a1b2c3d4e5f6071829",
        aid="A0a1b2c3d4e5f6071829",
        pg_token="0123456789abcdef0123",
        method="CARD",
        card_issuer="신한",
        installment_months=3,
        approved_at=datetime(2026, 11, 20, 23, 59, 58, tzinfo=ZoneInfo("UTC")),
    )
    return order
