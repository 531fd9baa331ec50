"""One comparison of our books with a provider's: what it counts, how it ends, and who watches."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from checkout.discrepancies import Difference
from checkout.models import ReconciliationRun, StatementEntry
from orders.models import PaymentTransaction

Mode = ReconciliationRun.Mode
Outcome = ReconciliationRun.Outcome

#: The first half of the advisory lock that a living run holds; the second is the run's id.
RUNS = 1920298611


@dataclass(frozen=True, slots=True)
class Period:
    """From ``since`` on, and before ``until``."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference; ``put_right`` says what was done about it, and is empty while it is open."""

    difference: Difference
    put_right: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """
    What came of comparing one payment.

    ``asked`` are its transactions whose outcome was not known, with the status they have now; a dry
    run gives the provider's. ``problem`` says why the payment could not be compared.
    """

    transaction: PaymentTransaction
    asked: tuple[tuple[PaymentTransaction, str], ...] = ()
    found: tuple[Finding, ...] = ()
    problem: str = ""


class Watch(Protocol):
    """Whoever started a run and wants to know how it goes."""

    def begin(self, total: int | None, unit: str) -> None:
        """So many steps are ahead; None is not known."""
        ...

    def step(self, steps: int = 1) -> None: ...

    def asked(self, txn: PaymentTransaction, says: str) -> None:
        """The outcome of this one was not known: its status is ``says`` now."""
        ...

    def unanswered(self, txn: PaymentTransaction, why: str) -> None: ...

    def differs(self, found: Finding) -> None: ...


class Tally:
    """Counts what a run finds, and tells the watch of it."""

    def __init__(self, run: ReconciliationRun, watch: Watch, *, is_dry: bool) -> None:
        self.run = run
        self.watch = watch
        self.is_dry = is_dry
        self.is_cut_short = False

    def take(self, result: Result) -> None:
        for txn, says in result.asked:
            self.run.settled += txn.status != PaymentTransaction.Status.PROCESSING
            self.watch.asked(txn, says)
        for found in result.found:
            self.differs(found)
        if result.problem:
            self.run.unanswered += 1
            self.watch.unanswered(result.transaction, result.problem)
        else:
            self.run.checked += 1
        self.watch.step()

    def differs(self, found: Finding) -> None:
        self.run.differences += 1
        self.watch.differs(found)


@contextmanager
def kept(run: ReconciliationRun, watch: Watch, *, is_dry: bool) -> Iterator[Tally]:
    """
    Keep the run while the block works on it, and how it ended. A dry run is not kept.

    Whatever interrupts the block leaves the run INCOMPLETE; only a kill leaves it RUNNING.
    """
    tally = Tally(run, watch, is_dry=is_dry)
    with nullcontext() if is_dry and run.mode != Mode.STATEMENT else in_books(run, is_dry=is_dry):
        run.outcome = Outcome.INCOMPLETE
        try:
            yield tally
            run.outcome = Outcome.INCOMPLETE if tally.is_cut_short else outcome_of(run)
        finally:
            run.finished_at = timezone.now()


@contextmanager
def in_books(run: ReconciliationRun, *, is_dry: bool) -> Iterator[None]:
    """The run's row, and the lock that says that it lives; a dry run's row goes in the end."""
    run.save()
    key = [RUNS, run.pk]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", key)
    try:
        yield
    finally:
        StatementEntry.objects.filter(run=run).delete()
        if is_dry:
            run.delete()
        else:
            run.save()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def outcome_of(run: ReconciliationRun) -> Outcome:
    if run.unanswered:
        return Outcome.INCOMPLETE
    return Outcome.DIFFERENT if run.differences else Outcome.AGREED


def sharing(run: ReconciliationRun) -> datetime:
    """
    Since when a transaction that was asked about need not be asked about by this run.

    That is the start of the oldest living run over the same period, so that several machines share
    the work; alone, it is the run's own start, so that nothing is taken on trust.
    """
    oldest = like(run).filter(pk__in=living()).order_by("started_at").first()
    return min(run.started_at, oldest.started_at) if oldest else run.started_at


def is_left_undone(run: ReconciliationRun, since: datetime) -> bool:
    """Did another run end before it had done its part of the work that was shared since then?"""
    others = like(run).exclude(pk=run.pk)
    stopped = Q(outcome=Outcome.INCOMPLETE, finished_at__gte=since)
    killed = Q(outcome=Outcome.RUNNING, started_at__gte=since) & ~Q(pk__in=living())
    return others.filter(stopped | killed).exists()


def is_shared(run: ReconciliationRun, since: datetime) -> bool:
    """Has another run done part of the same work since then?"""
    others = like(run).exclude(pk=run.pk)
    return others.filter(Q(finished_at__gte=since) | Q(pk__in=living())).exists()


def like(run: ReconciliationRun) -> QuerySet[ReconciliationRun]:
    """This run and those over the same period."""
    return ReconciliationRun.objects.filter(
        mode=run.mode, gateway=run.gateway, since=run.since, until=run.until
    )


def living() -> QuerySet[ReconciliationRun]:
    """The runs whose process has not ended, on whatever machine."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [RUNS],
        )
        return ReconciliationRun.objects.filter(pk__in=[pk for (pk,) in cursor.fetchall()])


class Unwatched:
    """The ``Watch`` of a run that nobody looks at."""

    def begin(self, total: int | None, unit: str) -> None: ...

    def step(self, steps: int = 1) -> None: ...

    def asked(self, txn: PaymentTransaction, says: str) -> None: ...

    def unanswered(self, txn: PaymentTransaction, why: str) -> None: ...

    def differs(self, found: Finding) -> None: ...
