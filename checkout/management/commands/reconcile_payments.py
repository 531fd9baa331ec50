from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from checkout import reconciliation


class Command(BaseCommand):
    help = "Ask the provider about payments whose outcome we never heard."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=int,
            default=60,
            metavar="SECONDS",
            help="only those sent at least this long ago; 0 takes all (default: 60)",
        )

    def handle(self, *args: Any, older_than: int, **options: Any) -> None:
        now = timezone.now()
        asked = 0
        for txn in reconciliation.settle_stale(now - timedelta(seconds=older_than), now=now):
            asked += 1
            self.stdout.write(f"{txn.order.number} {txn.kind} {txn.tid} {txn.status}")
        self.stdout.write(f"{asked} payments asked about")
