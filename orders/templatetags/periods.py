from datetime import date, datetime, timedelta

from django import template
from django.utils import timezone

register = template.Library()


@register.filter
def last_day(ends_at: datetime) -> date:
    """The last day, in Korea, of what ends at this time: midnight ends the day before."""
    return timezone.localtime(ends_at - timedelta(microseconds=1)).date()
