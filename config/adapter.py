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

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """
        How somebody proves that it is still them: by their second factor, if they have one.

        Else a session from before it was set up, and the password, could turn it off.
        """
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [method for method in methods if method["id"] != "reauthenticate"] or methods
