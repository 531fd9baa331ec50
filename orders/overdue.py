"""What of the orders has waited for longer than it should, and wants somebody to look."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from orders import shipping
from orders.models import PaymentTransaction, Shipment


def unconfirmed(*, now: datetime) -> QuerySet[PaymentTransaction]:
    """Charges and refunds whose outcome is unknown for ATTENTION_UNCONFIRMED_MINUTES or longer."""
    sent_before = now - timedelta(minutes=settings.ATTENTION_UNCONFIRMED_MINUTES)
    return PaymentTransaction.objects.filter(
        status=PaymentTransaction.Status.PROCESSING, sent_at__lte=sent_before
    )


def unshipped(*, now: datetime) -> QuerySet[Shipment]:
    """Parcels to be shipped whose orders were paid ATTENTION_UNSHIPPED_DAYS ago or earlier."""
    paid_before = now - timedelta(days=settings.ATTENTION_UNSHIPPED_DAYS)
    return shipping.to_ship().filter(order__paid_at__lte=paid_before)
