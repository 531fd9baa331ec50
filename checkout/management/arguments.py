"""What people type behind ``reconcile_payments``."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.core.management.base import CommandError

from checkout.runs import Period
from checkout.statements.values import KST


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, or a whole Korean day: the same moment as a beginning, another as an end."""

    at: datetime
    is_day: bool

    @property
    def end(self) -> datetime:
        return self.at + timedelta(days=1) if self.is_day else self.at


def moment(text: str) -> Moment:
    try:
        return Moment(datetime.combine(date.fromisoformat(text), time(), KST), is_day=True)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        problem = f"“{text}” is neither a day such as 2026-11-21 nor a time such as "
        raise argparse.ArgumentTypeError(f"{problem}2026-11-21T09:00+09:00") from None
    return Moment(at if at.tzinfo else at.replace(tzinfo=KST), is_day=False)


def at_least(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or int(text) < least:
            problem = f"“{text}” is not a whole number from {least} on"
            raise argparse.ArgumentTypeError(problem)
        return int(text)

    return whole


def positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"“{text}” is not a number above 0")
    return number


def period_of(since: Moment | None, until: Moment | None, *, now: datetime) -> Period | None:
    """:raises CommandError: if there is an end without a beginning, or before it."""
    if since is None:
        if until:
            raise CommandError("--until needs --since.", returncode=2)
        return None
    this_minute = now.replace(second=0, microsecond=0)  # the same for runs that begin together
    period = Period(since.at, until.end if until else this_minute + timedelta(minutes=1))
    if until is None and since.at >= now:
        raise CommandError("--since lies in the future.", returncode=2)
    if period.until <= period.since:
        raise CommandError("--until must be after --since.", returncode=2)
    return period
