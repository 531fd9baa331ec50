"""
Ending what we did not hear the end of: ask the provider, then settle as always.

Only an explicit word from the provider, or the closed payment window, proves that a charge failed.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from checkout import payments
from checkout.calls import gateway_for
from checkout.gateways.base import Approved, Declined, Found, Gateway, GatewayError, State
from orders.locking import locked
from orders.models import PaymentTransaction

logger = logging.getLogger(__name__)

#: Beyond the provider's own window, for clocks that differ.
CLOCKS_DIFFER = timedelta(minutes=1)


def settle_stale(older_than: datetime, *, now: datetime) -> Iterator[PaymentTransaction]:
    """
    Ask the provider about each transaction that was sent before ``older_than`` and never answered.

    Yields each as it is afterwards: SUCCEEDED, FAILED, or PROCESSING if it is still not known.
    """
    stale = PaymentTransaction.objects.filter(
        kind=PaymentTransaction.Kind.CHARGE,
        status=PaymentTransaction.Status.PROCESSING,
        sent_at__lte=older_than,
    ).select_related("order__user")
    for txn in stale.order_by("sent_at"):
        try:
            yield ask(txn, now=now)
        except Exception:  # one row that cannot be settled must not keep the others waiting
            logger.exception("payment %s could not be settled", txn.pk)


def ask(txn: PaymentTransaction, *, now: datetime) -> PaymentTransaction:
    """Look one PROCESSING transaction up and settle what the provider's books prove."""
    gateway = gateway_for(txn)
    payment = payments.payment_of(txn)
    try:
        found = gateway.lookup(payment)
        if is_waiting(found) and not window_closed(gateway, txn, now):
            outcome = send_again(gateway, txn, now=now)
        else:
            outcome = proof(found, txn)
    except GatewayError as error:
        logger.warning("payment %s is still not known: %s", txn.pk, error)
        return txn
    return payments.settle(txn, outcome, now=now) if outcome else txn


def send_again(
    gateway: Gateway, txn: PaymentTransaction, *, now: datetime
) -> Approved | Declined | None:
    """
    Ask for the money once more; safe, because one ``tid`` can be paid only once.

    A refusal of the second request says nothing of the first: only the books tell.
    """
    with locked(txn.order_id) as order:
        unsettled = order.transactions.filter(
            pk=txn.pk, status=PaymentTransaction.Status.PROCESSING
        )
        if not unsettled.update(sent_at=now):
            return None  # settled while we looked
    answer = payments.send_approval(gateway, txn)
    if isinstance(answer, Approved):
        return answer
    found = gateway.lookup(payments.payment_of(txn))
    if is_waiting(found):
        return None
    proven = proof(found, txn)
    return answer if isinstance(proven, Declined) else proven


def proof(found: Found | Declined, txn: PaymentTransaction) -> Approved | Declined | None:
    """What the books prove, once the payment window cannot change them; None is nothing yet."""
    match found:
        case Found(State.PAID, _, approved):
            return approved
        case Found(State.RETURNED, status, approved):
            logger.error("payment %s was paid, then given back at the provider: %s", txn.pk, status)
            return approved
        case Found(State.FAILED | State.WAITING, status):
            return Declined(status, "the provider's books say that it was not paid")
    logger.error("payment %s needs a person: the provider says %s", txn.pk, found)
    return None


def is_waiting(found: Found | Declined) -> bool:
    return isinstance(found, Found) and found.state == State.WAITING


def window_closed(gateway: Gateway, txn: PaymentTransaction, now: datetime) -> bool:
    window = gateway.payment_window + CLOCKS_DIFFER
    return txn.ready_at is not None and txn.ready_at + window <= now
