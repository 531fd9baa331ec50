"""Periodic jobs: each calls the very function that the management command calls."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django import app

from checkout import payments, reconciliation

#: Longer than a request can take: to connect, to wait for the answer, and for its last piece.
SETTLE_AFTER = timedelta(
    seconds=settings.KAKAOPAY_CONNECT_TIMEOUT_SECONDS
    + 2 * settings.KAKAOPAY_READ_TIMEOUT_SECONDS
    + 2
)


@app.periodic(cron="* * * * *")
@app.task(queue="orders", queueing_lock="close_abandoned_orders", pass_context=False)
def close_abandoned_orders(timestamp: int) -> int:
    """Returns how many orders were ended."""
    return sum(1 for order in payments.close_abandoned(now=timezone.now()))


@app.periodic(cron="* * * * * */20")
@app.task(queue="payments", queueing_lock="reconcile_payments", pass_context=False)
def reconcile_payments(timestamp: int) -> int:
    """Returns how many transactions were asked about."""
    now = timezone.now()
    return sum(1 for txn in reconciliation.settle_stale(now - SETTLE_AFTER, now=now))
