"""
The second factor of signing in: a code from the person's own device, after the password.

Everybody may set one up. Where STAFF_SECOND_FACTOR is on, the admin opens only to who has one and
has shown it in this very session; however the session came to be, the middleware looks again.
"""

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts import encryption


class SecondFactorAdapter(DefaultMFAAdapter):
    """Keeps the secrets of apps and recovery codes encrypted, so that a copy of the database does
    not sign anybody in."""

    def encrypt(self, text: str) -> str:
        return encryption.sealed(text, purpose="second factor")

    def decrypt(self, encrypted_text: str) -> str:
        """:raises ImproperlyConfigured: if the SECRET_KEY that encrypted it is not known."""
        return encryption.opened(encrypted_text, purpose="second factor")


class SecondFactorMiddleware:
    """Before any page of the admin: has this member of staff shown a second factor?"""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        """The way to what is missing; None if nothing is, and the view may go on."""
        page = request.resolver_match
        if page is None or "admin" not in page.namespaces or page.url_name == "logout":
            return None
        if not settings.STAFF_SECOND_FACTOR or not request.user.is_staff:
            return None
        factors = dict(Authenticator.objects.filter(user=request.user).values_list("pk", "type"))
        if not set(factors.values()) - {Authenticator.Type.RECOVERY_CODES}:
            messages.warning(
                request, _("The administration asks for a second factor. Set one up first.")
            )
            return HttpResponseRedirect(reverse("mfa_activate_totp"), status=303)
        if any(record.get("id") in factors for record in shown(request)):
            return None
        if request.method not in ("GET", "HEAD"):
            messages.warning(request, _("Nothing was changed. Enter a code, then do it again."))
        back = request.get_full_path() if request.method == "GET" else reverse("admin:index")
        there = f"{reverse('mfa_reauthenticate')}?{urlencode({'next': back})}"
        return HttpResponseRedirect(there, status=303)


def shown(request: HttpRequest) -> list[dict[str, Any]]:
    """The factors that this session's person has shown in it, by the ids of the factors."""
    records = get_authentication_records(request, request.user)
    return [record for record in records if record["method"] == "mfa"]


class ActivateView(ActivateTOTPView):
    """Whoever sets an app up enters its first code: this session has shown the factor with it."""

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        app = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
        record_authentication(self.request, self.request.user, "mfa", id=app.pk, type=app.type)
        return answer


def enter(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    """
    The admin's own sign-in page, for who is signed in: there is nothing to ask.

    Django's form behind it takes a password alone, and counts no attempts.
    """
    return HttpResponseRedirect(get_next_redirect_url(request) or reverse("admin:index"))
