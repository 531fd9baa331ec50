"""A renewal whose answer is lost: no second charge while in doubt, and the truth in the end."""

import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import memberships
from accounts.models import BillingAgreement, MembershipPeriod
from checkout import (
    charging,
    members,
    payments,
    reconciliation,
    renewals,
    settling_by_hand,
)
from checkout.gateways.base import OutcomeUnknown
from checkout.models import Discrepancy, Mail
from orders import overdue, placing
from orders.models import Order, PaymentTransaction
from tests.checkout.memberships.conftest import charges_of, membership_of, seoul, settle
from tests.races import all_at_once
from tests.staff import staff

pytestmark = pytest.mark.django_db(transaction=True)

Status = PaymentTransaction.Status
SAID = {"evidence": "mail of 1 March", "explanation": "KakaoPay's support says so."}
A_MINUTE = timedelta(minutes=1)
#: When no bank can be at work any more.
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def never_came(member, kakaopay, at):
    """The charge never arrived, which we do not know: its transaction."""
    kakaopay.fault("subscription", before="drop")
    return renewals.renew(member.pk, now=at(member.charge_at)).transaction


class TestWhileInDoubt:
    def test_the_lease_runs_out_over_a_slow_charge(self, lost, member, kakaopay, at):
        """Hour after hour the worker finds it in flight, and leaves it alone."""
        now = member.charge_at
        for _ in range(5):
            now = at(now + timedelta(hours=1, seconds=1))
            assert renewals.renew(member.pk, now=now).said == "nothing"
        assert Order.objects.filter(kind="RENEWAL").count() == 1
        assert charges_of(member, kakaopay) == 2

    def test_its_agreement_is_not_charged(self, lost, at):
        """Whatever for: the provider's books could not tell the two charges apart."""
        with pytest.raises(charging.Busy):
            charging.look(lost, now=at(lost.sent_at + timedelta(days=1)))

    def test_its_order_is_never_given_up(self, lost, at):
        """Though its deadline has passed long ago."""
        assert list(payments.close_abandoned(now=at(lost.sent_at + timedelta(days=2)))) == []
        assert Order.objects.get(pk=lost.order_id).status == Order.Status.PENDING

    def test_it_is_not_ended(self, lost, member, at):
        """Even when it has run out: first it must be known what was paid."""
        late = at(member.lasts_until + timedelta(days=1))
        assert list(renewals.end_overdue(now=late)) == []
        settle(late)
        assert membership_of(member.user).paid_until == seoul(2027, 3, 31)

    def test_the_shopper_cannot_pay_it_too(self, lost, member, at):
        """Another card is refused until it is known."""
        with pytest.raises(placing.PaymentInProgress) as refused:
            members.register(member.user, now=at(member.charge_at + A_MINUTE))
        assert refused.value.order == lost.order
        assert Order.objects.filter(kind="METHOD").count() == 0

    def test_it_cannot_be_stopped_at_once(self, lost, member, at):
        """Nobody can say yet what would go back."""
        with pytest.raises(members.InDoubt):
            members.stop_at_once(member.user, now=at(member.charge_at + A_MINUTE))
        assert membership_of(member.user).renews

    def test_it_can_be_stopped(self, lost, member, kakaopay, at):
        """The month that was taken is theirs, and it is the last."""
        now = at(member.charge_at + A_MINUTE)
        members.stop(member.user, now=now)
        assert list(renewals.end_overdue(now=now)) == []
        settle(now)
        membership = membership_of(member.user)
        assert (membership.renews, membership.charge_at) == (False, None)
        assert membership.lasts_until == membership.paid_until == seoul(2027, 3, 31)
        assert charges_of(member, kakaopay) == 2

    def test_stopped_and_never_charged(self, never_came, member, kakaopay, at):
        """It is over with what was paid, and is not charged the next day."""
        members.stop(member.user, now=at(member.charge_at + A_MINUTE))
        now = at(member.charge_at + HALF_AN_HOUR)
        settle(now)
        membership = membership_of(member.user)
        assert membership.charge_at is None
        assert list(renewals.end_overdue(now=now)) == [membership]
        assert charges_of(member, kakaopay) == 1
        assert not Mail.objects.filter(event="REFUSED").exists()


class TestWhatItTurnsOutToBe:
    def test_taken(self, lost, member, kakaopay, at):
        """Paid once, by books and by the provider's; a person is told, the buyer is thanked."""
        settle(at(member.charge_at + A_MINUTE))
        lost.refresh_from_db()
        assert (lost.status, lost.tid, lost.aid) == (Status.SUCCEEDED, "", "")
        assert lost.order.status == Order.Status.PAID
        assert Discrepancy.objects.get().kind == "NO_NAME"
        assert Mail.objects.filter(order=lost.order, event="PAID").count() == 1
        renewed = membership_of(member.user)
        assert (renewed.paid_until, renewed.charge_at) == (
            seoul(2027, 3, 31),
            seoul(2027, 3, 31, 9),
        )
        assert charges_of(member, kakaopay) == 2

    def test_not_a_moment_too_early(self, never_came, member, at):
        """As long as a bank may be at work it is not known; afterwards it was not."""
        assert settle(at(member.charge_at + timedelta(minutes=24)))[0].status == Status.PROCESSING
        assert settle(at(member.charge_at + timedelta(minutes=26)))[0].status == Status.FAILED
        assert not Discrepancy.objects.exists()

    def test_the_provider_does_not_tell(self, never_came, member, kakaopay, at):
        """Neither an error nor an agreement it does not know proves anything."""
        for fault in ("http_500", "error:-750", "error:-751", "error:-401"):
            kakaopay.fault("status", before=fault)
            (txn,) = settle(at(member.charge_at + HALF_AN_HOUR))
            assert txn.status == Status.PROCESSING, fault
            PaymentTransaction.objects.update(asked_at=None)

    def test_taken_and_then_ended_in_the_app(self, lost, member, kakaopay, at):
        """An agreement that has ended still tells when it was charged."""
        kakaopay.end_subscription(member.agreement.sid)
        (txn,) = settle(at(member.charge_at + HALF_AN_HOUR))
        assert txn.status == Status.SUCCEEDED
        assert membership_of(member.user).paid_until == seoul(2027, 3, 31)

    def test_a_status_that_differs_by_a_second_is_no_charge(self, never_came, member, at):
        """Two reports of one moment may: nobody is renewed for that."""
        told = never_came.agreement_charged_at
        PaymentTransaction.objects.filter(pk=never_came.pk).update(
            agreement_charged_at=told - charging.JITTER
        )
        (txn,) = settle(at(member.charge_at + HALF_AN_HOUR))
        assert txn.status == Status.FAILED

    def test_the_answer_is_late_but_comes(self, member, kakaopay, at, settings):
        """Longer than we wait: settled by recovery, once."""
        settings.KAKAOPAY_READ_TIMEOUT_SECONDS = 0.5
        kakaopay.fault("subscription", after="stall:1")
        now = at(member.charge_at)
        assert renewals.renew(member.pk, now=now).said == "unknown"
        settings.KAKAOPAY_READ_TIMEOUT_SECONDS = 15
        settle(now + A_MINUTE)
        assert membership_of(member.user).paid_until == seoul(2027, 3, 31)
        assert charges_of(member, kakaopay) == 2


class TestPaidForNothing:
    def test_what_was_stopped_is_not_charged(self, member, buy, make_plan, kakaopay, at):
        """Stopped just before the charge, and its order not ended yet; a member by a pass."""
        order = renewals.take_up(member.pk, now=member.charge_at)
        now = at(member.charge_at)
        buy(make_plan(renews=False), user=member.user, now=now)
        with transaction.atomic():
            memberships.cancel(member.user.pk, now=now)
        assert membership_of(member.user).is_good(now)
        assert payments.charge(order, now=now).status == Status.CREATED
        assert charges_of(member, kakaopay) == 1

    def test_what_was_given_up_is_not_charged(self, member, kakaopay, at):
        """The period was given up between the order and its charge: nothing is sent."""
        order = renewals.take_up(member.pk, now=member.charge_at)
        MembershipPeriod.objects.filter(status="DUE").update(status="UNPAID")
        assert payments.charge(order, now=at(member.charge_at)).status == Status.CREATED
        assert charges_of(member, kakaopay) == 1

    def test_a_named_charge_goes_back_by_itself(self, member, kakaopay, at):
        """The period was given up while its charge was under way: all of it is refunded."""
        order = renewals.take_up(member.pk, now=member.charge_at)
        kakaopay.fault("subscription", after="stall:0.5")
        now = at(member.charge_at)

        def give_up():
            time.sleep(0.25)
            MembershipPeriod.objects.filter(status="DUE").update(status="UNPAID")

        all_at_once([lambda: payments.charge(order, now=now), give_up])
        settle(now + A_MINUTE)
        order.refresh_from_db()
        (payment,) = kakaopay.payments(order.number)
        assert (payment.total, payment.canceled_total) == (4_900, 4_900)
        assert order.status == Order.Status.REFUNDED
        assert membership_of(member.user).paid_until == seoul(2027, 2, 28)


class TestTheClock:
    def test_set_back_after_a_charge(self, member, kakaopay, at):
        """A charge of a moment ago could be taken for the next: it rests anew, and then goes on."""
        agreement = member.agreement
        now = at(member.charge_at)
        BillingAgreement.objects.update(used_at=now + timedelta(hours=3))
        assert renewals.renew(member.pk, now=now).said == "postponed"
        agreement.refresh_from_db()
        assert agreement.used_at == now
        assert charges_of(member, kakaopay) == 1
        later = at(now + renewals.LEASE)
        assert renewals.renew(member.pk, now=later).said == "renewed"
        assert charges_of(member, kakaopay) == 2

    def test_set_back_after_a_renewal(self, member, kakaopay, at):
        """To before it, and run again: the period is paid and stays paid."""
        now = at(member.charge_at)
        assert renewals.renew(member.pk, now=now).said == "renewed"
        for back in (timedelta(0), timedelta(hours=1), timedelta(days=40)):
            assert renewals.renew(member.pk, now=now - back).said == "nothing"
        assert charges_of(member, kakaopay) == 2

    def test_ahead_when_it_was_sent(self, lost, at):
        """Set back since, its time is yet to come: staff see it, and it is asked about at once."""
        now = at(lost.sent_at + A_MINUTE)
        ahead = now + timedelta(days=20)
        PaymentTransaction.objects.filter(pk=lost.pk).update(sent_at=ahead, ask_at=ahead)
        assert list(overdue.unconfirmed(now=now)) == [lost]
        rows = reconciliation.due(now, now=now)
        (txn,) = reconciliation.settle_stale(rows, now=now)
        assert txn.status == Status.SUCCEEDED

    def test_a_little_ahead_when_it_was_sent(self, lost, at):
        """The clocks of two machines are never the same: it may be under way."""
        now = at(lost.sent_at - timedelta(seconds=30))
        assert not overdue.unconfirmed(now=now).exists()
        assert not reconciliation.due(now, now=now).exists()

    def test_an_agreement_rests_between_charges(self, member, kakaopay, at):
        """Two charges in one second could not be told from each other."""
        now = at(member.charge_at)
        BillingAgreement.objects.update(used_at=now - charging.REST + timedelta(milliseconds=1))
        assert renewals.renew(member.pk, now=now).said == "postponed"
        assert charges_of(member, kakaopay) == 1

    def test_it_rests_for_longer_than_a_charge_takes(self, settings):
        """Its rest begins before it is asked how it stands, and both calls may be slow."""
        a_call = settings.KAKAOPAY_CONNECT_TIMEOUT_SECONDS + settings.KAKAOPAY_READ_TIMEOUT_SECONDS
        seconds = renewals.CALLS_TO_RENEW * a_call
        assert charging.REST - timedelta(seconds=seconds) > 2 * charging.JITTER

    def test_it_rests_when_recovery_has_found_the_charge(self, lost, member, at):
        """A bank may have taken its time: the rest begins when the charge is known."""
        now = at(member.charge_at + HALF_AN_HOUR)
        settle(now)
        assert membership_of(member.user).agreement.used_at == now


class TestNobodyTells:
    """The provider will not say how the agreement stands."""

    def test_a_person_is_told_after_three_hours(self, lost, kakaopay):
        """Not before; nothing is concluded, and nothing is charged again."""
        kakaopay.fault("status", before="http_503", times=None)
        settle(lost.sent_at + timedelta(hours=2))
        assert not Discrepancy.objects.exists()
        (txn,) = settle(lost.sent_at + timedelta(hours=6))
        told = Discrepancy.objects.get()
        assert txn.status == Status.PROCESSING
        assert (told.kind, told.transaction, told.aid) == ("STATUS", txn, txn.public_id.hex)


class TestByHand:
    """The agreement is not told of any more, so a person says what became of its charge."""

    @pytest.fixture
    def approver(self, client, db):
        permissions = ("view_discrepancy", "close_discrepancy", "approve_refund")
        person = staff("approver@example.com", *permissions)
        client.force_login(person)
        return person

    @pytest.fixture
    def row(self, lost, kakaopay):
        """Recovery has asked in vain for six hours."""
        kakaopay.fault("status", before="error:-750", times=None)
        (txn,) = settle(lost.sent_at + timedelta(hours=6))
        assert txn.status == Status.PROCESSING
        return Discrepancy.objects.get()

    def test_it_moved(self, client, approver, row, lost, member):
        """Without a tid nothing can be looked up: an approver's word does, and the tid is asked
        for afterwards."""
        PaymentTransaction.objects.update(sent_at=timezone.now() - timedelta(minutes=61))
        address = reverse("admin:checkout_discrepancy_settle", args=[row.pk])
        assert "tid is not known" in client.get(address).content.decode()
        answer = client.post(address, SAID | {"verdict": "moved", "aid": "A" + "0" * 19})
        assert answer.status_code == 302
        lost.refresh_from_db()
        assert (lost.status, lost.tid) == (Status.SUCCEEDED, "")
        assert membership_of(member.user).paid_until == seoul(2027, 3, 31)
        assert Discrepancy.objects.get(closed_at=None).kind == "NO_NAME"

    def test_others_may_not_say_so(self, row, lost):
        """It takes somebody who approves refunds."""
        with pytest.raises(OutcomeUnknown):
            settling_by_hand.look(lost)
        with pytest.raises(settling_by_hand.NotSeen):
            settling_by_hand.moved(lost, "A1", None, by=staff("c@example.com", "close_discrepancy"))

    def test_it_did_not_move(self, approver, row, member, at):
        """Nobody's card refused it: no mail, no attempt counted, and charged again tomorrow."""
        now = at(member.charge_at + timedelta(hours=6))
        no = settling_by_hand.not_moved("KakaoPay says so.")
        settling_by_hand.settle(row, no, by=approver, **SAID, now=now)
        again = membership_of(member.user)
        assert (again.charge_at, again.attempts, again.is_failing) == (
            *(seoul(2027, 3, 1, 9), 0),
            False,
        )
        assert not Mail.objects.filter(event="REFUSED").exists()
