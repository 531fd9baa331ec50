"""Arranging faults and moving the clock: with JSON from a program, with a form from a person."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from . import clock, faults, serving
from .asking import Unclear, is_json, sent, whole
from .models import Fault
from .views import ENDPOINTS

CALLS = {
    "approve": "승인",
    "cancel": "취소",
    "order": "조회",
    "ready": "준비",
    "subscription": "정기 결제",
    "inactive": "정기 결제 해지",
    "status": "정기 결제 상태",
    faults.ANY: "모든 호출",
}
MOMENTS = {
    "after": "돈이 움직인 뒤 / after the money moved",
    "before": "돈이 움직이기 전 / before any money moves",
}
CODES = ("-1", "-702", "-710", "-721", "-785", "-780:USER_LOCKED", "-780:BANK_FIRM_UNKNOWN")
LONGEST = 10**10  # seconds the clock may be moved: three centuries


@never_cache
@require_http_methods(["GET", "POST", "DELETE"])
def faults_view(request: HttpRequest) -> HttpResponse:
    """
    GET lists the faults to come, DELETE clears them, and POST adds one:

        {"endpoint": "approve", "when": "after", "kind": "drop", "times": 1}
    """
    if request.method == "DELETE" or "clear" in request.POST:
        Fault.objects.all().delete()
        serving.listen_again()
        return _answer(request, [], 200)
    if request.method == "GET":
        if request.get_preferred_type(["text/html", "application/json"]) == "text/html":
            return _page(request)
        return _answer(request, [_told(fault) for fault in Fault.objects.all()], 200)
    try:
        told = _arrange(_of_form(sent(request)) if not is_json(request) else sent(request))
    except Unclear as unclear:
        if is_json(request):
            return JsonResponse({"error": str(unclear)}, status=400)
        return _page(request, error=str(unclear), status=400)
    return _answer(request, told, 201)


@require_http_methods(["POST", "DELETE"])
def fault_view(request: HttpRequest, number: int) -> HttpResponse:
    """Remove one fault: DELETE from a program, POST from a person's form."""
    removed, _ = Fault.objects.filter(pk=number).delete()
    if request.method == "POST":
        return redirect("faults")
    return HttpResponse(status=204 if removed else 404)


@never_cache
@require_http_methods(["GET", "POST"])
def clock_view(request: HttpRequest) -> HttpResponse:
    """
    GET tells the time, and POST moves the clock:

        {"offset_seconds": 0}    set it against the time of day
        {"advance": 900}         let this much more time pass
    """
    if request.method == "POST":
        try:
            fields = sent(request)
            if "advance" in fields:
                clock.advance(whole(fields, "advance", -LONGEST, LONGEST))
            else:
                clock.move(whole(fields, "offset_seconds", -LONGEST, LONGEST))
        except Unclear as unclear:
            return JsonResponse({"error": str(unclear)}, status=400)
    told = {"offset_seconds": clock.offset(), "now": clock.now().isoformat(timespec="seconds")}
    return _answer(request, told, 200)


def _arrange(fields: dict[str, Any]) -> dict[str, Any]:
    """Write a fault down, or shut the port at once. :raises Unclear:"""
    endpoint, when, text = (str(fields.get(name)) for name in ("endpoint", "when", "kind"))
    if endpoint not in CALLS or endpoint not in {*ENDPOINTS, faults.ANY}:
        raise Unclear(f"모르는 호출입니다. / endpoint is one of {', '.join(CALLS)}.")
    if when not in Fault.When.values:
        raise Unclear("시점은 before 또는 after입니다. / when is before or after.")
    faults.check(text, endpoint)
    times = fields.get("times", 1)
    if times is not None:
        times = whole(fields | {"times": times}, "times", 1, 10_000)
    fault = Fault(endpoint=endpoint, when=when, kind=text, times=times)
    kind, detail = faults.parsed(text)
    if kind.name != "refuse":
        fault.save()
    elif not serving.can_refuse:
        raise Unclear("Linux에서만 됩니다. / Connections can be refused on Linux only.")
    elif when != Fault.When.BEFORE or times != 1:
        raise Unclear(
            "연결 거부는 바로 한 번 일어납니다. / "
            "Connections are refused at once, and once: when is before, times is 1."
        )
    else:
        serving.refuse_connections(float(detail))
    return _told(fault)


def _of_form(fields: dict[str, Any]) -> dict[str, Any]:
    """A form's fields as JSON would have them: the kind in one piece, the times maybe null."""
    kind = faults.KINDS.get(fields.get("kind", ""))
    if kind and kind.detail == faults.SECONDS:
        fields["kind"] += f":{fields.get('seconds', '')}"
    elif kind and kind.detail == faults.CODE:
        fields["kind"] += f":{fields.get('code', '')}"
    if kind and kind.name == "refuse":
        return fields | {"endpoint": faults.ANY, "when": Fault.When.BEFORE, "times": 1}
    return fields | ({"times": None} if fields.get("until_cleared") else {})


def _page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    coming = [(fault, faults.parsed(fault.kind)[0]) for fault in Fault.objects.all()]
    defaults = {"endpoint": "approve", "when": "after", "kind": "drop", "times": "1"}
    defaults |= {"seconds": "20", "code": "-785"}
    context = {
        "calls": CALLS,
        "moments": MOMENTS,
        "kinds": faults.KINDS.values(),
        "codes": CODES,
        "chosen": defaults | request.POST.dict(),
        "error": error,
        "faults": coming,
        "refused_for": round(serving.refused_for()),
        "now": clock.now(),
        "offset": clock.offset(),
    }
    return render(request, "sandbox/controls.html", context, status=status)


def _told(fault: Fault) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in ("id", "endpoint", "when", "kind", "times")}


def _answer(request: HttpRequest, told: Any, status: int) -> HttpResponse:
    """JSON to a program; a person goes back to the page with the forms."""
    if request.content_type == "application/x-www-form-urlencoded":
        return redirect("faults")
    return JsonResponse(told, status=status, safe=False)
