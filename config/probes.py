"""
What a load balancer asks: ``/healthz``, does this process answer; ``/readyz``, does it reach its
database.
"""

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse


class ProbeMiddleware:
    """First of all: a balancer calls by address, without TLS, and needs no session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return said("ok", 200)
        if request.path == "/readyz":
            return said("ok", 200) if reaches_database() else said("no database", 503)
        return self.get_response(request)


def said(word: str, status: int) -> HttpResponse:
    return HttpResponse(f"{word}\n", status=status, content_type="text/plain")


def reaches_database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True
