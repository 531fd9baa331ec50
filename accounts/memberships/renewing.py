"""The period that is due: what it costs, and what follows when it is paid or refused."""

from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta
from django.conf import settings
from django.utils import timezone

from accounts.memberships.days import charging_time, later, midnight
from accounts.memberships.standing import (
    charge_by,
    ended,
    forget_failures,
    lock,
    next_number,
    release,
    schedule,
)
from accounts.models import BillingAgreement, Membership, MembershipPeriod

Refusal = Membership.Refusal
Status = MembershipPeriod.Status

#: Refusals after which charging the same agreement again is of no use, whenever that is.
FOR_GOOD = {Refusal.ENDED, Refusal.OTHER_BUYER}


def due_period(membership: Membership) -> MembershipPeriod:
    """The period that is to be paid next, made if there is none; the membership is locked."""
    due = membership.periods.select_related("plan").filter(status=Status.DUE).first()
    if due is not None:
        return due
    plan = membership.next_plan or membership.plan
    return membership.periods.create(
        number=next_number(membership),
        plan=plan,
        price=next_price(membership),
        status=Status.DUE,
        starts_at=membership.paid_until,
        ends_at=later(membership.paid_until, plan.months, membership.day),
    )


def owed_period(membership: Membership, *, now: datetime) -> MembershipPeriod | None:
    """The period that is to be paid by now, if one is; the membership is locked."""
    is_made = membership.periods.filter(status=Status.DUE).exists()
    return due_period(membership) if is_made or membership.paid_until <= now else None


def give_up_due(membership: Membership) -> None:
    """The period that is due is not paid, and nobody is charged for it any more."""
    membership.periods.filter(status=Status.DUE).update(status=Status.UNPAID)


def next_price(membership: Membership) -> int:
    """What the next period will cost, in won."""
    if membership.next_plan:
        return membership.next_price or membership.next_plan.price
    announced = membership.new_price_from
    if membership.new_price and announced and announced <= membership.paid_until:
        return membership.new_price
    return membership.price


def pay(
    period: MembershipPeriod,
    *,
    agreement: BillingAgreement | None = None,
    asked_at: datetime | None = None,
    now: datetime,
) -> bool:
    """
    The period that was due is paid. Returns False, and changes nothing, if it was not due any more.

    :param agreement: a new one, by which it was paid and will be renewed.
    :param asked_at: when its shopper set out to make that. It does not renew if they stopped it
        since.
    """
    membership = lock(period.membership.user_id)
    paid = membership.periods.filter(pk=period.pk, status=Status.DUE)
    if not paid.update(status=Status.PAID, paid_at=now):
        return False
    if period.plan_id == membership.next_plan_id:
        membership.next_plan = membership.next_price = None
    if period.plan_id != membership.plan_id or period.price == membership.new_price:
        membership.new_price = membership.new_price_from = None
    membership.plan_id, membership.price = period.plan_id, period.price
    membership.paid_until = max(membership.paid_until, period.ends_at)
    forget_failures(membership)
    if agreement:
        charge_by(membership, agreement, asked_at=asked_at or now)
    schedule(membership)
    membership.save()
    return True


def refuse(
    period: MembershipPeriod,
    why: Membership.Refusal,
    *,
    agreement: BillingAgreement | None,
    now: datetime,
) -> Membership | None:
    """
    The period could not be charged by the agreement. When it is tried again depends on ``why``:

    - PAYER: by MEMBERSHIP_RETRY_DAYS, as long as the grace period lasts.
    - USED_UP: on the first day of the next month, as if it were due on that day: the grace period
      and the days of trying again count from there. Once: if that says the same, never by itself.
    - SHOP: the next day; it does not count, and the grace period lasts as long.
    - ENDED, OTHER_BUYER: never by itself. Its shopper must register a payment method.

    :returns: None, and the membership is as it was, if that is no matter any more: it does not
        renew, the period is not due, or it is charged by another agreement since.
    """
    membership = lock(period.membership.user_id)
    if agreement:
        let_go(agreement, why, membership, now=now)
    is_due = membership.periods.filter(pk=period.pk, status=Status.DUE).exists()
    if not membership.renews:  # it was stopped while the outcome was not known
        give_up_due(membership)
    if not (is_due and membership.renews and membership.agreement == agreement):
        return None
    again: datetime | None = None
    if why == Refusal.SHOP:
        membership.refusal = membership.refusal or why
        again = charging_time(timezone.localtime(now).date() + timedelta(days=1))
        membership.lasts_until = max(membership.lasts_until, again + timedelta(days=1))
    else:
        was_moved = membership.refusal == Refusal.USED_UP
        count_failure(membership, why, now=now)
        if why == Refusal.USED_UP and not was_moved:
            again = next_month(membership, now=now)
        elif why == Refusal.PAYER:
            again = next_attempt(membership, now=now)
    membership.charge_at = again
    membership.save()
    return membership


def let_go(
    agreement: BillingAgreement, why: Membership.Refusal, membership: Membership, *, now: datetime
) -> None:
    """
    An agreement that can never be charged again has ended, or is to be. One that the shop is about
    to end was not ended by its shopper.
    """
    is_active = BillingAgreement.objects.filter(
        pk=agreement.pk, status=BillingAgreement.Status.ACTIVE
    ).exists()
    if why == Refusal.ENDED and is_active:
        ended(agreement, by=BillingAgreement.By.PAYER, now=now)
    elif why == Refusal.OTHER_BUYER:
        release(agreement, besides=membership)


def count_failure(membership: Membership, why: Membership.Refusal, *, now: datetime) -> None:
    """After a month that was used up the card is asked as if for the first time."""
    is_first = membership.refusal == Refusal.USED_UP and why == Refusal.PAYER
    if membership.failing_since is None or is_first:
        membership.failing_since = now
    membership.attempts += 1
    membership.refusal = why


def next_month(membership: Membership, *, now: datetime) -> datetime | None:
    """The first of the next month, to which the grace period is moved; None if it was before."""
    first = timezone.localtime(now).date() + relativedelta(months=1, day=1)
    grace = timedelta(days=settings.MEMBERSHIP_GRACE_DAYS)
    if now < membership.paid_until + grace:
        membership.lasts_until = max(membership.lasts_until, midnight(first) + grace)
    again = charging_time(first)
    return again if again < membership.lasts_until else None


def next_attempt(membership: Membership, *, now: datetime) -> datetime | None:
    """
    The next day of the schedule, within the grace period; None if there is none. Each attempt may
    have made the membership last a little longer: that does not count.
    """
    first = timezone.localtime(membership.failing_since).date()
    days = (first + timedelta(days=days) for days in settings.MEMBERSHIP_RETRY_DAYS)
    today = timezone.localtime(now).date()
    left = (charging_time(day) for day in sorted(days) if day > today)
    grace_ends = max(membership.paid_until, midnight(first)) + timedelta(
        days=settings.MEMBERSHIP_GRACE_DAYS
    )
    end = min(grace_ends, membership.lasts_until)
    return next((again for again in left if again < end), None)
