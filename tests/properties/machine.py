"""
Random lives of a shopper's purchases, with everything that can go wrong at any step.

After each life everything is recovered, and both books must tell the same story.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar

import requests
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accounts.models import User
from checkout import payments, reconciliation, refunds, sending
from checkout.calls import gateway_for
from checkout.gateways.base import Found, GatewayError
from orders import placing
from orders.models import Order, PaymentTransaction
from shop.models import Cart, Category, Product
from tests.books import differences, pieces_out
from tests.conftest import CONTACT
from tests.crashes import crash_at
from tests.kakaopay import KakaoPay

STOCK = 4
NO_TOKEN = "0" * 20
REASONS = st.sampled_from([Order.CancelReason.QUIT, Order.CancelReason.FAILED])

#: Before the money moved, or after; most calls go well.
TROUBLE = st.one_of(
    st.none(),
    st.none(),
    st.tuples(
        st.sampled_from(["before", "after"]),
        st.sampled_from(
            [
                *("drop", "garbled", "html_502", "http_500", "error:-1", "error:-785"),
                *("error:-780:USER_LOCKED", "error:-780:BANK_FIRM_UNKNOWN", "error:-702"),
            ]
        ),
    ),
)
#: The statement before which the process dies; most live.
CRASH = st.one_of(st.none(), st.none(), st.none(), st.integers(0, 24))


class Purchases(RuleBasedStateMachine):
    """One shopper, one cart, two products; ``kakaopay`` is set before the machine is run."""

    kakaopay: ClassVar[KakaoPay]
    steps: ClassVar[int] = 0
    passed: ClassVar[timedelta] = timedelta()

    @initialize()
    def open_the_shop(self) -> None:
        category, _ = Category.objects.get_or_create(slug="all", defaults={"name_ko": "모두"})
        number = Product.objects.count()
        self.user = User.objects.create_user(f"shopper-{number}@example.com")
        self.cart = Cart.objects.create(user=self.user)
        self.products = [
            Product.objects.create(
                category=category,
                slug=f"thing-{number}-{each}",
                name_ko="물건",
                price=price,
                stock=STOCK,
                is_tax_free=bool(each),
            )
            for each, price in enumerate((11_010, 3_333))
        ]
        self.tokens: dict[str, str] = {}

    # -- what the shopper does --

    @rule(quantities=st.tuples(st.integers(0, 2), st.integers(0, 2)), trouble=TROUBLE, crash=CRASH)
    def order(self, quantities: tuple[int, int], trouble: Any, crash: int | None) -> None:
        """Fill the cart and press the button."""
        self.cart.lines.all().delete()
        for product, quantity in zip(self.products, quantities, strict=True):
            if quantity:
                self.cart.lines.create(product=product, quantity=quantity)
        seen = [placing.item_of(line) for line in placing.lines_of(self.cart)]
        given = {"user": self.user, "contact": CONTACT, "seen": seen, "now": self.now()}
        self.go("ready", trouble, crash, payments.start, **given)

    @rule(trouble=TROUBLE, crash=CRASH)
    def order_again(self, trouble: Any, crash: int | None) -> None:
        """Go on with an order that waits, in another tab."""
        for order in self.orders(status="PENDING"):
            self.go("ready", trouble, crash, payments.reopen, order, now=self.now())

    @precondition(lambda self: self.charges())
    @rule(data=st.data(), decline=st.sampled_from(["", "", "", "NOT_ENOUGH_BALANCE"]))
    def pay(self, data: st.DataObject, decline: str) -> None:
        """Agree to pay on the provider's page, if it still lets them."""
        charge = data.draw(st.sampled_from(self.charges()))
        if charge.tid in self.tokens:
            return
        chosen = {"method": "MONEY" if decline else "CARD", "decline": decline or None}
        try:
            url = self.kakaopay.pay(charge.redirect_urls["pc"], **chosen)
        except AssertionError:
            return  # the page has nothing to pay any more, and leads away
        self.tokens[charge.tid] = url.rpartition("pg_token=")[2]

    @precondition(lambda self: self.charges())
    @rule(data=st.data(), trouble=TROUBLE, crash=CRASH)
    def come_back(self, data: st.DataObject, trouble: Any, crash: int | None) -> None:
        """The approval address is opened: once, again, or with a token that never was."""
        charge = data.draw(st.sampled_from(self.charges()))
        token = self.tokens.get(charge.tid, NO_TOKEN)
        given = {"pg_token": token, "now": self.now()}
        self.go("approve", trouble, crash, payments.capture, charge, **given)

    @precondition(lambda self: self.charges())
    @rule(data=st.data(), reason=REASONS, really=st.booleans(), crash=CRASH)
    def give_up(self, data: st.DataObject, reason: Any, really: bool, crash: int | None) -> None:
        """Quit on the provider's page and come back, or only open the address again."""
        charge = data.draw(st.sampled_from(self.charges()))
        if really:
            try:
                self.kakaopay.quit(charge.redirect_urls["pc"])
            except AssertionError:
                return  # too late to quit
        self.go("ready", None, crash, payments.abandon, charge, reason, now=self.now())

    # -- what the shop does --

    @rule(trouble=TROUBLE, crash=CRASH)
    def reconcile(self, trouble: Any, crash: int | None) -> None:
        rows = reconciliation.unsettled(self.now())
        self.go("order", trouble, crash, lambda: settle(rows, self.now()))

    @rule(crash=CRASH)
    def close_abandoned(self, crash: int | None) -> None:
        self.go("ready", None, crash, lambda: list(payments.close_abandoned(now=self.now())))

    @rule(part=st.integers(1, 4), trouble=TROUBLE, crash=CRASH)
    def refund(self, part: int, trouble: Any, crash: int | None) -> None:
        """A part of what was paid, or all of it."""
        for order in self.orders(paid_at__isnull=False)[:1]:
            given = {"reason": "", "by": None, "now": self.now()}
            amount = max(1, order.total // part)
            self.go("cancel", trouble, crash, payments.refund, order, amount=amount, **given)

    @rule(part=st.integers(1, 4))
    def refund_by_hand(self, part: int) -> None:
        """In the provider's own site."""
        for order in self.orders(paid_at__isnull=False)[:1]:
            for payment in self.kakaopay.payments(order.number):
                amount = max(1, payment.available_total // part)
                url = f"{self.kakaopay.url}/ledger/{payment.tid}/refund/"
                requests.post(url, data={"amount": amount}, timeout=10)

    @rule(minutes=st.sampled_from([1, 5, 16]))
    def wait(self, minutes: int) -> None:
        """Time passes on both sides."""
        self.kakaopay.advance(minutes * 60)
        type(self).passed += timedelta(minutes=minutes)

    # -- what must be true --

    @invariant()
    def no_piece_is_lost_or_sold_twice(self) -> None:
        type(self).steps += 1
        for product in getattr(self, "products", []):
            product.refresh_from_db()
            assert product.stock >= 0
            assert product.stock + pieces_out(product.pk) == STOCK

    def teardown(self) -> None:
        """Recover, and compare the books."""
        if not hasattr(self, "products"):
            return
        self.kakaopay.clear_faults()
        for _ in range(4):
            settle(reconciliation.unsettled(self.now()), self.now())
            list(payments.close_abandoned(now=self.now()))
            self.wait(16)
        self.audit()
        self.no_piece_is_lost_or_sold_twice()
        assert differences(list(self.orders()), self.kakaopay) == []
        assert not self.orders(status="PENDING").exists()

    # -- how --

    def go(
        self, endpoint: str, trouble: Any, crash: int | None, act: Any, *given: Any, **more: Any
    ):
        """Do it while something is wrong; refusals are fine, whatever the shop says about them."""
        self.kakaopay.clear_faults()
        if trouble:
            when, kind = trouble
            self.kakaopay.fault(endpoint, **{when: kind})
        refusals = (
            placing.CannotPlace,
            payments.NotPayable,
            payments.ProviderUnavailable,
            refunds.NotRefundable,
            refunds.AlreadyInFlight,
        )
        with crash_at(crash), suppress(refusals):
            act(*given, **more)

    def audit(self) -> None:
        """Enter refunds made by hand; no charge that was taken may have been given up."""
        for charge in self.charges():
            try:
                found = gateway_for(charge).lookup(sending.payment_of(charge))
            except GatewayError:
                continue
            if isinstance(found, Found):
                assert charge.status == "SUCCEEDED" or not sending.charge_in(found, charge)
                reconciliation.put_right(charge, found, now=self.now())

    def now(self) -> datetime:
        return timezone.now() + self.passed

    def orders(self, **which: Any) -> Any:
        return Order.objects.filter(user=self.user, **which).select_related("user").order_by("-pk")

    def charges(self) -> list[PaymentTransaction]:
        """Those with a page at the provider, newest first."""
        if not hasattr(self, "user"):
            return []
        rows = PaymentTransaction.objects.filter(order__user=self.user, kind="CHARGE")
        return list(rows.exclude(tid="").select_related("order__user").order_by("-pk"))


def settle(rows: Any, now: datetime) -> None:
    for _ in reconciliation.settle_stale(rows, now=now):
        pass
