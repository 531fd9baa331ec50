"""
What can be made to go wrong with an endpoint, on purpose.

A kind is one of

    stall:SECONDS          the answer comes, but late
    drop                   the connection closes without an answer
    garbled                HTTP 200 with half of the JSON
    html_502               a gateway's HTML page
    http_500, http_503     KakaoPay's own -500 and -503
    error:CODE[:REASON]    that error_code, with REASON as extras.method_result_code
"""

import json
import re
import socket
import time
from typing import Any

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse

from .models import Fault
from .refusals import Refused

ANY = "any"
KIND = re.compile(
    r"stall:\d{1,4}(\.\d+)?|drop|garbled|html_502|http_500|http_503|error:-\d{1,5}(:\w{1,30})?"
)
BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


def take(endpoint: str, when: str) -> str:
    """The kind of fault that strikes this call, used up; empty if none does."""
    with transaction.atomic():
        fault = Fault.objects.filter(endpoint__in=[endpoint, ANY], when=when, times__gt=0).first()
        if fault is None:
            return ""
        Fault.objects.filter(pk=fault.pk).update(times=F("times") - 1)
        return fault.kind


def strike(kind: str, request: HttpRequest, answer: dict[str, Any]) -> HttpResponse | None:
    """
    Let a fault happen. Returns what the client gets instead of ``answer``, or None to carry on.

    :raises Refused: for the kinds that are an error of KakaoPay's own.
    """
    name, _, detail = kind.partition(":")
    if name == "stall":
        time.sleep(float(detail))
    elif name == "drop":
        request.META["gunicorn.socket"].shutdown(socket.SHUT_RDWR)
        return HttpResponse(status=204)
    elif name == "garbled":
        text = json.dumps(answer, ensure_ascii=False)
        return HttpResponse(text[: len(text) // 2], content_type="application/json;charset=UTF-8")
    elif name == "html_502":
        return HttpResponse(BAD_GATEWAY, status=502)
    elif name in ("http_500", "http_503"):
        raise Refused(-int(name[-3:]))
    elif name == "error":
        code, _, reason = detail.partition(":")
        raise Refused(int(code), method_code=reason)
    return None
