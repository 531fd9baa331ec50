"""The operators' desk. Importing the modules registers what is in them."""

from checkout.admin import (
    discrepancies,
    journal,
    mails,
    orders,
    refund_list,
    refund_requests,
    runs,
    shipments,
    trail,
)

__all__ = [
    "discrepancies",
    "journal",
    "mails",
    "orders",
    "refund_list",
    "refund_requests",
    "runs",
    "shipments",
    "trail",
]
