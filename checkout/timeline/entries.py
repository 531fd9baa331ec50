"""One thing that happened, as a person reads it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from checkout.models import ProviderCall
from shop.templatetags.money import won

#: Of an order whose outcome is asked about for weeks, the latest calls are enough.
CALLS = 100
SETTLING_PAGE = "admin:checkout_discrepancy_settle"


class Kind(StrEnum):
    """What it is about."""

    ORDER = "order"
    PAYMENT = "payment"
    REFUND = "refund"
    REQUEST = "request"
    PARCEL = "parcel"
    MAIL = "mail"
    NOTE = "note"
    BOOKS = "books"
    CALL = "call"


class Tone(StrEnum):
    """How it went; most things just happen."""

    PLAIN = "plain"
    GOOD = "good"
    OPEN = "open"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Entry:
    """``who`` did ``what`` at this time; ``why`` is in their own words, or the provider's."""

    at: datetime
    kind: Kind
    who: str
    what: str
    why: str = ""
    tone: Tone = Tone.PLAIN
    call: ProviderCall | None = None


def buyer() -> str:
    return _("the buyer")


def shop(event: Any = None) -> str:
    """The shop; or the member of staff in whose request the event was written."""
    return staff_of(event) or _("the shop")


def kakaopay(event: Any = None) -> str:
    """KakaoPay, also where staff made us ask; but who settled it by hand, if one of them did."""
    return (is_by_hand(event) and staff_of(event)) or _("KakaoPay")


def staff_of(event: Any) -> str:
    """The member of staff in whose request an event was written; "" if it was in nobody's."""
    return context_of(event).get("email") or ""


def is_by_hand(event: Any) -> bool:
    """Was it written by the page on which what KakaoPay's books do not tell is settled?"""
    try:
        return resolve(context_of(event).get("url", "")).view_name == SETTLING_PAGE
    except Resolver404:
        return False


def context_of(event: Any) -> dict[str, Any]:
    """See ``config.audit``; {} if no member of staff did it in the admin."""
    return (event and event.pgh_context) or {}


def email_of(person: User | None, otherwise: str) -> str:
    return person.email if person else otherwise


def worth(amount: int, points: int) -> str:
    """``7,851원``, ``2,049포인트`` or both."""
    parts = [won(amount)] if amount or not points else []
    if points:
        counted = ngettext("%(count)s point", "%(count)s points", points)
        parts.append(counted % {"count": f"{points:,}"})
    return " + ".join(parts)


def words(*parts: str) -> str:
    """Those that are not empty, in a row."""
    return " · ".join(filter(None, parts))
