"""The operators' desk. Importing the modules registers what is in them."""

from checkout.admin import discrepancies, journal, mails, refunds, runs, shipments

__all__ = ["discrepancies", "journal", "mails", "refunds", "runs", "shipments"]
