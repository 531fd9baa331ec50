"""Coupons and points of one shopper whom two requests concern at once."""

import time
from contextlib import contextmanager
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from accounts import addresses, points
from accounts.addresses import Destination
from checkout import payments, settling
from checkout.gateways.base import Approved
from orders import coupons, quoting
from orders.models import Order, PaymentTransaction
from orders.quoting import Wish
from shop.models import Cart, Coupon
from tests.books import holdings
from tests.conftest import CONTACT
from tests.races import all_at_once
from tests.staff import operator, refund

pytestmark = pytest.mark.django_db(transaction=True)
QUIT = Order.CancelReason.QUIT


@contextmanager
def meeting(barrier, *, before, pause=0.0):
    """Wait for the other one before the first statement with these words in it."""

    def wait(execute, sql, *given):
        nonlocal has_met
        if not has_met and all(word in sql for word in before):
            has_met = True
            barrier.wait(timeout=10)
            time.sleep(pause)
        return execute(sql, *given)

    has_met = False
    with connection.execute_wrapper(wait):
        yield
    assert has_met


@pytest.fixture
def spring(db):
    return Coupon.objects.create(name_ko="봄", code="SPRING", value=1_000, per_person=2)


@pytest.fixture
def put(shopper, make_product):
    """Fill the cart anew with a product of its own, and nothing else."""

    def put(*, needs_delivery=False):
        cart, _ = Cart.objects.get_or_create(user=shopper)
        cart.lines.all().delete()
        cart.lines.create(product=make_product(needs_delivery=needs_delivery), quantity=1)
        return cart

    return put


@pytest.fixture
def buy(shopper, put, kakaopay):
    """Order a new product as the page offers it."""

    def order(wish, *, needs_delivery=False, **more):
        cart, now = put(needs_delivery=needs_delivery), timezone.now()
        seen = quoting.look(cart, wish, user_id=shopper.pk, now=now).quote
        given = {"user": shopper, "contact": CONTACT, "seen": seen, "wish": wish}
        return payments.start(**given, **more, now=now)

    return order


def test_a_refund_and_an_order_with_the_same_coupon(buy, pay, shopper, spring, kakaopay):
    """Both need the coupon and the shopper's points, and take them in the same order."""
    points.grant(shopper, 1_000, note="", by=None, now=timezone.now())
    charge = buy(Wish("SPRING", 100))
    payments.capture(charge, pg_token=pay(charge), now=timezone.now())
    both = Barrier(2)
    operator()

    def give_back():
        with meeting(both, before=["UPDATE", "shop_coupon", "redeemed"]):
            refund(charge.order, charge.amount)

    def order():
        with meeting(both, before=["WITH person"]):
            buy(Wish("SPRING", 200))

    all_at_once([give_back, order])
    spring.refresh_from_db()
    orders = Order.objects.order_by("pk")
    assert [each.status for each in orders] == ["REFUNDED", "PENDING"]
    assert spring.redeemed == 1
    assert holdings(orders) == []


def test_an_order_that_saves_its_address_and_a_new_default(buy, shopper, make_product):
    """Both lock the person, and then the address."""
    points.grant(shopper, 1_000, note="", by=None, now=timezone.now())
    home = Destination("김하나", CONTACT.phone, "04524", "서울 중구 세종대로 110")
    addresses.remember(shopper.pk, home, now=timezone.now())
    both = Barrier(2)

    def order():
        with meeting(both, before=["WITH person"]):
            buy(Wish("", 200), needs_delivery=True, destination=home, is_saved=True)

    def prefer():
        with meeting(both, before=["UPDATE", "accounts_address"]):
            addresses.make_default(shopper.addresses.get())

    all_at_once([order, prefer])
    assert (Order.objects.count(), shopper.addresses.get().is_default) == (1, True)


@pytest.fixture
def late(buy, spring, kakaopay):
    """A charge of an order that the shopper quit, and that is paid for all the same."""
    Coupon.objects.update(per_person=1)
    charge = buy(Wish("SPRING"))
    payments.abandon(charge, QUIT, now=timezone.now())
    return PaymentTransaction.objects.select_related("order").get()


def arrive(charge):
    settling.settle(charge, Approved("A" + "0" * 19, charge.amount, None), now=timezone.now())


def test_a_late_payment_finds_the_coupon_in_use(late, buy, spring):
    """The shopper orders with it at this moment: what came late is given back."""
    both = Barrier(2)

    def pay_late():
        with meeting(both, before=["shop_coupon", "FOR NO KEY UPDATE"]):
            arrive(late)

    def order():
        with meeting(both, before=["INSERT INTO", "orders_couponredemption"], pause=0.3):
            buy(Wish("SPRING"))

    all_at_once([pay_late, order])
    spring.refresh_from_db()
    assert [each.status for each in Order.objects.order_by("pk")] == ["CANCELED", "PENDING"]
    assert PaymentTransaction.objects.filter(kind="REFUND", amount=late.amount).count() == 1
    assert spring.redeemed == 1


def test_an_order_finds_the_coupon_in_use_by_a_late_payment(late, buy, spring):
    """The late payment takes it at this moment: the shopper is told that they have used it."""
    both = Barrier(2)
    told = []

    def pay_late():
        with meeting(both, before=['UPDATE "orders_couponredemption"'], pause=0.3):
            arrive(late)

    def order():
        with meeting(both, before=["shop_coupon", "FOR NO KEY UPDATE"]):
            try:
                buy(Wish("SPRING"))
            except coupons.CouponRefused as refusal:
                told.append(refusal.why)

    all_at_once([pay_late, order])
    spring.refresh_from_db()
    assert told == [coupons.Why.USED_BY_YOU]
    assert (Order.objects.get().status, spring.redeemed) == ("PAID", 1)


def test_what_the_page_offers_to_somebody_who_owes_points(buy, pay, put, shopper, kakaopay):
    """Points that a pending order holds pay what is owed, once it gives them back."""
    now = timezone.now()
    first = buy(Wish())
    payments.capture(first, pg_token=pay(first), now=now)
    buy(Wish("", 100))  # of the 110 that were earned
    refund(first.order, first.amount, now=now)
    assert points.usable(shopper.pk, now=now) == 0
    basket = quoting.look(put(), Wish("", 100), user_id=shopper.pk, now=now)
    assert (basket.usable, basket.quote.points) == (0, 0)
