"""
Doing a thing once, however often it is asked for (the IETF's draft of ``Idempotency-Key``).

The request is written down before it is worked on, and its answer afterwards. Asked again with the
same key, the stored answer is given; while the first is still at work, nobody else begins. That one
is at work is known by a lock that PostgreSQL holds for its connection: it goes when the process
does. So after a crash the next request with the key begins anew, and is told of the ``subject``
that the first had made and committed, if it came so far.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.models import IdempotentRequest
from api.problems import MEDIA_TYPE, Kind, Problem

LONGEST = 255
#: Answers that are not about what was asked for.
NOT_KEPT = {401, 403}
RETRY_AFTER = 1  # second

BAD_KEY = Kind(
    "idempotency_key_invalid",
    400,
    _("The Idempotency-Key is not valid."),
    _("Send 1 to 255 printable ASCII characters without blanks, such as a UUID."),
)
IN_PROGRESS = Kind(
    "request_in_progress",
    409,
    _("A request with this Idempotency-Key is being worked on."),
    _("Wait for as many seconds as the header Retry-After says, and send the same again."),
)
KEY_REUSED = Kind(
    "idempotency_key_reused",
    422,
    _("This Idempotency-Key was used for another request."),
    _("Use a new key for each new request."),
)

P = ParamSpec("P")
Handler = Callable[Concatenate[Any, Request, P], Response]


@dataclass(slots=True)
class Attempt:
    """A request with a key. ``subject`` is what an earlier one had made before its process died."""

    row: IdempotentRequest

    @property
    def subject(self) -> str:
        return self.row.subject

    def made(self, subject: object) -> None:
        """Write down what it makes, in the very transaction that makes it."""
        self.row.subject = str(subject)
        self.row.save(update_fields=["subject"])

    def keep(self, response: Response) -> None:
        """Store the answer, unless it says to ask again: then the next request is worked on."""
        if response.status_code >= 500 or response.status_code in NOT_KEPT:
            return
        if "Retry-After" in response:
            return
        self.row.status = response.status_code
        self.row.body = JSONRenderer().render(response.data).decode()
        self.row.headers = {"Location": response["Location"]} if "Location" in response else {}
        self.row.save(update_fields=["status", "headers", "body"])


current: ContextVar[Attempt | None] = ContextVar("idempotent_attempt", default=None)


def made(subject: object) -> None:
    """Write down what this request makes, in the same transaction, if it came with a key."""
    attempt = current.get()
    if attempt is not None:
        attempt.made(subject)


def made_before() -> str:
    """What an earlier request with this key had made before its process died; empty if nothing."""
    attempt = current.get()
    return attempt.subject if attempt is not None else ""


def idempotent(handler: Handler[P]) -> Handler[P]:
    """For a view's ``post``: with an ``Idempotency-Key`` it is done once."""

    @wraps(handler)
    def once(view: APIView, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = key_of(request)
        if key is None:
            return handler(view, request, *args, **kwargs)
        print_ = fingerprint(request)
        with locked(owner_of(request), key) as owner:
            row = row_of(owner, key, print_, now=timezone.now())
            if row.fingerprint != print_:
                raise Problem(KEY_REUSED)
            if row.status is not None:
                return replayed(row)
            attempt = Attempt(row)
            token = current.set(attempt)
            try:
                response = handler(view, request, *args, **kwargs)
            except Exception as error:
                response = view.handle_exception(error)  # raises what is no refusal
            finally:
                current.reset(token)
            attempt.keep(response)
            return response

    once.is_idempotent = True  # type: ignore[attr-defined]
    return once


def key_of(request: Request) -> str | None:
    """
    The key, bare or quoted as the draft has it; None if there is none.

    :raises Problem: BAD_KEY.
    """
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    key = given.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    is_printable = key.isascii() and key.isprintable() and " " not in key
    if not 0 < len(key) <= LONGEST or not is_printable:
        raise Problem(BAD_KEY)
    return key


def owner_of(request: Request) -> str:
    """Keys of one person mean nothing to another; a visitor is known by their session."""
    if request.user.is_authenticated:
        return f"account {request.user.pk}"
    if not request.session.session_key:
        request.session.create()
    digest = hashlib.sha256(str(request.session.session_key).encode()).hexdigest()
    return f"visitor {digest}"


def fingerprint(request: Request) -> str:
    """Of method, address and body; the same JSON written differently is the same."""
    body = json.dumps(request.data, sort_keys=True, default=str)
    asked = "\n".join([request.method or "", request.get_full_path(), body])
    return hashlib.sha256(asked.encode()).hexdigest()


def row_of(owner: str, key: str, print_: str, *, now: datetime) -> IdempotentRequest:
    """The row of this key, made if there is none or if it has expired; the key is locked."""
    keys = IdempotentRequest.objects.filter(owner=owner, key=key)
    keys.filter(created_at__lt=expiry(now)).delete()
    row, _is_new = keys.get_or_create(
        owner=owner, key=key, defaults={"fingerprint": print_, "created_at": now}
    )
    return row


def expiry(now: datetime) -> datetime:
    return now - timedelta(hours=settings.IDEMPOTENCY_KEEP_HOURS)


def forget_expired(*, now: datetime) -> int:
    """Delete what nobody can ask for again. Returns how many rows that were."""
    count, _models = IdempotentRequest.objects.filter(created_at__lt=expiry(now)).delete()
    return count


@contextmanager
def locked(owner: str, key: str) -> Iterator[str]:
    """
    Let nobody else work on this key. The lock belongs to the connection, not to a transaction, as
    the provider is asked meanwhile; it ends with the process.

    :raises Problem: IN_PROGRESS.
    """
    digest = hashlib.sha256(f"{owner}\n{key}".encode()).digest()
    number = int.from_bytes(digest[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        (is_mine,) = cursor.fetchone()
    if not is_mine:
        refusal = Problem(IN_PROGRESS)
        refusal.headers["Retry-After"] = str(RETRY_AFTER)
        raise refusal
    try:
        yield owner
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def replayed(row: IdempotentRequest) -> Response:
    status = row.status or 200
    body = json.loads(row.body or "null")
    response = Response(body, status=status, content_type=MEDIA_TYPE if status >= 400 else None)
    for name, value in row.headers.items():
        response[name] = value
    response["Idempotency-Replayed"] = "true"
    return response
