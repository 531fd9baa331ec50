"""
How far an order's parcel is. No money moves here, and no money status changes.

    PREPARING → SHIPPED → DELIVERED          undo: SHIPPED, DELIVERED → PREPARING

The caller holds the order's lock (``orders.locking``). ``checkout.parcels`` is who calls: it also
writes the mail and the log.
"""

from dataclasses import asdict
from datetime import datetime

from django.db.models import Exists, F, OuterRef, QuerySet

from accounts.addresses import Destination
from orders import carriers
from orders.models import Order, OrderLine, Refund, Shipment

Status = Shipment.Status

#: Whoever has paid, and has not got all of it back, gets the goods.
SHIPPABLE = (Order.Status.PAID, Order.Status.PARTIALLY_REFUNDED)


class CannotMove(Exception):
    """
    The parcel stays as it is.

    CannotMove
    ├── NothingToShip  there are no goods to deliver, or all of them were refunded
    ├── NotPaid        the order is not paid, or its money went back
    ├── BeingRefunded  its money may be on its way back
    └── NotThere       the parcel is not where this move begins; ``status`` is where it is

    A tracking number that is none raises ``carriers.BadTrackingNumber``.
    """


class NothingToShip(CannotMove):
    """There are no goods to deliver, or all of them were refunded."""


class NotPaid(CannotMove):
    """The order is not paid, or its money went back."""


class BeingRefunded(CannotMove):
    """A refund waits for approval or for the provider's word: nobody knows what stays paid."""


class NotThere(CannotMove):
    """The parcel is not where this move begins."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = Status(status)


def parcel_of(order: Order) -> Shipment:
    """
    The order's parcel as it is now, under the order's lock.

    :raises NothingToShip: if there is none.
    """
    parcel = Shipment.objects.filter(order=order).first()
    if parcel is None:
        raise NothingToShip
    parcel.order = order
    return parcel


def ship(
    parcel: Shipment, *, carrier: Shipment.Carrier, tracking_number: str, now: datetime
) -> None:
    """
    Given to the carrier. The shop's own deliveries need no tracking number.

    :raises NotThere: if it is not being prepared.
    :raises NotPaid, BeingRefunded: see ``expect_paid``.
    :raises BadTrackingNumber: see ``carriers.checked``.
    """
    expect(parcel, Status.PREPARING)
    expect_paid(parcel.order)
    parcel.tracking_number = carriers.checked(carrier, tracking_number)
    parcel.carrier = carrier
    parcel.status = Status.SHIPPED
    parcel.shipped_at = now
    parcel.has_left = True
    parcel.save(update_fields=["status", "carrier", "tracking_number", "shipped_at", "has_left"])
    parcel.order.is_to_ship = False
    parcel.order.save(update_fields=["is_to_ship"])


def correct(parcel: Shipment, *, carrier: Shipment.Carrier, tracking_number: str) -> None:
    """
    Put carrier and number right while the parcel is on its way.

    :raises NotThere: if it is not on its way.
    :raises BadTrackingNumber: see ``carriers.checked``.
    """
    expect(parcel, Status.SHIPPED)
    parcel.tracking_number = carriers.checked(carrier, tracking_number)
    parcel.carrier = carrier
    parcel.save(update_fields=["carrier", "tracking_number"])


def deliver(parcel: Shipment, *, now: datetime) -> None:
    """
    It has arrived; also if the money went back while it was on its way.

    :raises NotThere: if it is not on its way.
    """
    expect(parcel, Status.SHIPPED)
    parcel.status = Status.DELIVERED
    parcel.delivered_at = now
    parcel.save(update_fields=["status", "delivered_at"])


def undo(parcel: Shipment) -> None:
    """
    It was a mistake: the parcel is still here, and being prepared.

    :raises NotThere: if it is being prepared.
    """
    expect(parcel, Status.SHIPPED, Status.DELIVERED)
    parcel.status = Status.PREPARING
    parcel.carrier = parcel.tracking_number = ""
    parcel.shipped_at = parcel.delivered_at = None
    parcel.save(
        update_fields=["status", "carrier", "tracking_number", "shipped_at", "delivered_at"]
    )
    parcel.order.is_to_ship = True
    parcel.order.save(update_fields=["is_to_ship"])


def readdress(parcel: Shipment, destination: Destination) -> None:
    """
    Put the address right before the parcel leaves.

    :raises NotThere: if it has left.
    """
    expect(parcel, Status.PREPARING)
    address = asdict(destination)
    for name, value in address.items():
        setattr(parcel, name, value)
    parcel.save(update_fields=list(address))


def expect(parcel: Shipment, *statuses: Shipment.Status) -> None:
    if parcel.status not in statuses:
        raise NotThere(parcel.status)


def expect_paid(order: Order) -> None:
    """
    :raises NotPaid: if the order is not paid, or its money went back.
    :raises BeingRefunded: if it may be going back at this moment.
    :raises NothingToShip: if all that is delivered was refunded.
    """
    if order.status not in SHIPPABLE:
        raise NotPaid
    if open_refunds().filter(order=order).exists():
        raise BeingRefunded
    if not to_pack().filter(order=order).exists():
        raise NothingToShip


def open_refunds() -> QuerySet[Refund]:
    """Of all orders: they wait for approval, or for the provider's word."""
    return Refund.objects.filter(status__in=[Refund.Status.WAITING, Refund.Status.PROCESSING])


def to_pack() -> QuerySet[OrderLine]:
    """Of all orders: the lines of which pieces are delivered, those refunded left out."""
    return OrderLine.objects.filter(needs_delivery=True, quantity__gt=F("refunded"))


def to_ship() -> QuerySet[Shipment]:
    """
    Paid for, not being refunded, and still here, with their orders; who has waited longest comes
    first.
    """
    order = OuterRef("order")
    parcels = Shipment.objects.filter(
        ~Exists(open_refunds().filter(order=order)),
        Exists(to_pack().filter(order=order)),
        status=Status.PREPARING,
        order__status__in=SHIPPABLE,
        order__is_to_ship=True,
    )
    return parcels.select_related("order").order_by("order__paid_at", "pk")
