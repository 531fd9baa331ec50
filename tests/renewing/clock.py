from datetime import datetime, timedelta
from math import ceil

from django.utils import timezone

from tests.kakaopay import KakaoPay


class Clock:
    """The shop's and the sandbox's clock: it ticks, and is moved on for both at once."""

    def __init__(self, kakaopay: KakaoPay) -> None:
        self.kakaopay = kakaopay
        self.ahead = timedelta()
        kakaopay.reset_clock()

    def now(self) -> datetime:
        return timezone.now() + self.ahead

    def move_to(self, moment: datetime) -> datetime:
        """Let it be this time, unless it is later already."""
        seconds = ceil((moment - self.now()).total_seconds())
        if seconds > 0:
            self.ahead += timedelta(seconds=seconds)
            self.kakaopay.advance(seconds)
        return self.now()
