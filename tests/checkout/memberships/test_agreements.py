"""Agreements at the provider: ended when nothing needs them, and checked whether they still are."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from accounts import memberships
from accounts.models import BillingAgreement, Membership
from checkout import (
    agreements,
    agreements_by_hand,
    members,
    membership_mails,
    payments,
    reconciliation,
    renewals,
    sending,
    settling,
)
from checkout.calls import gateway_for
from checkout.crew import Crew
from checkout.gateways.base import Approved
from checkout.models import Discrepancy, Mail, ProviderCall
from orders.models import Order, PaymentTransaction
from shop.models import Product
from tests.checkout.memberships.conftest import JANUARY, membership_of, seoul
from tests.races import all_at_once

pytestmark = pytest.mark.django_db(transaction=True)

Status = BillingAgreement.Status


def of(member):
    return BillingAgreement.objects.get(pk=member.agreement_id)


def end_all(now):
    return [agreement for agreement in agreements.to_end() if agreements.end(agreement, now=now)]


class TestEnding:
    def test_not_while_it_can_be_resumed(self, member, kakaopay, at):
        """Stopped, the membership keeps it until its last moment."""
        members.stop(member.user, now=at(JANUARY))
        assert end_all(JANUARY) == []
        assert kakaopay.subscription(member.agreement.sid).status == "ACTIVE"
        members.resume(member.user, now=at(seoul(2027, 2, 27, 23, 59)))
        assert renewals.renew(member.pk, now=at(member.charge_at)).said == "renewed"

    def test_once_the_membership_has_ended(self, member, kakaopay, at):
        """It is ended at the provider, by us, and is never asked about again."""
        members.stop(member.user, now=at(JANUARY))
        now = at(member.paid_until)
        assert [each.pk for each in renewals.end_overdue(now=now)] == [member.pk]
        assert end_all(now) == [member.agreement]
        assert kakaopay.subscription(member.agreement.sid).status == "INACTIVE"
        assert (of(member).status, of(member).ended_by, of(member).ended_at) == (
            Status.ENDED,
            BillingAgreement.By.SHOP,
            now,
        )
        assert end_all(now) == []

    def test_what_the_shopper_ended_first(self, member, kakaopay, at):
        """Already ended is ended."""
        kakaopay.end_subscription(member.agreement.sid)
        BillingAgreement.objects.update(status=Status.ENDING)
        assert end_all(at(JANUARY)) == [member.agreement]
        assert of(member).status == Status.ENDED

    def test_what_nobody_knows_there(self, member, kakaopay, at):
        """There is nothing to end, and nobody says that its shopper did."""
        BillingAgreement.objects.update(status=Status.ENDING)
        kakaopay.fault("inactive", before="error:-750")
        assert end_all(at(JANUARY)) == [member.agreement]
        assert of(member).ended_by == BillingAgreement.By.SHOP

    def test_a_refusal_is_tried_again(self, member, kakaopay, at):
        """Our key is wrong today: it stays on the list."""
        BillingAgreement.objects.update(status=Status.ENDING)
        kakaopay.fault("inactive", before="error:-401")
        assert end_all(at(JANUARY)) == []
        assert end_all(at(JANUARY)) == [member.agreement]

    def test_of_a_purchase_that_came_too_late(self, buy, monthly, kakaopay, at):
        """The order had ended, so its agreement belongs to no membership, and is released."""
        kakaopay.fault("approve", after="drop")
        order = buy(monthly, now=at(JANUARY))
        charge = order.transactions.get()
        now = JANUARY + timedelta(hours=1)
        approved = lookup_of(charge)
        PaymentTransaction.objects.filter(pk=charge.pk).update(status="FAILED")
        type(order).objects.filter(pk=order.pk).update(status="CANCELED", canceled_at=now)
        Product.objects.update(stock=0)
        sid = kakaopay.payments(order.number)[0].sid
        settling.settle(charge, replace(approved, sid=sid), now=now)
        assert BillingAgreement.objects.get().status == Status.ENDING
        assert not Membership.objects.exists()

    def test_of_a_second_payment_of_one_order(self, member):
        """It counted as failed, and another one paid: nothing needs its agreement."""
        (late,) = PaymentTransaction.objects.all()
        late.pk, late.public_id, late.agreement, late.aid = None, uuid4(), None, ""
        late.status, late.tid, late._state.adding = "FAILED", "T" + "0" * 19, True
        late.save()
        approved = Approved("A1", 4_900, JANUARY, tid=late.tid, sid="S" + "0" * 19)
        settling.settle(late, approved, now=JANUARY)
        assert Discrepancy.objects.get().kind == "DUPLICATE"
        left = BillingAgreement.objects.exclude(pk=member.agreement_id).get()
        assert (left.sid, left.status) == (approved.sid, Status.ENDING)
        assert of(member).status == Status.ACTIVE


def lookup_of(charge):
    txn = PaymentTransaction.objects.select_related("order__user").get(pk=charge.pk)
    return gateway_for(txn).lookup(sending.payment_of(txn)).approved


class TestTheFirstAnswerIsLost:
    """The purchase is found by its tid, but nothing there tells the sid."""

    @pytest.fixture
    def nameless(self, buy, monthly, kakaopay, at):
        kakaopay.fault("approve", after="drop")
        order = buy(monthly, now=at(JANUARY))
        now = at(JANUARY + timedelta(minutes=1))
        list(reconciliation.settle_stale(reconciliation.unsettled(now), now=now))
        return membership_of(order.user)

    def test_a_member_who_is_asked_how_to_be_charged(self, nameless):
        """The month is theirs; a mail asks them to register a payment method."""
        assert nameless.paid_until == seoul(2027, 2, 28)
        assert (nameless.agreement, nameless.renews, nameless.charge_at) == (None, True, None)
        assert Mail.objects.filter(event="METHOD").count() == 1

    def test_registered_in_time(self, nameless, kakaopay, at):
        """For 0 won; the month that follows is charged when it is due."""
        now = at(seoul(2027, 2, 10, 12))
        charge = members.register(nameless.user, now=now)
        back = kakaopay.pay(charge.redirect_urls["pc"])
        payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)
        assert charge.amount == 0
        membership = membership_of(nameless.user)
        assert membership.paid_until == seoul(2027, 2, 28)
        assert renewals.renew(membership.pk, now=at(membership.charge_at)).said == "renewed"
        assert kakaopay.subscription(membership.agreement.sid).charges == 1

    def test_registered_in_the_grace_period(self, nameless, kakaopay, at):
        """With it the month that is due is paid."""
        now = at(seoul(2027, 3, 5, 12))
        charge = members.register(nameless.user, now=now)
        back = kakaopay.pay(charge.redirect_urls["pc"])
        payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)
        assert charge.amount == 4_900
        assert membership_of(nameless.user).paid_until == seoul(2027, 3, 31)

    def test_never_registered(self, nameless, at):
        """Nobody is charged, and it ends with the grace period."""
        late = at(seoul(2027, 3, 7))
        assert renewals.renew(nameless.pk, now=late).said == "nothing"
        assert [each.pk for each in renewals.end_overdue(now=late)] == [nameless.pk]
        assert Mail.objects.filter(event="UNPAID").count() == 1


class TestChecking:
    def test_what_the_shopper_ended_in_the_app(self, member, kakaopay, at):
        """The membership ends with what is paid, and they are told; once."""
        kakaopay.end_subscription(member.agreement.sid)
        now = at(JANUARY + timedelta(days=7))
        assert list(renewals.check_agreements(now=now)) == [member.agreement]
        membership = membership_of(member.user)
        assert (membership.renews, membership.lasts_until) == (False, seoul(2027, 2, 28))
        assert membership.agreement.ended_by == BillingAgreement.By.PAYER
        assert list(Mail.objects.exclude(event="PAID").values_list("event", flat=True)) == [
            "METHOD"
        ]
        assert list(renewals.check_agreements(now=now)) == []

    @pytest.mark.parametrize("hour", [5, 12], ids=["before the charge", "after a refusal"])
    def test_what_was_ended_in_the_grace_period(self, member, kakaopay, at, hour):
        """They are members for all of it, and can register another method meanwhile."""
        kakaopay.decline_subscription(member.agreement.sid, "NOT_ENOUGH_BALANCE")
        renewals.renew(member.pk, now=at(seoul(2027, 2, 28, hour)))
        kakaopay.end_subscription(member.agreement.sid)
        BillingAgreement.objects.update(checked_at=None)
        now = at(seoul(2027, 2, 28, hour, 30))
        assert list(renewals.check_agreements(now=now)) == [member.agreement]
        failing = membership_of(member.user)
        assert failing.is_good(now)
        assert (failing.renews, failing.refusal, failing.charge_at) == (True, "ENDED", None)
        assert (failing.is_failing, failing.lasts_until) == (True, member.lasts_until)
        assert not membership_mails.is_overtaken(Mail.objects.get(event="METHOD"))
        assert list(renewals.end_overdue(now=now)) == []

    def test_what_nobody_knows_there(self, member, kakaopay, at, caplog):
        """Perhaps our CID is wrong: no membership ends for that, and the log says so."""
        kakaopay.fault("status", before="error:-750")
        assert list(renewals.check_agreements(now=at(JANUARY + timedelta(days=7)))) == []
        assert (of(member).status, membership_of(member.user).renews) == (Status.ACTIVE, True)
        assert "was not told of: -750" in caplog.text

    def test_each_is_asked_about_now_and_then(self, member, at):
        """A week after it was last heard of, and not again until another week is over."""
        week = timedelta(days=7)
        early = at(JANUARY + week - timedelta(seconds=1))
        assert list(agreements.to_check(now=early)) == []
        assert list(renewals.check_agreements(now=at(JANUARY + week))) == []
        assert ProviderCall.objects.filter(operation="status").count() == 1
        assert list(agreements.to_check(now=JANUARY + week)) == []
        assert of(member).checked_at == JANUARY + week

    @pytest.mark.parametrize("fault", ["http_500", "drop", "error:-401"])
    def test_no_answer_ends_nothing(self, member, kakaopay, at, fault):
        """Only the provider's own word does."""
        kakaopay.fault("status", before=fault)
        assert list(renewals.check_agreements(now=at(JANUARY + timedelta(days=7)))) == []
        assert membership_of(member.user).renews

    def test_one_that_cannot_be_read(self, member, buy, monthly, kakaopay, at, caplog):
        """Encrypted by a key that nobody has any more: it keeps the others from nothing."""
        other = membership_of(buy(monthly, now=at(JANUARY)).user)
        BillingAgreement.objects.filter(pk=member.agreement_id).update(sealed_sid="unreadable")
        kakaopay.end_subscription(other.agreement.sid)
        now = at(JANUARY + timedelta(days=7))
        assert list(renewals.check_agreements(now=now)) == [other.agreement]
        assert f"agreement {member.agreement_id} cannot be read" in caplog.text
        assert agreements_by_hand.ask(of(member), now=now).said == "no_answer"
        told = renewals.renew(member.pk, now=at(member.charge_at))
        assert (told.said, told.transaction) == ("postponed", None)
        BillingAgreement.objects.update(status=Status.ENDING, ended_at=None, ended_by="")
        assert list(renewals.end_agreements(now=now)) == [other.agreement]

    def test_who_was_tried_last_comes_last(self, member, buy, monthly, kakaopay, at):
        """Those that give no answer do not keep the others from their turn, run after run."""
        other = membership_of(buy(monthly, now=at(JANUARY)).user)
        now = at(JANUARY + timedelta(days=7))
        kakaopay.fault("status", before="http_500", times=None)
        assert list(agreements.to_check(now=now)) == [member.agreement, other.agreement]
        assert next(renewals.check_agreements(now=now, crew=Crew()), None) is None
        assert {of(each).tried_at for each in (member, other)} == {now}
        later = now + timedelta(minutes=5)
        BillingAgreement.objects.filter(pk=member.agreement_id).update(tried_at=later)
        assert list(agreements.to_check(now=later)) == [other.agreement, member.agreement]
        BillingAgreement.objects.update(status=Status.ENDING)
        assert list(agreements.to_end()) == [other.agreement, member.agreement]

    def test_what_nobody_expected_does_not_stop_the_others(
        self, member, buy, monthly, kakaopay, at, caplog
    ):
        """One whose mail cannot be written keeps the others from nothing."""
        other = membership_of(buy(monthly, now=at(JANUARY)).user)
        for each in (member, other):
            kakaopay.end_subscription(each.agreement.sid)
        Order.objects.filter(user=member.user).update(period=None)
        now = at(JANUARY + timedelta(days=7))
        assert list(renewals.check_agreements(now=now)) == [other.agreement]
        assert f"agreement {member.agreement_id} could not be checked or ended" in caplog.text

    def test_what_the_shop_was_about_to_end(self, member, kakaopay, at):
        """Ended there, and killed before it was written down: not by its shopper."""
        BillingAgreement.objects.update(status=Status.ENDING)
        kakaopay.end_subscription(member.agreement.sid)
        now = at(JANUARY + timedelta(days=7))
        assert agreements_by_hand.ask(of(member), now=now).said == "news"
        assert of(member).ended_by == BillingAgreement.By.SHOP

    def test_while_its_shopper_registers_another(self, member, kakaopay, at):
        """The new one is left alone, in whatever order the two come; nobody waits for ever."""
        kakaopay.end_subscription(member.agreement.sid)
        now = at(JANUARY + timedelta(days=7))
        charge = members.register(member.user, now=now)
        back = kakaopay.pay(charge.redirect_urls["pc"])
        token = back.rpartition("pg_token=")[2]
        all_at_once(
            [
                lambda: list(renewals.check_agreements(now=now)),
                lambda: payments.capture(charge, pg_token=token, now=now),
            ]
        )
        membership = membership_of(member.user)
        assert (membership.renews, membership.charge_at) == (True, seoul(2027, 2, 28, 9))
        assert membership.agreement.status == Status.ACTIVE
        assert membership.agreement != member.agreement


def test_a_release_spares_what_another_membership_needs(member, at):
    """Nothing in the database forbids two memberships one agreement: it is not ended under them."""
    memberships.release(member.agreement)
    assert of(member).status == Status.ACTIVE
    memberships.release(member.agreement, besides=member)
    assert of(member).status == Status.ENDING
