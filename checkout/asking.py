"""
Asking the provider about one order, because a member of staff wants to know now.

What is not known is claimed, looked up and settled as recovery does it. What is settled is compared
with the provider's books, and put right as far as it is certain. A payment that waits for its buyer
is only looked at.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from checkout import comparing, discrepancies, reconciliation, sending
from checkout.calls import gateway_for
from checkout.gateways.base import Found, GatewayError
from orders.models import Order, PaymentTransaction

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status

#: An order has one or two payments; nobody waits for the books of more.
MOST = 5


class Said(StrEnum):
    """What came of asking."""

    SUCCEEDED = "succeeded"  # it was not known, and is now
    FAILED = "failed"
    UNKNOWN = "unknown"  # and is asked about again
    TOO_SOON = "too_soon"  # somebody asked moments ago, or its own request may still be answered
    WAITS = "waits"  # for the buyer; ``detail`` is the status in the provider's books
    AGREES = "agrees"
    DIFFERS = "differs"  # a discrepancy is open; ``detail`` says what
    PUT_RIGHT = "put_right"  # ``detail`` says what was entered
    NO_ANSWER = "no_answer"  # ``detail`` says why
    NO_NAME = "no_name"  # it was paid, but its tid is not known: nothing can be asked


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said about one transaction."""

    transaction: PaymentTransaction
    said: Said
    detail: str = ""


def ask(order: Order, *, now: datetime) -> list[Answer]:
    """
    One answer for each transaction whose outcome is not known; if there is none, for the payment
    that was taken, or else for each that could have been. [] if the provider knows of nothing.

    Never inside a database transaction.
    """
    rows = order.transactions.select_related("order__user").order_by("-pk")
    unknown = list(rows.filter(status=Status.PROCESSING))
    if unknown:
        return [settle(txn, now=now) for txn in unknown]
    charges = rows.filter(kind=Kind.CHARGE)
    taken = list(charges.filter(status=Status.SUCCEEDED))
    return [look(charge, now=now) for charge in taken or charges.exclude(tid="")[:MOST]]


def settle(txn: PaymentTransaction, *, now: datetime) -> Answer:
    """Ask about an unknown outcome, unless a worker or the buyer's own request is at it."""
    before = now - longest_request()
    rows = reconciliation.unsettled(before).filter(pk=txn.pk)
    claimed = reconciliation.claim(rows, asked_before=before, limit=1, now=now)
    if not claimed:
        return Answer(txn, Said.TOO_SOON)
    asked = reconciliation.ask(claimed[0], now=now)
    ends = {Status.SUCCEEDED: Said.SUCCEEDED, Status.FAILED: Said.FAILED}
    return Answer(asked, ends.get(Status(asked.status), Said.UNKNOWN), asked.reason)


def longest_request() -> timedelta:
    """To connect, to wait for the answer, and for its last piece."""
    connect = settings.KAKAOPAY_CONNECT_TIMEOUT_SECONDS
    return timedelta(seconds=connect + 2 * settings.KAKAOPAY_READ_TIMEOUT_SECONDS + 2)


def look(charge: PaymentTransaction, *, now: datetime) -> Answer:
    """Compare a charge with the provider's books; one that waits for its buyer is left alone."""
    if not charge.tid:
        return Answer(charge, Said.NO_NAME)
    ours = comparing.ours_of(charge)
    try:
        found = gateway_for(charge).lookup(sending.payment_of(charge))
        if ours.charge.status == Status.READY:
            told = found.status if isinstance(found, Found) else found.code
            return Answer(charge, Said.WAITS, told)
        if comparing.ours_of(charge).figures != ours.figures:
            return Answer(charge, Said.TOO_SOON)
        before = comparing.differences(ours, found)
    except (GatewayError, comparing.NotAnAnswer) as error:
        return Answer(charge, Said.NO_ANSWER, str(error))
    done = reconciliation.put_right(ours.charge, found, now=now) if isinstance(found, Found) else []
    left = comparing.differences(comparing.ours_of(charge), found)
    for difference in left:
        discrepancies.report(difference, now=now)
    if left:
        return Answer(charge, Said.DIFFERS, "; ".join(each.detail for each in left))
    if done or before:
        entered = done or [each.detail for each in before]
        return Answer(charge, Said.PUT_RIGHT, "; ".join(entered))
    return Answer(charge, Said.AGREES)
