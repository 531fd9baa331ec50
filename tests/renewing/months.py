"""Days and months in Korea, worked out anew: the oracle must not trust the shop's arithmetic."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

KST = ZoneInfo("Asia/Seoul")


def seoul(day: date, at: time = time()) -> datetime:
    return datetime.combine(day, at, tzinfo=KST)


def day_of(moment: datetime) -> date:
    """The Korean day."""
    return moment.astimezone(KST).date()


def later(day: date, months: int, anchor: int) -> date:
    """The ``anchor``-th so many months after the month of ``day``, or that month's last day."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(anchor, monthrange(years, month + 1)[1]))


def days(first: date, last: date) -> Iterator[date]:
    """From ``first`` to ``last``, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
