"""How the audit trail says what a column held: amounts in won, choices by their labels."""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.templatetags.periods import last_day
from shop.templatetags.money import won

#: Columns that hold won.
IN_WON = {"price", "new_price", "next_price", "amount", "cap", "minimum"}
#: Columns that hold when something is over. It is told by its last day as everywhere else.
ENDS = {"paid_until"}
NOTHING = "–"


def label_of(field: models.Field[Any, Any]) -> str:
    return str(field.verbose_name)


def said(field: models.Field[Any, Any], value: Any, names: dict[Any, str]) -> str:
    """
    A value of ``field`` in words; ``names`` has those of the rows that a foreign key points to.
    """
    if value is None or value == "":
        return NOTHING
    if field.is_relation:
        return names.get(value) or f"#{value}"
    value = field.to_python(value)
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field.name in ENDS:
        return f"{last_day(value):%Y-%m-%d}"
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
    if isinstance(value, int):
        return won(value) if field.name in IN_WON else f"{value:,}"
    return str(value)
