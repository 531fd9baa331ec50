"""A renewal that is refused: each kind of refusal has its own way on."""

from datetime import timedelta

import pytest

from accounts.models import BillingAgreement, Membership, MembershipPeriod
from checkout import attention, members, payments, renewals, standing
from checkout.gateways.base import Declined, Why
from checkout.models import Mail
from orders.models import Order, PaymentTransaction
from tests.checkout.memberships.conftest import membership_of, seoul

pytestmark = pytest.mark.django_db(transaction=True)

Status = PaymentTransaction.Status


def renew(membership, at, now=None):
    """The first attempt of the period that is due; the membership as it is then."""
    told = renewals.renew(membership.pk, now=at(now or membership.charge_at))
    return told, membership_of(membership.user)


def mails():
    return list(Mail.objects.exclude(event="PAID").values_list("event", flat=True))


class TestThePayersCard:
    def test_it_declines_once_and_then_pays(self, member, kakaopay, at):
        """The next day the period is charged, once, and the months go on as before."""
        kakaopay.decline_subscription(member.agreement.sid, "NOT_ENOUGH_BALANCE", times=1)
        told, failing = renew(member, at)
        assert (told.said, told.why) == ("refused", "-782 NOT_ENOUGH_BALANCE")
        assert failing.charge_at == seoul(2027, 3, 1, 9)
        told, paid = renew(failing, at)
        assert told.said == "renewed"
        assert (paid.paid_until, paid.is_failing) == (seoul(2027, 3, 31), False)
        assert kakaopay.subscription(member.agreement.sid).charges == 2
        assert mails() == ["REFUSED"]

    def test_it_stays_a_member_through_the_grace_period(self, member, kakaopay, at):
        """Until seven days after the month that was paid."""
        kakaopay.decline_subscription(member.agreement.sid, "NOT_ENOUGH_BALANCE")
        _, failing = renew(member, at)
        assert failing.is_good(seoul(2027, 3, 7) - timedelta(seconds=1))
        assert not failing.is_good(seoul(2027, 3, 7))

    def test_one_attempt_a_day(self, member, kakaopay, at):
        """However often the worker comes by."""
        kakaopay.decline_subscription(member.agreement.sid, "NOT_ENOUGH_BALANCE")
        _, failing = renew(member, at)
        for hour in range(1, 24):
            now = at(member.charge_at + timedelta(hours=hour) - timedelta(seconds=1))
            assert renewals.renew(member.pk, now=now).said == "nothing"
        assert Order.objects.filter(kind="RENEWAL").count() == 1
        assert failing.attempts == 1

    def test_another_card_pays_what_is_due(self, member, kakaopay, at):
        """Registered in the grace period: the month is paid by it, and the months to come."""
        old = member.agreement
        kakaopay.decline_subscription(old.sid, "NOT_ENOUGH_BALANCE")
        _, failing = renew(member, at)
        now = at(seoul(2027, 2, 28, 20))
        charge = members.register(failing.user, now=now)
        back = kakaopay.pay(charge.redirect_urls["pc"], issuer="KB")
        payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)
        paid = membership_of(failing.user)
        assert (charge.amount, paid.paid_until) == (4_900, seoul(2027, 3, 31))
        assert paid.charge_at == seoul(2027, 3, 31, 9)
        assert paid.agreement != old
        assert not paid.is_failing
        old.refresh_from_db()
        assert old.status == BillingAgreement.Status.ENDING
        told, renewed = renew(paid, at)
        assert told.said == "renewed"
        assert renewed.paid_until == seoul(2027, 4, 30)
        assert kakaopay.subscription(old.sid).charges == 1
        assert kakaopay.subscription(paid.agreement.sid).charges == 2


class TestTheAgreement:
    @pytest.fixture
    def ended_in_the_app(self, member, kakaopay):
        kakaopay.end_subscription(member.agreement.sid)
        return member

    def test_ended_at_the_provider(self, ended_in_the_app, kakaopay, at):
        """Nothing is sent; the shopper is asked how to be charged, and nobody tries again."""
        told, failing = renew(ended_in_the_app, at)
        charge = PaymentTransaction.objects.get(order__kind="RENEWAL")
        assert (charge.status, charge.reason_code) == (Status.CANCELED, "ended")
        assert charge.order.status == Order.Status.CANCELED
        assert (failing.refusal, failing.charge_at) == ("ENDED", None)
        assert failing.agreement.status == BillingAgreement.Status.ENDED
        assert failing.agreement.ended_by == BillingAgreement.By.PAYER
        assert mails() == ["METHOD"]
        assert told.said == "refused"
        assert kakaopay.subscription(failing.agreement.sid).charges == 1

    def test_ended_between_question_and_charge(self, member, kakaopay, at):
        """-751: the same, by the answer to the charge."""
        kakaopay.fault("subscription", before="error:-751")
        _, failing = renew(member, at)
        charge = PaymentTransaction.objects.get(order__kind="RENEWAL")
        assert (charge.status, charge.reason_code) == (Status.FAILED, "-751")
        assert (failing.refusal, failing.charge_at) == ("ENDED", None)
        assert mails() == ["METHOD"]

    @pytest.mark.parametrize("endpoint", ["subscription", "status"])
    def test_not_known_any_more(self, member, kakaopay, at, endpoint):
        """-750: our books are wrong, or our CID is: nobody says that its shopper ended it."""
        kakaopay.fault(endpoint, before="error:-750")
        _, failing = renew(member, at)
        assert (failing.refusal, failing.charge_at, mails()) == ("OTHER_BUYER", None, ["METHOD"])
        assert failing.agreement.status == BillingAgreement.Status.ENDING

    def test_used_up_for_this_month(self, member, kakaopay, at):
        """-752: on the first of the next month it is charged, and the shopper a member until."""
        kakaopay.fault("subscription", before="error:-752")
        _, failing = renew(member, at)
        assert (failing.refusal, failing.charge_at) == ("USED_UP", seoul(2027, 3, 1, 9))
        assert mails() == ["REFUSED"]
        told, paid = renew(failing, at)
        assert (told.said, paid.paid_until) == ("renewed", seoul(2027, 3, 31))

    def test_used_up_in_the_next_month_too(self, member, kakaopay, at):
        """It is moved once: after that its shopper has to register another, or it ends in time."""
        kakaopay.fault("subscription", before="error:-752", times=2)
        _, failing = renew(member, at)
        _, again = renew(failing, at)
        assert (again.refusal, again.charge_at) == ("USED_UP", None)
        assert again.lasts_until == seoul(2027, 3, 8)

    def test_somebody_elses(self, member, kakaopay, at, caplog):
        """-753: our books are wrong; it is never charged again but ended, and the log says so."""
        kakaopay.fault("subscription", before="error:-753")
        _, failing = renew(member, at)
        assert (failing.refusal, failing.charge_at) == ("OTHER_BUYER", None)
        assert failing.agreement.status == BillingAgreement.Status.ENDING
        assert mails() == ["METHOD"]
        assert "could not be charged: -753" in caplog.text

    def test_registering_anew_after_it_ended(self, ended_in_the_app, kakaopay, at):
        """The month is paid by the new one."""
        _, failing = renew(ended_in_the_app, at)
        now = at(failing.paid_until + timedelta(days=2))
        charge = members.register(failing.user, now=now)
        back = kakaopay.pay(charge.redirect_urls["pc"])
        payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)
        paid = membership_of(failing.user)
        assert (paid.paid_until, paid.is_failing) == (seoul(2027, 3, 31), False)
        assert kakaopay.subscription(paid.agreement.sid).charges == 1


class TestOurOwnFault:
    @pytest.mark.parametrize("code", [-10, -401, -429])
    def test_the_question_is_refused(self, member, kakaopay, at, code, caplog):
        """Nothing was tried by that: the same order is charged as soon as the shop may ask."""
        kakaopay.fault("status", before=f"error:{code}")
        told, waiting = renew(member, at)
        assert (told.said, told.transaction) == ("postponed", None)
        assert (waiting.attempts, waiting.refusal, mails()) == (0, "", [])
        assert f"is not told of: {code}" in caplog.text
        told, paid = renew(waiting, at)
        assert (told.said, paid.paid_until) == ("renewed", seoul(2027, 3, 31))
        assert Order.objects.filter(kind="RENEWAL").count() == 1

    @pytest.mark.parametrize("code", [-401, -429, -731])
    def test_keys_and_quotas(self, member, kakaopay, at, code):
        """Nobody's card failed: no mail, no count, and tomorrow again."""
        kakaopay.fault("subscription", before=f"error:{code}")
        _, waiting = renew(member, at)
        assert (waiting.attempts, waiting.is_failing, mails()) == (0, False, [])
        assert waiting.agreement.status == BillingAgreement.Status.ACTIVE
        told, paid = renew(waiting, at, seoul(2027, 3, 1, 9))
        assert (told.said, paid.paid_until) == ("renewed", seoul(2027, 3, 31))
        assert kakaopay.subscription(paid.agreement.sid).charges == 2

    def test_the_provider_is_down(self, member, kakaopay, at, settings):
        """The question is not answered: nothing is sent, and the same order waits."""
        kakaopay.fault("status", before="http_503")
        told, waiting = renew(member, at)
        assert told.said == "postponed"
        assert waiting.charge_at == member.charge_at + renewals.LEASE
        told, paid = renew(waiting, at)
        assert told.said == "renewed"
        assert Order.objects.filter(kind="RENEWAL").count() == 1
        assert paid.paid_until == seoul(2027, 3, 31)

    def test_it_does_not_run_out_while_the_provider_is_down(self, member, kakaopay, at):
        """Ten days without an answer: still a member, and charged once when it answers."""
        kakaopay.fault("status", before="http_503", times=None)
        for day in range(10):
            now = at(member.charge_at + timedelta(days=day))
            assert renewals.renew(member.pk, now=now).said == "postponed"
            list(payments.close_abandoned(now=now))
            assert list(renewals.end_overdue(now=now)) == []
        assert standing.of(member.user_id, now=now).state == "POSTPONED"  # and the desk shows it
        assert list(attention.postponed(now=now)) == [member]
        kakaopay.clear_faults()
        now = at(now + renewals.LEASE)
        assert renewals.renew(member.pk, now=now).said == "renewed"
        assert kakaopay.subscription(member.agreement.sid).charges == 2
        assert Order.objects.filter(kind="RENEWAL", status="PAID").count() == 1

    def test_who_was_told_that_it_is_over_is_not_charged(self, member, kakaopay, at):
        """The shop's worker slept for weeks: the membership ends, and its month is not taken."""
        late = at(member.lasts_until)
        assert renewals.renew(member.pk, now=late).said == "nothing"
        assert list(renewals.end_overdue(now=late)) == [member]
        assert member.periods.filter(status=MembershipPeriod.Status.DUE).count() == 0
        assert kakaopay.subscription(member.agreement.sid).charges == 1

    def test_it_ran_out_between_order_and_charge(self, member, kakaopay, at):
        """The order was placed in time, but the charge would come after the end: it is not sent."""
        order = renewals.take_up(member.pk, now=member.charge_at)
        Membership.objects.update(lasts_until=member.charge_at + timedelta(minutes=1))
        charge = payments.charge(order, now=at(member.charge_at + timedelta(minutes=1)))
        assert charge.status == Status.CREATED
        assert kakaopay.subscription(member.agreement.sid).charges == 1


def test_every_reason_is_one_a_membership_knows():
    """What the provider's answers can mean can be written down."""
    assert {why.name for why in Why} == set(Membership.Refusal.values)
    assert Declined("-1", "").why == Why.PAYER
