"""Who is a member, and what that is good for."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery

from accounts.models import Membership, MembershipPeriod

Status = MembershipPeriod.Status


@dataclass(frozen=True, slots=True)
class Terms:
    """
    On which terms somebody buys: ``percent`` off all goods, free delivery, and whether they
    ``may_try`` a plan before they pay for it. ``membership`` is theirs, if they ever had one.
    """

    membership: Membership | None = None
    is_member: bool = False
    percent: int = 0
    free_delivery: bool = False
    may_try: bool = True


NO_TERMS = Terms()


def terms_of(user_id: int | None, *, now: datetime) -> Terms:
    """One query; none for a visitor."""
    if user_id is None:
        return NO_TERMS
    paid = MembershipPeriod.objects.filter(
        membership=OuterRef("pk"), status=Status.PAID, starts_at__lte=now
    ).order_by("-starts_at")
    membership = (
        Membership.objects.filter(user=user_id)
        .select_related("plan", "agreement")
        .annotate(
            percent=Subquery(paid.values("plan__discount_percent")[:1]),
            free_delivery=Subquery(paid.values("plan__has_free_delivery")[:1]),
        )
        .first()
    )
    if membership is None:
        return NO_TERMS
    if not membership.is_good(now):
        return Terms(membership, may_try=False)
    return Terms(
        membership,
        is_member=True,
        percent=membership.percent or 0,
        free_delivery=bool(membership.free_delivery),
        may_try=False,
    )


def is_member(user_id: int | None, *, now: datetime) -> bool:
    good = Membership.objects.filter(user=user_id, ended_at=None, lasts_until__gt=now)
    return user_id is not None and good.exists()
