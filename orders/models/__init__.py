"""
What was sold, and what became of the money and of the parcel.

An order and its transactions change together, under the order's lock (``orders.locking``), so they
live together. Nothing here talks to a payment provider: that is ``checkout``.
"""

from orders.models.notes import StaffNote
from orders.models.orders import (
    CouponRedemption,
    Order,
    OrderEvent,
    OrderLine,
    new_order_number,
)
from orders.models.refunds import (
    Refund,
    RefundEvent,
    RefundLine,
    RefundRequest,
    RefundRequestEvent,
    RefundRequestLine,
)
from orders.models.shipments import Shipment, ShipmentEvent
from orders.models.transactions import (
    IllegalMove,
    PaymentTransaction,
    PaymentTransactionEvent,
)

__all__ = [
    "CouponRedemption",
    "IllegalMove",
    "Order",
    "OrderEvent",
    "OrderLine",
    "PaymentTransaction",
    "PaymentTransactionEvent",
    "Refund",
    "RefundEvent",
    "RefundLine",
    "RefundRequest",
    "RefundRequestEvent",
    "RefundRequestLine",
    "Shipment",
    "ShipmentEvent",
    "StaffNote",
    "new_order_number",
]
