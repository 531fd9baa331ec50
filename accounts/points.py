"""
Points: one point pays one won, and no point is used twice.

What a shopper got stands in *lots* that expire; whatever takes points takes them from the lots that
expire first. Every change is an entry of its own, so that what is left of a lot is always its
amount plus the entries whose source it is. The rules stand in docs/prices.md.

Everything here is called inside the caller's transaction; what concerns an order needs the order's
lock. What takes points, or gives them back, then locks the person and their lots, so that the
points of one person change one after the other. Points end in ``expiring``.

    PointsError
    └── NotEnoughPoints   there are fewer than were to be held
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Case, F, Q, Sum, When
from django.utils import timezone

from accounts.models import PointEntry, User

Kind = PointEntry.Kind

#: One statement, because a buyer is waiting. The locks are waited for before anything is added up,
#: and what was locked is read as it then is: of several tabs that want the same points one gets
#: them. A point that is owed cannot be held.
HOLD = """
    WITH person AS MATERIALIZED (
        SELECT id FROM accounts_user WHERE id = %(user)s FOR NO KEY UPDATE
    ), open AS MATERIALIZED (
        SELECT entry.id, entry."left", entry.expires_at
        FROM accounts_pointentry entry JOIN person ON person.id = entry.user_id
        WHERE entry."left" < 0 OR (entry."left" > 0 AND entry.expires_at > %(now)s)
        ORDER BY entry.expires_at, entry.id
        FOR NO KEY UPDATE OF entry
    ), usable AS (
        SELECT coalesce(sum("left"), 0) AS points FROM open
    ), lots AS (
        SELECT id, "left", sum("left") OVER (ORDER BY expires_at, id) - "left" AS before
        FROM open WHERE "left" > 0
    ), taken AS MATERIALIZED (
        SELECT lots.id, least(lots."left", %(amount)s - lots.before) AS points
        FROM lots, usable
        WHERE lots.before < %(amount)s AND usable.points >= %(amount)s
    ), drawn AS (
        UPDATE accounts_pointentry entry SET "left" = entry."left" - taken.points
        FROM taken WHERE entry.id = taken.id
    ), written AS (
        INSERT INTO accounts_pointentry
            (user_id, kind, amount, "left", source_id, order_number, note, created_at)
        SELECT %(user)s, 'HELD', -points, 0, id, %(order)s, '', %(now)s FROM taken
    )
    SELECT points FROM usable
"""


class PointsError(Exception):
    """Points were not moved."""


class NotEnoughPoints(PointsError):
    """There are only ``usable`` points."""

    def __init__(self, usable: int) -> None:
        super().__init__(f"only {usable} points can be used")
        self.usable = usable


def usable(user_id: int, *, now: datetime, returning: int = 0) -> int:
    """
    How many points a person can use: what has not expired, less what they owe; at least 0.

    :param returning: what an order that is about to be replaced will give back.
    """
    counts = Q(left__lt=0) | Q(left__gt=0, expires_at__gt=now)
    entries = PointEntry.objects.filter(counts, user=user_id)
    points: int | None = entries.aggregate(points=Sum("left"))["points"]
    return max((points or 0) + returning, 0)


def hold(user_id: int, order_number: str, amount: int, *, now: datetime) -> None:
    """
    Put ``amount`` points, at least 1, aside for an order: nothing else can use them.

    :raises NotEnoughPoints: nothing is held; what they were for must be rolled back.
    """
    values: dict[str, Any] = {"user": user_id, "order": order_number, "amount": amount, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(HOLD, values)
        (points,) = cursor.fetchone()
    if points < amount:
        raise NotEnoughPoints(max(int(points), 0))


def settle(user_id: int, order_number: str, *, used: int, earned: int, now: datetime) -> None:
    """
    Note, as an order is paid, that the ``used`` points it holds are used for good, and give the
    shopper the points ``earned``, which last POINTS_EXPIRE_DAYS.
    """
    fields = {"user_id": user_id, "order_number": order_number, "created_at": now}
    entries = []
    if used:
        entries.append(PointEntry(kind=Kind.SPENT, amount=0, **fields))
    if earned:
        until = end_of_day(now, days=settings.POINTS_EXPIRE_DAYS)
        entries.append(new_lot(Kind.EARNED, earned, expires_at=until, **fields))
    if entries:
        PointEntry.objects.bulk_create(entries)


def give_back(order_number: str, *, now: datetime, amount: int | None = None) -> int:
    """
    Give back what an order holds, because it was canceled or refunded.

    Points return to the lots they came from, first to those that last longest. Those whose lot has
    expired become a new lot that lasts POINTS_GRACE_DAYS; that is granted once, or points could be
    kept alive for ever. Of what has been given back nothing is given back again.

    :param amount: how many, if not all that it still holds.
    :returns: how many points were given back.
    """
    user_id, held = held_by(order_number)
    points = Counter(drawn(held, sum(held.values()) if amount is None else amount))
    if not points:
        return 0
    fields = {"user_id": user_id, "order_number": order_number, "created_at": now}
    entries, late = [], 0
    lots = lock_lots(user_id, Q(pk__in=[source.pk for source in points]))
    by_id = {source.pk: count for source, count in points.items()}
    for lot in lots:
        if lasts(lot, now) or lot.kind == Kind.RETURNED:
            entries.append(
                PointEntry(kind=Kind.RETURNED, amount=by_id[lot.pk], source=lot, **fields)
            )
        else:
            late += by_id[lot.pk]
    change_left(entries)
    if late:
        until = end_of_day(now, days=settings.POINTS_GRACE_DAYS)
        entries.append(new_lot(Kind.RETURNED, late, expires_at=until, **fields))
    PointEntry.objects.bulk_create(entries)
    return points.total()


def take_back(order_number: str, *, keep: int, now: datetime) -> int:
    """
    Take back what an order earned, all but ``keep`` points, because money of it was refunded.

    Points are taken from the order's own lot, then from the shopper's others; what has been used
    already is owed. What expired unused was of no good to anybody and is not taken again. Doing
    this again with the same ``keep`` changes nothing.

    :returns: how many points this call took, those owed included.
    """
    own = PointEntry.objects.filter(order_number=order_number, kind=Kind.EARNED).first()
    if own is None:
        return 0
    lots = lock_lots(own.user_id, Q(pk=own.pk) | Q(left__gt=0, expires_at__gt=now))
    lots.sort(key=lambda lot: lot.pk != own.pk)  # its own comes first
    wanted = owed = own.amount - keep - gone_from(lots[0], now=now)
    if wanted <= 0:
        return 0
    fields = {"user_id": own.user_id, "order_number": order_number, "created_at": now}
    entries = []
    for lot in lots:
        points = min(lot.left, owed) if lasts(lot, now) else 0
        if points:
            entries.append(PointEntry(kind=Kind.TAKEN_BACK, amount=-points, source=lot, **fields))
            owed -= points
    change_left(entries)
    if owed:
        entries.append(PointEntry(kind=Kind.TAKEN_BACK, amount=-owed, left=-owed, **fields))
    PointEntry.objects.bulk_create(entries)
    return wanted


def grant(
    user: User,
    amount: int,
    *,
    note: str,
    by: User | None,
    now: datetime,
    expires_at: datetime | None = None,
) -> PointEntry:
    """
    Give a person ``amount`` points, at least 1; the ``note`` is shown to them.

    :param by: who of the staff gives them; None if a program does.
    :param expires_at: in POINTS_EXPIRE_DAYS if it is not given.
    """
    if amount < 1:
        raise ValueError(f"{amount} points were to be given; it must be at least 1")
    until = expires_at or end_of_day(now, days=settings.POINTS_EXPIRE_DAYS)
    lot = new_lot(Kind.GRANTED, amount, expires_at=until, user=user, note=note, created_at=now)
    lot.granted_by = by
    lot.save(force_insert=True)
    return lot


def new_lot(kind: Kind, amount: int, *, expires_at: datetime, **fields: Any) -> PointEntry:
    return PointEntry(kind=kind, amount=amount, left=amount, expires_at=expires_at, **fields)


def end_of_day(now: datetime, *, days: int) -> datetime:
    """The last moment, by the shop's clocks, of the day so many days from now."""
    zone = timezone.get_default_timezone()
    day = now.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time.max, tzinfo=zone)


def lasts(lot: PointEntry, now: datetime) -> bool:
    return lot.expires_at is not None and lot.expires_at > now


def lock_lots(user_id: int, which: Q) -> list[PointEntry]:
    """Lock a person and then those lots of theirs; what expires first comes first."""
    User.objects.select_for_update(no_key=True).values_list("pk").get(pk=user_id)
    lots = PointEntry.objects.filter(which, user=user_id).order_by("expires_at", "pk")
    return list(lots.select_for_update(no_key=True))


def change_left(entries: Iterable[PointEntry]) -> None:
    """Let what is left of the entries' sources, which are locked, follow from their amounts."""
    changes: Counter[Any] = Counter()
    for entry in entries:
        changes[entry.source_id] += entry.amount
    if changes:
        change = Case(*(When(pk=pk, then=points) for pk, points in changes.items()))
        PointEntry.objects.filter(pk__in=changes).update(left=F("left") + change)


def held_by(order_number: str) -> tuple[int, dict[PointEntry, int]]:
    """Whose points an order holds, and how many of each lot."""
    entries = PointEntry.objects.filter(
        order_number=order_number, kind__in=[Kind.HELD, Kind.RETURNED]
    )
    held: dict[PointEntry, int] = {}
    user_id = 0
    for entry in entries.select_related("source").order_by("pk"):
        user_id = entry.user_id
        if entry.kind == Kind.HELD and entry.source:
            held[entry.source] = held.get(entry.source, 0) - entry.amount
        else:  # it may name no source, but was drawn in the order in which all are
            for source, count in drawn(held, entry.amount).items():
                held[source] -= count
    return user_id, {source: count for source, count in held.items() if count}


def drawn(held: dict[PointEntry, int], amount: int) -> dict[PointEntry, int]:
    """``amount`` points out of what is held, from the lots that last longest."""
    taken = {}
    for source in sorted(held, key=lambda lot: (lot.expires_at, lot.pk), reverse=True):
        count = min(held[source], amount)
        amount -= count
        if count:
            taken[source] = count
    return taken


def gone_from(lot: PointEntry, *, now: datetime) -> int:
    """Of the points of an earned lot, how many were taken back before, or expired unused."""
    taken = Q(kind=Kind.TAKEN_BACK, order_number=lot.order_number)
    expired = Q(kind=Kind.EXPIRED, source=lot)
    gone = PointEntry.objects.filter(taken | expired).aggregate(points=Sum("amount"))["points"]
    return (0 if lasts(lot, now) else lot.left) - (gone or 0)
