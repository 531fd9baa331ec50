"""The API: seven endpoints, one way through."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404

from . import answers, clock, faults, merchants, payments, serializers, striking, subscriptions
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
SID = re.compile(r"S[0-9a-f]{19}")
MASKED = ("cid_secret", "pg_token")

_in_flight: set[str] = set()
_in_flight_guard = threading.Lock()


def api(request: HttpRequest, name: str) -> HttpResponseBase:
    """Answer one call and keep a record of it."""
    call = ApiCall(endpoint=name, received_at=clock.now())
    try:
        response = _respond(request, name, call)
    except Refused as refused:
        response = _json(refused.body, refused.http_status)
    call.http_status = response.status_code
    if isinstance(response, HttpResponse) and response.content:
        call.answer = response.content.decode()
    call.save()
    return response


def elsewhere(request: HttpRequest, call: int) -> HttpResponse:
    """Where a ``redirect`` fault leads. Nobody should come; who does is recorded and fooled."""
    trap = get_object_or_404(ApiCall, pk=call)
    ApiCall.objects.create(
        endpoint="elsewhere",
        received_at=clock.now(),
        tid=trap.tid,
        http_status=200,
        answer=trap.answer,
        fault="redirect",
    )
    return HttpResponse(trap.answer, content_type=striking.JSON)


def unknown(request: HttpRequest) -> HttpResponse:
    """There is no such endpoint."""
    refused = Refused(-404)
    return _json(refused.body, refused.http_status)


def broken(request: HttpRequest) -> HttpResponse:
    """The sandbox itself failed."""
    refused = Refused(-500)
    return _json(refused.body, refused.http_status)


def _respond(request: HttpRequest, name: str, call: ApiCall) -> HttpResponseBase:
    if request.method != "POST":
        raise Refused(-404, "only POST is supported", http_status=405)
    merchants.authorise(request.headers.get("Authorization"))
    body = _body(request)
    tid, sid = str(body.get("tid", "")), str(body.get("sid", ""))
    call.tid = tid if TID.fullmatch(tid) else ""
    call.sid = sid if SID.fullmatch(sid) else ""
    call.request = _masked(body)
    endpoint = ENDPOINTS[name]
    with _alone(tid if endpoint.exclusive else ""):
        call.fault = faults.take(name, Fault.When.BEFORE)
        answer: dict[str, Any] = {}
        if call.fault and faults.parsed(call.fault)[0].needs_answer:
            answer = _pretend(endpoint, request, body)
        if replaced := striking.strike(call.fault, request, call, answer):
            return replaced
        answer = _act(endpoint, request, body)
        call.tid = answer.get("tid", "")
        call.sid = answer.get("sid") or ""
        after = faults.take(name, Fault.When.AFTER)
        call.fault = after or call.fault
        return striking.strike(after, request, call, answer) or _json(answer)


def _act(endpoint: Endpoint, request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    fields = endpoint.request.read(body)
    merchants.check_cid(fields["cid"], fields["cid_secret"])
    fields["site"] = settings.SANDBOX_URL or f"{request.scheme}://{request.get_host()}"
    return endpoint.answer(endpoint.act(fields, now=clock.now()))


def _pretend(endpoint: Endpoint, request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """The answer as it would be; nothing of it is written down."""
    with transaction.atomic():
        answer = _act(endpoint, request, body)
        transaction.set_rollback(True)
    return answer


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
    return HttpResponse(striking.text_of(body), status=status, content_type=striking.JSON)


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
