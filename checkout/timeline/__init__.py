"""
Everything that happened to an order: who did what, when, and why.

It is read from what is never altered: the tables in which the database notes each state of a row,
and each line of the log of what staff did (``accounts.tracking``), and the notes of staff; and from
rows that nobody can edit but the shop itself completes: provider calls, mails and discrepancies. A
mail that was overtaken before it was sent leaves no row, and is not told of. However much happened,
it takes ``QUERIES`` queries.
"""

from checkout.timeline import desk, money
from checkout.timeline.entries import CALLS, Entry, Kind
from orders.models import Order

__all__ = ["CALLS", "QUERIES", "Entry", "Kind", "of"]

SOURCES = (
    money.of_order,
    money.of_charges,
    money.of_refunds,
    money.of_requests,
    desk.of_parcel,
    desk.of_address,
    desk.of_mails,
    desk.of_notes,
    desk.of_discrepancies,
    desk.of_calls,
)
QUERIES = len(SOURCES)


def of(order: Order) -> list[Entry]:
    """
    Newest first: staff come to see how it stands, and read on only if they must.

    :param order: with its ``shipment``, if it has one, and its ``user``.
    """
    entries = [entry for source in SOURCES for entry in source(order)]
    return sorted(entries, key=lambda entry: entry.at)[::-1]  # of one moment, the last is on top
