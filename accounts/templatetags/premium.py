from django import template
from django.http import HttpRequest

from accounts import gates

register = template.Library()


@register.filter
def is_premium(request: object) -> bool:
    """``{% if request|is_premium %}``: a member now? Nobody is where a page has no request."""
    if not isinstance(request, HttpRequest) or not hasattr(request, "user"):
        return False
    return gates.is_premium(request)
