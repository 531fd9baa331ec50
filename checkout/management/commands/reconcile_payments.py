import argparse
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from django.utils import timezone

from checkout import auditing, statements
from checkout.crew import Crew
from checkout.management.arguments import at_least, moment, period_of, positive
from checkout.management.watching import InJson, InWords, stopping
from checkout.models import ReconciliationRun
from checkout.runs import Outcome
from checkout.statements.values import Unreadable

EXIT_STATUS = {Outcome.AGREED: 0, Outcome.DIFFERENT: 1}
COULD_NOT_FINISH = 2

HELP = """
Compare our books with the provider's. Without a mode, ask about payments whose outcome we never
heard.

Exit status: 0 all agree, 1 they differ, 2 could not finish.
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs["formatter_class"] = argparse.RawDescriptionHelpFormatter
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        modes = parser.add_argument_group("what to compare")
        modes.add_argument(
            "--pending", action="store_true", help="payments whose outcome we never heard (default)"
        )
        modes.add_argument(
            "--older-than",
            type=at_least(0),
            metavar="SECONDS",
            help="with --pending: those sent at least this long ago; 0 takes all (default: 60)",
        )
        modes.add_argument(
            "--since",
            type=moment,
            metavar="TIME",
            help="every payment from this Korean day (2026-11-21) or ISO time on",
        )
        modes.add_argument(
            "--until",
            type=moment,
            metavar="TIME",
            help="with --since: to the end of this day, or before this time (default: now)",
        )
        modes.add_argument(
            "--statement",
            type=Path,
            metavar="FILE",
            help="a statement of the provider's, CSV or XLSX; --since and --until say for which "
            "time it is complete (default: the days it has movements of)",
        )
        ways = parser.add_argument_group("how")
        ways.add_argument("--dry-run", action="store_true", help="change nothing, keep nothing")
        ways.add_argument(
            "--workers",
            type=at_least(1),
            default=4,
            metavar="N",
            help="payments asked about at once (default: 4)",
        )
        ways.add_argument(
            "--rate",
            type=positive,
            metavar="N",
            help="at most so many calls to the provider a second",
        )
        ways.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        watch = (InJson if options["json"] else InWords)(self.stdout, self.stderr)
        crew = Crew(workers=options["workers"], rate=options["rate"])
        try:
            with stopping(crew.stop):
                run = reconcile(options, crew, watch)
        except (Unreadable, OperationalError) as error:
            problem = " ".join(str(error).split())
            if options["statement"] and isinstance(error, Unreadable):
                problem = f"{options['statement']} cannot be read: {problem}"
            watch.fail(problem)
            raise CommandError(problem, returncode=COULD_NOT_FINISH) from error
        finally:
            watch.close()
        watch.finish(run)
        if status := EXIT_STATUS.get(Outcome(run.outcome), COULD_NOT_FINISH):
            raise SystemExit(status)


def reconcile(options: dict[str, Any], crew: Crew, watch: InJson | InWords) -> ReconciliationRun:
    """:raises CommandError: if the options do not go together."""
    now = timezone.now()
    period = period_of(options["since"], options["until"], now=now)
    if options["pending"] and (period or options["statement"]):
        raise CommandError(
            "--pending goes with neither --since nor --statement.", returncode=COULD_NOT_FINISH
        )
    if options["older_than"] is not None and (period or options["statement"]):
        raise CommandError("--older-than goes with --pending only.", returncode=COULD_NOT_FINISH)
    how = {"crew": crew, "watch": watch, "is_dry": options["dry_run"]}
    if options["statement"]:
        return statements.compare(options["statement"], period, **how)
    if period:
        return auditing.audit(period, **how)
    older_than = 60 if options["older_than"] is None else options["older_than"]
    return auditing.recover(older_than=now - timedelta(seconds=older_than), **how)
