"""Asking about an agreement, or ending it at the provider, because a member of staff wants it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from accounts import memberships
from accounts.models import BillingAgreement
from checkout import agreements, renewals
from checkout.gateways.base import Declined, GatewayError

Status = BillingAgreement.Status


class Needed(Exception):
    """A membership is charged by it: that has to be stopped first."""


class Said(StrEnum):
    """What came of it."""

    GOOD = "good"  # it can be charged, as our books have it
    NEWS = "news"  # the shopper has ended it; our books say so now
    OVER = "over"  # it has ended, as our books have it
    ALIVE = "alive"  # it can be charged, though it has ended here
    NO_ANSWER = "no_answer"  # ``detail`` says why


@dataclass(frozen=True, slots=True)
class Answer:
    said: Said
    detail: str = ""


def ask(agreement: BillingAgreement, *, now: datetime) -> Answer:
    """What the provider's books say of it. Never inside a database transaction."""
    has_ended = agreement.status == Status.ENDED
    try:
        found = renewals.asked(agreement, now=now)
    except GatewayError as error:
        return Answer(Said.NO_ANSWER, str(error))
    if renewals.is_over(found):
        is_news = renewals.note_ended(agreement, now=now)
        return Answer(Said.NEWS if is_news else Said.OVER)
    if isinstance(found, Declined):
        return Answer(Said.NO_ANSWER, f"{found.code} {found.message}".strip())
    return Answer(Said.ALIVE if has_ended else Said.GOOD)


def end(agreement: BillingAgreement, *, now: datetime) -> bool:
    """
    End it at the provider. Never inside a database transaction.

    :returns: whether it has ended; if not, it is tried again by itself.
    :raises Needed: nothing is changed.
    """
    with transaction.atomic(durable=True):
        memberships.release(agreement)
        agreement.refresh_from_db()
    if agreement.status == Status.ACTIVE:
        raise Needed
    if agreement.status == Status.ENDED:
        return True
    can_end = agreements.to_end().filter(pk=agreement.pk).exists()
    return can_end and renewals.end_agreement(agreement, now=now)
