"""Becoming a member, or one for longer; and saying how one is charged."""

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.memberships.days import later, midnight
from accounts.memberships.renewing import give_up_due
from accounts.memberships.standing import (
    charge_by,
    forget_failures,
    lock,
    next_number,
    release,
    schedule,
)
from accounts.models import BillingAgreement, Membership, MembershipPeriod, Plan

Status = MembershipPeriod.Status


def join(
    user_id: int,
    plan: Plan,
    *,
    price: int,
    is_trial: bool,
    agreement: BillingAgreement | None,
    language: str,
    now: datetime,
) -> MembershipPeriod:
    """
    Somebody has bought ``plan``: their membership begins, or is one period longer.

    :param price: what a period of the plan costs them, in won; also after a trial.
    :param agreement: how they will be charged; None for a pass, or where the provider's answer that
        named it was lost.
    """
    fresh = {"plan": plan, "price": price, "day": timezone.localtime(now).day}
    times = {"started_at": now, "paid_until": now, "lasts_until": now}
    Membership.objects.get_or_create(user_id=user_id, defaults=fresh | times)
    membership = lock(user_id)
    is_lapsed = membership.is_failing and membership.paid_until <= now
    is_new = is_lapsed or not membership.is_good(now)
    if is_new:
        begin_anew(membership, now=now)
    due = membership.periods.filter(status=Status.DUE).first()
    start = max(due.ends_at, membership.paid_until) if due else membership.paid_until
    if is_trial:
        ends_at = midnight(timezone.localtime(start).date() + timedelta(days=plan.trial_days))
        membership.day = timezone.localtime(ends_at).day
    else:
        ends_at = later(start, plan.months, membership.day)
    period = membership.periods.create(
        number=next_number(membership),
        plan=plan,
        price=0 if is_trial else price,
        is_trial=is_trial,
        status=Status.PAID,
        starts_at=start,
        ends_at=ends_at,
        paid_at=now,
    )
    membership.paid_until = ends_at
    membership.language = language
    if plan.renews:
        renew_by(membership, plan, price, agreement)
    elif is_new or not membership.plan.renews:  # else it can still be resumed
        membership.plan, membership.price = plan, price
    charge_at = membership.charge_at
    schedule(membership)
    if due and membership.charge_at:  # what is due is charged as if nothing had been bought
        membership.charge_at = charge_at
    membership.save()
    return period


def begin_anew(membership: Membership, *, now: datetime) -> None:
    """What was before is over: the next period begins now."""
    give_up_due(membership)
    membership.started_at = membership.paid_until = membership.lasts_until = now
    membership.day = timezone.localtime(now).day
    membership.ended_at = membership.canceled_at = None
    membership.renews = False
    membership.next_plan = membership.next_price = None
    membership.new_price = membership.new_price_from = None
    forget_failures(membership)


def renew_by(
    membership: Membership, plan: Plan, price: int, agreement: BillingAgreement | None
) -> None:
    """From now on it renews by this plan, charged by this agreement."""
    replaced, membership.agreement = membership.agreement, agreement
    membership.plan, membership.price, membership.renews = plan, price, True
    membership.next_plan = membership.next_price = None
    membership.new_price = membership.new_price_from = None
    membership.canceled_at = None
    if replaced and replaced != agreement:
        release(replaced, besides=membership)


def register(user_id: int, agreement: BillingAgreement | None, *, asked_at: datetime) -> None:
    """
    Its shopper says how they will be charged from now on; it renews again if it did not. A pass
    that they bought meanwhile has nothing to charge.

    :param asked_at: when they set out to. Who stopped it since has the last word.
    """
    membership = lock(user_id)
    if agreement is None or membership.ended_at or not membership.plan.renews:
        if agreement:
            release(agreement, besides=membership)
        return
    charge_by(membership, agreement, asked_at=asked_at)
    forget_failures(membership)
    schedule(membership)
    membership.save()
