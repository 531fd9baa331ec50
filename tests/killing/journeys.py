"""The requests during which the web process is killed, and what the person does afterwards."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import requests
from django.urls import reverse
from django.utils import timezone

from accounts import points
from accounts.addresses import Destination
from accounts.models import User
from checkout import offers, payments
from orders import pricing, quoting, refunding
from orders.models import Order, PaymentTransaction
from orders.quoting import Wish
from shop.models import Cart, Category, Coupon, Product
from tests.conftest import CONTACT
from tests.kakaopay import KakaoPay
from tests.killing.web import Browser, KillableShop
from tests.staff import form_of

STOCK = 10
WANTED = 2
PRICE = 11_000
#: Delivered for 3,000 won, with 2,500 points of two lots, and 1,500 won off.
TOTAL = 2 * 11_000 + 3_000 - 2_500 - 1_500
HOME = Destination("김하나", "+821012345678", "06236", "서울 강남구 테헤란로 1", "101호")


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
    points: ClassVar[int] = 2_500
    #: A request with a provider in it passes more.
    least_points: ClassVar[int] = 12
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
        self.coupon = Coupon.objects.create(
            name="한 번", code=word.upper(), kind=Coupon.Kind.PERCENT, value=10, cap=1_500, limit=1
        )
        self.give_points(timezone.now())
        self.wish = Wish(self.coupon.code, self.points)
        self.browser = Browser(shop, self.user)
        self.arrange()

    def give_points(self, now: datetime) -> None:
        """Two lots, of which the one that expires first is not enough."""
        for amount, days in ((1_000, 30), (30_000, 365)):
            until = now + timedelta(days=days)
            points.grant(self.user, amount, note="가입", by=None, now=now, expires_at=until)

    def arrange(self) -> None:
        """Come to where the request can be made."""

    def request(self, kill_at: int | None = None) -> requests.Response:
        """The request that is killed at a point; without ``kill_at``, the same once more."""
        raise NotImplementedError

    def go_on(self) -> None:
        """What the person does on seeing that the page did not come."""
        self.request()

    def at_last(self) -> None:
        """What happens once every deadline has passed."""

    def seen(self) -> pricing.Quote:
        """What the review page would show."""
        now = timezone.now()
        return quoting.look(self.cart, self.wish, user_id=self.user.pk, now=now).quote

    def start(self) -> PaymentTransaction:
        """Order what is in the cart, without the web process."""
        charge = payments.start(
            user=self.user,
            contact=CONTACT,
            seen=self.seen(),
            wish=self.wish,
            destination=HOME,
            now=timezone.now(),
        )
        assert isinstance(charge, PaymentTransaction)
        assert charge.amount == TOTAL
        return charge


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
            "coupon": self.wish.coupon,
            "points": self.wish.points,
            "address-recipient": HOME.recipient,
            "address-phone": HOME.phone,
            "address-postcode": HOME.postcode,
            "address-line1": HOME.line1,
            "address-line2": HOME.line2,
            "address-is_saved": "on",
            "seen": offers.sealed(self.seen()),
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


class StartPaidByPoints(Start):
    """All of it is paid by a coupon and points: no provider is asked, and nothing else is due."""

    name = "start, no money"
    ends = {Order.Status.PAID: NEVER}
    points = 2 * 11_000 + 3_000 - 1_500
    least_points = 3

    def go_on(self) -> None:
        """Where the order was placed, the cart is empty, and the button leads back to it."""
        there = self.request().headers["Location"]
        assert there.startswith(("/orders/", reverse("shop:cart")))


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


class Bought(Journey):
    """A journey that begins with an order that is paid."""

    def arrange(self) -> None:
        charge = self.start()
        pg_token = self.kakaopay.pay(charge.redirect_urls["pc"]).rpartition("pg_token=")[2]
        self.order = payments.capture(charge, pg_token=pg_token, now=timezone.now()).order


class Refund(Bought):
    """
    An operator gives one of two cups back, with its points, and puts it into stock; then they send
    the same form again.
    """

    name = "refund"
    ends = {Order.Status.PARTIALLY_REFUNDED: PAID_AND_REFUNDED_ONCE}

    def arrange(self) -> None:
        super().arrange()
        operator = User.objects.create_superuser(f"staff-{self.product.slug}@example.com")
        self.desk = Browser(self.shop, operator)
        self.page = reverse("admin:orders_order_refund", args=[self.order.pk])
        self.form = form_of(self.order, self.scope())

    def scope(self) -> refunding.Scope:
        return refunding.by_line({self.order.lines.get().pk: 1}, restock=True)

    def request(self, kill_at: int | None = None) -> requests.Response:
        return self.desk.post(self.page, self.form, kill_at=kill_at)


class RefundAllAndLeave(Refund):
    """An operator gives all of it back, and does not look again."""

    name = "refund all, leave"
    ends = {Order.Status.PAID: PAID_ONCE, Order.Status.REFUNDED: PAID_AND_REFUNDED_ONCE}
    comes_back = False

    def scope(self) -> refunding.Scope:
        return refunding.everything()


class Cancel(Bought):
    """The buyer cancels what was not shipped; then they press again."""

    name = "cancel"
    ends = {Order.Status.REFUNDED: PAID_AND_REFUNDED_ONCE}

    def request(self, kill_at: int | None = None) -> requests.Response:
        page = reverse("checkout:cancel_order", args=[self.order.number])
        return self.browser.post(page, {"reason": ""}, kill_at=kill_at)
