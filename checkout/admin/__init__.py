"""The operators' desk. Importing the modules registers what is in them."""

from checkout.admin import (
    agreement_list,
    discrepancies,
    journal,
    mails,
    membership_list,
    orders,
    refund_list,
    refund_requests,
    runs,
    shipments,
    trail,
)

__all__ = [
    "agreement_list",
    "discrepancies",
    "journal",
    "mails",
    "membership_list",
    "orders",
    "refund_list",
    "refund_requests",
    "runs",
    "shipments",
    "trail",
]
