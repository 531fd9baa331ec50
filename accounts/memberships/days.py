"""
The calendar of memberships: whole days in Korea, on the same day of each month, or on the last of
a month that is too short for it.
"""

from datetime import date, datetime, timedelta

from dateutil.relativedelta import relativedelta
from django.conf import settings
from django.utils import timezone


def later(moment: datetime, months: int, day: int) -> datetime:
    """Midnight so many months after the day of ``moment``, on this day or the month's last."""
    return midnight(timezone.localtime(moment).date() + relativedelta(months=months, day=day))


def midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))


def charging_time(day: date) -> datetime:
    """Not at midnight, when banks close their books."""
    return midnight(day) + timedelta(hours=settings.MEMBERSHIP_CHARGE_HOUR)
