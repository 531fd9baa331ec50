"""
Refusals of the API, as problem documents (RFC 9457).

Each has a stable ``code`` that programs go by, and says in ``detail``, in the client's language,
what is wrong and what to do. The modules that refuse declare their ``Kind``; all of them stand on
the page to which ``type`` leads.
"""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.utils.serializer_helpers import ReturnDict

MEDIA_TYPE = "application/problem+json"

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A way to be refused: its ``code`` and HTTP ``status`` are stable, its ``title`` says to people
    what happened, ``todo`` to programmers what their client does about it.
    """

    code: str
    status: int
    title: Text
    todo: Text

    def __post_init__(self) -> None:
        if KINDS.setdefault(self.code, self) is not self:
            raise ValueError(f"two kinds of problem are called {self.code}")


KINDS: dict[str, Kind] = {}

INVALID = Kind(
    "invalid",
    400,
    gettext_lazy("Something in the request is not valid."),
    gettext_lazy("Correct what “errors” points at, and send it again."),
)
MALFORMED = Kind(
    "malformed",
    400,
    gettext_lazy("The request cannot be read."),
    gettext_lazy("Send JSON, encoded as UTF-8."),
)
NOT_SIGNED_IN = Kind(
    "not_signed_in",
    401,
    gettext_lazy("Nobody is signed in."),
    gettext_lazy("Sign in, and send the session cookie or the header X-Session-Token."),
)
SESSION_ENDED = Kind(
    "session_ended",
    401,
    gettext_lazy("The session has ended."),
    gettext_lazy("Sign in again."),
)
FORBIDDEN = Kind(
    "forbidden",
    403,
    gettext_lazy("This is not allowed."),
    gettext_lazy("Nothing that this account can do changes that."),
)
CSRF = Kind(
    "csrf_failed",
    403,
    gettext_lazy("The CSRF token is missing or wrong."),
    gettext_lazy(
        "With a session cookie, send the token that GET /api/v1/csrf/ gives in X-CSRFToken."
    ),
)
NOT_FOUND = Kind(
    "not_found",
    404,
    gettext_lazy("There is no such thing here."),
    gettext_lazy("Check the address. What belongs to somebody else does not exist for you."),
)
NOT_ALLOWED = Kind(
    "method_not_allowed",
    405,
    gettext_lazy("This address does not take this method."),
    gettext_lazy("The header Allow names those that it takes."),
)
NOT_ACCEPTABLE = Kind(
    "not_acceptable",
    406,
    gettext_lazy("The answer cannot be had in this format."),
    gettext_lazy("Accept application/json."),
)
UNSUPPORTED = Kind(
    "unsupported_media_type",
    415,
    gettext_lazy("The request is not in a format that is read here."),
    gettext_lazy("Send Content-Type: application/json."),
)
TOO_OFTEN = Kind(
    "too_many_requests",
    429,
    gettext_lazy("Too many requests."),
    gettext_lazy("Wait for as many seconds as the header Retry-After says."),
)
ERROR = Kind(
    "internal_error",
    500,
    gettext_lazy("The shop has made a mistake."),
    gettext_lazy("Send it again with the same Idempotency-Key; what was done is not done twice."),
)


class Problem(exceptions.APIException):
    """Raise it to refuse: ``Problem(NOT_FOUND)``; ``more`` are further members of the document."""

    def __init__(self, kind: Kind, detail: Text = "", **more: Any) -> None:
        super().__init__(str(detail or kind.title), kind.code)
        self.kind = kind
        self.status_code = kind.status
        self.more = more
        self.headers: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Document:
    kind: Kind
    detail: Text = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        kind = self.kind
        return {
            "type": f"{settings.SITE_URL}{reverse('api:problems')}#{kind.code}",
            "title": str(kind.title),
            "status": kind.status,
            "detail": str(self.detail or kind.title),
            "code": kind.code,
            **self.more,
        }


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; what it does not know goes on, and is an error of the shop."""
    is_read = context["request"].method in {"GET", "HEAD"}
    known = document_of(error, "?" if is_read else "#")
    if known is None:
        return None
    response = Response(known.data, status=known.kind.status, content_type=MEDIA_TYPE)
    for name, value in headers_of(error).items():
        response[name] = value
    return response


def document_of(error: Exception, root: str = "#") -> Document | None:
    """:param root: what is pointed into: ``#`` the body, or ``?`` the address."""
    match error:
        case Problem():
            return Document(error.kind, str(error.detail), error.more)
        case exceptions.ValidationError():
            return Document(INVALID, more={"errors": errors_in(error.detail, root)})
        case exceptions.ParseError():
            return Document(MALFORMED)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return Document(NOT_SIGNED_IN)
        case exceptions.MethodNotAllowed():
            return Document(NOT_ALLOWED)
        case exceptions.NotAcceptable():
            return Document(NOT_ACCEPTABLE)
        case exceptions.UnsupportedMediaType():
            return Document(UNSUPPORTED)
        case exceptions.NotFound() | Http404():
            return Document(NOT_FOUND)
        case exceptions.PermissionDenied() | PermissionDenied():
            return Document(FORBIDDEN)
    return None


def headers_of(error: Exception) -> dict[str, str]:
    found: dict[str, str] = dict(getattr(error, "headers", {}))
    if challenge := getattr(error, "auth_header", None):
        found["WWW-Authenticate"] = challenge
    return found


def errors_in(detail: Any, pointer: str = "#") -> list[dict[str, str]]:
    """
    What is wrong where: ``pointer`` is a JSON pointer into the body, or the name of a parameter of
    the address after ``?``.
    """
    if isinstance(detail, dict | ReturnDict):
        return [
            each
            for name, inner in detail.items()
            for each in errors_in(inner, below(pointer, name))
        ]
    if isinstance(detail, list):
        return [
            each
            for place, inner in enumerate(detail)
            for each in errors_in(
                inner, pointer if isinstance(inner, str) else f"{pointer}/{place}"
            )
        ]
    return [{"pointer": pointer, "code": detail.code, "detail": str(detail)}]


def below(pointer: str, name: str) -> str:
    if name == "non_field_errors":
        return pointer
    return f"?{name}" if pointer == "?" else f"{pointer}/{name}"


def not_found(request: HttpRequest) -> JsonResponse:
    """For addresses of the API that do not exist."""
    return plain(Document(NOT_FOUND))


def internal_error(request: HttpRequest) -> JsonResponse:
    return plain(Document(ERROR, _("Nothing is lost. Please try again in a moment.")))


def plain(document: Document) -> JsonResponse:
    """Where the framework of the API is not at work."""
    return JsonResponse(document.data, status=document.kind.status, content_type=MEDIA_TYPE)
