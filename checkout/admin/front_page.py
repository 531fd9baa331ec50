"""The admin's front page: what waits for somebody, and how the last days went."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from checkout import attention, charts
from checkout.charts import Day
from orders.models import PaymentTransaction
from shop.templatetags.money import won

GREEN, RED, ORANGE, GREY = "#44806a", "#dc2626", "#f59e0b", "#9ca3af"
#: What Chart.js wants to know of a line and of bars.
SHAPES = {
    "line": {"borderWidth": 2, "pointRadius": 0, "pointHitRadius": 12},
    "bar": {"borderWidth": 0, "borderRadius": 1},
}


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds what this person may see, counted and drawn, to the context of the admin's index."""
    now = timezone.now()
    context["title"] = _("The desk")
    context["concerns"] = [
        card(concern)
        for concern in attention.concerns(now=now)
        if admin.site.get_model_admin(concern.model).has_view_permission(request)
    ]
    if admin.site.get_model_admin(PaymentTransaction).has_view_permission(request):
        context["charts"] = drawn(charts.last_days(now=now))
    return context


def card(concern: attention.Concern) -> dict[str, Any]:
    """A number, as loud as it should be, that leads to its rows."""
    count = concern.count()
    meta = concern.model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    loud = "urgent" if concern.is_urgent else "waiting"
    return {
        "title": concern.title,
        "hint": concern.hint,
        "number": f"{attention.MOST}+" if count > attention.MOST else str(count),
        "mood": loud if count else "calm",
        "url": f"{address}?{concern.part}",
    }


def drawn(days: Sequence[Day]) -> list[dict[str, Any]]:
    """Three charts, each with what it comes to and the same figures as a table."""
    today = days[-1]
    net, refunded = sum(day.net for day in days), sum(day.refunded for day in days)
    refunds = sum(day.refunds for day in days)
    begun, paid = (sum(counts) for counts in zip(*map(begun_and_paid, days), strict=True))
    share = f"{paid / begun:.0%}" if begun else "–"
    return [
        chart(
            _("Sales"),
            _("money that came, less refunds"),
            [(_("today"), won(today.net)), (_("30 days"), won(net))],
            "line",
            days,
            [
                (_("came"), GREY, [day.charged for day in days]),
                (_("less refunds"), GREEN, [day.net for day in days]),
            ],
        ),
        chart(
            _("Payments"),
            _("by how they went"),
            [(_("paid today"), f"{today.outcomes.succeeded:,}"), (_("paid, of all"), share)],
            "bar",
            days,
            [
                (_("paid"), GREEN, [day.outcomes.succeeded for day in days]),
                (_("failed"), RED, [day.outcomes.failed for day in days]),
                (_("canceled"), GREY, [day.outcomes.canceled for day in days]),
                (_("still open"), ORANGE, [day.outcomes.open for day in days]),
            ],
        ),
        chart(
            _("Refunds"),
            _("money that went back"),
            [(_("30 days"), won(refunded)), (_("refunds"), f"{refunds:,}")],
            "bar",
            days,
            [(_("refunded"), RED, [day.refunded for day in days])],
        ),
    ]


def begun_and_paid(day: Day) -> tuple[int, int]:
    outcomes = day.outcomes
    ended_unpaid = outcomes.failed + outcomes.canceled
    return outcomes.succeeded + ended_unpaid + outcomes.open, outcomes.succeeded


def chart(
    title: str,
    hint: str,
    sums: list[tuple[str, str]],
    kind: str,
    days: Sequence[Day],
    series: list[tuple[str, str, list[int]]],
) -> dict[str, Any]:
    """``series`` are a name, a colour and a number for each day; Chart.js draws them."""
    datasets = [
        {"label": name, "data": numbers, "backgroundColor": color, "borderColor": color}
        | SHAPES[kind]
        for name, color, numbers in series
    ]
    labels = [date_format(day.date, "n/j") for day in days]
    columns = [name for name, _color, _numbers in series]
    figures = zip(*(numbers for _name, _color, numbers in series), strict=True)
    return {
        "title": title,
        "hint": hint,
        "sums": sums,
        "type": kind,
        "data": json.dumps({"labels": labels, "datasets": datasets}, ensure_ascii=False),
        "options": json.dumps(options(is_stacked=kind == "bar", has_legend=len(series) > 1)),
        "columns": columns,
        "rows": [
            (day.date, [f"{number:,}" for number in row])
            for day, row in zip(days, figures, strict=True)
        ],
    }


def options(*, is_stacked: bool, has_legend: bool) -> dict[str, Any]:
    """Of Chart.js."""
    ticks = {"color": GREY, "maxRotation": 0}
    return {
        "maintainAspectRatio": False,
        "animation": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {
            "legend": {
                "display": has_legend,
                "align": "start",
                "position": "bottom",
                "labels": {"boxWidth": 10, "boxHeight": 10, "color": GREY},
            }
        },
        "scales": {
            "x": {
                "stacked": is_stacked,
                "grid": {"display": False},
                "ticks": ticks | {"autoSkip": True, "maxTicksLimit": 8},
            },
            "y": {
                "stacked": is_stacked,
                "beginAtZero": True,
                "border": {"display": False},
                "grid": {"color": GREY},
                "ticks": ticks | {"maxTicksLimit": 5, "precision": 0},
            },
        },
    }
