"""Shared by all tests: the sandbox, and a shopper with something to buy."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from accounts.models import User
from orders.models import Order
from orders.placing import Contact
from shop.models import Cart, Category, Product
from tests.kakaopay import KakaoPay, sandbox_process

CONTACT = Contact(name="김하나", phone="+821012345678", email="hana@example.com")


@pytest.fixture(autouse=True)
def korean() -> Iterator[None]:
    """The shop's first language, whatever the test before was asked in."""
    with translation.override("ko"):
        yield


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KakaoPay]:
    """One sandbox process for the whole run."""
    process, kakaopay = sandbox_process(tmp_path_factory.mktemp("sandbox"))
    with process:
        yield kakaopay


@pytest.fixture
def kakaopay(sandbox: KakaoPay, settings: Any) -> KakaoPay:
    """The sandbox without faults, at the time of day; the shop talks to it."""
    sandbox.clear_faults()
    sandbox.reset_clock()
    settings.KAKAOPAY_API_URL = sandbox.url
    return sandbox


@pytest.fixture
def shopper(db: None) -> User:
    return User.objects.create_user("hana@example.com", "open-sesame-2", name="김하나")


@pytest.fixture
def make_product(db: None) -> Callable[..., Product]:
    """Products with made-up names, in one category."""

    def make(**fields: Any) -> Product:
        category, _ = Category.objects.get_or_create(
            slug="kitchen", defaults={"name_ko": "주방", "name_en": "Kitchen"}
        )
        number = Product.objects.count() + 1
        defaults = {"slug": f"cup-{number}", "name_ko": f"컵 {number}", "name_en": f"Cup {number}"}
        return Product.objects.create(
            category=category,
            **(defaults | {"price": 11_000, "stock": 10, "needs_delivery": False} | fields),
        )

    return make


@pytest.fixture
def fill_cart(shopper: User) -> Callable[..., Cart]:
    """Put products into the shopper's cart: ``fill_cart((cup, 2), (tea, 1))``."""

    def fill(*wanted: tuple[Product, int]) -> Cart:
        cart, _ = Cart.objects.get_or_create(user=shopper)
        for product, quantity in wanted:
            cart.lines.create(product=product, quantity=quantity)
        return cart

    return fill


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
