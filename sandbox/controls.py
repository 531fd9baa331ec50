"""Arranging faults and moving the clock: with JSON from a program, with a form from a person."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from . import clock, faults
from .models import Fault
from .views import ENDPOINTS

TARGETS = [*ENDPOINTS, faults.ANY]
LONGEST = 10**10  # seconds the clock may be moved: three centuries


class Unclear(Exception):
    """The request cannot be understood; the message says why."""


@require_http_methods(["GET", "POST", "DELETE"])
def faults_view(request: HttpRequest) -> HttpResponse:
    """
    GET lists the faults to come, DELETE clears them, and POST adds one:

        {"endpoint": "approve", "when": "after", "kind": "drop", "times": 1}
    """
    if request.method == "DELETE" or request.POST.get("clear"):
        Fault.objects.all().delete()
        return _answer(request, [], 200)
    if request.method == "GET":
        coming = Fault.objects.filter(times__gt=0)
        if request.get_preferred_type(["text/html", "application/json"]) == "text/html":
            context = {"faults": coming, "targets": TARGETS, "now": clock.now()}
            return render(request, "sandbox/controls.html", context | {"offset": clock.offset()})
        return _answer(request, [_told(fault) for fault in coming], 200)
    try:
        fault = _fault(_sent(request))
    except Unclear as unclear:
        return JsonResponse({"error": str(unclear)}, status=400)
    fault.save()
    return _answer(request, _told(fault), 201)


@require_http_methods(["GET", "POST"])
def clock_view(request: HttpRequest) -> HttpResponse:
    """
    GET tells the time, and POST moves the clock:

        {"offset_seconds": 0}    set it against the time of day
        {"advance": 900}         let this much more time pass
    """
    if request.method == "POST":
        try:
            sent = _sent(request)
            if "advance" in sent:
                clock.advance(_whole(sent, "advance", -LONGEST, LONGEST))
            else:
                clock.move(_whole(sent, "offset_seconds", -LONGEST, LONGEST))
        except Unclear as unclear:
            return JsonResponse({"error": str(unclear)}, status=400)
    told = {"offset_seconds": clock.offset(), "now": clock.now().isoformat(timespec="seconds")}
    return _answer(request, told, 200)


def _fault(sent: dict[str, Any]) -> Fault:
    fault = Fault(
        endpoint=str(sent.get("endpoint")),
        when=str(sent.get("when")),
        kind=str(sent.get("kind")),
        times=_whole({"times": 1} | sent, "times", 1, 10_000),
    )
    if fault.endpoint not in TARGETS:
        raise Unclear(f"endpoint is one of {', '.join(TARGETS)}")
    if fault.when not in Fault.When.values:
        raise Unclear("when is before or after")
    if not faults.KIND.fullmatch(fault.kind):
        raise Unclear(f"kind is not known:{faults.__doc__}")
    return fault


def _whole(sent: dict[str, Any], name: str, least: int, most: int) -> int:
    try:
        number = int(sent[name])
    except (KeyError, TypeError, ValueError):
        raise Unclear(f"{name} is a whole number") from None
    if not least <= number <= most:
        raise Unclear(f"{name} is between {least} and {most}")
    return number


def _sent(request: HttpRequest) -> dict[str, Any]:
    if request.content_type != "application/json":
        return request.POST.dict()
    try:
        sent = json.loads(request.body)
    except ValueError:
        raise Unclear("the body is not JSON") from None
    if not isinstance(sent, dict):
        raise Unclear("the body is not a JSON object")
    return sent


def _told(fault: Fault) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in ("endpoint", "when", "kind", "times")}


def _answer(request: HttpRequest, told: Any, status: int) -> HttpResponse:
    """JSON to a program; a person goes back to the page with the forms."""
    if request.content_type == "application/x-www-form-urlencoded":
        return redirect("faults")
    return JsonResponse(told, status=status, safe=False)
