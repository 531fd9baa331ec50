"""What was done about the order: its parcel, its mails, notes, differences and provider calls."""

from collections.abc import Iterator
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from checkout.models import AdminLogEvent, Discrepancy, Mail, ProviderCall
from checkout.timeline.entries import CALLS, Entry, Kind, Tone, email_of, shop, words
from orders.models import Order, Shipment, ShipmentEvent


def of_parcel(order: Order) -> Iterator[Entry]:
    """Where the parcel has been. That there is one to pack is the order's own beginning."""
    events = ShipmentEvent.objects.filter(pgh_obj__order=order).order_by("pgh_id")
    before = ""
    for event in events:
        if event.pgh_label != "insert":
            what, tone = parcel_step(event, before)
            sent_by = words(event.get_carrier_display(), event.tracking_number)
            yield Entry(event.pgh_created_at, Kind.PARCEL, shop(event), what, sent_by, tone)
        before = event.status


def parcel_step(event: Any, before: str) -> tuple[str, Tone]:
    if event.status == before:
        return _("Carrier and number corrected"), Tone.PLAIN
    if event.status == Shipment.Status.SHIPPED:
        return _("Parcel shipped"), Tone.GOOD
    if event.status == Shipment.Status.DELIVERED:
        return _("Parcel delivered"), Tone.GOOD
    return _("Parcel is being prepared again"), Tone.OPEN


def of_address(order: Order) -> Iterator[Entry]:
    """Corrections of the address, from the log of what staff did; it tells of the moves, too."""
    parcel = getattr(order, "shipment", None)
    kind = ContentType.objects.get_for_model(Shipment)
    in_one_request = {"pgh_obj__order": order, "pgh_context_id": OuterRef("pgh_context_id")}
    is_move = Exists(ShipmentEvent.objects.filter(**in_one_request))
    about = {"content_type": kind, "object_id": str(parcel.pk if parcel else "")}
    log = AdminLogEvent.objects.filter(~is_move, **about, pgh_context_id__isnull=False)
    for row in log.order_by("pgh_id"):
        what, why = _("Address corrected"), row.change_message
        yield Entry(row.pgh_created_at, Kind.PARCEL, shop(row), what, why)


def of_mails(order: Order) -> Iterator[Entry]:
    """Written, and sent or not."""
    for mail in Mail.objects.filter(order=order).select_related("requested_by"):
        event = {"mail": mail.get_event_display()}
        who, what = shop(), _("Mail written: %(mail)s") % event
        if mail.requested_by:
            who, what = mail.requested_by.email, _("Asked to send again: %(mail)s") % event
        yield Entry(mail.created_at, Kind.MAIL, who, what)
        if mail.sent_at:
            what = _("Mail sent: %(mail)s") % event
            yield Entry(mail.sent_at, Kind.MAIL, shop(), what, order.email, Tone.GOOD)
        elif mail.problem and mail.claimed_at:
            what = _("Mail could not be sent: %(mail)s") % event
            yield Entry(mail.claimed_at, Kind.MAIL, shop(), what, mail.problem, Tone.BAD)


def of_notes(order: Order) -> Iterator[Entry]:
    for note in order.notes.select_related("author"):
        yield Entry(note.created_at, Kind.NOTE, note.author.email, _("Note"), note.text)


def of_discrepancies(order: Order) -> Iterator[Entry]:
    """Found, and explained."""
    rows = Discrepancy.objects.filter(transaction__order=order).select_related("closed_by")
    for row in rows:
        kind = {"kind": row.get_kind_display()}
        what = _("Our books and KakaoPay's differ: %(kind)s") % kind
        yield Entry(row.found_at, Kind.BOOKS, shop(), what, row.detail, Tone.BAD)
        if row.closed_at:
            who = email_of(row.closed_by, shop())
            what = _("Difference explained: %(kind)s") % kind
            yield Entry(row.closed_at, Kind.BOOKS, who, what, row.explanation, Tone.GOOD)


def of_calls(order: Order) -> Iterator[Entry]:
    """The latest requests to the provider, each with what was sent and what came back."""
    calls = ProviderCall.objects.filter(transaction__order=order)
    for call in calls.order_by("-started_at", "-pk")[:CALLS]:
        status = f"HTTP {call.http_status}" if call.http_status else ""
        problem, tone = call.problem, Tone.BAD if call.problem else Tone.PLAIN
        if call.finished_at is None:
            problem, tone = _("We never saw the end of this call."), Tone.OPEN
        what = words(call.operation, status)
        yield Entry(call.started_at, Kind.CALL, shop(), what, problem, tone, call)
