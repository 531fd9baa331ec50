"""Stopping a membership, going on with it, changing it, and its end."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, QuerySet

from accounts.memberships.days import later
from accounts.memberships.renewing import give_up_due
from accounts.memberships.standing import (
    NeedsMethod,
    NoSuchPlan,
    NotRenewing,
    Unpaid,
    can_be_charged,
    forget_failures,
    good,
    lock,
    release,
    schedule,
)
from accounts.models import Membership, MembershipPeriod, Plan

Status = MembershipPeriod.Status


def cancel(user_id: int, *, now: datetime) -> Membership:
    """
    It does not renew any more, and ends when what is paid for is over.

    :raises NotAMember, NotRenewing: nothing is changed.
    """
    membership = good(user_id, now=now)
    if not membership.renews:
        raise NotRenewing
    stop(membership, now=now)
    membership.save()
    return membership


def stop(membership: Membership, *, now: datetime) -> None:
    membership.renews, membership.canceled_at = False, now
    membership.next_plan = membership.next_price = None
    membership.new_price = membership.new_price_from = None
    forget_failures(membership)
    schedule(membership)


def resume(user_id: int, *, now: datetime) -> Membership:
    """
    It renews after all, from what is paid for on: nothing is charged for days gone by.

    :raises NotAMember, NotRenewing, NeedsMethod: nothing is changed.
    """
    membership = good(user_id, now=now)
    if membership.renews or not membership.plan.renews:
        raise NotRenewing
    if not can_be_charged(membership):
        raise NeedsMethod
    membership.renews, membership.canceled_at = True, None
    schedule(membership)
    membership.save()
    return membership


def change_plan(user_id: int, plan: Plan, *, now: datetime) -> Membership:
    """
    From the next period on it is another plan; the present one again takes that back.

    :raises NotAMember, NotRenewing, Unpaid, NoSuchPlan: nothing is changed.
    """
    membership = good(user_id, now=now)
    if not membership.renews:
        raise NotRenewing
    if membership.periods.filter(status=Status.DUE).exists():  # what it costs was agreed
        raise Unpaid
    if plan != membership.plan and not (plan.is_active and plan.renews):
        raise NoSuchPlan
    is_another = plan != membership.plan
    membership.next_plan = plan if is_another else None
    membership.next_price = plan.price if is_another else None
    membership.save()
    return membership


def announce_price(membership: Membership, price: int, *, now: datetime) -> None:
    """
    From the first period on that begins MEMBERSHIP_NOTICE_DAYS from now or later, it costs another
    ``price`` in won. Its shopper is told by whoever calls.
    """
    membership = lock(membership.user_id)
    soonest = now + timedelta(days=settings.MEMBERSHIP_NOTICE_DAYS)
    begins_at = membership.paid_until
    while begins_at < soonest:
        begins_at = later(begins_at, membership.plan.months, membership.day)
    membership.new_price, membership.new_price_from = price, begins_at
    membership.save()


def cut_short(period: MembershipPeriod, *, now: datetime) -> None:
    """
    The period is not paid for any more, or not all of it: it is over, and so is the membership if
    nothing that is paid for is left. Where something is, it does not renew by a plan that was just
    given back. What went back of a period long over changes nothing today.
    """
    membership = lock(period.membership.user_id)
    is_over = period.ends_at <= now
    ends_at = now if period.starts_at < now < period.ends_at else period.ends_at
    paid = membership.periods.filter(pk=period.pk, status=Status.PAID)
    if not paid.update(status=Status.REFUNDED, ends_at=ends_at) or is_over:
        return
    left = membership.periods.filter(status=Status.PAID)
    rest = left.aggregate(until=Max("ends_at"))["until"]
    membership.paid_until = rest or now
    if membership.paid_until <= now:
        membership.lasts_until = membership.paid_until
        end(membership, now=now)
    elif membership.renews and period.plan.renews:
        stop(membership, now=now)
    else:
        schedule(membership)
    membership.save()


def end(membership: Membership, *, now: datetime) -> None:
    """It is over; what was due is not paid. The caller has locked it, and saves it."""
    give_up_due(membership)
    membership.ended_at = now
    membership.renews, membership.charge_at = False, None
    membership.next_plan = membership.next_price = None
    membership.new_price = membership.new_price_from = None
    if membership.agreement:
        release(membership.agreement, besides=membership)


def overdue(*, now: datetime) -> QuerySet[Membership]:
    """Memberships that have run out and were not ended yet."""
    return Membership.objects.filter(ended_at=None, lasts_until__lte=now)
