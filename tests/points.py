"""A person's points as tests see them, and what must always be true of them."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from accounts import points
from accounts.models import PointEntry, User

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)  # noon in Seoul
DAY = timedelta(days=1)


def entries(shopper: User) -> list[tuple[str, int, int]]:
    """Kind, amount and what is left of each entry, oldest first."""
    mine = PointEntry.objects.filter(user=shopper).order_by("pk")
    return list(mine.values_list("kind", "amount", "left"))


def left(*lots: PointEntry) -> list[int]:
    """What is left of these by now."""
    return [PointEntry.objects.get(pk=lot.pk).left for lot in lots]


def earn(shopper: User, number: str, amount: int) -> PointEntry:
    """The lot of an order that was paid at ``NOW``."""
    points.settle(shopper.pk, number, used=0, earned=amount, now=NOW)
    return PointEntry.objects.get(kind="EARNED", order_number=number)


def points_differences(user_id: int) -> list[str]:
    """What does not add up, in words; nothing if all is well."""
    entries = list(PointEntry.objects.filter(user=user_id).order_by("pk"))
    sources = {entry.pk: entry for entry in entries if entry.source_id is None}
    drawn = Counter()
    differences = []
    for entry in entries:
        if entry.source_id is None:
            continue
        drawn[entry.source_id] += entry.amount
        if entry.source_id not in sources:
            differences.append(f"{entry}: its source is another's, or has a source itself")
        if entry.left:
            differences.append(f"{entry}: drew from a lot, and yet {entry.left} are left of it")
    for source in sources.values():
        if source.left != source.amount + drawn[source.pk]:
            differences.append(
                f"{source}: {source.left} are left of it, {drawn[source.pk]:+} were moved"
            )
        if source.left < 0 and source.kind != PointEntry.Kind.TAKEN_BACK:
            differences.append(f"{source}: {source.left} are left of it")
        if source.left > 0 and source.expires_at is None:
            differences.append(f"{source}: it never expires")
    left, moved = sum(entry.left for entry in entries), sum(entry.amount for entry in entries)
    if left != moved:
        differences.append(f"{left} are left of {moved}")
    differences += held_twice(entries)
    return differences


def held_twice(entries: list[PointEntry]) -> list[str]:
    """Orders that got back more than they held, or hold points that they never took."""
    held = Counter()
    for entry in entries:
        if entry.kind in {PointEntry.Kind.HELD, PointEntry.Kind.RETURNED}:
            held[entry.order_number] -= entry.amount
    return [f"{number}: holds {points}" for number, points in held.items() if points < 0]
