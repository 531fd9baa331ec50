"""Which of the provider's pages suits the buyer's device."""

import re

from django.conf import settings
from django.http import HttpRequest

PHONE = re.compile(r"Mobi|Android|iPhone|iPad|iPod", re.IGNORECASE)


def device_of(request: HttpRequest) -> str:
    """
    ``app`` inside the shop's own app, ``mobile`` on a phone or tablet, else ``pc``.

    The shop's app is known by ``CHECKOUT_APP_USER_AGENT``, a word its web view adds to the
    User-Agent header.
    """
    user_agent = request.headers.get("User-Agent", "")
    if settings.CHECKOUT_APP_USER_AGENT and settings.CHECKOUT_APP_USER_AGENT in user_agent:
        return "app"
    if request.headers.get("Sec-CH-UA-Mobile") == "?1" or PHONE.search(user_agent):
        return "mobile"
    return "pc"
