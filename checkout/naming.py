"""
Naming a charge whose answer was lost, and with it its ``tid``: until it is known, the charge can
neither be looked up nor refunded.

A person finds the ``tid`` in the provider's own site, or a statement has it. It is kept only if it
is proven: by the provider's books, or by the one line of the statement that can be this charge.

    CannotName
    ├── NotUnnamed   it has a name by now, or is no charge without one
    ├── NotATid      nothing that could be a tid
    ├── TidTaken     another transaction has this tid, or its aid
    ├── NotProven    the provider's books show something else under this tid
    └── NotSeen      the provider's books cannot be read
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from accounts.models import User
from checkout import discrepancies, reconciliation, sending
from checkout.calls import gateway_for
from checkout.gateways.base import Approved, Declined, Found, GatewayError
from checkout.models import Discrepancy, ReconciliationRun, StatementEntry
from checkout.runs import Finding
from orders.locking import locked
from orders.models import PaymentTransaction

logger = logging.getLogger(__name__)

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status

LONGEST = 40


class CannotName(Exception):
    """Everything stays as it is."""


class NotUnnamed(CannotName):
    """It has a name by now, or is no charge without one."""


class NotATid(CannotName):
    """Nothing that could be a ``tid``."""


class TidTaken(CannotName):
    """Another transaction, ``held_by``, has this ``tid`` or its ``aid``."""

    def __init__(self, held_by: PaymentTransaction) -> None:
        super().__init__(held_by.tid)
        self.held_by = held_by


class NotProven(CannotName):
    """The provider's books, ``found``, show no payment of this order and amount under the tid."""

    def __init__(self, found: Found | Declined) -> None:
        super().__init__(found.status if isinstance(found, Found) else found.code)
        self.found = found


class NotSeen(CannotName):
    """The provider's books cannot be read: the message says why."""


@dataclass(frozen=True, slots=True)
class Named:
    """A payment in a statement that is a charge of ours: which line, and how it is called there."""

    charge: PaymentTransaction
    line: int
    tid: str
    aid: str


def unnamed() -> QuerySet[PaymentTransaction]:
    """The charges that were paid and have no ``tid``."""
    return PaymentTransaction.objects.filter(kind=Kind.CHARGE, status=Status.SUCCEEDED, tid="")


def name(
    row: Discrepancy, tid: str, *, by: User, evidence: str, explanation: str, now: datetime
) -> list[str]:
    """
    Keep the ``tid`` that this person has found, if the provider's books prove it, and close the
    discrepancy. What else the books have of the payment is entered.

    Never inside a database transaction.

    :returns: a sentence for each refund that was made at the provider meanwhile.
    :raises discrepancies.CannotClose, CannotName: nothing is changed.
    """
    if not evidence.strip() or not explanation.strip():
        raise discrepancies.NotExplained
    charge = row.transaction
    if charge is None or row.closed_at or not charge.is_unnamed:
        raise NotUnnamed
    tid = tid.strip()
    if not tid or len(tid) > LONGEST or not (tid.isascii() and tid.isalnum()):
        raise NotATid
    expect_free(charge, tid, "")
    found, approved = proven(charge, tid)
    with locked(charge.order_id):
        keep(charge, tid, approved)
        discrepancies.close(row, by=by, evidence=evidence, explanation=explanation, now=now)
        message = f"Named: {charge.order.number} {tid} {approved.aid}".strip()
        LogEntry.objects.log_actions(by.pk, [row], CHANGE, message, single_object=True)
    logger.warning("payment %s was named %s by %s", charge.pk, tid, by.pk)
    charge.refresh_from_db()
    return reconciliation.put_right(charge, found, now=now)


def proven(charge: PaymentTransaction, tid: str) -> tuple[Found, Approved]:
    """:raises NotProven, NotSeen: see ``CannotName``."""
    payment = replace(sending.payment_of(charge), tid=tid)
    try:
        found = gateway_for(charge).lookup(payment)
    except GatewayError as error:
        raise NotSeen(str(error)) from error
    if isinstance(found, Declined) and not found.is_not_known:
        raise NotSeen(f"{found.code} {found.message}".strip())
    approved = sending.charge_in(found, charge)
    if not isinstance(found, Found) or approved is None:
        raise NotProven(found)
    return found, approved


def expect_free(charge: PaymentTransaction, tid: str, aid: str) -> None:
    """:raises TidTaken: another transaction has one of these names."""
    others = PaymentTransaction.objects.filter(gateway=charge.gateway).exclude(pk=charge.pk)
    same = others.filter(tid=tid) | (others.filter(aid=aid) if aid else others.none())
    if held_by := same.select_related("order").order_by("pk").first():
        raise TidTaken(held_by)


def keep(charge: PaymentTransaction, tid: str, approved: Approved) -> None:
    """
    The charge has this name from now on. The caller holds its order's lock.

    :raises NotUnnamed, TidTaken: roll back.
    """
    known = {
        "aid": approved.aid,
        "approved_at": approved.approved_at,
        "method": approved.paid.method,
        "card_issuer": approved.paid.card_issuer,
        "installment_months": approved.paid.installment_months,
    }
    told = {column: value for column, value in known.items() if value not in {None, ""}}
    expect_free(charge, tid, approved.aid)
    try:
        with transaction.atomic():
            kept = unnamed().filter(pk=charge.pk).update(tid=tid, **told)
    except IntegrityError:  # somebody else came upon that payment at this very moment
        expect_free(charge, tid, approved.aid)
        raise
    if not kept:
        raise NotUnnamed


def in_statement(
    entries: QuerySet[StatementEntry], ours: QuerySet[PaymentTransaction]
) -> Iterator[Named]:
    """
    The charges without a ``tid`` that the statement names: by the only line that has a payment of
    this order and amount which no transaction of ours holds.
    """
    waiting = unnamed().filter(pk__in=ours.values("pk")).select_related("order")
    if not waiting.exists():
        return
    known = ours.filter(tid=OuterRef("tid"))
    new = entries.filter(~Exists(known), kind=Kind.CHARGE).exclude(tid="")
    same = waiting.filter(order__number=OuterRef("order_number"))
    orders = new.filter(Exists(same)).order_by().values("order_number")
    alone = orders.annotate(tids=Count("pk")).filter(tids=1).values("order_number")
    lines = {entry.order_number: entry for entry in new.filter(order_number__in=alone)}
    for charge in waiting.filter(order__number__in=lines).order_by("pk"):
        line = lines[charge.order.number]
        is_held = bool(line.aid) and ours.filter(aid=line.aid).exists()
        if line.amount == charge.amount and not is_held:
            yield Named(charge, line.line, line.tid, line.aid)


def by_statement(named: Named, *, run: ReconciliationRun, now: datetime) -> Finding:
    """
    Keep the name that a statement has for a charge, and close its discrepancy.

    :raises CannotName: nothing is changed.
    """
    done = f"line {named.line}: this payment is {named.tid}"
    with locked(named.charge.order_id):
        keep(named.charge, named.tid, Approved(named.aid, named.charge.amount, None))
        difference = told_of(named.charge)
        discrepancies.report(difference, run=run, put_right=done, now=now)
    logger.warning("payment %s was named %s by a statement", named.charge.pk, named.tid)
    return Finding(difference, put_right=done)


def told_of(charge: PaymentTransaction) -> discrepancies.Difference:
    """What was reported when the charge was settled without a name."""
    rows = Discrepancy.objects.filter(transaction=charge, kind=Discrepancy.Kind.NO_NAME)
    return discrepancies.as_difference(rows.select_related("transaction__order").latest("pk"))


def still_told_of(charge: PaymentTransaction) -> list[discrepancies.Difference]:
    """The same, as long as nobody has closed it."""
    rows = Discrepancy.objects.filter(transaction=charge, kind=Discrepancy.Kind.NO_NAME)
    open_rows = rows.filter(closed_at=None).select_related("transaction__order")
    return [discrepancies.as_difference(row) for row in open_rows]
