"""
A buyer's request to get money back for what was shipped, or has nothing to ship.

They ask, and may withdraw it until it is answered. Staff decline it here, or accept it by a refund
that answers it (``payments.refund``). Each is one transaction under the order's lock.

    NotAskable            nothing is recorded
    ├── NothingToAskFor   the order is not paid, or none of its goods are left
    ├── StillHere         its parcel has not left: the buyer can cancel the order
    ├── AlreadyAsked      an earlier request has not been answered yet
    └── BeingRefunded     a refund waits for approval, or for the provider's word
    TooMany               of a line there are fewer pieces
    AlreadyAnswered       the request was answered or withdrawn before
"""

from collections.abc import Mapping
from datetime import datetime

from accounts.models import User
from api import idempotency
from checkout import mails, refunds
from checkout.models import Mail
from orders import afterwards
from orders.locking import locked
from orders.models import Order, OrderLine, RefundRequest, RefundRequestLine

Status = RefundRequest.Status


class NotAskable(Exception):
    """The buyer cannot ask for a refund of this order now."""


class NothingToAskFor(NotAskable):
    """The order is not paid, or all of its goods were refunded."""


class StillHere(NotAskable):
    """The parcel has not left: the buyer can cancel the order."""


class AlreadyAsked(NotAskable):
    """An earlier request has not been answered yet."""


class BeingRefunded(NotAskable):
    """A refund of the order waits for approval, or for the provider's word."""


class TooMany(Exception):
    """Of ``line`` there are not so many pieces; it has ``line.kept``."""

    def __init__(self, line: OrderLine) -> None:
        super().__init__(f"{line.kept} left of {line.name}")
        self.line = line


class AlreadyAnswered(Exception):
    """The request was answered or withdrawn before."""


def ask(
    order: Order, *, by: User, pieces: Mapping[int, int], reason: str, now: datetime
) -> RefundRequest:
    """
    Record that the buyer, ``by``, wants money back for ``pieces``, by the id of their line.

    :raises NotAskable, TooMany: nothing is recorded.
    """
    with locked(order.pk) as order:
        if order.user_id != by.pk:
            raise NothingToAskFor
        lines = {line.pk: line for line in refunds.lines_of(order)}
        expect_askable(order, lines)
        wanted = {lines[pk]: count for pk, count in pieces.items() if count and pk in lines}
        if not wanted:
            raise NothingToAskFor
        for line, count in wanted.items():
            if not 0 < count <= line.kept:
                raise TooMany(line)
        request = order.refund_requests.create(reason=reason[:300], created_at=now)
        RefundRequestLine.objects.bulk_create(
            RefundRequestLine(request=request, line=line, quantity=count)
            for line, count in wanted.items()
        )
        idempotency.made(request.pk)
        return request


def expect_askable(order: Order, lines: Mapping[int, OrderLine]) -> None:
    """:raises NotAskable: if the buyer cannot ask now."""
    if not afterwards.may_be_asked_for(order, lines.values()):
        raise NothingToAskFor
    if refunds.open_refund_of(order):
        raise BeingRefunded
    if refunds.is_cancelable(order):
        raise StillHere
    if order.refund_requests.filter(status=Status.OPEN).exists():
        raise AlreadyAsked


def withdraw(request: RefundRequest, *, by: User, now: datetime) -> RefundRequest:
    """
    The buyer has changed their mind: nobody needs to answer.

    :raises AlreadyAnswered: nothing is changed.
    """
    with locked(request.order_id):
        return end(request, Status.WITHDRAWN, by=by, now=now)


def decline(request: RefundRequest, *, by: User, answer: str, now: datetime) -> RefundRequest:
    """
    A member of staff says no, and why: the buyer gets it as mail. They may ask again.

    :raises AlreadyAnswered: nothing is changed.
    """
    with locked(request.order_id) as order:
        declined = end(request, Status.DECLINED, by=by, now=now, answer=answer[:300])
        mails.write(Mail.Event.DECLINED, order, request=declined)
        return declined


def end(
    request: RefundRequest,
    status: RefundRequest.Status,
    *,
    by: User,
    now: datetime,
    answer: str = "",
) -> RefundRequest:
    """:raises AlreadyAnswered: if it is not open any more."""
    current = RefundRequest.objects.get(pk=request.pk)
    if current.status != Status.OPEN:
        raise AlreadyAnswered
    current.status, current.answer = status, answer
    current.decided_by, current.decided_at = by, now
    current.save(update_fields=["status", "answer", "decided_by", "decided_at"])
    return current
