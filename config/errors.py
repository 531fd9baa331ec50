"""What is answered where no view answers: pages for people, problem documents for programs."""

import json
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults
from django.views.csrf import csrf_failure

from api import problems

#: None of allauth's limits of signing in lasts longer, in seconds.
LONGEST_WAIT = 300


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_for_programs(request):
        return problems.not_found(request)
    return defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """It is too large, or suspicious."""
    if is_for_programs(request):
        return problems.plain(problems.Document(problems.MALFORMED))
    return defaults.bad_request(request, exception)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Perhaps another page has made the browser send it: the CSRF token is missing or wrong."""
    if is_for_programs(request):
        return problems.plain(problems.Document(problems.CSRF))
    return csrf_failure(request, reason)


def internal_error(request: HttpRequest) -> HttpResponse:
    if is_for_programs(request):
        return problems.internal_error(request)
    return defaults.server_error(request)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Who tries to sign in too often, on a page."""
    return render(request, "429.html", status=429)


class ProgramsMiddleware:
    """
    What holds for every answer to a program: no cache keeps it that was not told to, and whoever is
    to wait is told for how long at most, which allauth does not say.

    Pages of other origins are trusted with the API alone, not with the shop's own forms.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_for_programs(request) and is_from_front_end(request):
            return forged(request)
        if is_for_programs(request) and not is_readable(request):
            return problems.plain(problems.Document(problems.MALFORMED))
        answer = self.get_response(request)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            answer.setdefault("Retry-After", str(LONGEST_WAIT))
        if is_for_programs(request):
            answer.setdefault("Cache-Control", "no-store")
        return answer


def is_from_front_end(request: HttpRequest) -> bool:
    """Would a page of another origin, which may use the API, change something?"""
    origin = request.headers.get("Origin")
    is_other = origin in settings.CLIENT_ORIGINS and origin != settings.SITE_URL
    return is_other and request.method not in {"GET", "HEAD", "OPTIONS", "TRACE"}


def is_readable(request: HttpRequest) -> bool:
    r"""
    JSON can name half of a character (``"\ud800"``), which nothing can write again: allauth would
    fail at it. The API's own parser looks for itself.
    """
    if not request.path.startswith("/_allauth/") or b"\\u" not in request.body:
        return True
    try:
        json.dumps(json.loads(request.body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except (ValueError, RecursionError):
        return True  # that, allauth answers
    return True


def is_for_programs(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/_allauth/"))
