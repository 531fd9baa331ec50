import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from checkout import renewals
from checkout.crew import Crew
from checkout.management import foreseen
from checkout.management.arguments import at_least, positive
from checkout.management.renewed import InJson, InWords
from checkout.management.watching import stopping

LEFT = 1
COULD_NOT_FINISH = 2

HELP = """
Renew the memberships that are due: place an order for the period of each, and charge it. Those that
have run out are ended first.

It may run on several machines at once, be killed, and be run again: no period is charged twice. The
worker does the same each minute, and what tend_memberships does.

Exit status: 0 all that was due was charged, or its payer's bank refused; 1 the outcome of some is
not known, or they were postponed (reconcile_payments asks about the first, the next run charges the
others), or they were refused by a fault of the shop's (its connection, its settings or its
books: look into the code that is shown); 2 could not finish.
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs["formatter_class"] = argparse.RawDescriptionHelpFormatter
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workers",
            type=at_least(1),
            default=4,
            metavar="N",
            help="memberships renewed at once (default: 4)",
        )
        parser.add_argument(
            "--rate",
            type=positive,
            metavar="N",
            help="at most so many calls to the provider a second; a renewal takes two",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be charged, and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        watch = (InJson if options["json"] else InWords)(self.stdout, self.stderr)
        crew = Crew(workers=options["workers"], rate=options["rate"])
        try:
            if options["dry_run"]:
                foreseen.tell(watch, now=timezone.now(), as_json=options["json"])
                return
            with stopping(crew.stop):
                charge(crew, watch)
        except (DatabaseError, InterfaceError) as error:
            problem = " ".join(str(error).split())
            watch.fail(problem)
            raise CommandError(problem, returncode=COULD_NOT_FINISH) from error
        finally:
            watch.close()
        watch.finish(is_stopped=crew.stop.is_set())
        if crew.stop.is_set():
            raise SystemExit(COULD_NOT_FINISH)
        if watch.tally.is_left:
            raise SystemExit(LEFT)


def charge(crew: Crew, watch: InWords | InJson) -> None:
    now = timezone.now()
    for membership in renewals.end_overdue(now=now):
        watch.ended(membership)
        if crew.stop.is_set():
            return
    watch.begin(renewals.due(now=now).count(), "memberships")
    for renewal in renewals.charge_due(crew=crew):
        watch.renewed(renewal)
