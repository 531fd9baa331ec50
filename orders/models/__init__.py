"""
What was sold, and what became of the money and of the parcel.

An order and its transactions change together, under the order's lock (``orders.locking``), so they
live together. Nothing here talks to a payment provider: that is ``checkout``.
"""

from orders.models.orders import CouponRedemption, Order, OrderLine, new_order_number
from orders.models.shipments import Shipment
from orders.models.transactions import IllegalMove, PaymentTransaction

__all__ = [
    "CouponRedemption",
    "IllegalMove",
    "Order",
    "OrderLine",
    "PaymentTransaction",
    "Shipment",
    "new_order_number",
]
