"""Reading what a person or a program asks of the sandbox itself, and saying what is unclear."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone


class Unclear(Exception):
    """The request cannot be understood; the message says why, in Korean and English."""


def sent(request: HttpRequest) -> dict[str, Any]:
    """What a form or a JSON object holds. :raises Unclear:"""
    if not is_json(request):
        return request.POST.dict()
    body = sent_json(request)
    if not isinstance(body, dict):
        raise Unclear("JSON 객체가 아닙니다. / The body is not a JSON object.")
    return body


def sent_json(request: HttpRequest) -> Any:
    """The body, whatever JSON it is. :raises Unclear:"""
    try:
        return json.loads(request.body)
    except ValueError:
        raise Unclear("본문이 JSON이 아닙니다. / The body is not JSON.") from None


def is_json(request: HttpRequest) -> bool:
    """Whether a program asks. A person's browser sends a form."""
    return request.content_type == "application/json"


def whole(fields: Mapping[str, Any], name: str, least: int, most: int) -> int:
    """The whole number under ``name``. :raises Unclear:"""
    try:
        number = int(fields[name])
    except (KeyError, TypeError, ValueError):
        raise Unclear(f"{name}: 정수를 넣어 주세요. / {name} is a whole number.") from None
    if not least <= number <= most:
        raise Unclear(
            f"{name}: {least} 이상 {most} 이하로 넣어 주세요. / "
            f"{name} is between {least} and {most}."
        )
    return number


def day(fields: Mapping[str, Any], name: str) -> date | None:
    """The day under ``name``, or None without one. :raises Unclear:"""
    text = fields.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Unclear(
            f"{name}: 2026-11-21처럼 날짜를 넣어 주세요. / {name} is a day such as 2026-11-21."
        ) from None


def span(since: date | None, until: date | None, column: str) -> dict[str, datetime]:
    """
    The filter for ``column`` that lets through the Korean days from ``since`` to ``until``.

    Both are inclusive; None is no bound.
    :raises Unclear: if they end before they begin.
    """
    if since and until and until < since:
        raise Unclear("until이 since보다 앞섭니다. / until is before since.")
    bounds = {}
    if since:
        bounds[f"{column}__gte"] = _midnight(since)
    if until:
        bounds[f"{column}__lt"] = _midnight(until + timedelta(days=1))
    return bounds


def _midnight(of: date) -> datetime:
    return timezone.make_aware(datetime.combine(of, time.min))
