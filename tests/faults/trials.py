"""
One fault in one call: what the person is told at once, and what in the end.

Nobody may be told what the sandbox's books do not show, at any moment.
"""

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import points
from accounts.models import User
from checkout import payments, reconciliation
from orders import quoting, refunding
from orders.models import Order, PaymentTransaction
from orders.quoting import Wish
from shop.models import Cart, Category, Coupon, Product
from tests.books import differences
from tests.conftest import CONTACT
from tests.kakaopay import KakaoPay
from tests.staff import form_of

PATIENCE = 8  # seconds until recovery must have ended it
#: For a cup of 11,000 won, with a coupon of 1,500 won and 500 points.
TOTAL = "9000"
FORM = {"name": "김하나", "phone": "010-1234-5678", "email": "hana@example.com", "consent": "on"}
TOLD = {
    "checkout/unavailable.html": "try again",
    "orders/confirming.html": "confirming",
    "orders/receipt.html": "receipt",
    "orders/canceled.html": "not charged",
}
STAFF_TOLD = {"success": "refunded", "warning": "confirming", "error": "declined"}


class NotArranged(Exception):
    """This fault makes no sense for this call."""


@dataclass
class Trial:
    """A shopper with a cart of their own, and a provider in which one thing goes wrong."""

    kakaopay: KakaoPay
    kind: str
    moved: bool

    def __post_init__(self) -> None:
        number = Product.objects.count()
        category, _ = Category.objects.get_or_create(slug="all", defaults={"name_ko": "모두"})
        self.product = Product.objects.create(
            category=category,
            slug=f"cup-{number}",
            name_ko="컵",
            price=11_000,
            stock=3,
            needs_delivery=False,
        )
        self.user = User.objects.create_user(f"shopper-{number}@example.com")
        self.cart = Cart.objects.create(user=self.user)
        self.cart.lines.create(product=self.product, quantity=1)
        self.coupon = Coupon.objects.create(
            name="한 번", code=f"ONCE-{number}", value=1_500, limit=1
        )
        points.grant(self.user, 500, note="가입", by=None, now=timezone.now())
        self.wish = Wish(self.coupon.code or "", 500)
        self.browser = Client()
        self.browser.force_login(self.user)
        self.desk = Client()
        self.desk.force_login(User.objects.create_superuser(f"staff-{number}@example.com"))

    def break_down(self, endpoint: str) -> None:
        """Let the next call of this endpoint go wrong. :raises NotArranged: if it cannot."""
        when = {"after" if self.moved else "before": self.kind}
        try:
            self.kakaopay.fault("any" if self.kind.startswith("refuse") else endpoint, **when)
        except AssertionError as refused:
            raise NotArranged from refused

    # -- the four calls --

    def start(self) -> str:
        """The fault strikes ``ready``; then the buyer presses again, and pays."""
        self.break_down("ready")
        at_once = self.check_out()
        self.kakaopay.clear_faults()
        if at_once == "try again":
            assert self.check_out() == "to KakaoPay"
        self.approve(self.charge())
        return f"{at_once} → {self.end()}"

    def capture(self) -> str:
        """The fault strikes ``approve``."""
        charge = self.begin()
        address = self.kakaopay.pay(charge.redirect_urls["pc"])
        self.break_down("approve")
        at_once = self.told(self.browser.get(local(address), follow=True))
        return f"{at_once} → {self.end()}"

    def refund(self) -> str:
        """The fault strikes ``cancel``, while staff give everything back."""
        charge = self.begin()
        self.approve(charge)
        self.break_down("cancel")
        page = f"/admin/orders/order/{charge.order_id}/refund/"
        form = form_of(self.order(), refunding.everything())
        answer = self.desk.post(page, form, follow=True)
        at_once = self.staff_told(answer)
        self.end()
        refund = self.order().transactions.get(kind="REFUND")
        ends = {"SUCCEEDED": "refunded", "FAILED": "declined", "PROCESSING": "confirming"}
        return f"{at_once} → {ends[refund.status]}"

    def lookup(self) -> str:
        """The answer to ``approve`` was lost, and now the fault strikes the question about it."""
        charge = self.begin()
        address = self.kakaopay.pay(charge.redirect_urls["pc"])
        self.kakaopay.fault("approve", after="drop")
        assert self.told(self.browser.get(local(address), follow=True)) == "confirming"
        self.break_down("order")
        self.settle()
        at_once = self.told(self.browser.get(self.order().get_absolute_url()))
        return f"{at_once} → {self.end()}"

    # -- the steps --

    def begin(self) -> PaymentTransaction:
        now = timezone.now()
        seen = quoting.look(self.cart, self.wish, user_id=self.user.pk, now=now).quote
        charge = payments.start(user=self.user, contact=CONTACT, seen=seen, wish=self.wish, now=now)
        assert isinstance(charge, PaymentTransaction)
        return charge

    def check_out(self) -> str:
        form = {**FORM, "coupon": self.wish.coupon, "points": self.wish.points}
        page = self.browser.post(reverse("checkout:quote"), form).content.decode()
        seen = re.search(r'name="seen" value="([^"]*)"', page)
        assert seen
        answer = self.browser.post(reverse("checkout:ready"), {**form, "seen": seen[1]})
        return "to KakaoPay" if answer.status_code == 303 else self.told(answer)

    def approve(self, charge: PaymentTransaction) -> None:
        address = self.kakaopay.pay(charge.redirect_urls["pc"])
        assert self.told(self.browser.get(local(address), follow=True)) == "receipt"

    def settle(self) -> None:
        now = timezone.now()
        list(reconciliation.settle_stale(reconciliation.unsettled(now), now=now))

    def end(self) -> str:
        """Recover until nothing is unknown, and compare the books. What the buyer reads then."""
        self.kakaopay.clear_faults()
        deadline = time.monotonic() + PATIENCE
        while self.order().transactions.filter(status="PROCESSING").exists():
            assert time.monotonic() < deadline, "never settled"
            self.settle()
            time.sleep(0.05)
        list(payments.close_abandoned(now=timezone.now() + timedelta(minutes=16)))
        assert differences([self.order()], self.kakaopay) == []
        self.product.refresh_from_db()
        sold = 0 if self.order().status == Order.Status.CANCELED else 1
        assert self.product.stock + sold == 3
        assert self.order().total == int(TOTAL)
        return self.told(self.browser.get(self.order().get_absolute_url()))

    def told(self, answer: Any) -> str:
        """What the page says, which the sandbox's books must show."""
        names = [template.name for template in answer.templates]
        word = next(TOLD[name] for name in names if name in TOLD)
        charged = sum(len(payment.actions) for payment in self.books())
        assert charged or word != "receipt"
        assert not charged or word not in {"not charged", "try again"}
        return word

    def staff_told(self, answer: Any) -> str:
        (message,) = answer.context["messages"]
        word = STAFF_TOLD[message.level_tag]
        returned = sum(payment.canceled_total for payment in self.books())
        assert returned or word != "refunded"
        assert not returned or word != "declined"
        return word

    def books(self) -> list[Any]:
        return self.kakaopay.payments(self.order().number)

    def order(self) -> Order:
        return Order.objects.get(user=self.user)

    def charge(self) -> PaymentTransaction:
        return self.order().transactions.filter(status="READY").latest("pk")


def local(address: str) -> str:
    """The path of one of the shop's addresses."""
    return "/" + address.split("/", 3)[3]
