from collections.abc import Iterable

from django import template
from django.utils.translation import gettext as _

from accounts.memberships import Terms
from accounts.models import Plan
from shop import savings
from shop.models import Product
from shop.templatetags.money import won

register = template.Library()
YEAR = 12  # months


@register.filter
def price_for(product: Product, terms: Terms) -> int:
    """What it costs somebody with these terms, in won."""
    return product.price_for(terms)


@register.filter
def rate(plan: Plan, price: int | None = None) -> str:
    """What a period costs: ``₩4,900 a month``, for a pass ``₩13,900 for 3 months``."""
    values = {"price": won(plan.price if price is None else price), "months": plan.months}
    if not plan.renews:
        return _("%(price)s for %(months)d months") % values
    if plan.months == 1:
        return _("%(price)s a month") % values
    if plan.months == YEAR:
        return _("%(price)s a year") % values
    return _("%(price)s every %(months)d months") % values


@register.filter
def saved_by_members(lines: Iterable[savings.Line]) -> int:
    """How much less a member pays for these goods than others, in won."""
    return savings.on_goods(lines)
