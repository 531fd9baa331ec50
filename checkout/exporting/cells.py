"""What stands in a cell, and that it stays what it is when a spreadsheet opens it."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from phonenumber_field.phonenumber import PhoneNumber

Cell = str | int | datetime | None

#: A formula begins so, full-width signs too; some programs skip blanks and quotes before it.
FORMULA = re.compile(
    "[\t\r\n]|[\\s\"'\u200b-\u200f\u2060\ufeff]*[=+\\-@\u2212\uff1d\uff0b\uff0d\uff20]"
)


def neutral(text: str) -> str:
    """The text, behind an apostrophe if a spreadsheet might take it for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def as_it_is(value: Any) -> Cell:
    return value  # type: ignore[no-any-return]


def moment(value: datetime | None) -> Cell:
    """The time in Seoul to the second; spreadsheets know no zones."""
    return timezone.make_naive(value).replace(microsecond=0) if value else None


def phone(value: PhoneNumber | None) -> Cell:
    """As Koreans write it: no sign at its beginning that looks like a formula's."""
    return str(value.as_national) if value else None


def word_of(words: Mapping[str, str]) -> Callable[[Any], Cell]:
    """What a value is called; what has no word stays as it is."""
    return lambda value: words.get(value, value)


def yes_or_no() -> Callable[[Any], Cell]:
    words = {True: _("Yes"), False: _("No")}
    return lambda value: words[value]
