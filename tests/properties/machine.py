"""
Random lives of a shopper's purchases, with everything that can go wrong at any step.

At each moment orders hold the stock, coupons and points that they should, and nothing else does.
After each life everything is recovered, and both books must tell the same story.
"""

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar

import requests
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accounts import expiring, points
from accounts.models import User
from checkout import payments, reconciliation, refunds, sending
from checkout.calls import gateway_for
from checkout.gateways.base import Approved, Found, GatewayError
from orders import coupons, placing, pricing, quoting, refunding
from orders.models import Order, PaymentTransaction
from orders.quoting import Wish
from shop.models import Cart, Product
from tests.books import differences, holdings, pieces_out
from tests.conftest import CONTACT
from tests.crashes import crash_at
from tests.kakaopay import KakaoPay
from tests.properties.goods import HOME, STOCK, Goods, begin
from tests.properties.results import results
from tests.staff import operator

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
CRASH = st.one_of(st.none(), st.none(), st.none(), st.integers(0, 40))

#: Pieces of each product; now and then of none.
QUANTITIES = st.sampled_from([(1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 1), (1, 2), (0, 0)])
COUPON = st.sampled_from(["", "", "few", "own", "ending"])
#: More than anybody has is as many as can be used.
POINTS = st.sampled_from([0, 0, 700, 6_000, pricing.MOST])
#: What happens as an order is placed, and then as its buyer comes back from paying it.
PURCHASE: dict[str, Any] = {
    "quantities": QUANTITIES,
    "wish": st.builds(Wish, COUPON, POINTS),
    "is_stubborn": st.booleans(),
    "destination": st.sampled_from([*[HOME] * 7, None]),
    "comes_back": st.sampled_from([True, True, False]),
    "trouble": st.tuples(TROUBLE, TROUBLE),
    "crash": st.tuples(CRASH, CRASH),
}

REFUSALS = (
    placing.CannotPlace,
    payments.NotPayable,
    payments.ProviderUnavailable,
    refunding.RefundRefused,
    refunds.AlreadyOpen,
    refunds.NotCancelable,
)


class Purchases(RuleBasedStateMachine):
    """A shopper, and another in whose way they are; ``kakaopay`` is set before the run."""

    kakaopay: ClassVar[KakaoPay]
    steps: ClassVar[int] = 0
    #: How often lives came to what they are about.
    came_to: ClassVar[Counter[str]] = Counter()
    passed: ClassVar[timedelta] = timedelta()
    goods: Goods | None = None

    @initialize(**PURCHASE)
    def open_the_shop(self, **first: Any) -> None:
        """In every life somebody buys something."""
        self.goods = begin(Product.objects.count(), now=self.now())
        self.tokens: dict[str, str] = {}
        self.late: set[str] = set()
        self.order(**first)

    # -- what the shopper does --

    @rule(**PURCHASE)
    def order(
        self,
        quantities: tuple[int, int],
        wish: Wish,
        is_stubborn: bool,
        destination: Any,
        comes_back: bool,
        trouble: tuple[Any, Any],
        crash: tuple[int | None, int | None],
    ) -> None:
        """
        Fill the cart, look what it comes to, and press the button: with what the page offers, or
        stubbornly with what was wished for. Then mostly pay and come back.
        """
        cart = self.fill(self.goods.shopper, quantities)
        wish = Wish(self.goods.key(wish.coupon), wish.points)
        now = self.now()
        basket = quoting.look(cart, wish, user_id=cart.user_id, now=now)
        refusals = (coupons.CouponRefused, points.NotEnoughPoints)
        if not is_stubborn:
            wish = Wish(wish.coupon if basket.applied else "", basket.quote.points)
            refusals = ()
        given = {"wish": wish, "destination": destination, "is_saved": True, "now": now}
        buyer = {"user": cart.user, "contact": CONTACT, "seen": basket.quote}
        do = payments.start
        self.go("ready", trouble[0], crash[0], do, refusals=refusals, **buyer, **given)
        if comes_back and (charges := self.charges()):
            self.return_from(charges[0], trouble[1], crash[1])

    @rule(crash=CRASH)
    def somebody_else(self, crash: int | None) -> None:
        """Another shopper takes a piece and a use of the rare coupon, or gives both back."""
        pending = Order.objects.filter(user=self.goods.other, status="PENDING")
        charge = PaymentTransaction.objects.filter(order__in=pending, status="READY").first()
        now = self.now()
        if charge:
            quit_ = Order.CancelReason.QUIT
            self.go("ready", None, crash, payments.abandon, charge, quit_, now=now)
            return
        cart = self.fill(self.goods.other, (0, 1))
        wish = Wish(self.goods.key("few"))
        seen = quoting.look(cart, wish, user_id=cart.user_id, now=now).quote
        given = {"wish": wish, "seen": seen, "now": now, "user": cart.user, "contact": CONTACT}
        refusals = (coupons.CouponRefused,)
        self.go("ready", None, crash, payments.start, refusals=refusals, **given)

    @rule(trouble=TROUBLE, crash=CRASH)
    def order_again(self, trouble: Any, crash: int | None) -> None:
        """Go on with an order that waits, in another tab."""
        for order in self.orders(status="PENDING"):
            self.go("ready", trouble, crash, payments.reopen, order, now=self.now())

    @precondition(lambda self: self.charges())
    @rule(data=st.data(), decline=st.sampled_from(["", "", "", "NOT_ENOUGH_BALANCE"]))
    def pay(self, data: st.DataObject, decline: str) -> None:
        """Agree to pay on the provider's page, and do not come back yet."""
        self.agree(self.choose(data), decline)

    @precondition(lambda self: self.charges())
    @rule(
        data=st.data(), is_known=st.sampled_from([*[True] * 7, False]), trouble=TROUBLE, crash=CRASH
    )
    def come_back(
        self, data: st.DataObject, is_known: bool, trouble: Any, crash: int | None
    ) -> None:
        """The approval address is opened: once, again, or with a token that never was."""
        self.return_from(self.choose(data), trouble, crash, is_known=is_known)

    @precondition(lambda self: self.charges())
    @rule(data=st.data(), reason=REASONS, really=st.booleans(), crash=CRASH)
    def give_up(self, data: st.DataObject, reason: Any, really: bool, crash: int | None) -> None:
        """Quit on the provider's page and come back, or only open the address again."""
        charge = self.choose(data)
        if really:
            try:
                self.kakaopay.quit(charge.redirect_urls["pc"])
            except AssertionError:
                return  # too late to quit
        self.go("ready", None, crash, payments.abandon, charge, reason, now=self.now())

    @precondition(lambda self: self.charges())
    @rule(data=st.data(), trouble=TROUBLE, crash=CRASH)
    def charged_after_all(self, data: st.DataObject, trouble: Any, crash: int | None) -> None:
        """
        A request that was long on its way takes the money of an order that has ended. The shop
        comes upon it now or later: it takes the order up again, or gives the money back.
        """
        charge = data.draw(st.sampled_from(self.charges()))
        token = self.agree(charge)
        books = self.kakaopay.payments(charge.order.number)
        if charge.order.status != "CANCELED" or not token or any(p.actions for p in books):
            return
        self.kakaopay.clear_faults()
        try:
            answer = gateway_for(charge).approve(sending.payment_of(charge), token)
        except GatewayError:  # the payer's bank had declined it
            return
        if isinstance(answer, Approved):
            self.late.add(charge.tid)
        self.go("order", trouble, crash, self.audit, [charge])

    # -- what the shop does --

    @rule(trouble=TROUBLE, crash=CRASH)
    def reconcile(self, trouble: Any, crash: int | None) -> None:
        rows = reconciliation.unsettled(self.now())
        self.go("order", trouble, crash, lambda: settle(rows, self.now()))

    @rule(is_night=st.booleans(), crash=CRASH)
    def clean_up(self, is_night: bool, crash: int | None) -> None:
        """Close what was not paid; or, by night, write points off and set off what is owed."""

        def clean() -> None:
            if is_night:
                expiring.expire(now=self.now())
            else:
                list(payments.close_abandoned(now=self.now()))

        self.go("ready", None, crash, clean)

    @rule(
        part=st.integers(0, 4),
        quantities=QUANTITIES,
        extras=st.tuples(st.booleans(), st.booleans()),
        trouble=TROUBLE,
        crash=CRASH,
    )
    def refund(
        self,
        part: int,
        quantities: tuple[int, int],
        extras: tuple[bool, bool],
        trouble: Any,
        crash: int | None,
    ) -> None:
        """A part of what was paid, or all of it, or some pieces with or without delivery."""
        for order in self.orders(paid_at__isnull=False)[:1]:
            given = {"reason": "", "by": operator(), "now": self.now()}
            scope = refunding.by_amount(max(1, order.total // part)) if part else None
            if scope is None:
                with_delivery, restock = extras
                lines = order.lines.order_by("pk")
                pieces = {line.pk: n for line, n in zip(lines, quantities, strict=False)}
                scope = refunding.by_line(pieces, with_delivery=with_delivery, restock=restock)
            self.go("cancel", trouble, crash, payments.refund, order, scope, **given)

    @rule(trouble=TROUBLE, crash=CRASH)
    def change_ones_mind(self, trouble: Any, crash: int | None) -> None:
        """The buyer cancels what was not shipped."""
        for order in self.orders(paid_at__isnull=False)[:1]:
            given = {"reason": "", "by": order.user, "now": self.now()}
            self.go("cancel", trouble, crash, payments.cancel, order, **given)

    @rule(part=st.integers(1, 4))
    def refund_by_hand(self, part: int) -> None:
        """In the provider's own site."""
        for order in self.orders(paid_at__isnull=False)[:1]:
            for payment in self.kakaopay.payments(order.number):
                amount = max(1, payment.available_total // part)
                url = f"{self.kakaopay.url}/ledger/{payment.tid}/refund/"
                requests.post(url, data={"amount": amount}, timeout=10)

    @rule(minutes=st.sampled_from([1, 1, 5, 16]))
    def wait(self, minutes: int) -> None:
        """Time passes on both sides."""
        self.kakaopay.advance(minutes * 60)
        type(self).passed += timedelta(minutes=minutes)

    # -- what must be true --

    @invariant()
    def no_piece_is_lost_or_sold_twice(self) -> None:
        type(self).steps += 1
        for product in self.goods.products if self.goods else []:
            product.refresh_from_db()
            assert product.stock >= 0
            assert product.stock + pieces_out(product.pk) == STOCK

    @invariant()
    def orders_hold_what_they_should(self) -> None:
        """No coupon and no point is lost, used twice, or held by an order that has ended."""
        if self.goods:
            assert holdings(self.all_orders(), self.goods.coupons.values()) == []

    def teardown(self) -> None:
        """Recover, and compare the books."""
        if self.goods is None:
            return
        self.kakaopay.clear_faults()
        self.audit(self.charges())
        for _ in range(4):
            settle(reconciliation.unsettled(self.now()), self.now())
            list(payments.close_abandoned(now=self.now()))
            self.wait(16)
        self.audit(self.charges())
        expiring.expire(now=self.now())
        self.no_piece_is_lost_or_sold_twice()
        self.orders_hold_what_they_should()
        assert differences(self.all_orders(), self.kakaopay) == []
        assert not [order for order in self.all_orders() if order.status == "PENDING"]
        self.came_to.update(results(self.all_orders(), late=self.late))

    # -- how --

    def choose(self, data: st.DataObject) -> PaymentTransaction:
        """Mostly the newest charge."""
        charges = self.charges()
        return data.draw(st.sampled_from([charges[0]] * 2 * len(charges) + charges))

    def agree(self, charge: PaymentTransaction, decline: str = "") -> str | None:
        """Agree to pay, if the provider's page still lets them: the token to come back with."""
        if charge.tid not in self.tokens:
            chosen = {"method": "MONEY" if decline else "CARD", "decline": decline or None}
            try:
                url = self.kakaopay.pay(charge.redirect_urls["pc"], **chosen)
            except AssertionError:
                return None  # the page has nothing to pay any more, and leads away
            self.tokens[charge.tid] = url.rpartition("pg_token=")[2]
        return self.tokens[charge.tid]

    def return_from(
        self, charge: PaymentTransaction, trouble: Any, crash: int | None, *, is_known: bool = True
    ) -> None:
        token = (is_known and self.agree(charge)) or NO_TOKEN
        given = {"pg_token": token, "now": self.now()}
        self.go("approve", trouble, crash, payments.capture, charge, **given)

    def fill(self, user: User, quantities: tuple[int, int]) -> Cart:
        """Their cart, with these and nothing else in it."""
        cart = Cart.objects.select_related("user").get(user=user)
        cart.lines.all().delete()
        for product, quantity in zip(self.goods.products, quantities, strict=True):
            if quantity:
                cart.lines.create(product=product, quantity=quantity)
        return cart

    def go(
        self,
        endpoint: str,
        trouble: Any,
        crash: int | None,
        act: Any,
        *given: Any,
        refusals: tuple[type[Exception], ...] = (),
        **more: Any,
    ) -> None:
        """Do it while something is wrong; such refusals are fine, whatever the shop says."""
        self.kakaopay.clear_faults()
        if trouble:
            when, kind = trouble
            self.kakaopay.fault(endpoint, **{when: kind})
        with crash_at(crash), suppress(*REFUSALS, *refusals):
            act(*given, **more)

    def audit(self, charges: list[PaymentTransaction]) -> None:
        """Enter refunds made by hand; no charge that was taken in time may have been given up."""
        for charge in charges:
            try:
                found = gateway_for(charge).lookup(sending.payment_of(charge))
            except GatewayError:
                continue
            if isinstance(found, Found):
                if charge.status in {"FAILED", "CANCELED"} and charge.tid not in self.late:
                    assert not sending.charge_in(found, charge)
                reconciliation.put_right(charge, found, now=self.now())

    def now(self) -> datetime:
        return timezone.now() + self.passed

    def orders(self, **which: Any) -> Any:
        mine = Order.objects.filter(user=self.goods.shopper, **which)
        return mine.select_related("user").order_by("-pk")

    def all_orders(self) -> list[Order]:
        return list(Order.objects.filter(user__in=[self.goods.shopper, self.goods.other]))

    def charges(self) -> list[PaymentTransaction]:
        """Those with a page at the provider, newest first."""
        if self.goods is None:
            return []
        rows = PaymentTransaction.objects.filter(order__user=self.goods.shopper, kind="CHARGE")
        return list(rows.exclude(tid="").select_related("order__user").order_by("-pk"))


def settle(rows: Any, now: datetime) -> None:
    for _ in reconciliation.settle_stale(rows, now=now):
        pass
