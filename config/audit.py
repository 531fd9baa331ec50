"""Who changes what in the admin, and from where: told to the database, which writes it down."""

from typing import Any

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from pghistory.middleware import HistoryMiddleware


class AuditMiddleware(HistoryMiddleware):
    """
    Gives each change that staff make its author, address and page (``pgh_context``). What shoppers
    and workers do has none: there the order itself says whose it is.

    The address is the one that allauth counts attempts by: behind proxies, TRUSTED_PROXY_COUNT
    says whose word is taken for it.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_change = request.method == "POST" and request.path.startswith(reverse("admin:index"))
        answer: HttpResponse = (super().__call__ if is_change else self.get_response)(request)
        return answer

    def get_context(self, request: HttpRequest) -> dict[str, Any]:
        user = request.user
        return {
            "user": user.pk,
            "email": user.email if user.is_authenticated else None,
            "ip": get_adapter().get_client_ip(request),
            "url": request.path,
        }
