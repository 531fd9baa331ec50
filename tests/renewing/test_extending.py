"""What the months of memberships brought to light about passes."""

from datetime import datetime, timedelta

import pytest

from accounts.models import MembershipPeriod
from checkout import members, renewals
from tests.checkout.memberships.conftest import (
    at,
    buy,
    make_plan,
    make_user,
    membership_of,
    monthly,
)
from tests.renewing import periods
from tests.renewing.months import KST
from tests.renewing.shoppers import Did, Entry, Shopper

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


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_pass_after_a_month_that_was_given_up(buy, make_plan, monthly, kakaopay, at, is_stopped):
    """
    It stays where it was said to begin. The oracle takes the month between for none that was
    forgotten, but only where its shopper has stopped it.
    """
    order = buy(monthly, now=at(datetime(2027, 1, 31, 14, tzinfo=KST)))
    membership = membership_of(order.user)
    kakaopay.fault("status", before="http_503")
    now = at(membership.charge_at)
    assert renewals.renew(membership.pk, now=now).said == "postponed"
    buy(make_plan(renews=False), user=order.user, now=now)
    members.stop(order.user, now=now)
    diary = [Entry(now, Did.EXTENDED), *([Entry(now, Did.STOPPED)] if is_stopped else [])]
    rows = list(MembershipPeriod.objects.select_related("plan").order_by("number"))
    assert [each.status for each in rows] == ["PAID", "UNPAID", "PAID"]
    chains = periods.chains(rows, Shopper(order.user, diary))
    assert [len(chain) for chain in chains] == ([3] if is_stopped else [1, 1])
