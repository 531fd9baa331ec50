from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class ShopperRequest(HttpRequest):
    """A request that ``login_required`` has let through."""

    user: User
    htmx: HtmxDetails  # true if htmx asks, set by its middleware
