from functools import cache, partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from shop import carts


def shop(request: HttpRequest) -> dict[str, Any]:
    """What every page may show; the cart is counted only by a page that does, in one query."""
    return {
        "shop_name": settings.SHOP_NAME,
        "shop_legal_notice": settings.SHOP_LEGAL_NOTICE,
        "cart_count": cache(partial(carts.count, request)),
    }
