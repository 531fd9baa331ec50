"""Staff ask KakaoPay now: what is not known is settled, what is known is compared."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from checkout import asking, payments, reconciliation, settling
from checkout.admin import order_actions
from checkout.asking import Said
from checkout.calls import TransactionIsOpen
from checkout.gateways.base import Declined
from checkout.models import Discrepancy, Mail, ProviderCall
from orders import refunding
from orders.models import Order, PaymentTransaction, Refund
from tests.staff import give_back, refund, staff

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentTransaction.Status


@pytest.fixture
def waiting(goods, start, fill_cart):
    """A charge that waits for its buyer."""
    fill_cart((goods["ticket"], 1))
    return start()


@pytest.fixture
def unknown(waiting, pay, kakaopay):
    """A charge whose answer was lost two minutes ago; the money moved."""
    kakaopay.fault("approve", after="drop")
    payments.capture(waiting, pg_token=pay(waiting), now=timezone.now())
    return let_time_pass(waiting)


def let_time_pass(txn):
    PaymentTransaction.objects.filter(pk=txn.pk).update(
        sent_at=timezone.now() - timedelta(minutes=2)
    )
    return PaymentTransaction.objects.select_related("order__user").get(pk=txn.pk)


def ask(order):
    order = Order.objects.get(pk=order.pk)
    return [(answer.said, answer.detail) for answer in asking.ask(order, now=timezone.now())]


def calls():
    return ProviderCall.objects.count()


class TestNotKnown:
    def test_the_money_is_found(self, unknown, kakaopay):
        """The order is paid at once; a second question compares."""
        assert ask(unknown.order) == [(Said.SUCCEEDED, "")]
        txn = PaymentTransaction.objects.get()
        assert (txn.status, txn.order.status) == (Status.SUCCEEDED, Order.Status.PAID)
        assert txn.aid == kakaopay.payment(txn.tid).actions[0].aid
        assert ask(unknown.order) == [(Said.AGREES, "")]

    def test_no_money_moved(self, waiting, kakaopay):
        """Their books say that the buyer quit: the order ends."""
        kakaopay.fault("approve", before="drop")
        payments.capture(waiting, pg_token="0" * 20, now=timezone.now())
        kakaopay.quit(waiting.redirect_urls["pc"])
        let_time_pass(waiting)
        ((said, why),) = ask(waiting.order)
        assert said == Said.FAILED
        assert why == PaymentTransaction.objects.get().reason != ""
        assert Order.objects.get().status == Order.Status.CANCELED

    def test_kakaopay_is_silent(self, unknown, kakaopay):
        """Nothing is concluded, and recovery goes on asking."""
        kakaopay.fault("order", before="html_502")
        assert ask(unknown.order) == [(Said.UNKNOWN, "")]
        assert PaymentTransaction.objects.get().status == Status.PROCESSING

    def test_a_refund_is_found(self, order, kakaopay):
        """Given back there, and now here: money, points and the mail."""
        kakaopay.fault("cancel", after="drop")
        txn = refund(order, 3_000)
        assert txn.status == Status.PROCESSING
        let_time_pass(txn)
        assert ask(order) == [(Said.SUCCEEDED, "")]
        assert Refund.objects.get().status == Refund.Status.SUCCEEDED
        assert kakaopay.payment(txn.tid).canceled_total == 3_000
        assert Mail.objects.filter(event="REFUNDED").count() == 1


class TestNotTwiceAtOnce:
    def test_the_buyers_own_request_may_still_be_answered(self, waiting, pay, kakaopay):
        """What was sent a moment ago is left to whoever sent it."""
        kakaopay.fault("approve", after="drop")
        payments.capture(waiting, pg_token=pay(waiting), now=timezone.now())
        before = calls()
        assert ask(waiting.order) == [(Said.TOO_SOON, "")]
        assert calls() == before

    def test_a_worker_is_at_it(self, unknown):
        """It has claimed the row, and is on its way to KakaoPay."""
        rows, now = PaymentTransaction.objects.all(), timezone.now()
        assert len(reconciliation.claim(rows, asked_before=now, limit=1, now=now)) == 1
        before = calls()
        assert ask(unknown.order) == [(Said.TOO_SOON, "")]
        assert calls() == before

    def test_then_the_worker_leaves_it_alone(self, unknown, kakaopay):
        """Whoever has just asked is not followed by the next run."""
        kakaopay.fault("order", before="html_502")
        ask(unknown.order)
        now = timezone.now()
        assert list(reconciliation.due(now, now=now)) == []

    def test_never_inside_a_transaction(self, unknown):
        """The journal refuses."""
        with pytest.raises((TransactionIsOpen, RuntimeError)), transaction.atomic():
            asking.ask(unknown.order, now=timezone.now())


class TestKnown:
    def test_all_agree(self, order):
        """Nothing is changed."""
        before = list(PaymentTransaction.objects.values())
        assert ask(order) == [(Said.AGREES, "")]
        assert list(PaymentTransaction.objects.values()) == before

    def test_a_refund_made_in_the_partner_site_is_entered(self, order, kakaopay):
        """With the sentence that recovery has for it."""
        kakaopay.console_refund(order.transactions.get().tid, 2_000)
        assert ask(order) == [
            (
                Said.PUT_RIGHT,
                "2000 won given back at the provider were entered as an external refund",
            )
        ]
        assert Order.objects.get().status == Order.Status.PARTIALLY_REFUNDED
        assert Discrepancy.objects.count() == 0

    def test_another_amount_is_a_discrepancy(self, order, kakaopay):
        """It is kept for a person, once."""
        kakaopay.alter(order.transactions.get().tid, total=35_500)
        for _ in range(2):
            ((said, detail),) = ask(order)
            assert said == Said.DIFFERS
            assert "35" in detail
        assert Discrepancy.objects.filter(closed_at=None, kind="AMOUNT").count() == 1

    def test_a_payment_that_was_given_up_is_found_after_all(self, unknown):
        """The order had ended, its buyer says they were charged: it is taken up again."""
        settling.settle(unknown, Declined("test", ""), now=timezone.now())
        assert Order.objects.get().status == Order.Status.CANCELED
        ((said, _detail),) = ask(unknown.order)
        assert said == Said.PUT_RIGHT
        assert Order.objects.get().status == Order.Status.PAID

    def test_kakaopay_does_not_answer(self, order, kakaopay):
        """It says why."""
        kakaopay.fault("order", before="html_502")
        ((said, detail),) = ask(order)
        assert said == Said.NO_ANSWER
        assert "502" in detail

    def test_one_that_waits_is_only_looked_at(self, waiting):
        """What KakaoPay's books say; the buyer can still pay."""
        before = list(PaymentTransaction.objects.values())
        assert ask(waiting.order) == [(Said.WAITS, "READY")]
        assert list(PaymentTransaction.objects.values()) == before
        assert Order.objects.get().status == Order.Status.PENDING

    def test_what_kakaopay_never_heard_of(self, make_order):
        """There is nothing to ask."""
        assert ask(make_order()) == []
        assert calls() == 0


class TestTheButton:
    def press(self, client, order):
        client.force_login(staff("clerk@example.com", "view_order", "handle_order"))
        return client.post(reverse("admin:orders_order_ask", args=[order.pk]))

    def test_it_says_what_came_of_it(self, client, unknown):
        """One sentence, back on the order's page."""
        answer = self.press(client, unknown.order)
        assert answer.headers["Location"] == reverse(
            "admin:orders_order_change", args=[unknown.order_id]
        )
        (message,) = answer.wsgi_request._messages
        assert (message.level_tag, "2,000원" in str(message)) == ("success", True)
        assert Order.objects.get().status == Order.Status.PAID

    def test_with_nothing_to_ask(self, client, make_order):
        """It says so."""
        answer = self.press(client, make_order(status="CANCELED"))
        assert [message.level_tag for message in answer.wsgi_request._messages] == ["info"]

    def test_each_answer_has_a_sentence(self, client, order):
        """None is forgotten."""
        txn = order.transactions.get()
        sentences = {order_actions.sentence_about(asking.Answer(txn, said, "why")) for said in Said}
        assert len(sentences) == len(Said) == len(order_actions.LOUDNESS)

    def test_a_refund_that_waits_for_approval_is_none_of_kakaopays(self, client, order, settings):
        """It was never sent: the payment is compared, the refund left alone."""
        settings.REFUND_APPROVAL_ABOVE = 1_000
        give_back(order, refunding.by_amount(5_000))
        assert ask(order) == [(Said.AGREES, "")]
        assert Refund.objects.get().status == Refund.Status.WAITING
