"""The end of points: each night those that are owed are set off, and those that expired go."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import PointEntry
from accounts.points import Kind, change_left, lasts

#: So many people's points change in one transaction.
PEOPLE_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """So many people were gone through, of whom so many points expired."""

    people: int
    expired: int


def expire(*, now: datetime) -> int:
    """Go through everybody, as ``batches`` does; returns how many points expired."""
    return sum(batch.expired for batch in batches(now=now))


def batches(*, now: datetime) -> Iterator[Batch]:
    """
    Set what people owe off against their lots, then write off the lots that have expired.

    Goes through people a batch at a time, each in a transaction of its own. Lots that somebody
    else is at are left to the next run, so that any number of runs may go on at once.
    """
    last = 0
    while people := due(now=now, after=last):
        with transaction.atomic(durable=True):
            set_off(people, now=now)
            expired = write_off(people, now=now)
        yield Batch(len(people), expired)
        last = people[-1]


def due(*, now: datetime, after: int) -> list[int]:
    """The next people, by id, who owe points or have some that expired."""
    entries = PointEntry.objects.filter(Q(left__lt=0) | Q(left__gt=0, expires_at__lte=now))
    people = entries.filter(user__gt=after).order_by("user").values_list("user", flat=True)
    return list(people.distinct()[:PEOPLE_AT_ONCE])


def set_off(people: list[int], *, now: datetime) -> None:
    """What people got pays for what they owe, oldest debt first, unless it had expired before."""
    debts = free(Q(user__in=people, left__lt=0)).order_by("pk")
    lots_of = defaultdict(list)
    for lot in free(Q(user__in={debt.user_id for debt in debts}, left__gt=0)):
        lots_of[lot.user_id].append(lot)
    entries = []
    for debt in debts:
        fields = {"user_id": debt.user_id, "order_number": debt.order_number, "created_at": now}
        for lot in lots_of[debt.user_id]:
            points = min(lot.left, -debt.left) if lasts(lot, debt.created_at) else 0
            if points:
                lot.left -= points
                debt.left += points
                entries += [
                    PointEntry(kind=Kind.SET_OFF, amount=-points, source=lot, **fields),
                    PointEntry(kind=Kind.SET_OFF, amount=points, source=debt, **fields),
                ]
    change_left(entries)
    PointEntry.objects.bulk_create(entries)


def write_off(people: list[int], *, now: datetime) -> int:
    """End the lots that have expired; returns how many points were left of them."""
    lots = list(free(Q(user__in=people, left__gt=0, expires_at__lte=now)))
    entries = [
        PointEntry(
            user_id=lot.user_id, kind=Kind.EXPIRED, amount=-lot.left, source=lot, created_at=now
        )
        for lot in lots
    ]
    change_left(entries)
    PointEntry.objects.bulk_create(entries)
    return sum(lot.left for lot in lots)


def free(which: Q) -> QuerySet[PointEntry]:
    """Those entries that nobody else is changing, locked; what expires first comes first."""
    entries = PointEntry.objects.select_for_update(skip_locked=True, no_key=True)
    return entries.filter(which).order_by("expires_at", "pk")
