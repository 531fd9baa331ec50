"""Shared by all tests: the sandbox, and a shopper with something to buy."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import translation

from accounts.models import User
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
            category=category, **(defaults | {"price": 11_000, "stock": 10} | fields)
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
