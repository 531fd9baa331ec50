"""How a membership stands: its lock, when it is charged next, and by which agreement."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.memberships.days import charging_time
from accounts.models import BillingAgreement, Membership

#: A period is charged on the day on which it is due. After so long something is wrong.
POSTPONED_AFTER = timedelta(days=1)


class CannotChange(Exception):
    """The membership is as it was."""


class NotAMember(CannotChange):
    """There is no membership, or it has ended."""


class NotRenewing(CannotChange):
    """It does not renew, so there is nothing to stop or to change."""


class Unpaid(CannotChange):
    """A period is due: it is paid first."""


class NeedsMethod(CannotChange):
    """Nobody can be charged for it: a payment method has to be registered first."""


class NoSuchPlan(CannotChange):
    """The plan is not for sale, or does not renew."""


def lock(user_id: int) -> Membership:
    """:raises NotAMember: there never was a membership."""
    rows = Membership.objects.select_related("user", "plan", "next_plan", "agreement")
    membership = rows.select_for_update(of=("self",), no_key=True).filter(user=user_id).first()
    if membership is None:
        raise NotAMember
    return membership


def good(user_id: int, *, now: datetime) -> Membership:
    """:raises NotAMember: there is none, or it has ended."""
    membership = lock(user_id)
    if not membership.is_good(now):
        raise NotAMember
    return membership


def schedule(membership: Membership) -> None:
    """When it is charged next and how long it lasts, as things stand."""
    membership.charge_at, membership.lasts_until = None, membership.paid_until
    if membership.renews:
        membership.lasts_until += timedelta(days=settings.MEMBERSHIP_GRACE_DAYS)
        if can_be_charged(membership):
            membership.charge_at = charging_time(timezone.localtime(membership.paid_until).date())


def forget_failures(membership: Membership) -> None:
    membership.failing_since, membership.attempts, membership.refusal = None, 0, ""


def next_number(membership: Membership) -> int:
    last: int | None = membership.periods.aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def can_be_charged(membership: Membership) -> bool:
    agreement = membership.agreement
    return agreement is not None and agreement.status == BillingAgreement.Status.ACTIVE


def is_postponed(membership: Membership, *, now: datetime) -> bool:
    """Was its period, by a fault of the shop's, not charged when it was due? Also ``postponed``."""
    is_ours = membership.refusal == Membership.Refusal.SHOP
    return is_ours or membership.paid_until <= now - POSTPONED_AFTER


def postponed(*, now: datetime) -> QuerySet[Membership]:
    """Those whose period was not charged yet; nobody has refused it, so it is the shop's fault."""
    since = Q(refusal=Membership.Refusal.SHOP) | Q(paid_until__lte=now - POSTPONED_AFTER)
    good = Membership.objects.filter(ended_at=None, lasts_until__gt=now)
    can_be_charged = Q(agreement__status=BillingAgreement.Status.ACTIVE)
    return good.filter(since, can_be_charged, renews=True, failing_since=None)


def charge_by(membership: Membership, agreement: BillingAgreement, *, asked_at: datetime) -> None:
    """
    It is charged by this agreement from now on, and renews; unless it was stopped since
    ``asked_at``, when its shopper set out to make the agreement.
    """
    replaced, membership.agreement = membership.agreement, agreement
    if membership.canceled_at is None or membership.canceled_at <= asked_at:
        membership.renews, membership.canceled_at = True, None
    if replaced and replaced != agreement:
        release(replaced, besides=membership)


def release(agreement: BillingAgreement, *, besides: Membership | None = None) -> None:
    """Have the agreement ended at the provider, unless a membership besides this one needs it."""
    others = Membership.objects.filter(agreement=OuterRef("pk"), ended_at=None)
    BillingAgreement.objects.filter(
        ~Exists(others.exclude(pk=besides.pk) if besides else others),
        pk=agreement.pk,
        status=BillingAgreement.Status.ACTIVE,
    ).update(status=BillingAgreement.Status.ENDING)


def ended(agreement: BillingAgreement, *, by: BillingAgreement.By, now: datetime) -> bool:
    """The agreement can never be charged again. Returns whether that is news."""
    alive = BillingAgreement.objects.filter(~Q(status="ENDED"), pk=agreement.pk)
    return bool(
        alive.update(
            status=BillingAgreement.Status.ENDED, ended_at=now, ended_by=by, checked_at=now
        )
    )
