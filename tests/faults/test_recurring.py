"""
Every fault in each call of a renewal: whatever happens, the month is charged once, and what is told
at once is never more than is known.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import BillingAgreement
from checkout import agreements, auditing, payments, reconciliation, renewals
from checkout.crew import Crew
from checkout.models import Discrepancy
from checkout.runs import Period, Unwatched
from orders.models import Order, PaymentTransaction
from tests.checkout.memberships.conftest import (  # noqa: F401
    JANUARY,
    at,
    buy,
    make_plan,
    make_user,
    membership_of,
    monthly,
    seoul,
)
from tests.faults.test_faults import FAULTS, RUNS, provider  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

#: KakaoPay is well enough to be asked at once whether it was charged.
LEFT_OPEN = {"−1", "−702", "−780 USER_LOCKED", "−780 BANK_FIRM_UNKNOWN", "−785"}
#: A status has neither.
QUESTIONS = [fault for fault in FAULTS if fault not in {"wrong amount", "another tid"}]
CHARGES = [run for run in RUNS if run != ("another tid", False)]


@pytest.fixture
def member(provider, buy, monthly, at):  # noqa: F811
    return membership_of(buy(monthly, now=at(JANUARY)).user)


def break_down(kakaopay, endpoint, fault, moved=False):
    kind = FAULTS[fault]
    strikes = "any" if kind.startswith("refuse") else endpoint
    kakaopay.fault(strikes, **{"after" if moved else "before": kind})


def settle(now):
    list(reconciliation.settle_stale(reconciliation.unsettled(now), now=now))


def charged(member, kakaopay):
    """The renewals that were taken, by the provider's books."""
    return kakaopay.subscription(member.agreement.sid).charges - 1


def end(member, kakaopay, at):  # noqa: F811
    """Recover, and come again when it is time to. How many days late the month was charged."""
    kakaopay.clear_faults()
    now = at(member.charge_at + timedelta(minutes=1))
    settle(now)
    settle(at(now + timedelta(minutes=30)))
    days = 0
    while (current := membership_of(member.user)).paid_until == seoul(2027, 2, 28):
        list(payments.close_abandoned(now=at(current.charge_at)))
        days = (current.charge_at - member.charge_at).days
        assert renewals.renew(member.pk, now=at(current.charge_at)).said == "renewed"
    assert charged(member, kakaopay) == 1
    assert current.paid_until == seoul(2027, 3, 31)
    assert current.charge_at == seoul(2027, 3, 31, 9)
    assert not PaymentTransaction.objects.filter(status="PROCESSING").exists()
    assert Order.objects.filter(kind="RENEWAL", status="PAID").count() == 1
    return days


@pytest.mark.parametrize(("fault", "moved"), CHARGES)
def test_in_the_charge(member, provider, at, fault, moved):  # noqa: F811
    """Charged, or known not to be: on this day or the next, once."""
    break_down(provider, "subscription", fault, moved)
    told = renewals.renew(member.pk, now=at(member.charge_at))
    if fault == "refused connection":  # by the question before it
        assert told.said == "postponed"
    elif fault == "another tid":  # it has a name, which only the audit finds to be wrong
        assert told.said == "renewed"
    else:
        is_told = moved and fault in LEFT_OPEN
        assert told.said == ("renewed" if is_told else "unknown")
        assert told.transaction.tid == ""
    assert end(member, provider, at) == int(told.said == "unknown" and not moved)


@pytest.mark.parametrize("fault", QUESTIONS)
def test_in_the_question_before(member, provider, at, fault):  # noqa: F811
    """Nothing is charged without knowing how the agreement stood; minutes later it is."""
    break_down(provider, "status", fault)
    told = renewals.renew(member.pk, now=at(member.charge_at))
    assert told.said == "postponed"
    assert charged(member, provider) == 0
    assert end(member, provider, at) == 0


@pytest.mark.parametrize("fault", QUESTIONS)
def test_in_the_question_afterwards(member, provider, at, fault):  # noqa: F811
    """The answer to the charge was lost; not to be told about it proves nothing."""
    provider.fault("subscription", after="drop")
    assert renewals.renew(member.pk, now=at(member.charge_at)).said == "unknown"
    break_down(provider, "status", fault)
    settle(at(member.charge_at + timedelta(minutes=30)))
    assert PaymentTransaction.objects.filter(status="PROCESSING").count() == 1
    PaymentTransaction.objects.update(asked_at=None)
    assert end(member, provider, at) == 0


@pytest.mark.parametrize("fault", QUESTIONS)
def test_in_ending_the_agreement(member, provider, at, fault):  # noqa: F811
    """It is ended in the end, and never counts as ended before the provider says so."""
    BillingAgreement.objects.update(status="ENDING")
    now = at(member.charge_at)
    break_down(provider, "inactive", fault)
    assert list(ended_now(now)) == []
    assert BillingAgreement.objects.get().status == "ENDING"
    provider.clear_faults()
    assert list(ended_now(now)) == [member.agreement]
    assert provider.subscription(member.agreement.sid).status == "INACTIVE"


def ended_now(now):
    return [agreement for agreement in agreements.to_end() if agreements.end(agreement, now=now)]


def test_a_charge_that_was_never_made(member, provider, at):  # noqa: F811
    """KakaoPay says that it charged, and did not: the audit does not find it in its books."""
    break_down(provider, "subscription", "another tid")
    assert renewals.renew(member.pk, now=at(member.charge_at)).said == "renewed"
    assert charged(member, provider) == 0
    day = timedelta(days=1)
    period = Period(timezone.now() - day, timezone.now() + day)
    assert auditing.audit(period, crew=Crew(), watch=Unwatched()).outcome == "DIFFERENT"
    (found,) = Discrepancy.objects.filter(kind="MISSING_THERE")
    assert found.transaction.order.kind == Order.Kind.RENEWAL
