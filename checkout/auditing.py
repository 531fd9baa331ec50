"""
Comparing with the provider's books by asking: one payment after the other, by its ``tid``.

``recover`` asks about unknown outcomes only, ``audit`` about everything of a period. Both may run
on several machines at once, and be started again after they were interrupted.
"""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from checkout import (
    charging,
    comparing,
    discrepancies,
    gateways,
    naming,
    reconciliation,
    runs,
    sending,
)
from checkout.calls import forbid_open_transaction, gateway_for
from checkout.crew import Crew
from checkout.discrepancies import Difference
from checkout.gateways.base import Call, Declined, Found, Gateway, GatewayError
from checkout.models import ReconciliationRun
from checkout.runs import Finding, Period, Result, Watch
from orders.models import PaymentTransaction

logger = logging.getLogger(__name__)

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status

#: Looks again so often if somebody pays or refunds just while we compare.
TRIES = 3
#: Calls to settle one transaction: to look, to send again, and to look what came of that.
CALLS_TO_SETTLE = 3

#: What is done to each transaction of a run.
Do = Callable[[PaymentTransaction], Result]


def recover(
    *, older_than: datetime, crew: Crew, watch: Watch, is_dry: bool = False
) -> ReconciliationRun:
    """
    Ask about every transaction sent before ``older_than`` whose outcome is not known, and settle
    what is proven. A run that found nothing to ask about is not kept.
    """
    run = ReconciliationRun(mode=runs.Mode.PENDING, gateway=gateways.DEFAULT)
    rows = reconciliation.unsettled(older_than)

    def settle(txn: PaymentTransaction) -> Result:
        crew.wait(CALLS_TO_SETTLE)
        asked = reconciliation.ask(txn, now=timezone.now())
        came_upon = found_while_asking(run, asked)
        still_open = asked.status == Status.PROCESSING
        problem = "its outcome is not known yet" if still_open else ""
        return Result(asked, ((asked, asked.status),), came_upon, problem)

    def look(txn: PaymentTransaction) -> Result:
        crew.wait()
        return Result(txn, ((txn, told(txn)),))

    go(run, rows, look if is_dry else settle, crew=crew, watch=watch, is_dry=is_dry)
    if not run.checked + run.unanswered and run.pk:
        run.delete()
    return run


def audit(period: Period, *, crew: Crew, watch: Watch, is_dry: bool = False) -> ReconciliationRun:
    """
    Compare every payment that was begun in the period, or had a refund begun in it.

    What recovery can put right by itself it does. A charge without a ``tid`` cannot be asked about:
    it differs until somebody names it. A dry run asks, and changes and keeps nothing.
    """
    run = ReconciliationRun(
        mode=runs.Mode.AUDIT, gateway=gateways.DEFAULT, since=period.since, until=period.until
    )
    compare = looked_at if is_dry else compared

    def do(charge: PaymentTransaction) -> Result:
        return compare(charge, run=run, crew=crew)

    go(run, known_there(period, run.gateway), do, crew=crew, watch=watch, is_dry=is_dry)
    return run


def known_there(period: Period, gateway: str) -> QuerySet[PaymentTransaction]:
    """
    The charges that the period is about and that the provider has a ``tid`` for, whether or not we
    know it.
    """
    begun = Q(created_at__gte=period.since, created_at__lt=period.until)
    refunds = PaymentTransaction.objects.filter(begun, kind=Kind.REFUND, order=OuterRef("order"))
    charges = PaymentTransaction.objects.filter(kind=Kind.CHARGE, gateway=gateway)
    has_name = ~Q(tid="") | Q(status__in=[Status.PROCESSING, Status.SUCCEEDED])
    return charges.filter(has_name, begun | Exists(refunds.filter(tid=OuterRef("tid"))))


def go(
    run: ReconciliationRun,
    rows: QuerySet[PaymentTransaction],
    do: Do,
    *,
    crew: Crew,
    watch: Watch,
    is_dry: bool,
) -> None:
    """Let the crew do it to each of the rows, and keep what came of it."""
    with runs.kept(run, watch, is_dry=is_dry) as tally:
        watch.begin(rows.count(), "payments")
        asked_before = run.started_at if is_dry else runs.sharing(run)

        def take(ids: list[int]) -> list[PaymentTransaction]:
            wanted = rows.filter(pk__in=ids)
            if is_dry:
                return with_buyer(wanted)
            mine = claimed(wanted, asked_before=asked_before)
            is_alone = run.mode == runs.Mode.AUDIT and not runs.is_shared(run, asked_before)
            if is_alone and len(mine) < len(ids):  # recovery asked about the rest, and no more
                mine += with_buyer(wanted.exclude(pk__in=[txn.pk for txn in mine]))
            return mine

        for result in crew.work(rows, take=take, do=lambda txn: safely(do, txn)):
            tally.take(result)
        is_left = not is_dry and runs.is_left_undone(run, asked_before)
        tally.is_cut_short = crew.stop.is_set() or is_left


def with_buyer(rows: QuerySet[PaymentTransaction]) -> list[PaymentTransaction]:
    return list(rows.select_related("order__user").order_by("pk"))


def claimed(
    rows: QuerySet[PaymentTransaction], *, asked_before: datetime
) -> list[PaymentTransaction]:
    """Those of a few rows that no other run has taken. Waits for what is locked just now."""
    waiting = rows.filter(Q(asked_at=None) | Q(asked_at__lt=asked_before))
    mine: list[PaymentTransaction] = []
    while left := waiting.count():
        now = timezone.now()
        new = reconciliation.claim(rows, asked_before=asked_before, limit=left, now=now)
        mine += new
        if not new:
            time.sleep(0.02)
    return mine


def safely(do: Do, txn: PaymentTransaction) -> Result:
    """One payment that cannot be compared must not keep the others from it."""
    try:
        return do(txn)
    except (GatewayError, comparing.NotAnAnswer) as error:
        return Result(txn, problem=str(error))
    except Exception as error:
        logger.exception("payment %s could not be compared", txn.pk)
        return Result(txn, problem=f"{type(error).__name__}: {error}")


def compared(charge: PaymentTransaction, *, run: ReconciliationRun, crew: Crew) -> Result:
    """Settle what is not known of the payment, compare it, and put right what is certain."""
    asked = tuple((txn, txn.status) for txn in settle_all(charge, crew=crew))
    came_upon = found_while_asking(run, charge) if asked else ()
    if not charge.tid:
        return without_name(charge, asked)
    try:
        ours, theirs = both(charge, gateway_for(charge), crew=crew)
        before = comparing.differences(ours, theirs)
    except (GatewayError, comparing.NotAnAnswer) as error:
        return Result(charge, asked, came_upon, str(error))
    found = (*came_upon, *put_right(ours, theirs, before, run=run))
    unknown = any(t.status == Status.PROCESSING for t in (ours.charge, *ours.refunds))
    return Result(charge, asked, found, "its outcome is not known yet" if unknown else "")


def looked_at(charge: PaymentTransaction, *, run: ReconciliationRun, crew: Crew) -> Result:
    """What ``compared`` would report; without a trace, not even in the journal."""
    if not charge.tid:
        return without_name(charge, ())
    ours, theirs = both(charge, without_journal(charge), crew=crew)
    new = comparing.differences(ours, theirs)
    found = tuple(Finding(each) for each in new if not discrepancies.is_explained(each))
    return Result(charge, (), found)


def without_name(
    charge: PaymentTransaction, asked: tuple[tuple[PaymentTransaction, str], ...]
) -> Result:
    """Of a charge whose ``tid`` is not known: that it is not, until somebody has named it."""
    now = PaymentTransaction.objects.get(pk=charge.pk)
    unknown = "its outcome is not known yet" if now.status == Status.PROCESSING else ""
    found = tuple(Finding(each) for each in naming.still_told_of(charge))
    return Result(charge, asked, found, unknown)


def settle_all(charge: PaymentTransaction, *, crew: Crew) -> list[PaymentTransaction]:
    """Ask about the charge and its refunds whose outcome is not known."""
    ours = comparing.ours_of(charge)
    asked = []
    for txn in (ours.charge, *ours.refunds):
        if txn.status == Status.PROCESSING:
            crew.wait(CALLS_TO_SETTLE)
            asked.append(reconciliation.ask(txn, now=timezone.now()))
    return asked


def both(
    charge: PaymentTransaction, gateway: Gateway, *, crew: Crew
) -> tuple[comparing.Ours, Found | Declined]:
    """
    Our side and theirs, such that ours did not change while they were asked.

    :raises GatewayError: without an answer.
    :raises comparing.NotAnAnswer: if ours changes all the time.
    """
    ours = comparing.ours_of(charge)
    for _ in range(TRIES):
        crew.wait()
        theirs = gateway.lookup(sending.payment_of(charge))
        before, ours = ours, comparing.ours_of(charge)
        if ours.figures == before.figures:
            return ours, theirs
    raise comparing.NotAnAnswer("our side changed whenever we looked")


def put_right(
    ours: comparing.Ours,
    theirs: Found | Declined,
    before: list[Difference],
    *,
    run: ReconciliationRun,
) -> tuple[Finding, ...]:
    """
    Let recovery do what it may, and report every difference: a refund that it entered is closed at
    once. What it leaves, or reports itself, waits for a person.
    """
    if not before:
        return ()
    now = timezone.now()
    done: list[str] = []
    left = {each.key for each in before}
    if isinstance(theirs, Found):
        done = reconciliation.put_right(ours.charge, theirs, now=now)
        after = comparing.differences(comparing.ours_of(ours.charge), theirs)
        left &= {each.key for each in after}
    came_upon = found_while_asking(run, ours.charge)
    told = {each.difference.key for each in came_upon}
    found = [Finding(each) for each in before if each.key in left - told]
    if done:
        gone = [each for each in before if each.aid and each.key not in left | told]
        found += [Finding(each, put_right="; ".join(done)) for each in gone]
    new = [
        each
        for each in found
        if discrepancies.report(each.difference, run=run, put_right=each.put_right, now=now)
    ]
    return (*came_upon, *new)


def found_while_asking(run: ReconciliationRun, txn: PaymentTransaction) -> tuple[Finding, ...]:
    """What recovery has just reported on this payment, as this run's."""
    return tuple(Finding(discrepancies.as_difference(row)) for row in discrepancies.adopt(run, txn))


def told(txn: PaymentTransaction) -> str:
    """What the provider says of it now; nothing is kept, not even in the journal."""
    gateway = without_journal(txn)
    if txn.is_by_agreement:
        return "charged" if charging.charged_since(gateway, txn) else "not charged so far"
    return said(gateway.lookup(sending.payment_of(charge_of(txn))))


def charge_of(txn: PaymentTransaction) -> PaymentTransaction:
    return txn if txn.kind == Kind.CHARGE else sending.charge_of(txn)


def without_journal(txn: PaymentTransaction) -> Gateway:
    """The transaction's provider; what is asked leaves no trace here."""

    class Unread:
        def answered(self, http_status: int, body: Any) -> None: ...

    def journal(operation: str, url: str, body: dict[str, Any]) -> AbstractContextManager[Call]:
        forbid_open_transaction(operation)
        return nullcontext(Unread())

    return gateways.get(txn.gateway, journal)


def said(theirs: Found | Declined) -> str:
    return theirs.status if isinstance(theirs, Found) else f"{theirs.code} {theirs.message}"
