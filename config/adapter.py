from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse

from shop import carts


class AccountAdapter(DefaultAccountAdapter):
    """Signing in, by whatever door, brings the visitor's cart along."""

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        carts.merge_at_sign_in(request)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response
