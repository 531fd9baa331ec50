"""What can be made to go wrong with a call, on purpose, and which call it strikes."""

import re
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.db.models import F

from .asking import Unclear
from .models import Fault

ANY = "any"
SECONDS = "SECONDS"
CODE = "CODE[:REASON]"
DETAILS = {"": "", SECONDS: r":\d{1,4}(\.\d+)?", CODE: r":-\d{1,5}(:\w{1,30})?"}
ABOUT_MONEY = ("approve", "order", "cancel", "subscription")


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One way to go wrong, in Korean and English.

    ``detail`` is what follows the name after a colon. A kind that ``needs_answer`` changes or
    delays the right answer. ``endpoints`` are those it makes sense for; empty is every one.
    """

    name: str
    korean: str
    english: str
    detail: str = ""
    needs_answer: bool = False
    endpoints: tuple[str, ...] = ()

    @property
    def form(self) -> str:
        """How it is written."""
        return f"{self.name}:{self.detail}" if self.detail else self.name


_made_of_the_answer = partial(Kind, needs_answer=True)
KINDS = {
    kind.name: kind
    for kind in (
        Kind("drop", "답 없이 연결이 끊깁니다", "the connection closes without an answer"),
        Kind("stall", "답이 늦습니다", "the answer comes, but late", SECONDS),
        Kind(
            "refuse", "지금부터 연결을 거부합니다", "connections are refused from now on", SECONDS
        ),
        Kind("error", "이 오류 코드로 답합니다", "this error_code is the answer", CODE),
        Kind("http_500", "HTTP 500, 오류 −500", "HTTP 500 with −500"),
        Kind("http_503", "HTTP 503, 점검 중 −503", "HTTP 503 with −503, maintenance"),
        Kind("html_502", "게이트웨이의 HTML 502", "a gateway's HTML page, HTTP 502"),
        Kind("not_json", "HTTP 200, JSON이 아닌 글", "HTTP 200 with plain text"),
        Kind("empty", "HTTP 200, 빈 답", "HTTP 200 without a body"),
        _made_of_the_answer("garbled", "JSON이 반만 옵니다", "HTTP 200 with half of the JSON"),
        _made_of_the_answer(
            "truncated", "약속한 길이보다 일찍 끊깁니다", "less comes than Content-Length promises"
        ),
        _made_of_the_answer(
            "trickle", "바른 답이 한 바이트씩 옵니다", "the right answer, byte by byte", SECONDS
        ),
        _made_of_the_answer(
            "huge", "바른 답이 64 MB로 옵니다", "the right answer, padded to 64 MB"
        ),
        _made_of_the_answer(
            "redirect", "결제됐다고 하는 다른 주소로 보냅니다", "HTTP 302 to where it looks paid"
        ),
        _made_of_the_answer(
            "wrong_amount",
            "금액이 1,000원 많은 답",
            "the right answer, but 1,000 won more",
            endpoints=ABOUT_MONEY,
        ),
        _made_of_the_answer(
            "wrong_tid",
            "다른 tid의 답",
            "the right answer, but another tid",
            endpoints=ABOUT_MONEY,
        ),
    )
}


def parsed(kind: str) -> tuple[Kind, str]:
    """What ``kind`` names, and its detail. :raises Unclear: if it names nothing."""
    name, _, detail = kind.partition(":")
    found = KINDS.get(name)
    if found is None or not re.fullmatch(name + DETAILS[found.detail], kind):
        forms = ", ".join(known.form for known in KINDS.values())
        raise Unclear(f"모르는 장애입니다. / The kind is not known. It is one of {forms}.")
    return found, detail


def check(kind: str, endpoint: str) -> None:
    """:raises Unclear: if there is no such kind, or it makes no sense for this endpoint."""
    found, _ = parsed(kind)
    if found.name == "refuse" and endpoint != ANY:
        raise Unclear(
            "연결 거부는 모든 호출(any)에만 됩니다. / "
            "Refused connections cannot tell endpoints apart: endpoint must be any."
        )
    if endpoint != ANY and found.endpoints and endpoint not in found.endpoints:
        raise Unclear(
            f"{endpoint}의 답에는 {found.name}으로 바꿀 것이 없습니다. / "
            f"An answer to {endpoint} has nothing that {found.name} could change; "
            f"it is for {', '.join(found.endpoints)}."
        )


def take(endpoint: str, when: str) -> str:
    """
    The kind of fault that strikes this call, used up; empty if none does.

    One for "any" endpoint waits for a call that its kind makes sense for.
    """
    waiting = Fault.objects.filter(endpoint__in=[endpoint, ANY], when=when)
    if not waiting.exists():  # so that a call without a fault needs no write lock
        return ""
    with transaction.atomic():
        for fault in waiting:
            kind, _ = parsed(fault.kind)
            if not kind.endpoints or endpoint in kind.endpoints:
                _use_up(fault)
                return fault.kind
    return ""


def _use_up(fault: Fault) -> None:
    if fault.times is None:
        return
    if fault.times == 1:
        fault.delete()
    else:
        Fault.objects.filter(pk=fault.pk).update(times=F("times") - 1)
