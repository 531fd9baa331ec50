"""What a plan would bring somebody who bought it now, said before they pay."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone

from accounts.memberships.days import charging_time, later, midnight
from accounts.memberships.renewing import next_price
from accounts.memberships.standing import can_be_charged
from accounts.memberships.terms import Terms
from accounts.models import MembershipPeriod, Plan


class Hindrance(StrEnum):
    """Why somebody cannot buy a plan now."""

    UNPAID = "unpaid"  # the period that is due could not be charged: it is paid first
    RENEWS = "renews"  # what they have renews by itself: a pass makes it longer


@dataclass(frozen=True, slots=True)
class Prospect:
    """
    A membership from ``starts_at`` to ``ends_at``, free if it ``is_trial``; it ``is_added`` where
    it follows what its buyer has. At ``charge_at`` they are charged ``charge`` won for
    ``renews_as``, and so on until they cancel; where these are None, never. Only ``charge_at`` is
    where nobody knows yet by which payment method.
    """

    plan: Plan
    is_trial: bool
    is_added: bool
    starts_at: datetime
    ends_at: datetime
    charge_at: datetime | None = None
    charge: int | None = None
    renews_as: Plan | None = None


def hindrance(plan: Plan | None, terms: Terms) -> Hindrance | None:
    """What keeps a shopper with these terms from buying the plan, if anything does."""
    membership = terms.membership
    if plan is None or membership is None or not terms.is_member:
        return None
    if membership.is_failing:
        return Hindrance.UNPAID
    return Hindrance.RENEWS if plan.renews and membership.renews else None


def prospect(plan: Plan, terms: Terms, *, now: datetime) -> Prospect:
    """What ``join`` would do for somebody whom nothing hinders; a query at most."""
    membership = terms.membership if terms.is_member else None
    starts_at, day, due = now, timezone.localtime(now).day, None
    if membership:
        due = membership.periods.filter(status=MembershipPeriod.Status.DUE).first()
        starts_at, day = due.ends_at if due else membership.paid_until, membership.day
    is_trial = terms.may_try and plan.trial_days > 0
    if is_trial:
        first = timezone.localtime(starts_at).date()
        ends_at = midnight(first + timedelta(days=plan.trial_days))
    else:
        ends_at = later(starts_at, plan.months, day)
    renews_as, charge, charge_at = None, None, None
    if plan.renews:
        renews_as, charge, charge_at = plan, plan.price, charging_day(ends_at)
    elif membership and membership.renews:
        renews_as, charge = membership.next_plan or membership.plan, next_price(membership)
        if can_be_charged(membership):
            charge_at = membership.charge_at if due else charging_day(ends_at)
    return Prospect(
        plan=plan,
        is_trial=is_trial,
        is_added=membership is not None,
        starts_at=starts_at,
        ends_at=ends_at,
        charge_at=charge_at,
        charge=charge,
        renews_as=renews_as,
    )


def charging_day(ends_at: datetime) -> datetime:
    return charging_time(timezone.localtime(ends_at).date())
