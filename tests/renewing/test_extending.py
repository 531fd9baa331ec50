"""What the months of memberships brought to light about passes."""

from datetime import datetime, timedelta

import pytest

from accounts.models import MembershipPeriod
from checkout import renewals
from tests.checkout.memberships.conftest import (
    at,
    buy,
    make_plan,
    make_user,
    membership_of,
    monthly,
)
from tests.renewing.months import KST

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["at", "buy", "make_plan", "make_user", "monthly"]


def test_two_passes_while_a_renewal_is_in_doubt(buy, make_plan, monthly, kakaopay, at):
    """The second begins when the first ends: both are paid, and neither is left unsettled."""
    order = buy(monthly, now=at(datetime(2027, 1, 31, 14, tzinfo=KST)))
    membership = membership_of(order.user)
    now = at(membership.charge_at)
    kakaopay.fault("subscription", after="drop")
    assert renewals.renew(membership.pk, now=now).said == "unknown"
    extending = make_plan(renews=False)
    bought = [
        buy(extending, user=order.user, now=now + timedelta(minutes=minute)) for minute in (1, 2)
    ]
    assert [each.status for each in bought] == ["PAID", "PAID"]
    days = [
        period.starts_at.astimezone(KST).date().isoformat()
        for period in MembershipPeriod.objects.order_by("number")
    ]
    assert days == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]
