"""
What staff do with an order's parcel: the parcel moves, the shopper gets mail, the log keeps it.

Each is one transaction under the order's lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry

from accounts.addresses import Destination
from accounts.models import User
from checkout import mails
from checkout.models import Mail
from orders import shipping
from orders.locking import locked
from orders.models import Shipment

#: What the log tells of, in this order.
LOGGED = ("status", "carrier", "tracking_number", *(field.name for field in fields(Destination)))


def ship(
    order_pk: int, *, carrier: Shipment.Carrier, tracking_number: str, by: User, now: datetime
) -> bool:
    """
    Mark the parcel shipped, and write the mail that says so.

    :returns: whether there is a mail to send; a shopper who was told before is not told again.
    :raises CannotMove, BadTrackingNumber: see ``orders.shipping.ship``.
    """
    with changing(order_pk, by=by) as parcel:
        shipping.ship(parcel, carrier=carrier, tracking_number=tracking_number, now=now)
        mails.write(Mail.Event.SHIPPED, parcel.order)
        unsent = Mail.objects.filter(order=order_pk, event=Mail.Event.SHIPPED, sent_at=None)
        return unsent.exists()


def correct(order_pk: int, *, carrier: Shipment.Carrier, tracking_number: str, by: User) -> None:
    """
    Put carrier and number right. The shopper sees them in the order, and gets no second mail.

    :raises CannotMove, BadTrackingNumber: see ``orders.shipping.correct``.
    """
    with changing(order_pk, by=by) as parcel:
        shipping.correct(parcel, carrier=carrier, tracking_number=tracking_number)


def deliver(order_pk: int, *, by: User, now: datetime) -> None:
    """:raises CannotMove: see ``orders.shipping.deliver``."""
    with changing(order_pk, by=by) as parcel:
        shipping.deliver(parcel, now=now)


def undo(order_pk: int, *, by: User) -> None:
    """
    Back to being prepared. A mail that was not sent yet will not be.

    :raises CannotMove: see ``orders.shipping.undo``.
    """
    with changing(order_pk, by=by) as parcel:
        shipping.undo(parcel)


def readdress(order_pk: int, destination: Destination, *, by: User) -> None:
    """:raises CannotMove: see ``orders.shipping.readdress``."""
    with changing(order_pk, by=by) as parcel:
        shipping.readdress(parcel, destination)


@contextmanager
def changing(order_pk: int, *, by: User) -> Iterator[Shipment]:
    """The order's parcel, locked; what changes about it is logged, before and after."""
    with locked(order_pk) as order:
        parcel = shipping.parcel_of(order)
        before = facts_of(parcel)
        yield parcel
        after = facts_of(parcel)
        changes = [
            f"{label}: {before[label] or '–'} → {value or '–'}"
            for label, value in after.items()
            if value != before[label]
        ]
        if changes:
            LogEntry.objects.log_actions(
                by.pk, [parcel], CHANGE, "; ".join(changes), single_object=True
            )


def facts_of(parcel: Shipment) -> dict[str, str]:
    """What the log tells of, as staff read it."""
    shown = {
        "status": parcel.get_status_display(),
        "carrier": parcel.get_carrier_display(),
        "phone": parcel.phone.as_national,
    }
    columns = {field.name: field for field in Shipment._meta.fields}
    return {
        str(columns[name].verbose_name): str(shown.get(name, getattr(parcel, name)))
        for name in LOGGED
    }
