"""What staff write down about an order, for each other. Nobody can change or delete it."""

from datetime import datetime

from accounts.models import User
from orders.models import Order, StaffNote

LONGEST = StaffNote._meta.get_field("text").max_length or 0


class NotANote(Exception):
    """Nothing was written, or more than ``LONGEST`` characters."""


def write(order: Order, text: str, *, by: User, now: datetime) -> StaffNote:
    """:raises NotANote: nothing is kept."""
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        raise NotANote
    return order.notes.create(author=by, text=text, created_at=now)
