"""
The audit trail: what staff did, newest first, with who, when, from where, before and after.

It joins what the database wrote down of each row (the …Event tables, ``accounts.tracking``) and of
the admin's own log, which tells of the rest. What one request did is one ``Entry``.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import QuerySet, Value
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import (
    BillingAgreement,
    BillingAgreementEvent,
    GroupPermissionEvent,
    Membership,
    MembershipEvent,
    PersonGroupEvent,
    PersonPermissionEvent,
    Plan,
    PlanEvent,
    PointEntry,
    User,
    UserEvent,
)
from checkout.models import AdminLog, AdminLogEvent, Discrepancy, Mail
from checkout.trail.changes import Change, Kind, changes_of, noted, titles
from orders.models import (
    Order,
    OrderEvent,
    PaymentTransaction,
    PaymentTransactionEvent,
    Refund,
    RefundEvent,
    RefundRequest,
    RefundRequestEvent,
    Shipment,
    ShipmentEvent,
)
from shop.models import Category, Coupon, CouponEvent, CouponGrant, Product, ProductEvent

#: Records of one page; an entry has one or more.
PER_PAGE = 60

#: What is written down by the database, and about which rows.
KINDS: tuple[Kind, ...] = (
    Kind(Order, OrderEvent),
    Kind(PaymentTransaction, PaymentTransactionEvent),
    Kind(Refund, RefundEvent),
    Kind(RefundRequest, RefundRequestEvent),
    Kind(Shipment, ShipmentEvent),
    Kind(Membership, MembershipEvent),
    Kind(BillingAgreement, BillingAgreementEvent),
    Kind(Plan, PlanEvent),
    Kind(Product, ProductEvent),
    Kind(Coupon, CouponEvent),
    Kind(User, UserEvent),
    Kind(User, PersonGroupEvent, about="user_id", joins="group"),
    Kind(User, PersonPermissionEvent, about="user_id", joins="permission"),
    Kind(Group, GroupPermissionEvent, about="group_id", joins="permission"),
    Kind(AdminLog, AdminLogEvent, about="object_id"),
)
LOG = len(KINDS) - 1
#: What can be asked for by itself: the rest of these stands in the admin's log only.
MODELS: tuple[type[models.Model], ...] = (
    *(Order, PaymentTransaction, Refund, RefundRequest, Shipment, Mail, Discrepancy),
    *(Membership, BillingAgreement, Plan, Product, Category, Coupon, CouponGrant, PointEntry),
    *(User, Group),
)


@dataclass(slots=True)
class Touched:
    """One row that an action was about, what changed in it, and what the admin's log says."""

    model: type[models.Model]
    pk: Any
    name: str
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def row(self) -> tuple[type[models.Model], str]:
        return self.model, str(self.pk)

    @property
    def what(self) -> str:
        return str(self.model._meta.verbose_name)

    @property
    def url(self) -> str:
        """Its page in the admin; "" if there is none, as of an export."""
        if not self.pk or self.pk == "None":  # as the admin's log has it
            return ""
        options = self.model._meta
        try:
            return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[self.pk])
        except NoReverseMatch:
            return ""


@dataclass(slots=True)
class Entry:
    """What one request did. Where no member of staff did it, ``who`` and ``ip`` are empty."""

    at: datetime
    who: str
    ip: str
    touched: list[Touched]


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which part of the trail: that of one person, about one kind of row, or about one row, on a day.

    ``everybody`` has also what shoppers and the shop itself did. ``until`` is where to begin: the
    newest moment.
    """

    model: type[models.Model] | None = None
    pk: Any = None
    person: int | None = None
    day: date | None = None
    until: datetime | None = None
    everybody: bool = False

    def times(self) -> tuple[datetime | None, datetime | None]:
        """From when, and until when, both included."""
        if self.day is None:
            return None, self.until
        zone = timezone.get_default_timezone()
        first = datetime.combine(self.day, time.min, tzinfo=zone)
        last = datetime.combine(self.day, time.max, tzinfo=zone)
        return first, min(last, self.until) if self.until else last


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first; ``older`` is where the next page begins, None if this is the last."""

    entries: list[Entry]
    older: datetime | None


@dataclass(slots=True)
class Record:
    """One line of an event table, or of the admin's log, with what it says."""

    at: datetime
    request: UUID | None
    who: str
    ip: str
    touched: Touched


def read(wanted: Wanted, *, per_page: int = PER_PAGE) -> Page:
    """One query finds the newest records of all tables; then two or three for each kind of row."""
    records = list(load(list(newest(wanted, most=per_page + 1))))
    keys = [record.request or number for number, record in enumerate(records)]
    end, older = len(records), None
    if end > per_page:
        end = per_page
        while end and keys[end - 1] == keys[per_page]:  # what goes on begins the next page
            end -= 1
        end = end or per_page
        older = records[end].at
    groups: dict[Any, list[Record]] = {}
    for key, record in zip(keys[:end], records, strict=False):
        groups.setdefault(key, []).append(record)
    return Page([entry for entry in map(entry_of, groups.values()) if entry.touched], older)


def newest(wanted: Wanted, *, most: int) -> QuerySet[Any, Any]:
    """
    (table, id, time, request) of the records, newest first.

    Of each table no more than ``most`` rows are read, by its index.
    """
    since, until = wanted.times()
    parts: list[QuerySet[Any, Any]] = []
    for number, kind in enumerate(KINDS):
        if wanted.model not in (None, kind.model) and kind.model is not AdminLog:
            continue
        rows = kind.events._default_manager.filter(**between("pgh_created_at", since, until))
        rows = rows.order_by("-pgh_created_at")
        if wanted.model is not None and kind.model is AdminLog:
            rows = rows.filter(content_type=ContentType.objects.get_for_model(wanted.model))
        if wanted.pk is not None:
            rows = rows.filter(**{kind.about: wanted.pk}).order_by("-pgh_id")
        if not wanted.everybody:
            rows = rows.filter(pgh_context__isnull=False)
        if wanted.person is not None:
            rows = rows.filter(pgh_context__user=wanted.person)
        table = Value(number, models.IntegerField())
        rows = rows.annotate(table=table).values_list(
            "table", "pgh_id", "pgh_created_at", "pgh_context_id"
        )
        parts.append(rows[:most])
    if len(parts) == 1:
        return parts[0]
    return parts[0].union(*parts[1:], all=True).order_by("-pgh_created_at")[:most]


def between(name: str, since: datetime | None, until: datetime | None) -> dict[str, datetime]:
    limits = {f"{name}__gte": since, f"{name}__lte": until}
    return {lookup: moment for lookup, moment in limits.items() if moment}


def load(found: list[tuple[int, int, datetime, UUID | None]]) -> Iterator[Record]:
    """What the records found say, in their order."""
    ids: dict[int, list[int]] = defaultdict(list)
    for number, row, _at, _request in found:
        ids[number].append(row)
    logged = AdminLogEvent.objects.in_bulk(ids.pop(LOG, []))
    events = {number: KINDS[number].load(rows) for number, rows in ids.items()}
    types = ContentType.objects.get_for_models(*MODELS)
    by_type = {its_type.pk: model for model, its_type in types.items()}
    names = titles(
        (KINDS[number].model, event.subject)
        for number, rows in events.items()
        for event in rows.values()
    )
    for number, row, at, request in found:
        if number == LOG:
            line = logged[row]
            model, context = by_type.get(line.content_type_id, AdminLog), line.pgh_context or {}
            touched = Touched(model, line.object_id, line.object_repr, notes=[noted(line)])
        else:
            event = events[number][row]
            model, context = KINDS[number].model, event.context
            name = names.get((model, event.subject)) or event.name or f"#{event.subject}"
            touched = Touched(model, event.subject, name, changes=changes_of(event))
        yield Record(at, request, context.get("email") or "", context.get("ip") or "", touched)


def entry_of(group: list[Record]) -> Entry:
    """One entry, in which each row stands once, and in the order in which it was touched."""
    rows: dict[Any, Touched] = {}
    for record in reversed(group):
        one = record.touched
        row = rows.setdefault(one.row, Touched(one.model, one.pk, one.name))
        row.changes += one.changes
        row.notes += [note for note in one.notes if note]
    ip = next((record.ip for record in group if record.ip), "")
    touched = [row for row in rows.values() if row.changes or row.notes]
    return Entry(group[0].at, group[0].who, ip, touched)


def moment_in(text: str | None) -> datetime | None:
    """The moment at which a page begins, from its address; None if none stands there."""
    try:
        moment = parse_datetime(text or "")
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
