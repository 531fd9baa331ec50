"""Renewing: an order for each period that is due, charged by its agreement, once."""

from datetime import timedelta

import pytest

from accounts.models import BillingAgreement, MembershipPeriod
from checkout import reconciliation, renewals
from checkout.models import Discrepancy, Mail
from orders.models import Order, PaymentTransaction
from shop.models import Product
from tests.checkout.memberships.conftest import JANUARY, KST, membership_of, seoul

pytestmark = pytest.mark.django_db(transaction=True)

Status = PaymentTransaction.Status


class TestTheFirstPayment:
    def test_it_makes_a_member_and_an_agreement(self, buy, monthly, kakaopay, at):
        """A month is paid, from now to the same day of the next month, and will be renewed then."""
        order = buy(monthly, now=at(JANUARY))
        membership = membership_of(order.user)
        assert order.status == Order.Status.PAID
        assert membership.paid_until == seoul(2027, 2, 28)
        assert membership.charge_at == seoul(2027, 2, 28, 9)
        assert membership.lasts_until == seoul(2027, 3, 7)
        assert membership.agreement.sid == kakaopay.payments(order.number)[0].sid
        assert order.period == membership.periods.get()

    def test_the_sid_is_encrypted(self, buy, monthly, kakaopay):
        """What stands in the database is not what charges."""
        order = buy(monthly)
        agreement = BillingAgreement.objects.get()
        sid = kakaopay.payments(order.number)[0].sid
        assert sid not in agreement.sealed_sid
        assert agreement.sid == sid


class TestRenewing:
    def test_month_after_month(self, buy, monthly, kakaopay, at):
        """From the 31st of January to the last of February, and on the 31st of March again."""
        membership = membership_of(buy(monthly, now=at(JANUARY)).user)
        ends = []
        for _ in range(3):
            now = at(membership.charge_at)
            assert renewals.renew(membership.pk, now=now).said == "renewed"
            membership.refresh_from_db()
            ends.append(membership.paid_until)
        assert ends == [seoul(2027, 3, 31), seoul(2027, 4, 30), seoul(2027, 5, 31)]
        assert kakaopay.subscription(membership.agreement.sid).charges == 4
        renewal = Order.objects.filter(kind="RENEWAL").latest("pk")
        payment = kakaopay.payments(renewal.number)[0]
        assert (payment.total, payment.vat, payment.tid) == (
            4_900,
            445,
            renewal.transactions.get().tid,
        )

    def test_what_is_not_due_is_left_alone(self, buy, monthly, at):
        """A second earlier nothing is ordered."""
        membership = membership_of(buy(monthly, now=at(JANUARY)).user)
        early = at(membership.charge_at - timedelta(seconds=1))
        assert renewals.renew(membership.pk, now=early).said == "nothing"
        assert Order.objects.count() == 1

    def test_one_that_fails_is_left_alone_for_an_hour(self, buy, monthly, at):
        """Its plan lost its product: it must not be tried again with every run."""
        membership = membership_of(buy(monthly, now=at(JANUARY)).user)
        Product.objects.update(plan=None)
        now = at(membership.charge_at)
        assert renewals.renew_or_postpone(membership.pk, now=now).said == "postponed"
        membership.refresh_from_db()
        assert membership.charge_at == now + renewals.LATER

    def test_a_lost_answer_is_found_by_the_agreement(self, buy, monthly, kakaopay, at):
        """The period counts as paid, without a tid, and a person is told."""
        membership = membership_of(buy(monthly, now=at(JANUARY)).user)
        now = at(membership.charge_at)
        kakaopay.fault("subscription", after="drop")
        assert renewals.renew(membership.pk, now=now).said == "unknown"
        assert renewals.renew(membership.pk, now=now + timedelta(hours=1)).said == "nothing"
        rows = reconciliation.unsettled(now + timedelta(minutes=1))
        (txn,) = reconciliation.settle_stale(rows, now=now + timedelta(minutes=1))
        membership.refresh_from_db()
        assert (txn.status, txn.tid) == (Status.SUCCEEDED, "")
        assert membership.paid_until == seoul(2027, 3, 31)
        assert Discrepancy.objects.get().kind == "NO_NAME"
        assert kakaopay.subscription(membership.agreement.sid).charges == 2

    def test_a_lost_request_is_not_repeated_while_in_doubt(self, buy, monthly, kakaopay, at):
        """Only when no bank can be at work any more it counts as not charged; tomorrow again."""
        membership = membership_of(buy(monthly, now=at(JANUARY)).user)
        now = at(membership.charge_at)
        kakaopay.fault("subscription", before="drop")
        assert renewals.renew(membership.pk, now=now).said == "unknown"
        rows = reconciliation.unsettled(now + timedelta(minutes=1))
        (txn,) = reconciliation.settle_stale(rows, now=now + timedelta(minutes=20))
        assert txn.status == Status.PROCESSING
        (txn,) = reconciliation.settle_stale(rows, now=now + timedelta(minutes=30))
        membership.refresh_from_db()
        assert (txn.status, txn.reason_code) == (Status.FAILED, "not_charged")
        assert membership.charge_at == seoul(2027, 3, 1, 9)
        assert not membership.is_failing
        assert renewals.renew(membership.pk, now=at(membership.charge_at)).said == "renewed"
        assert kakaopay.subscription(membership.agreement.sid).charges == 2

    def test_a_declined_card_is_tried_by_the_schedule(self, buy, monthly, kakaopay, at):
        """After one, three and five days, with a mail each time; then the membership ends."""
        order = buy(monthly, now=at(JANUARY))
        membership = membership_of(order.user)
        kakaopay.decline_subscription(membership.agreement.sid, "NOT_ENOUGH_BALANCE")
        tried = []
        while membership.charge_at:
            tried.append(membership.charge_at.astimezone(KST).day)
            assert renewals.renew(membership.pk, now=at(membership.charge_at)).said == "refused"
            membership.refresh_from_db()
        assert tried == [28, 1, 3, 5]
        assert Mail.objects.filter(event="REFUSED").count() == 4
        (ended,) = renewals.end_overdue(now=at(membership.lasts_until))
        assert ended == membership
        assert Mail.objects.filter(event="UNPAID").count() == 1
        assert membership.periods.get(number=2).status == MembershipPeriod.Status.UNPAID
        assert Order.objects.filter(kind="RENEWAL", status="CANCELED").count() == 4
        membership.agreement.refresh_from_db()
        assert membership.agreement.status == BillingAgreement.Status.ENDING
