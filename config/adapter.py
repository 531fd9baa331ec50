from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import respond_429
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from shop import carts


class AccountAdapter(DefaultAccountAdapter):
    """Signing in, by whatever door, brings the visitor's cart along."""

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        carts.merge_at_sign_in(request)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """A page says at its form that it was tried too often; a program is answered by a 429."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            if hasattr(request.allauth, "headless"):  # type: ignore[attr-defined]
                raise ImmediateHttpResponse(respond_429(request)) from error
            raise

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Only who is offered it proves by their password that it is still them."""
        offered = {method["id"] for method in self.get_reauthentication_methods(user)}
        return "reauthenticate" in offered and bool(super().reauthenticate(user, password))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """
        How somebody proves that it is still them: by their second factor, if they have one.

        Else a session from before it was set up, and the password, could turn it off.
        """
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [method for method in methods if method["id"] != "reauthenticate"] or methods
