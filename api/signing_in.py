"""Who asks: by the session's cookie, or by the same session's token in ``X-Session-Token``."""

from typing import Any

from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from django.conf import settings
from django.http import HttpRequest
from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from api.problems import CSRF, SESSION_ENDED, Problem

CHALLENGE = 'Session realm="api"'


class ByToken(XSessionTokenAuthentication):
    """
    The token that signing in at ``/_allauth/app/v1/`` gave. It goes before a cookie, and needs no
    CSRF token: no other page can make a browser send it.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """:raises Problem: SESSION_ENDED, rather than to be treated as a visitor unawares."""
        if "X-Session-Token" not in request.headers:
            return None
        found: tuple[Any, Any] | None = super().authenticate(request)
        if found is None:
            refusal = Problem(SESSION_ENDED)
            refusal.headers["WWW-Authenticate"] = CHALLENGE
            raise refusal
        return found

    def get_session_token(self, request: HttpRequest) -> str | None:
        """PostgreSQL refuses NUL, and a session's key is 32 letters and digits."""
        token = request.headers.get("X-Session-Token", "")
        return token if token.isascii() and token.isalnum() else None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class BySession(SessionAuthentication):
    """The cookie that browsers send by themselves, a visitor's too: so with a CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is None and settings.SESSION_COOKIE_NAME in request.COOKIES:
            self.enforce_csrf(request)
        return found

    def enforce_csrf(self, request: Request) -> None:
        """:raises Problem: CSRF."""
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise Problem(CSRF) from error
