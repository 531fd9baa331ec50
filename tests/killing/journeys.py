"""The requests during which the web process is killed, and what the person does afterwards."""

import secrets
from dataclasses import dataclass
from typing import ClassVar

import requests
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from checkout import offers, payments
from orders import placing, pricing
from orders.models import Order, PaymentTransaction
from shop.models import Cart, Category, Product
from tests.conftest import CONTACT
from tests.kakaopay import KakaoPay
from tests.killing.web import Browser, KillableShop

STOCK = 10
WANTED = 2
PRICE = 11_000


@dataclass(frozen=True)
class Moved:
    """How often money moves at the provider."""

    charges: int
    refunds: int


NEVER = Moved(0, 0)
PAID_ONCE = Moved(1, 0)
PAID_AND_REFUNDED_ONCE = Moved(1, 1)


class Journey:
    """One run: one request of one person. Person and goods are new, so runs share nothing."""

    name: ClassVar[str]
    #: How the order may end, wherever the process was killed, and what must have moved then.
    ends: ClassVar[dict[Order.Status, Moved]]
    may_have_no_order: ClassVar[bool] = False
    comes_back: ClassVar[bool] = True  # does the person try again?

    def __init__(self, shop: KillableShop, kakaopay: KakaoPay) -> None:
        self.shop = shop
        self.kakaopay = kakaopay
        word = secrets.token_hex(6)
        category, _ = Category.objects.get_or_create(
            slug="kitchen", defaults={"name_ko": "주방", "name_en": "Kitchen"}
        )
        self.product = Product.objects.create(
            category=category,
            slug=word,
            name_ko=f"컵 {word}",
            name_en=f"Cup {word}",
            price=PRICE,
            stock=STOCK,
        )
        self.user = User.objects.create_user(f"{word}@example.com", name="김하나")
        self.cart = Cart.objects.create(user=self.user)
        self.cart.lines.create(product=self.product, quantity=WANTED)
        self.browser = Browser(shop, self.user)
        self.arrange()

    def arrange(self) -> None:
        """Come to where the request can be made."""

    def request(self, kill_at: int | None = None) -> requests.Response:
        """The request that is killed at a point; without ``kill_at``, the same once more."""
        raise NotImplementedError

    def go_on(self) -> None:
        """What the person does on seeing that the page did not come."""
        self.request()

    def items(self) -> list[pricing.Item]:
        return [placing.item_of(line) for line in placing.lines_of(self.cart)]

    def start(self) -> PaymentTransaction:
        """Order what is in the cart, without the web process."""
        now = timezone.now()
        return payments.start(user=self.user, contact=CONTACT, seen=self.items(), now=now)


class Start(Journey):
    """The pay button is pressed; then it is pressed again, and what was ordered is paid."""

    name = "start"
    ends = {Order.Status.PAID: PAID_ONCE}

    def arrange(self) -> None:
        self.form = {
            "name": CONTACT.name,
            "phone": "010-1234-5678",
            "email": CONTACT.email,
            "consent": "on",
            "seen": offers.sealed(self.items()),
        }

    def request(self, kill_at: int | None = None) -> requests.Response:
        return self.browser.post(reverse("checkout:ready"), self.form, kill_at=kill_at)

    def go_on(self) -> None:
        there = self.request().headers["Location"]
        if there.startswith(self.kakaopay.url):
            self.browser.get(self.kakaopay.pay(there))


class StartAndLeave(Start):
    """The pay button is pressed, and the buyer is not seen again."""

    name = "start, leave"
    ends = {Order.Status.CANCELED: NEVER}
    may_have_no_order = True
    comes_back = False


class Capture(Journey):
    """The buyer comes back from the provider, having agreed to pay; then they reload the page."""

    name = "capture"
    ends = {Order.Status.PAID: PAID_ONCE}

    def arrange(self) -> None:
        self.address = self.kakaopay.pay(self.start().redirect_urls["pc"])

    def request(self, kill_at: int | None = None) -> requests.Response:
        return self.browser.get(self.address, kill_at=kill_at)


class CaptureAndLeave(Capture):
    """The buyer comes back, having agreed to pay, and is not seen again."""

    name = "capture, leave"
    ends = {Order.Status.PAID: PAID_ONCE, Order.Status.CANCELED: NEVER}
    comes_back = False


class Refund(Journey):
    """An operator gives a part of the money back; then they send the same form again."""

    name = "refund"
    ends = {Order.Status.PARTIALLY_REFUNDED: PAID_AND_REFUNDED_ONCE}
    amount: ClassVar[int] = 5_000

    def arrange(self) -> None:
        charge = self.start()
        pg_token = self.kakaopay.pay(charge.redirect_urls["pc"]).rpartition("pg_token=")[2]
        payments.capture(charge, pg_token=pg_token, now=timezone.now())
        operator = User.objects.create_superuser(f"staff-{self.product.slug}@example.com")
        self.desk = Browser(self.shop, operator)
        self.page = reverse("admin:orders_order_refund", args=[charge.order_id])

    def request(self, kill_at: int | None = None) -> requests.Response:
        form = {"amount": self.amount, "reason": "단순 변심", "seen": PRICE * WANTED}
        return self.desk.post(self.page, form, kill_at=kill_at)


class RefundAllAndLeave(Refund):
    """An operator gives all the money back, and does not look again."""

    name = "refund all, leave"
    ends = {Order.Status.PAID: PAID_ONCE, Order.Status.REFUNDED: PAID_AND_REFUNDED_ONCE}
    amount = PRICE * WANTED
    comes_back = False


JOURNEYS: tuple[type[Journey], ...] = (
    *(Start, StartAndLeave),
    *(Capture, CaptureAndLeave),
    *(Refund, RefundAllAndLeave),
)
