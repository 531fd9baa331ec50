"""What of the orders has waited for longer than it should, and wants somebody to look."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from orders import shipping
from orders.models import PaymentTransaction, Shipment

#: So far the clocks of a shop's machines may be apart.
CLOCKS_DIFFER = timedelta(minutes=1)


def unconfirmed(*, now: datetime) -> QuerySet[PaymentTransaction]:
    """Charges and refunds whose outcome is unknown for ATTENTION_UNCONFIRMED_MINUTES or longer."""
    before = now - timedelta(minutes=settings.ATTENTION_UNCONFIRMED_MINUTES)
    return PaymentTransaction.objects.filter(
        sent_before(before, now=now), status=PaymentTransaction.Status.PROCESSING
    )


def sent_before(moment: datetime, *, now: datetime) -> Q:
    """
    Transactions that were sent by then. Also those whose time is yet to come: a clock was ahead
    when they were sent, and how long ago that was nobody knows.
    """
    return Q(sent_at__lte=moment) | Q(sent_at__gt=now + CLOCKS_DIFFER)


def unshipped(*, now: datetime) -> QuerySet[Shipment]:
    """Parcels to be shipped whose orders were paid ATTENTION_UNSHIPPED_DAYS ago or earlier."""
    paid_before = now - timedelta(days=settings.ATTENTION_UNSHIPPED_DAYS)
    return shipping.to_ship().filter(order__paid_at__lte=paid_before)
