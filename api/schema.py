"""How the API describes itself: what each answer may be, the refusals among them."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from api import problems
from api.idempotency import BAD_KEY, IN_PROGRESS, KEY_REUSED
from api.problems import MEDIA_TYPE, Document, Kind

H = TypeVar("H", bound=Callable[..., Any])

PROBLEM = {
    "type": "object",
    "description": "A refusal, as RFC 9457 has it. Programs go by `code`, people read `detail`.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Where it is explained."},
        "title": {"type": "string", "description": "What happened, in the client's language."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong here, and what to do."},
        "code": {"type": "string", "pattern": "^[a-z_]+$", "description": "Stable."},
        "errors": {
            "type": "array",
            "description": "With `invalid`: what is wrong where.",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": (
                            "A JSON pointer into the body, such as `#/contact/phone`, or a "
                            "parameter of the address, such as `?category`."
                        ),
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
KEY_PARAMETER = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7E]+$"},
    "description": (
        "A new UUID for each new thing. Sent again with the same key and body, the request is "
        "done once: the stored answer comes again, with `Idempotency-Replayed: true`."
    ),
}
HEADERS = {
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "In seconds."}},
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
}


def may_refuse(*kinds: Kind) -> Callable[[H], H]:
    """Name the problems that a view's method may answer with, besides those of every view."""

    def named(handler: H) -> H:
        handler.kinds = kinds  # type: ignore[attr-defined]
        return handler

    return named


class Schema(AutoSchema):
    """Adds to each operation the refusals that it may answer with, each with an example."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        if self.is_idempotent:
            operation.setdefault("parameters", []).append(KEY_PARAMETER)
        for kind in self.kinds_of(operation):
            add(operation["responses"], kind)
        return operation

    def get_auth(self) -> list[dict[str, Any]]:
        """Where nobody needs to sign in, that too is a way to ask."""
        found: list[dict[str, Any]] = super().get_auth()
        return found if self.is_for_accounts or not found else [*found, {}]

    @property
    def handler(self) -> Any:
        return getattr(self.view, self.method.lower(), None)

    @property
    def is_idempotent(self) -> bool:
        return getattr(self.handler, "is_idempotent", False)

    def kinds_of(self, operation: dict[str, Any]) -> list[Kind]:
        """In the order of their status."""
        is_write = self.method not in {"GET", "HEAD", "OPTIONS"}
        places = {parameter["in"] for parameter in operation.get("parameters", [])}
        found = [problems.NOT_ACCEPTABLE]
        found += [problems.SESSION_ENDED] * bool(self.view.authentication_classes)
        found += [problems.NOT_SIGNED_IN] * self.is_for_accounts
        found += [problems.CSRF] * is_write
        found += [problems.INVALID] * ("requestBody" in operation or "query" in places)
        found += [problems.MALFORMED, problems.UNSUPPORTED] * ("requestBody" in operation)
        found += [problems.NOT_FOUND] * ("path" in places)
        found += [problems.TOO_OFTEN] * (is_write and bool(self.view.get_throttles()))
        found += [BAD_KEY, IN_PROGRESS, KEY_REUSED] * self.is_idempotent
        found += getattr(self.handler, "kinds", ())
        return sorted(dict.fromkeys(found), key=lambda kind: kind.status)

    @property
    def is_for_accounts(self) -> bool:
        return bool(self.view.permission_classes)


def add(responses: dict[str, Any], kind: Kind) -> None:
    """One more problem among those of its status."""
    answer = responses.setdefault(str(kind.status), {"description": "", "content": {}})
    if kind.status in HEADERS:
        answer["headers"] = HEADERS[kind.status]
    content = answer["content"].setdefault(
        MEDIA_TYPE, {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
    )
    content["examples"][kind.code] = {"$ref": f"#/components/examples/{kind.code}"}
    titles = [f"`{code}`: {problems.KINDS[code].title}" for code in content["examples"]]
    answer["description"] = "  \n".join(titles)


def with_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: what every refusal looks like."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    result["components"]["examples"] = {
        code: {"summary": str(kind.title), "value": Document(kind).data}
        for code, kind in sorted(problems.KINDS.items())
    }
    return result


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.signing_in.ByToken"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-Session-Token",
            "description": "`meta.session_token` of the answer to signing in.",
        }


class CookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.signing_in.BySession"
    name = "cookie"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "What changes something also needs `X-CSRFToken`.",
        }
