"""Orders for staff to read. Nothing that money depends on can be edited here."""

from orders.admin.labels import (
    ORDER_COLORS,
    SHIPMENT_COLORS,
    TRANSACTION_COLORS,
    delivery_label,
)
from orders.admin.orders import OrderAdmin
from orders.admin.payments import PaymentTransactionAdmin
from orders.admin.periods import PeriodFilter
from orders.admin.reading import FoundByOrder, LongList, ReadOnly, ReadOnlyAdmin
from orders.admin.redemptions import CouponRedemptionAdmin

__all__ = [
    "ORDER_COLORS",
    "SHIPMENT_COLORS",
    "TRANSACTION_COLORS",
    "CouponRedemptionAdmin",
    "FoundByOrder",
    "LongList",
    "OrderAdmin",
    "PaymentTransactionAdmin",
    "PeriodFilter",
    "ReadOnly",
    "ReadOnlyAdmin",
    "delivery_label",
]
