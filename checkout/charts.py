"""Money and payments by day, in the shop's time zone, from one grouped query each."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from orders.models import PaymentTransaction

DAYS = 30
Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status
ENDS = {Status.SUCCEEDED, Status.FAILED, Status.CANCELED}


@dataclass(slots=True)
class Outcomes:
    """Charges by how they went; ``open`` have not come to an end."""

    succeeded: int = 0
    failed: int = 0
    canceled: int = 0
    open: int = 0


@dataclass(slots=True)
class Day:
    """What moved on one day, in won, how many refunds that was, and the charges begun then."""

    date: date
    charged: int = 0
    refunded: int = 0
    refunds: int = 0
    outcomes: Outcomes = field(default_factory=Outcomes)

    @property
    def net(self) -> int:
        """What came less what went back; below zero where more went back."""
        return self.charged - self.refunded


def last_days(*, now: datetime, days: int = DAYS) -> list[Day]:
    """So many days up to today, the oldest first; days on which nothing happened are there too."""
    today = timezone.localdate(now)
    first = today - timedelta(days=days - 1)
    since = timezone.make_aware(datetime.combine(first, time.min))
    found = {day.date: day for day in (Day(first + timedelta(days=n)) for n in range(days))}
    moved = (
        PaymentTransaction.objects.filter(
            status=Status.SUCCEEDED, approved_at__gte=since, approved_at__lte=now
        )
        .order_by()
        .annotate(day=TruncDate("approved_at"))
        .values_list("day", "kind")
        .annotate(won=Sum("amount"), count=Count("*"))
    )
    for day, kind, won, count in moved:
        if kind == Kind.CHARGE:
            found[day].charged = won
        else:
            found[day].refunded, found[day].refunds = won, count
    begun = (
        PaymentTransaction.objects.filter(
            kind=Kind.CHARGE, created_at__gte=since, created_at__lte=now
        )
        .order_by()
        .annotate(day=TruncDate("created_at"))
        .values_list("day", "status")
        .annotate(count=Count("*"))
    )
    for day, status, count in begun:
        outcomes = found[day].outcomes
        name = status.lower() if status in ENDS else "open"
        setattr(outcomes, name, getattr(outcomes, name) + count)
    return list(found.values())
