"""Money that turns out to have come after we concluded that it would not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from checkout import payments, reconciliation, sending, settling
from checkout.calls import gateway_for
from checkout.gateways.base import Approved
from checkout.models import Discrepancy, Mail
from orders.models import Order, PaymentTransaction

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentTransaction.Status


@pytest.fixture
def cup(make_product):
    return make_product(price=11_000, stock=2)


@pytest.fixture
def given_up(start, fill_cart, cup, pay, kakaopay):
    """
    A charge that counts as failed because its window closed, on an order that has ended; and that
    was charged all the same, by a request that was long on its way.
    """
    fill_cart((cup, 2))
    charge = start()
    pg_token = pay(charge)
    kakaopay.fault("approve", before="drop")
    payments.capture(charge, pg_token=pg_token, now=timezone.now())
    settle_all(timezone.now() + timedelta(minutes=42), kakaopay)
    charge = PaymentTransaction.objects.select_related("order__user").get()
    assert (charge.status, charge.order.status) == (Status.FAILED, Order.Status.CANCELED)
    gateway_for(charge).approve(sending.payment_of(charge), pg_token)
    assert kakaopay.payment(charge.tid).status == "SUCCESS_PAYMENT"
    return charge


def settle_all(now, kakaopay=None):
    """In ``now`` the window is closed; the sandbox's clock stays, so that it still would pay."""
    rows = reconciliation.unsettled(now)
    return [txn.status for txn in reconciliation.settle_stale(rows, now=now)]


def look(charge):
    found = gateway_for(charge).lookup(sending.payment_of(charge))
    return reconciliation.put_right(charge, found, now=timezone.now())


def test_the_order_is_taken_up_again_if_its_goods_are_there(given_up, cup, kakaopay):
    """Paid after all: stock taken again, the cart emptied, the buyer told, staff told."""
    look(given_up)
    order = Order.objects.get()
    cup.refresh_from_db()
    assert (order.status, order.cancel_reason, order.canceled_at) == ("PAID", "", None)
    assert (cup.stock, order.cart.lines.count()) == (0, 0)
    charge = PaymentTransaction.objects.get()
    assert (charge.status, charge.aid) == ("SUCCEEDED", kakaopay.payment(charge.tid).actions[0].aid)
    assert Mail.objects.filter(transaction=charge, event="PAID").count() == 1
    found = Discrepancy.objects.get()
    assert (found.kind, found.our_status, found.closed_at) == ("STATUS", "FAILED", None)


def test_if_its_goods_are_gone_the_money_goes_back_by_itself(given_up, cup, kakaopay):
    """The order stays canceled; the whole amount is refunded; the buyer and staff are told."""
    type(cup).objects.update(stock=1)
    look(given_up)
    refund = PaymentTransaction.objects.get(kind="REFUND")
    assert (refund.status, refund.amount, refund.refund.requested_by) == (
        "PROCESSING",
        22_000,
        None,
    )
    assert settle_all(timezone.now() + timedelta(minutes=1)) == [Status.SUCCEEDED]
    cup.refresh_from_db()
    assert (Order.objects.get().status, cup.stock) == ("CANCELED", 1)
    assert kakaopay.payment(given_up.tid).status == "CANCEL_PAYMENT"
    events = Mail.objects.order_by("pk").values_list("event", flat=True)
    assert list(events) == ["NOT_CHARGED", "REFUNDED"]
    assert Discrepancy.objects.get().closed_at is None


def test_if_it_cannot_go_back_staff_are_told(given_up, cup, kakaopay):
    """The provider declines the refund that the shop made by itself: it is not forgotten."""
    type(cup).objects.update(stock=1)
    look(given_up)
    kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED", times=None)
    settle_all(timezone.now() + timedelta(minutes=42))
    refund = PaymentTransaction.objects.get(kind="REFUND")
    assert refund.status == Status.FAILED
    assert Discrepancy.objects.filter(transaction=refund, closed_at=None).count() == 1


def test_if_the_cart_was_ordered_anew_the_money_goes_back(given_up, start, cup):
    """The buyer has another order for the same things: two of them are not what they want."""
    start()
    type(cup).objects.update(stock=10)
    look(given_up)
    assert PaymentTransaction.objects.get(kind="REFUND").amount == 22_000
    assert given_up.order.transactions.filter(kind="CHARGE", status="SUCCEEDED").exists()


def test_a_second_look_changes_nothing(given_up):
    """Neither a second refund nor a second mail."""
    look(given_up)
    look(PaymentTransaction.objects.get())
    assert PaymentTransaction.objects.count() == 1
    assert Mail.objects.filter(event="PAID").count() == 1


def test_a_second_payment_of_a_paid_order_is_left_to_a_person(start, fill_cart, cup, pay):
    """Two windows were open and both were charged at the provider: never entered as one order's."""
    fill_cart((cup, 1))
    older = start()
    newer = payments.reopen(older.order, now=timezone.now())
    payments.capture(newer, pg_token=pay(newer), now=timezone.now())
    late = settling.settle(older, Approved("A" + "0" * 19, 11_000, None), now=timezone.now())
    assert late.status == Status.CANCELED
    found = Discrepancy.objects.get()
    assert (found.kind, found.tid, found.closed_at) == ("DUPLICATE", older.tid, None)


def test_the_answer_to_a_request_that_was_given_up_counts(start, fill_cart, cup, pay):
    """Reconciliation was quicker and concluded failure; then the live answer arrives."""
    fill_cart((cup, 2))
    charge = start()
    PaymentTransaction.objects.update(status="FAILED")
    Order.objects.update(status="CANCELED", cancel_reason="DECLINED")
    type(cup).objects.update(stock=2)
    late = settling.settle(charge, Approved("A" + "0" * 19, 22_000, None), now=timezone.now())
    assert (late.status, Order.objects.get().status) == ("SUCCEEDED", "PAID")
