"""Letting a fault happen to one call."""

import json
import secrets
import socket
import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from . import answers, clock, faults
from .models import ApiCall
from .refusals import Refused

JSON = "application/json;charset=UTF-8"
BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
HUGE = 64 * 1024 * 1024  # bytes
TOO_MUCH = 1000  # won


def strike(
    kind: str, request: HttpRequest, call: ApiCall, answer: dict[str, Any]
) -> HttpResponseBase | None:
    """
    Let a fault happen. Returns what the client gets instead of ``answer``, or None to carry on.

    Where the ledger should show more than what is sent, it is noted in ``call``.
    :raises Refused: for the kinds that are an error of KakaoPay's own.
    """
    if not kind:
        return None
    found, detail = faults.parsed(kind)
    if found.name == "stall":
        time.sleep(float(detail))
        return None
    if found.name == "drop":
        return streamed(no_answer(request), status=204)
    if found.name == "error":
        code, _, reason = detail.partition(":")
        raise Refused(int(code), method_code=reason)
    if found.name in ("http_500", "http_503"):
        raise Refused(-int(found.name[-3:]))
    if found.name == "html_502":
        return HttpResponse(BAD_GATEWAY, status=502)
    if found.name == "not_json":
        return HttpResponse("OK", content_type="text/plain")
    if found.name == "empty":
        return HttpResponse(content_type=JSON, headers={"Content-Length": "0"})
    return altered(found.name, detail, request, call, answer)


def altered(
    name: str, detail: str, request: HttpRequest, call: ApiCall, answer: dict[str, Any]
) -> HttpResponseBase:
    """The right answer after ``name`` was done to it."""
    if name == "wrong_amount":
        return HttpResponse(text_of(with_wrong_amount(answer)), content_type=JSON)
    if name == "wrong_tid":
        other = {**answer, "tid": answer["tid"][:-12] + secrets.token_hex(6)}
        return HttpResponse(text_of(other), content_type=JSON)
    text = text_of(answer)
    if name == "garbled":
        return HttpResponse(text[: len(text) // 2], content_type=JSON)
    if name == "redirect":
        call.answer = text_of(answers.as_if_paid(answer, now=clock.now()))
        call.http_status = 302
        call.save()
        return HttpResponse(status=302, headers={"Location": f"/sandbox/elsewhere/{call.pk}/"})
    call.answer = text
    body = text.encode()
    if name == "truncated":
        return streamed(half_of(body, request), length=len(body))
    if name == "trickle":
        return streamed(slowly(body, float(detail)), length=len(body))
    return streamed(padded(body))


def text_of(answer: dict[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False)


def hang_up(request: HttpRequest) -> None:
    """Close the connection under the server's hands."""
    request.META["gunicorn.socket"].shutdown(socket.SHUT_RDWR)


def with_wrong_amount(answer: dict[str, Any]) -> dict[str, Any]:
    wrong = deepcopy(answer)
    for name in ("amount", "approved_cancel_amount"):
        if name in wrong:
            wrong[name]["total"] += TOO_MUCH
    return wrong


def streamed(
    parts: Iterator[bytes], *, length: int | None = None, status: int = 200
) -> StreamingHttpResponse:
    response = StreamingHttpResponse(parts, content_type=JSON, status=status)
    if length is not None:
        response["Content-Length"] = str(length)
    return response


def no_answer(request: HttpRequest) -> Iterator[bytes]:
    """Hang up when all else is done: a client that asks again at once finds no call in flight."""
    hang_up(request)
    yield b""


def half_of(body: bytes, request: HttpRequest) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    hang_up(request)


def slowly(body: bytes, seconds: float) -> Iterator[bytes]:
    """Each byte in its time, however long sending the ones before took."""
    begun = time.monotonic()
    for number in range(len(body)):
        due = begun + seconds * (number + 1) / len(body)
        time.sleep(max(0.0, due - time.monotonic()))
        yield body[number : number + 1]


def padded(body: bytes) -> Iterator[bytes]:
    """The JSON object with so much white space before its end."""
    yield body[:-1]
    blanks = b" " * 64 * 1024
    for _ in range(HUGE // len(blanks)):
        yield blanks
    yield body[-1:]
