from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from checkout import payments


class Command(BaseCommand):
    help = "End the orders that were not paid in time and put their goods back into stock."

    def handle(self, *args: Any, **options: Any) -> None:
        closed = 0
        for order in payments.close_abandoned(now=timezone.now()):
            closed += 1
            self.stdout.write(f"{order.number} {order.cancel_reason}")
        self.stdout.write(f"{closed} orders closed")
