from typing import Any

from django import template

from checkout import trail

register = template.Library()


@register.simple_tag(takes_context=True)
def trail_of(context: template.Context, row: Any) -> trail.Page:
    """What staff did to one row of the admin; where the address says ``all``, what others did."""
    asked = context["request"].GET
    until = trail.moment_in(asked.get("until"))
    return trail.read(trail.Wanted(type(row), row.pk, until=until, everybody="all" in asked))
