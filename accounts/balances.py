"""What a shopper is shown of their points."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, Sum, Value, When
from django.utils import timezone

from accounts.models import PointEntry

Kind = PointEntry.Kind

#: A shopper is warned so long before points expire.
SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Balance:
    """
    ``usable`` points can be used; ``held`` wait with orders that are not paid, by order number.

    ``expiring`` are those that end soon, by their last day. ``owed`` were to be taken back and had
    been used: the next points pay for them. Whoever owes some has none to use.
    """

    usable: int
    owed: int
    expiring: dict[date, int]
    held: dict[str, int]


@dataclass(frozen=True, slots=True)
class Movement:
    """
    One change of a balance by ``points``, as a shopper sees it.

    New points last ``until`` then. ``latest`` is the id of the last entry that belongs to it.
    """

    what: str
    order_number: str
    note: str
    created_at: datetime
    points: int
    until: datetime | None
    latest: int

    @property
    def label(self) -> str:
        return str(Kind(self.what).label)

    @property
    def change(self) -> str:
        """As it is written on the page: ``+1,000`` or ``−1,000``."""
        return f"{self.points:+,}".replace("-", "−")


def balance(user_id: int, *, now: datetime) -> Balance:
    """A person's points. What they owe is counted against what expires first."""
    counts = Q(left__lt=0) | Q(left__gt=0, expires_at__gt=now)
    entries = PointEntry.objects.filter(counts, user=user_id).order_by("expires_at", "pk")
    left = list(entries.values_list("left", "expires_at"))
    owed = -sum(points for points, _ in left if points < 0)
    usable, expiring = 0, Counter[date]()
    for points, expires_at in left:
        if expires_at is None:
            continue
        paying = min(points, owed)
        owed -= paying
        usable += points - paying
        if points > paying and expires_at <= now + SOON:
            expiring[timezone.localdate(expires_at)] += points - paying
    return Balance(usable, owed, dict(expiring), held(user_id))


def held(user_id: int) -> dict[str, int]:
    """The points that orders hold which are not paid, by order number."""
    entries = PointEntry.objects.filter(~Exists(spent(user_id)), user=user_id)
    orders = entries.filter(kind__in=[Kind.HELD, Kind.RETURNED]).values_list("order_number")
    waiting = orders.annotate(points=-Sum("amount")).filter(points__gt=0)
    return dict(waiting.order_by("order_number"))


def history(user_id: int) -> QuerySet[Any, Any]:
    """
    The fields of a person's ``Movement``s, newest first, to be cut into pages.

    What was used from several lots is one movement, and so is whatever else happened at once. Held
    points are used ones as soon as their order is paid. What was set off against points owed is not
    shown: they had been taken back when they became owed.
    """
    is_used = Q(Exists(spent(user_id)), kind=Kind.HELD)
    what = Case(When(is_used, then=Value(Kind.SPENT)), default=F("kind"))
    entries = PointEntry.objects.filter(user=user_id).exclude(kind__in=[Kind.SPENT, Kind.SET_OFF])
    movements = entries.values("order_number", "note", "created_at", what=what).annotate(
        points=Sum("amount"), until=Max("expires_at"), latest=Max("pk")
    )
    return movements.order_by("-created_at", "-latest")


def spent(user_id: int) -> QuerySet[PointEntry]:
    """Says of each of a person's entries whether its order was paid with points."""
    entries = PointEntry.objects.filter(user=user_id, kind=Kind.SPENT)
    return entries.filter(order_number=OuterRef("order_number"))
