"""The API: seven endpoints, one way through."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from . import answers, clock, faults, merchants, payments, serializers, subscriptions
from .models import ApiCall, Fault
from .refusals import Refused, invalid


class Endpoint(NamedTuple):
    """How a request is read, what it does, and how the outcome is told."""

    request: type[serializers.Request]
    act: Callable[..., Any]
    answer: Callable[[Any], dict[str, Any]]
    exclusive: bool = False  # one call per tid at a time


ENDPOINTS = {
    "ready": Endpoint(serializers.Ready, payments.ready, answers.ready),
    "approve": Endpoint(serializers.Approve, payments.approve, answers.approve, exclusive=True),
    "order": Endpoint(serializers.Order, payments.order, answers.order),
    "cancel": Endpoint(serializers.Cancel, payments.cancel, answers.cancel, exclusive=True),
    "subscription": Endpoint(serializers.Charge, subscriptions.charge, answers.approve),
    "inactive": Endpoint(serializers.Sid, subscriptions.inactivate, answers.inactive),
    "status": Endpoint(serializers.Sid, subscriptions.status, answers.status),
}
TID = re.compile(r"T[0-9a-f]{19}")
MASKED = ("cid_secret", "pg_token")

_in_flight: set[str] = set()
_in_flight_guard = threading.Lock()


def api(request: HttpRequest, name: str) -> HttpResponse:
    """Answer one call and keep a record of it."""
    call = ApiCall(endpoint=name, received_at=clock.now())
    try:
        response = _respond(request, name, call)
    except Refused as refused:
        response = _json(refused.body, refused.http_status)
    call.http_status = response.status_code
    call.answer = response.content.decode()
    call.save()
    return response


def unknown(request: HttpRequest) -> HttpResponse:
    """There is no such endpoint."""
    refused = Refused(-404)
    return _json(refused.body, refused.http_status)


def broken(request: HttpRequest) -> HttpResponse:
    """The sandbox itself failed."""
    refused = Refused(-500)
    return _json(refused.body, refused.http_status)


def _respond(request: HttpRequest, name: str, call: ApiCall) -> HttpResponse:
    if request.method != "POST":
        raise Refused(-404, "only POST is supported", http_status=405)
    merchants.authorise(request.headers.get("Authorization"))
    body = _body(request)
    tid = str(body.get("tid", ""))
    call.tid = tid if TID.fullmatch(tid) else ""
    call.request = _masked(body)
    endpoint = ENDPOINTS[name]
    with _alone(tid if endpoint.exclusive else ""):
        call.fault = faults.take(name, Fault.When.BEFORE)
        if replaced := faults.strike(call.fault, request, {}):
            return replaced
        fields = endpoint.request.read(body)
        merchants.check_cid(fields["cid"], fields["cid_secret"])
        fields["site"] = settings.SANDBOX_URL or f"{request.scheme}://{request.get_host()}"
        answer = endpoint.answer(endpoint.act(fields, now=clock.now()))
        call.tid = answer.get("tid", "")
        after = faults.take(name, Fault.When.AFTER)
        call.fault = after or call.fault
        return faults.strike(after, request, answer) or _json(answer)


def _body(request: HttpRequest) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise Refused(-500)
    try:
        body = json.loads(request.body)
    except ValueError:
        raise invalid("body") from None
    if not isinstance(body, dict):
        raise invalid("body")
    return body


def _masked(body: dict[str, Any]) -> str:
    """The request as a person may read it: indented, its secrets starred out."""
    shown = {key: "***" if key in MASKED else value for key, value in body.items()}
    return json.dumps(shown, ensure_ascii=False, indent=2).encode(errors="replace").decode()


def _json(body: dict[str, Any], status: int = 200) -> HttpResponse:
    text = json.dumps(body, ensure_ascii=False)
    return HttpResponse(text, status=status, content_type="application/json;charset=UTF-8")


@contextmanager
def _alone(tid: str) -> Iterator[None]:
    """Let one call at a time work on a tid. :raises Refused: -785 to the others."""
    with _in_flight_guard:
        if tid in _in_flight:
            raise Refused(-785)
        if tid:
            _in_flight.add(tid)
    try:
        yield
    finally:
        _in_flight.discard(tid)
