import argparse
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from checkout import announcing, renewals
from checkout.crew import Crew
from checkout.management.arguments import positive
from checkout.management.watching import stopping

HELP = """
Do for memberships what does not move money: end agreements at the provider that nothing needs any
more, ask it which agreements their payers have ended there, and tell members of another price and
of the end of a free trial.

The worker does the same, and sends the mails. charge_memberships renews and ends memberships.
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs["formatter_class"] = argparse.RawDescriptionHelpFormatter
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rate",
            type=positive,
            default=5,
            metavar="N",
            help="at most so many calls to the provider a second (default: 5)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        crew = Crew(rate=options["rate"])
        duties: dict[str, Iterator[Any]] = {
            "agreements ended at the provider": renewals.end_agreements(now=now, crew=crew),
            "agreements found ended by their payers": renewals.check_agreements(now=now, crew=crew),
            "members told of another price": announcing.announce_prices(now=now),
            "members told that their trial ends": announcing.remind_of_trials(now=now),
        }
        with stopping(crew.stop):
            for name, done in duties.items():
                self.stdout.write(f"{name}: {count(done, crew):,}")


def count(done: Iterator[Any], crew: Crew) -> int:
    """How many were done until somebody said to stop."""
    total = 0
    while not crew.stop.is_set() and next(done, None) is not None:
        total += 1
    return total
