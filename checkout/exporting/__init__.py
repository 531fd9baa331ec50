"""
What staff take out of the shop for a spreadsheet: all orders, payment transactions or refunds of
some days, as CSV of any length, or as XLSX of at most ``MOST_IN_XLSX`` rows.

Each is one query, so its rows are of one moment. It is read through a cursor that PostgreSQL keeps
on its own disk (``WITH HOLD``, which Django asks for outside of a transaction): only a few rows are
in memory at a time, and no transaction stays open while somebody downloads slowly. Behind a pooler
that shares connections between statements there are no such cursors, and memory is not flat.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import IO

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from checkout.exporting import files, tables

MOST_DAYS = 366
#: An XLSX cannot be sent before it is whole, and somebody waits for it: this is half a minute.
MOST_IN_XLSX = 50_000


class Content(TextChoices):
    ORDERS = "orders", _("Orders")
    TRANSACTIONS = "transactions", _("Payment transactions")
    REFUNDS = "refunds", _("Refunds")


class Format(TextChoices):
    XLSX = "xlsx", _("Excel (XLSX)")
    CSV = "csv", _("CSV")


TABLES = {
    Content.ORDERS: tables.orders,
    Content.TRANSACTIONS: tables.transactions,
    Content.REFUNDS: tables.refunds,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What is taken out: ``content`` from the beginning of one Korean day to the end of another."""

    content: Content
    format: Format
    first: date
    last: date

    @property
    def file_name(self) -> str:
        return f"{self.content}-{self.first:%Y%m%d}-{self.last:%Y%m%d}.{self.format}"

    @property
    def table(self) -> tables.Table:
        """Headings and words are in the language that is active now."""
        since, until = midnight(self.first), midnight(self.last + timedelta(days=1))
        return TABLES[self.content]().between(since, until)

    @property
    def is_too_long(self) -> bool:
        """Has it more rows than its format may have? No more than these are counted."""
        return self.format == Format.XLSX and self.table.has_more_than(MOST_IN_XLSX)


def midnight(day: date) -> datetime:
    """When a day begins in Seoul."""
    return timezone.make_aware(datetime.combine(day, time.min))


def as_csv(export: Export) -> Iterator[bytes]:
    """The file in pieces; what is not read yet is not held. The query begins with the first."""
    return files.csv_of(export.table)


def as_xlsx(export: Export) -> IO[bytes]:
    """The whole file, on disk and without a name: it is gone when it is closed."""
    return files.xlsx_of(export.table)
