"""Whoever asks for a cart, without a web server in between."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory

from accounts.models import User
from shop import carts


def request_of(user: User | None = None, session: Any = None) -> HttpRequest:
    """A request as middleware would hand it over."""
    request = RequestFactory().get("/")
    request.user = user or AnonymousUser()
    request.session = session if session is not None else SessionStore()
    request._messages = FallbackStorage(request)
    return request


def held(request: HttpRequest) -> dict[str, int]:
    """Pieces by slug in the requester's cart."""
    lines = carts.lines_of(carts.for_request(request))
    return {line.product.slug: line.quantity for line in lines}
