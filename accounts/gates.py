"""
What only members get to see.

For a view ``@premium_required``; for a template ``{% load premium %}`` and
``{% if request|is_premium %}``; for the API ``accounts.api.me.IsPremium``. Whoever is in their
grace period is a member. However often it is asked, a request asks the database once.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from accounts.memberships import Terms, terms_of

#: Where memberships are offered; an address of its own, because accounts knows no shop.
OFFER = "/premium/"
KNOWN = "membership_terms"

R = TypeVar("R", bound=HttpRequest)
P = ParamSpec("P")


def terms(request: HttpRequest) -> Terms:
    """On which terms whoever asks buys; a query for the first time, and none for a visitor."""
    known: Terms | None = getattr(request, KNOWN, None)
    if known is None:
        known = terms_of(request.user.pk, now=timezone.now())
        remember(request, known)
    return known


def remember(request: HttpRequest, terms: Terms) -> None:
    """Spare the request a query: they were just read."""
    setattr(request, KNOWN, terms)


def is_premium(request: HttpRequest) -> bool:
    """Is whoever asks a member now?"""
    return request.user.is_authenticated and terms(request).is_member


def premium_required(
    view: Callable[Concatenate[R, P], HttpResponse],
) -> Callable[Concatenate[R, P], HttpResponse]:
    """
    Let only members see what ``view`` shows: visitors sign in first and come back, others are sent
    to where memberships are offered, and told why.
    """

    @wraps(view)
    def guarded(request: R, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if is_premium(request):
            return view(request, *args, **kwargs)
        if not request.user.is_authenticated:
            return sent_to(request, redirect_to_login(page_of(request)).url)
        if request.method != "HEAD":  # whose sender shows no message
            messages.info(request, why_not(request))
        return sent_to(request, OFFER)

    return guarded


def why_not(request: HttpRequest) -> str:
    if terms(request).membership is None:
        return _("That page is for members. This is how you become one.")
    return _("That page is for members, and your membership has ended. You can join again here.")


def page_of(request: HttpRequest) -> str:
    """The page to come back to: for htmx the one that it is on, not the part that it asked for."""
    htmx = getattr(request, "htmx", None)
    return (htmx and htmx.current_url_abs_path) or request.get_full_path()


def sent_to(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect that is followed with a GET, also after a POST, and as a whole page by htmx."""
    if getattr(request, "htmx", None):
        return HttpResponseClientRedirect(url)
    safe = request.method in {"GET", "HEAD"}
    return HttpResponseRedirect(url, status=302 if safe else 303)
