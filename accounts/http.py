from django.http import HttpRequest

from accounts.models import User


class ShopperRequest(HttpRequest):
    """A request that ``login_required`` has let through."""

    user: User
