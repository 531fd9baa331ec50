from django import template
from django.utils.translation import get_language

register = template.Library()


@register.filter
def won(amount: int) -> str:
    """An amount in won as its reader writes it: ``12,000원``, or ``₩12,000`` outside Korean."""
    digits = f"{abs(amount):,}"
    sign = "-" if amount < 0 else ""
    if (get_language() or "ko").startswith("ko"):
        return f"{sign}{digits}원"
    return f"{sign}₩{digits}"
