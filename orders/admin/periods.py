"""From this day to that one."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _


class PeriodFilter(admin.FieldListFilter):
    """Two days, both included, in the shop's time zone; without one it is open at that end."""

    template = "admin/period_filter.html"

    def expected_parameters(self) -> list[str | None]:
        return [f"{self.field_path}_from", f"{self.field_path}_to"]

    def given(self, end: str) -> str:
        """What was entered for "from" or "to"; "" if nothing."""
        values: Any = self.used_parameters.get(f"{self.field_path}_{end}") or [""]
        return str(values[-1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        since, until = midnight(self.given("from")), midnight(self.given("to"), days=1)
        if since:
            queryset = queryset.filter(**{f"{self.field_path}__gte": since})
        if until:
            queryset = queryset.filter(**{f"{self.field_path}__lt": until})
        return queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        """One, which is all that the template needs."""
        ours = [str(name) for name in self.expected_parameters()]
        others = changelist.get_filters_params(changelist.filter_params).items()
        kept = [(name, value) for name, values in others if name not in ours for value in values]
        if changelist.query:
            kept.append(("q", changelist.query))
        today = timezone.localdate()
        shortcuts = (
            (_("today"), today, today),
            (_("yesterday"), today - timedelta(days=1), today - timedelta(days=1)),
            (_("7 days"), today - timedelta(days=6), today),
            (_("30 days"), today - timedelta(days=29), today),
        )
        yield {
            "names": ours,
            "values": [self.given("from"), self.given("to")],
            "kept": kept,
            "shortcuts": [
                (label, changelist.get_query_string(dict(zip(ours, map(str, days), strict=True))))
                for label, *days in shortcuts
            ],
            "clear": changelist.get_query_string(remove=ours),
        }


def midnight(day: str, *, days: int = 0) -> datetime | None:
    """So many days after the beginning of the day; None if it is no day."""
    try:
        parsed = parse_date(day)
        if parsed is None:
            return None
        return timezone.make_aware(datetime.combine(parsed + timedelta(days=days), time.min))
    except (ValueError, OverflowError):
        return None
