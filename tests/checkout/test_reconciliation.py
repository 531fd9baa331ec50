"""What we did not hear the end of is asked about, and settled only on proof."""

from datetime import timedelta
from io import StringIO
from threading import Event, Thread

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from checkout import payments, reconciliation, settling
from checkout.gateways.base import Declined
from checkout.models import Discrepancy, ProviderCall
from orders.models import Order, PaymentTransaction
from shop.models import CartLine

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentTransaction.Status


@pytest.fixture
def cup(make_product):
    return make_product(stock=5)


@pytest.fixture
def charge(start, fill_cart, cup):
    fill_cart((cup, 2))
    return start()


def capture_with(fault, charge, pg_token, kakaopay):
    """Capture while ``fault`` is on; the outcome is not known afterwards."""
    kakaopay.fault("approve", **fault)
    txn = payments.capture(charge, pg_token=pg_token, now=timezone.now())
    assert txn.status == Status.PROCESSING
    return txn


def settle_all(now=None):
    now = now or timezone.now()
    return [
        txn.status for txn in reconciliation.settle_stale(reconciliation.unsettled(now), now=now)
    ]


def test_a_lost_answer_is_found_paid(charge, pay, kakaopay):
    """The lookup proves the money; the row gets the aid that the lost answer carried."""
    txn = capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    assert settle_all() == [Status.SUCCEEDED]
    txn.refresh_from_db()
    assert txn.aid == kakaopay.payment(txn.tid).actions[0].aid
    assert (txn.method, txn.card_issuer) == ("CARD", "신한")
    assert Order.objects.get().status == Order.Status.PAID
    assert CartLine.objects.count() == 0


def test_a_request_that_never_arrived_is_sent_again(charge, pay, kakaopay):
    """The provider still waits and the window is open: one tid can be paid only once."""
    txn = capture_with({"before": "drop"}, charge, pay(charge), kakaopay)
    assert kakaopay.payment(txn.tid).actions == ()
    assert settle_all() == [Status.SUCCEEDED]
    assert len(kakaopay.payment(txn.tid).actions) == 1


def test_while_the_provider_is_silent_nothing_is_concluded(charge, pay, kakaopay):
    """Still PROCESSING, still pending, stock still held."""
    capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    kakaopay.fault("order", before="html_502")
    assert settle_all() == [Status.PROCESSING]
    assert Order.objects.get().status == Order.Status.PENDING


def test_the_closed_window_proves_failure(charge, pay, kakaopay, cup):
    """The provider's books still say waiting after its window: it was never charged."""
    txn = capture_with({"before": "drop"}, charge, pay(charge), kakaopay)
    kakaopay.advance(42 * 60)
    assert settle_all(timezone.now() + timedelta(minutes=42)) == [Status.FAILED]
    cup.refresh_from_db()
    assert (Order.objects.get().status, cup.stock) == (Order.Status.CANCELED, 5)
    assert kakaopay.payment(txn.tid).actions == ()


def test_a_bank_at_work_is_waited_for(charge, pay, kakaopay):
    """The window has closed, but what was sent just before may still be carried out."""
    txn = capture_with({"before": "error:-780:BANK_FIRM_UNKNOWN"}, charge, pay(charge), kakaopay)
    PaymentTransaction.objects.update(ready_at=txn.ready_at - timedelta(minutes=15))
    kakaopay.advance(16 * 60)
    now = timezone.now()
    assert settle_all(now + timedelta(minutes=24)) == [Status.PROCESSING]
    assert settle_all(now + timedelta(minutes=26)) == [Status.FAILED]


def test_a_failure_in_their_books_is_a_failure_in_ours(charge, kakaopay):
    """Our request never arrived and the buyer quit meanwhile: the lookup says so."""
    capture_with({"before": "drop"}, charge, "0" * 20, kakaopay)
    kakaopay.quit(charge.redirect_urls["pc"])
    assert settle_all() == [Status.FAILED]
    assert PaymentTransaction.objects.get().reason_code == "QUIT_PAYMENT"
    assert Order.objects.get().status == Order.Status.CANCELED


def test_a_refusal_that_comes_late_is_a_failure(charge, pay, kakaopay):
    """Sent again inside the window, the account refuses: a definite no."""
    pg_token = pay(charge, method="MONEY", decline="NOT_ENOUGH_BALANCE")
    capture_with({"before": "drop"}, charge, pg_token, kakaopay)
    assert settle_all() == [Status.FAILED]
    assert PaymentTransaction.objects.get().reason_code == "-780 NOT_ENOUGH_BALANCE"


def test_a_payment_given_back_at_the_provider_was_paid(charge, pay, kakaopay):
    """Our answer was lost and somebody refunded in the partner site: paid, and refunded."""
    txn = capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    kakaopay.http.post(f"{kakaopay.url}/ledger/{txn.tid}/refund/", data={"amount": txn.amount})
    assert kakaopay.payment(txn.tid).status == "CANCEL_PAYMENT"
    assert settle_all() == [Status.SUCCEEDED]
    refund = PaymentTransaction.objects.get(kind="REFUND")
    assert (refund.status, refund.is_external, refund.amount) == ("SUCCEEDED", True, txn.amount)
    assert refund.aid == kakaopay.payment(txn.tid).actions[1].aid
    assert Order.objects.get().status == Order.Status.REFUNDED


def test_a_refusal_while_the_books_still_wait_proves_nothing(charge, pay, kakaopay):
    """The second request has a wrong token; what became of the first is still open."""
    pay(charge)
    capture_with({"before": "drop"}, charge, "0" * 20, kakaopay)
    assert settle_all() == [Status.PROCESSING]
    assert Order.objects.get().status == Order.Status.PENDING


@pytest.mark.parametrize("theirs", [{"total": 23_000}, {"partner_order_id": "another"}])
def test_books_that_tell_of_something_else_prove_nothing(charge, pay, kakaopay, theirs):
    """Another amount, or another order under our tid: a person must look."""
    txn = capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    kakaopay.alter(txn.tid, **theirs)
    assert settle_all() == [Status.PROCESSING]
    assert Order.objects.get().status == Order.Status.PENDING
    assert Discrepancy.objects.get().transaction == txn


def test_a_row_settled_meanwhile_is_not_sent_again(charge, pay, kakaopay):
    """Whoever holds a stale copy asks for no money: the order has ended."""
    pg_token = pay(charge)
    stale = capture_with({"before": "drop"}, charge, pg_token, kakaopay)
    settling.settle(stale, Declined("not_sent", ""), now=timezone.now())
    reconciliation.ask(stale, now=timezone.now())
    assert kakaopay.payment(charge.tid).actions == ()
    assert PaymentTransaction.objects.get().status == Status.FAILED


def test_one_bad_row_does_not_stop_the_others(charge, pay, kakaopay, django_user_model, cup):
    """A row that cannot be settled is logged; the next one is."""
    capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    broken = PaymentTransaction.objects.get()
    Order.objects.filter(pk=broken.order_id).update(cart=None)
    other = payments.open_charge(
        Order.objects.create(
            user=django_user_model.objects.create_user("other@example.com"),
            **{
                field: getattr(broken.order, field)
                for field in (
                    *("name", "phone", "email", "subtotal", "total", "tax_free", "vat"),
                    *("consented_at", "placed_at", "deadline_at"),
                )
            },
        )
    )
    PaymentTransaction.objects.filter(pk=other.pk).update(
        status="PROCESSING",
        tid="T" + "0" * 19,
        gateway="nobody",
        sent_at=broken.sent_at - timedelta(seconds=1),
    )
    assert settle_all() == [Status.SUCCEEDED]


def test_only_stale_payments_are_asked_about(charge, pay, kakaopay):
    """What was sent a moment ago is left to its own request."""
    capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    now = timezone.now()
    assert list(reconciliation.unsettled(now - timedelta(seconds=60))) == []


def test_a_row_that_somebody_is_claiming_is_passed_over(charge, pay, kakaopay):
    """Another machine holds it: nobody waits for that."""
    capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    is_held, may_end = Event(), Event()

    def hold():
        with transaction.atomic():
            list(PaymentTransaction.objects.select_for_update(no_key=True))
            is_held.set()
            may_end.wait(5)
        connection.close()

    elsewhere = Thread(target=hold)
    elsewhere.start()
    is_held.wait(5)
    assert settle_all() == []
    may_end.set()
    elsewhere.join()
    assert settle_all() == [Status.SUCCEEDED]


def test_it_is_asked_about_less_and_less_often(charge, pay, kakaopay):
    """20 seconds, then twice as long each time, and never longer than an hour."""
    capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    kakaopay.fault("order", before="drop", times=None)
    now, waits = timezone.now(), []
    for _ in range(10):
        list(reconciliation.settle_stale(reconciliation.due(now, now=now), now=now))
        txn = PaymentTransaction.objects.get()
        assert list(reconciliation.due(now, now=txn.ask_at - timedelta(seconds=1))) == []
        waits.append(round((txn.ask_at - now).total_seconds()))
        now = txn.ask_at
    assert waits == [20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]


def test_a_run_ends_after_its_time(charge, pay, kakaopay):
    """It begins with nothing more; the next run goes on."""
    capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    now = timezone.now()
    rows = reconciliation.unsettled(now)
    assert list(reconciliation.settle_stale(rows, now=now, seconds=0)) == []


def test_what_is_settled_is_not_asked_about_again(charge, pay, kakaopay):
    """A second run makes no calls."""
    capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    settle_all()
    calls = ProviderCall.objects.count()
    assert settle_all() == []
    assert ProviderCall.objects.count() == calls


def test_the_command_says_what_it_settled(charge, pay, kakaopay):
    """One line a payment, then a count."""
    txn = capture_with({"after": "drop"}, charge, pay(charge), kakaopay)
    out = StringIO()
    call_command("reconcile_payments", "--older-than", "0", stdout=out)
    assert out.getvalue().splitlines() == [
        f"{txn.order.number} CHARGE {txn.tid} SUCCEEDED",
        "1 payments asked about",
    ]


def test_the_closing_command_says_what_it_closed(charge, cup):
    """One line an order, then a count."""
    Order.objects.update(deadline_at=timezone.now())
    out = StringIO()
    call_command("close_abandoned_orders", stdout=out)
    assert out.getvalue().splitlines() == [f"{charge.order.number} EXPIRED", "1 orders closed"]
    cup.refresh_from_db()
    assert cup.stock == 5
