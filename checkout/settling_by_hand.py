"""
Ending what recovery cannot: the provider's books do not tell what became of a transaction, but a
person has found it out.

They say whether the money moved, with evidence and an explanation, as for closing a discrepancy.
Then it is settled by the usual rules, and the discrepancy closed. Nothing is sent to the provider.

That it moved must be seen in the provider's books: as a movement of this very amount. Where they do
not tell, the word of somebody who approves refunds will do.

    CannotSettle
    ├── NotStuck      it is settled by now, or recovery may still end it
    ├── AidTaken      another transaction is that movement
    ├── NotInBooks    the provider's books can be read, and do not show that movement
    ├── OtherAmount   the movement is of another amount
    └── NotSeen       the books do not tell, and this person's word is not enough
"""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction

from accounts.models import User
from checkout import discrepancies, limits, sending, settling
from checkout.calls import gateway_for
from checkout.gateways.base import Approved, Declined, Found, Movement, OutcomeUnknown, Paid, Why
from checkout.models import Discrepancy
from orders.models import PaymentTransaction

logger = logging.getLogger(__name__)

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status

#: Until then recovery is left to it: a bank may take 25 minutes, and what was sent may be in doubt.
STUCK_AFTER = timedelta(hours=1)
BY_HAND = "settled_by_hand"


class CannotSettle(Exception):
    """Everything stays as it is."""


class NotStuck(CannotSettle):
    """It is settled by now, or recovery may still end it."""


class AidTaken(CannotSettle):
    """Another transaction, ``held_by``, is that movement."""

    def __init__(self, held_by: PaymentTransaction) -> None:
        super().__init__(held_by.aid)
        self.held_by = held_by


class NotInBooks(CannotSettle):
    """The provider's books can be read, and do not show that movement."""


class OtherAmount(CannotSettle):
    """In the provider's books it is a ``movement`` of another amount."""

    def __init__(self, movement: Movement) -> None:
        super().__init__(movement.aid)
        self.movement = movement


class NotSeen(CannotSettle):
    """
    The provider's books cannot be read, or do not tell the amount of ``movement``; somebody with
    ``limits.APPROVE`` may vouch for it.
    """

    def __init__(self, movement: Movement | None = None) -> None:
        super().__init__(movement.aid if movement else "")
        self.movement = movement


@dataclass(frozen=True, slots=True)
class Books:
    """What the provider tells of a payment: the ``movements`` that ours do not hold."""

    status: str
    order_number: str = ""
    total: int = 0
    movements: tuple[Movement, ...] = ()
    paid: Paid = field(default_factory=Paid)


def is_stuck(row: Discrepancy, *, now: datetime) -> bool:
    """Is it open, and its transaction one that only a person can end?"""
    txn = row.transaction
    if row.closed_at is not None or txn is None or txn.status != Status.PROCESSING:
        return False
    return txn.sent_at is not None and txn.sent_at <= now - STUCK_AFTER


def look(txn: PaymentTransaction) -> Books:
    """
    What the provider's books show that could be this transaction.

    :raises GatewayError: there is no answer, or nothing that could be asked about.
    """
    charge = txn if txn.kind == Kind.CHARGE else sending.charge_of(txn)
    if not charge.tid:
        raise OutcomeUnknown("the tid is not known, so the payment cannot be looked up")
    found = gateway_for(txn).lookup(sending.payment_of(charge))
    if not isinstance(found, Found):
        return Books(found.code)
    ours = PaymentTransaction.objects.filter(tid=txn.tid, gateway=txn.gateway)
    held = set(ours.exclude(aid="").values_list("aid", flat=True))
    is_refund = txn.kind == Kind.REFUND
    new = [each for each in found.movements if each.is_refund == is_refund]
    if not is_refund:
        new = [replace(each, amount=found.paid.total) for each in new]
    return Books(
        status=found.status,
        order_number=found.order_number,
        total=found.paid.total,
        movements=tuple(each for each in new if each.aid not in held),
        paid=found.approved.paid if found.approved and not is_refund else Paid(),
    )


def moved(txn: PaymentTransaction, aid: str, books: Books | None, *, by: User) -> Approved:
    """
    The money moved, all of it.

    :param books: as they are now; None if they cannot be read.
    :raises NotInBooks, OtherAmount, NotSeen: this person cannot say so.
    """
    if books is None:
        if not may_vouch(by):
            raise NotSeen
        return Approved(aid, txn.amount, None)
    movement = next((each for each in books.movements if each.aid == aid), None)
    if movement is None:
        raise NotInBooks
    if movement.amount is None and not may_vouch(by):
        raise NotSeen(movement)
    if movement.amount not in {None, txn.amount}:
        raise OtherAmount(movement)
    return Approved(aid, txn.amount, movement.at, books.paid)


def may_vouch(by: User) -> bool:
    """Is their word enough that money moved, where the provider's books do not tell?"""
    return by.has_perm(limits.APPROVE)


def possible(
    txn: PaymentTransaction, books: Books, *, by: User
) -> tuple[list[Movement], list[CannotSettle]]:
    """The movements that ``by`` can say it was, and why it can be none of the others."""
    good: list[Movement] = []
    refused: list[CannotSettle] = [] if books.movements else [NotInBooks()]
    for movement in books.movements:
        try:
            moved(txn, movement.aid, books, by=by)
            good.append(movement)
        except CannotSettle as refusal:
            refused.append(refusal)
    return good, refused


def not_moved(explanation: str) -> Declined:
    """No money moved. The payer did not refuse it, so an agreement is charged again tomorrow."""
    return Declined(BY_HAND, explanation, why=Why.SHOP)


def settle(
    row: Discrepancy,
    outcome: Approved | Declined,
    *,
    by: User,
    evidence: str,
    explanation: str,
    now: datetime,
) -> PaymentTransaction:
    """
    Settle the discrepancy's transaction as this person says, and close the discrepancy.

    :param outcome: ``moved`` or ``not_moved``.
    :raises discrepancies.NotExplained, CannotSettle: nothing is changed.
    """
    if not evidence.strip() or not explanation.strip():
        raise discrepancies.NotExplained
    txn = row.transaction
    if txn is None or not is_stuck(row, now=now):
        raise NotStuck
    is_moved = isinstance(outcome, Approved)
    if isinstance(outcome, Approved):
        same = PaymentTransaction.objects.filter(gateway=txn.gateway, aid=outcome.aid)
        if held_by := same.exclude(pk=txn.pk).select_related("order").first():
            raise AidTaken(held_by)
    settled = settling.settle(txn, outcome, now=now)
    if settled.status != (Status.SUCCEEDED if is_moved else Status.FAILED):
        raise NotStuck  # recovery was quicker, and knew better
    logger.warning("payment %s was settled by hand: %s, by %s", txn.pk, settled.status, by.pk)
    with transaction.atomic():
        discrepancies.close(row, by=by, evidence=evidence, explanation=explanation, now=now)
        message = f"Settled by hand: {settled.status} {settled.aid} {settled.amount}".strip()
        LogEntry.objects.log_actions(by.pk, [row], CHANGE, message, single_object=True)
    return settled
