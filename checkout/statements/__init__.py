"""
Comparing our books with a statement: a file of every movement the provider made in some days.

Its lines are copied into a table in small commits and compared there, so a file may be as long as
it likes. Nothing is asked or moved: what differs is reported. Only the ``tid`` of a charge whose
answer was lost is entered (``checkout.naming``).
"""

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.db import connection, reset_queries
from django.utils import timezone

from checkout import discrepancies, gateways, naming, runs
from checkout.crew import Crew
from checkout.discrepancies import Difference
from checkout.models import ReconciliationRun, StatementEntry
from checkout.naming import Named
from checkout.runs import Finding, Period, Tally, Watch
from checkout.statements.differences import days_of, differences
from checkout.statements.files import Line, opened
from checkout.statements.values import Unreadable
from orders.models import PaymentTransaction

logger = logging.getLogger(__name__)

LINES_AT_ONCE = 2000


def compare(
    path: Path, period: Period | None = None, *, crew: Crew, watch: Watch, is_dry: bool = False
) -> ReconciliationRun:
    """
    Report on what the file and our books differ.

    :param period: in which our movements must stand in the file; None for the days it is about.
    :raises values.Unreadable: what is wrong with the file; nothing is reported then.
    """
    run = ReconciliationRun(
        mode=runs.Mode.STATEMENT, gateway=gateways.DEFAULT, source=path.name[:200]
    )
    with runs.kept(run, watch, is_dry=is_dry) as tally:
        StatementEntry.objects.exclude(run__in=runs.living()).delete()  # of runs that were killed
        with opened(path) as (total, lines):
            watch.begin(total, "lines")
            copy(lines, run, crew=crew, watch=watch)
        if not crew.stop.is_set():
            report_all(run, period, tally, crew=crew)
        tally.is_cut_short = crew.stop.is_set()
    return run


def copy(lines: Iterator[Line], run: ReconciliationRun, *, crew: Crew, watch: Watch) -> None:
    """Into the table, a commit for every few lines."""
    while not crew.stop.is_set() and (some := list(islice(lines, LINES_AT_ONCE))):
        StatementEntry.objects.bulk_create(
            StatementEntry(
                run=run,
                line=each.line,
                kind=each.kind,
                tid=each.tid,
                aid=each.aid,
                order_number=each.order_number,
                amount=each.amount,
                moved_at=each.moved_at,
            )
            for each in some
        )
        run.checked += len(some)
        watch.step(len(some))
        reset_queries()  # with DEBUG on, Django remembers each of these long statements


def report_all(run: ReconciliationRun, period: Period | None, tally: Tally, *, crew: Crew) -> None:
    entries = StatementEntry.objects.filter(run=run)
    period = period or days_of(entries)
    if period is None:
        raise Unreadable(
            "it has no movements, so nothing was compared. If there were none, say for which days: "
            "--since and --until."
        )
    run.since, run.until = period.since, period.until
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {StatementEntry._meta.db_table}")  # it was empty until now
    ours = PaymentTransaction.objects.filter(gateway=run.gateway)
    named = list(naming.in_statement(entries, ours))
    for each in named:
        enter(each, run, tally)
    told = named if tally.is_dry else ()
    for difference in differences(entries, period, gateway=run.gateway, named=told):
        if crew.stop.is_set():
            return
        report(difference, run, tally)


def enter(named: Named, run: ReconciliationRun, tally: Tally) -> None:
    """A charge that had no name gets the one that the file has for it."""
    if tally.is_dry:
        tally.differs(Finding(naming.told_of(named.charge)))
        return
    try:
        tally.differs(naming.by_statement(named, run=run, now=timezone.now()))
    except naming.CannotName as error:  # somebody was quicker
        logger.warning("payment %s was not named: %r", named.charge.pk, error)


def report(difference: Difference, run: ReconciliationRun, tally: Tally) -> None:
    if tally.is_dry:
        is_new = not discrepancies.is_explained(difference)
    else:
        is_new = discrepancies.report(difference, run=run, now=timezone.now()) is not None
    if is_new:
        tally.differs(Finding(difference))
