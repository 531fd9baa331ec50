"""
Many parcels marked shipped by a list: order number, carrier, tracking number.

``read`` says what the lines mean, ``plan`` what would become of each, ``ship`` does it: one by one,
each by ``parcels.ship``. A list may be given again; what is done is not done twice.
"""

import csv
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import override

from accounts.models import User
from checkout import parcels
from checkout.statements.values import plain
from orders import carriers, shipping
from orders.models import Order, Shipment

Carrier = Shipment.Carrier
Cells = list[str]

MOST_ROWS = 500
#: How each column may be headed; spaces, brackets, punctuation and case do not matter.
HEADINGS = {
    "number": ("주문번호", "order number", "order no", "order", "number"),
    "carrier": ("택배사", "택배회사", "배송사", "배송업체", "carrier", "courier"),
    "tracking_number": (
        *("운송장번호", "운송장", "송장번호", "송장", "등기번호"),
        *("tracking number", "tracking no", "tracking", "waybill"),
    ),
}
COLUMNS = {plain(word): name for name, words in HEADINGS.items() for word in words}
#: What carriers are called besides their names in the shop.
NICKNAMES = {
    Carrier.CJ: ("대한통운", "CJ택배", "씨제이대한통운", "CJ GLS"),
    Carrier.EPOST: ("우체국", "우편", "등기", "epost"),
    Carrier.HANJIN: ("한진",),
    Carrier.LOTTE: ("롯데", "롯데글로벌로지스", "롯데글로벌", "lotte"),
    Carrier.LOGEN: ("로젠",),
    Carrier.OWN: ("직배송", "자체배송", "shop"),
}


class Wrong(StrEnum):
    """Why a row is not shipped, besides what ``orders.shipping`` refuses."""

    INCOMPLETE = "not an order number and a tracking number"
    CARRIER = "no carrier, or one that we do not know"
    TRACKING_NUMBER = "not a tracking number"
    ORDER_AGAIN = "the order stands in the list more than once"
    PARCEL_AGAIN = "two parcels that go to different places have this tracking number"
    UNKNOWN = "no such order"


class TooMany(Exception):
    """The list has more rows than ``MOST_ROWS``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as it was given; ``line`` counts from 1, lines without anything included."""

    line: int
    number: str
    carrier_name: str
    tracking_number: str
    carrier: Carrier | None
    wrong: Wrong | None = None

    @property
    def text(self) -> str:
        """A line that means this row, also without headings and a carrier chosen for all."""
        name = self.carrier_name or (str(self.carrier.label) if self.carrier else "")
        return ", ".join([self.number, *filter(None, (name, self.tracking_number))])


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, whose order it is, and why it is not shipped; None if it may be."""

    entry: Entry
    order: Order | None = None
    refusal: Wrong | shipping.CannotMove | None = None
    is_done: bool = False  # shipped by this very carrier, under this very number

    @property
    def may_ship(self) -> bool:
        return self.refusal is None and not self.is_done


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row: shipped, with or without a mail to the shopper, or why not."""

    row: Row
    is_shipped: bool = False
    is_told: bool = False


def read(lines: Iterable[Cells], carrier: Carrier | None = None) -> list[Entry]:
    """
    What each line means. A line of headings says which column is which; without one they are order
    number, carrier and tracking number, or order number and tracking number.

    :param carrier: of the lines that name none.
    :raises TooMany: if there are more than ``MOST_ROWS``.
    """
    columns: dict[str, int] | None = None
    entries: list[Entry] = []
    for line, cells in enumerate(lines, 1):
        while cells and not cells[-1].strip():
            cells = cells[:-1]
        if not cells:
            continue
        if not entries and columns is None and (columns := columns_in(cells)):
            continue
        if len(entries) == MOST_ROWS:
            raise TooMany
        entries.append(entry_of(line, cells, columns, carrier))
    return entries


def columns_in(cells: Cells) -> dict[str, int] | None:
    """Where the columns are, if these are headings."""
    named = {COLUMNS.get(plain(cell)): place for place, cell in reversed(list(enumerate(cells)))}
    columns = {name: place for name, place in named.items() if name}
    return columns if {"number", "tracking_number"} <= columns.keys() else None


def entry_of(
    line: int, cells: Cells, columns: dict[str, int] | None, carrier: Carrier | None
) -> Entry:
    def cell(name: str, place: int | None) -> str:
        place = columns.get(name) if columns else place
        return cells[place].strip() if place is not None and place < len(cells) else ""

    names_carrier = len(cells) > 2 or (len(cells) == 2 and carrier_called(cells[1]) is not None)
    number = unicodedata.normalize("NFKC", cell("number", 0)).upper()
    name = cell("carrier", 1 if names_carrier else None)
    tracking_number = cell("tracking_number", 2 if names_carrier else 1)
    chosen = carrier_called(name) if name else carrier
    wrong: Wrong | None = None
    if columns is None and len(cells) > 3:
        wrong, tracking_number = Wrong.INCOMPLETE, ", ".join(cells[2:])
    elif not number or (not tracking_number and chosen != Carrier.OWN):
        wrong = Wrong.INCOMPLETE
    elif chosen is None:
        wrong = Wrong.CARRIER
    else:
        try:
            tracking_number = carriers.checked(chosen, tracking_number)
        except carriers.BadTrackingNumber:
            wrong = Wrong.TRACKING_NUMBER
    return Entry(line, number, name, tracking_number, chosen, wrong)


def lines_in(text: str) -> list[Cells]:
    """What was pasted, by line: divided by tabs, semicolons, commas, or else blanks."""
    return [cells_in(line) for line in text.splitlines()]


def cells_in(line: str) -> Cells:
    for delimiter in "\t;,":
        if delimiter in line:
            return next(csv.reader([line], delimiter=delimiter))
    number, *words = line.split() or [""]
    for length in range(len(words), 0, -1):  # the carrier's name may have blanks, and so the number
        name, tracking_number = " ".join(words[:length]), " ".join(words[length:])
        if carrier_called(name):
            return [number, name, tracking_number]
    return [number, *words] if columns_in([number, *words]) else [number, " ".join(words)]


def carrier_called(name: str) -> Carrier | None:
    return carriers_by_name().get(plain(unicodedata.normalize("NFKC", name)))


@cache
def carriers_by_name() -> dict[str, Carrier]:
    """Codes, the names in every language of the shop, and nicknames."""
    names = {plain(name): carrier for carrier, many in NICKNAMES.items() for name in many}
    for carrier in Carrier:
        names[plain(carrier.value)] = carrier
        for language, _name in settings.LANGUAGES:
            with override(language):
                names[plain(str(carrier.label))] = carrier
    return names


def plan(entries: Sequence[Entry]) -> list[Row]:
    """What would become of each entry now. As many queries for many entries as for one."""
    found = {order.number: order for order in orders_of(entries)}
    times = Counter(entry.number for entry in entries)
    rows = []
    for entry in entries:
        order = found.get(entry.number)
        if entry.wrong:
            rows.append(Row(entry, order, entry.wrong))
        elif times[entry.number] > 1:
            rows.append(Row(entry, order, Wrong.ORDER_AGAIN))
        elif order is None:
            rows.append(Row(entry, None, Wrong.UNKNOWN))
        elif is_shipped_so(entry, order):
            rows.append(Row(entry, order, is_done=True))
        else:
            rows.append(Row(entry, order, refusal_of(order)))
    return apart(rows)


def apart(rows: list[Row]) -> list[Row]:
    """Refuses those that share a tracking number and go to different places."""
    places = defaultdict(set)
    for row in rows:
        if row.may_ship and row.entry.carrier != Carrier.OWN:
            places[row.entry.carrier, row.entry.tracking_number].add(place_of(row))
    shared = {key for key, goes_to in places.items() if len(goes_to) > 1}
    return [
        replace(row, refusal=Wrong.PARCEL_AGAIN)
        if row.may_ship and (row.entry.carrier, row.entry.tracking_number) in shared
        else row
        for row in rows
    ]


def place_of(row: Row) -> tuple[str, ...]:
    parcel = row.order.shipment  # type: ignore[union-attr]
    return parcel.recipient, str(parcel.phone), parcel.postcode, parcel.line1, parcel.line2


def orders_of(entries: Iterable[Entry]) -> QuerySet[Order]:
    of_order = {"order": OuterRef("pk")}
    return (
        Order.objects.filter(number__in={entry.number for entry in entries})
        .select_related("shipment")
        .annotate(
            is_being_refunded=Exists(shipping.open_refunds().filter(**of_order)),
            has_goods=Exists(shipping.to_pack().filter(**of_order)),
        )
    )


def is_shipped_so(entry: Entry, order: Order) -> bool:
    parcel: Shipment | None = getattr(order, "shipment", None)
    if parcel is None or parcel.status == Shipment.Status.PREPARING:
        return False
    return (parcel.carrier, parcel.tracking_number) == (entry.carrier, entry.tracking_number)


def refusal_of(order: Order) -> shipping.CannotMove | None:
    """Why ``shipping.ship`` would refuse it, in its order; of what ``orders_of`` found."""
    parcel: Shipment | None = getattr(order, "shipment", None)
    if parcel is None:
        return shipping.NothingToShip()
    if parcel.status != Shipment.Status.PREPARING:
        return shipping.NotThere(parcel.status)
    if order.status not in shipping.SHIPPABLE:
        return shipping.NotPaid()
    if order.is_being_refunded:  # type: ignore[attr-defined]
        return shipping.BeingRefunded()
    return None if order.has_goods else shipping.NothingToShip()  # type: ignore[attr-defined]


def ship(entries: Sequence[Entry], *, by: User, now: datetime) -> list[Result]:
    """Ship what may be shipped, each for itself; what cannot be keeps nothing else back."""
    return [shipped(row, by=by, now=now) for row in plan(entries)]


def shipped(row: Row, *, by: User, now: datetime) -> Result:
    if not row.may_ship or row.order is None or row.entry.carrier is None:
        return Result(row)
    try:
        is_told = parcels.ship(
            row.order.pk,
            carrier=row.entry.carrier,
            tracking_number=row.entry.tracking_number,
            by=by,
            now=now,
        )
    except shipping.CannotMove as error:  # since the plan was made
        return Result(replace(row, refusal=error))
    return Result(row, is_shipped=True, is_told=is_told)
