"""The sandbox's clock: the time of day plus an offset that the ledger keeps."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from .models import Clock


def offset() -> int:
    """How far the clock has been moved, in seconds."""
    return Clock.objects.values_list("offset_seconds", flat=True).first() or 0


def now() -> datetime:
    """What time the sandbox believes it is."""
    return timezone.now() + timedelta(seconds=offset())


def move(seconds: int) -> None:
    """Set the clock this many seconds ahead of (or, negative, behind) the time of day."""
    Clock.objects.update_or_create(pk=1, defaults={"offset_seconds": seconds})


def advance(seconds: int) -> None:
    """Let this many more seconds pass at once."""
    with transaction.atomic():
        move(offset() + seconds)
