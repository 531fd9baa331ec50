from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from accounts import expiring


class Command(BaseCommand):
    help = "Write off the points that have expired, after setting off those that people owe."

    def handle(self, *args: Any, **options: Any) -> None:
        expired = 0
        with tqdm(unit=" people", disable=None, leave=False) as bar:  # only on a terminal
            for batch in expiring.batches(now=timezone.now()):
                expired += batch.expired
                bar.update(batch.people)
        self.stdout.write(f"{expired:,} points expired")
