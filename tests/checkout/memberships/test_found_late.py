"""
A bank that took longer than any bank does: a renewal's money came after it counted as not taken.
Whoever asks about the agreement next finds it, and nobody pays the period twice.
"""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from accounts.models import BillingAgreement, MembershipPeriod
from checkout import (
    agreements,
    agreements_by_hand,
    charging,
    members,
    payments,
    renewals,
    settling,
)
from checkout.gateways.base import Agreement, Approved, OutcomeUnknown
from checkout.models import Discrepancy, Mail
from orders.locking import locked
from orders.models import Order, PaymentTransaction
from tests.checkout.memberships.conftest import JANUARY, charges_of, membership_of, seoul, settle

pytestmark = pytest.mark.django_db(transaction=True)

Status = PaymentTransaction.Status
A_MINUTE = timedelta(minutes=1)
#: When no bank can be at work any more.
HALF_AN_HOUR = timedelta(minutes=30)


def pay_what_is_due(member, kakaopay, now):
    charge = members.register(member.user, now=now)
    back = kakaopay.pay(charge.redirect_urls["pc"])
    return payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)


@pytest.fixture
def late(lost, member, at):
    """The provider's books show it too late; to us it counts as failed."""
    PaymentTransaction.objects.filter(pk=lost.pk).update(
        agreement_charged_at=lost.agreement_charged_at + timedelta(days=60)
    )
    (txn,) = settle(at(member.charge_at + HALF_AN_HOUR))
    assert txn.status == Status.FAILED
    PaymentTransaction.objects.filter(pk=lost.pk).update(
        agreement_charged_at=lost.agreement_charged_at
    )
    return txn


def test_it_is_found_before_the_next_charge(late, member, kakaopay, at):
    """Asked before it charges again, the shop sees it: the period is paid by the first."""
    again = membership_of(member.user)
    told = renewals.renew(member.pk, now=at(again.charge_at))
    assert (told.said, told.transaction) == ("renewed", late)
    renewed = membership_of(member.user)
    assert renewed.paid_until == seoul(2027, 3, 31)
    assert charges_of(member, kakaopay) == 2
    statuses = Order.objects.filter(kind="RENEWAL").order_by("pk")
    assert list(statuses.values_list("status", "cancel_reason")) == [
        ("PAID", ""),
        ("CANCELED", "SUPERSEDED"),
    ]
    assert set(Discrepancy.objects.values_list("kind", flat=True)) == {"NO_NAME", "STATUS"}


def test_it_is_found_by_the_weekly_question(late, member, kakaopay, at):
    """Though nothing is charged again: the period is paid after all, and was not ended."""
    BillingAgreement.objects.update(checked_at=None)
    assert list(renewals.check_agreements(now=at(late.sent_at + timedelta(hours=2)))) == []
    late.refresh_from_db()
    renewed = membership_of(member.user)
    assert (late.status, renewed.paid_until) == (Status.SUCCEEDED, seoul(2027, 3, 31))
    assert (renewed.renews, charges_of(member, kakaopay)) == (True, 2)


def test_it_is_found_before_its_agreement_is_ended(late, member, kakaopay, at):
    """Stopped, and nobody asks again: its money is the buyer's, and a person is told."""
    now = at(late.sent_at + timedelta(hours=2))
    run_out(member, now)
    assert list(renewals.end_agreements(now=now)) == [member.agreement]
    late.refresh_from_db()
    assert late.status == Status.SUCCEEDED
    told = " ".join(Discrepancy.objects.values_list("detail", flat=True))
    assert "refund" in told
    assert kakaopay.subscription(member.agreement.sid).status == "INACTIVE"


@pytest.mark.parametrize("fault", ["http_500", "error:-401"])
def test_not_ended_before_that_is_known(late, member, kakaopay, at, fault):
    """Afterwards nobody might tell: it is tried again."""
    now = at(late.sent_at + timedelta(hours=2))
    run_out(member, now)
    kakaopay.fault("status", before=fault)
    assert list(renewals.end_agreements(now=now)) == []
    assert kakaopay.subscription(member.agreement.sid).status == "ACTIVE"
    assert list(renewals.end_agreements(now=now)) == [member.agreement]


def run_out(member, now):
    members.stop(member.user, now=now)
    assert list(renewals.end_overdue(now=now)) == [member]


def test_a_period_that_was_paid_otherwise(late, member, kakaopay, at):
    """By another card: its money is the buyer's, and a person is told to give it back."""
    now = at(member.charge_at + timedelta(hours=2))
    charge = members.register(member.user, now=now)
    back = kakaopay.pay(charge.redirect_urls["pc"])
    payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)
    found = agreements.ask(late.agreement, now=now)
    missed = charging.missed_in(found, late.agreement)
    assert missed is not None
    settling.settle(missed.charge, missed.approved, now=now)
    late.refresh_from_db()
    assert (late.status, late.order.status) == (Status.SUCCEEDED, Order.Status.CANCELED)
    assert membership_of(member.user).paid_until == seoul(2027, 3, 31)
    told = " ".join(Discrepancy.objects.values_list("detail", flat=True))
    assert "refund" in told


def test_a_period_that_was_given_up(lost, member, kakaopay, at):
    """Its membership was ended meanwhile by the desk: the settling does not fail for want of
    a name, and a person is told to give the money back."""
    MembershipPeriod.objects.filter(status="DUE").update(status="UNPAID")
    (txn,) = settle(at(member.charge_at + A_MINUTE))
    assert txn.status == Status.SUCCEEDED
    assert "refund the order" in Discrepancy.objects.get(kind="NO_NAME").detail
    assert membership_of(member.user).paid_until == seoul(2027, 2, 28)
    assert not Mail.objects.filter(order=txn.order, event="PAID").exists()


def test_it_is_found_though_the_agreement_was_ended_in_the_app(late, member, kakaopay, at):
    """Before the period is given up for want of an agreement: it is paid, and nobody pays again."""
    kakaopay.end_subscription(member.agreement.sid)
    again = membership_of(member.user)
    told = renewals.renew(member.pk, now=at(again.charge_at))
    assert (told.said, told.transaction) == ("renewed", late)
    assert membership_of(member.user).paid_until == seoul(2027, 3, 31)
    assert "METHOD" not in Mail.objects.values_list("event", flat=True)


def test_it_is_found_by_staff_who_ask(late, member, kakaopay, at):
    """Also where the answer is that the agreement has ended."""
    kakaopay.end_subscription(member.agreement.sid)
    now = at(member.charge_at + timedelta(hours=2))
    assert agreements_by_hand.ask(member.agreement, now=now).said == "news"
    late.refresh_from_db()
    assert (late.status, late.order.status) == (Status.SUCCEEDED, Order.Status.PAID)


def test_it_is_found_by_staff_who_end_the_agreement(late, member, kakaopay, at):
    """Before it is ended: afterwards nobody might tell."""
    now = at(late.sent_at + timedelta(hours=2))
    run_out(member, now)
    assert agreements_by_hand.end(member.agreement, now=now)
    late.refresh_from_db()
    assert late.status == Status.SUCCEEDED


def test_never_charged_before_and_not_told_of(lost, member, kakaopay, at):
    """That it is ended says nothing of a charge that was in flight: it stays in doubt."""
    PaymentTransaction.objects.update(agreement_charged_at=charging.NEVER)
    kakaopay.fault("status", before="error:-751")
    (txn,) = settle(at(member.charge_at + HALF_AN_HOUR))
    assert txn.status == Status.PROCESSING


def test_a_trials_agreement_that_never_took_money(make_plan, buy, kakaopay, at):
    """Where the provider tells of no charge of it, a refusal is one: it does not stay in doubt."""
    trial = membership_of(buy(make_plan(trial_days=14), now=at(JANUARY)).user)
    now = at(trial.charge_at)
    charge = renewals.take_up(trial.pk, now=now).transactions.get()
    looked = charging.look(charge, now=now)
    with locked(charge.order_id) as order:
        charging.record(order, charge, looked, now=now)
    never = Told(Agreement(is_active=True, last_charged_at=None))
    assert charging.charged_since(never, charge) is None
    (paid,) = PaymentTransaction.objects.filter(agreement=trial.agreement, status="SUCCEEDED")
    PaymentTransaction.objects.filter(pk=paid.pk).update(amount=4_900)
    with pytest.raises(OutcomeUnknown, match="not told of"):
        charging.charged_since(never, charge)


@dataclass
class Told:
    """A provider that says this of every agreement."""

    said: Agreement

    def agreement(self, name: str) -> Agreement:
        return self.said


def test_what_is_not_told_is_known_from_before(member):
    """A status without its last charge must not make an old one look like a new one later."""
    found = Agreement(is_active=True, last_charged_at=None)
    known = member.agreement.last_charged_at
    assert known
    assert charging.before(found, member.agreement).charged_at == known


def test_not_ended_while_a_charge_is_in_doubt(lost, member, buy, monthly, kakaopay, at):
    """Stopped and bought anew, nothing needs it; but it is what tells whether the charge came."""
    now = at(member.charge_at + A_MINUTE)
    members.stop(member.user, now=now)
    buy(monthly, user=member.user, now=now + A_MINUTE)
    agreement = BillingAgreement.objects.get(pk=member.agreement_id)
    assert agreement.status == BillingAgreement.Status.ENDING
    assert list(renewals.end_agreements(now=now)) == []
    assert not agreements_by_hand.end(agreement, now=now)
    assert kakaopay.subscription(agreement.sid).status == "ACTIVE"
    (txn,) = settle(at(now + A_MINUTE))
    assert txn.status == Status.SUCCEEDED
    assert list(renewals.end_agreements(now=now)) == [agreement]


def test_a_trial_that_was_registered_too_late(make_plan, buy, kakaopay, at):
    """There is no money to give back: it is entered, and its agreement kept, to be ended."""
    kakaopay.fault("approve", before="error:-780")
    order = buy(make_plan(trial_days=14), now=at(JANUARY))
    (txn,) = order.transactions.all()
    assert txn.status == Status.FAILED
    order.user.cart.lines.all().delete()
    buy(order.plan, user=order.user, now=at(JANUARY + A_MINUTE))
    approved = Approved("A123", 0, JANUARY, tid=txn.tid, sid="S" + "1" * 19)
    settling.settle(txn, approved, now=JANUARY + 2 * A_MINUTE)
    txn.refresh_from_db()
    assert txn.status == Status.SUCCEEDED
    assert txn.agreement.status == BillingAgreement.Status.ENDING
