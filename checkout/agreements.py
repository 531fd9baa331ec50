"""
Shoppers' agreements to be charged: kept when they are made, asked about, and ended at the provider
when nothing needs them.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts import memberships
from accounts.models import BillingAgreement
from checkout.calls import gateway_about, gateway_for
from checkout.gateways.base import (
    Agreement,
    Approved,
    Declined,
    GatewayError,
    NotSent,
    Why,
)
from orders.models import PaymentTransaction

logger = logging.getLogger(__name__)

By = BillingAgreement.By
Status = BillingAgreement.Status

#: Those that cannot be checked or ended must not keep the others from it.
LONGEST_UNTRIED = (F("tried_at").asc(nulls_first=True), "pk")
#: Refusals to end an agreement after which there is nothing left to end.
GONE = {Why.ENDED, Why.OTHER_BUYER}


def keep(txn: PaymentTransaction, approved: Approved, *, now: datetime) -> BillingAgreement:
    """The agreement that a payment has made, in the transaction that settles it."""
    agreement = BillingAgreement(
        user_id=txn.order.user_id,
        gateway=txn.gateway,
        method=approved.paid.method,
        card_issuer=approved.paid.card_issuer,
        created_at=now,
        used_at=now,
        last_charged_at=approved.approved_at,
        checked_at=now,
    )
    agreement.sid = approved.sid
    agreement.save()
    return agreement


def name_of(agreement: BillingAgreement) -> str:
    """
    What the provider calls it.

    :raises NotSent: it was encrypted by a SECRET_KEY that is not known any more.
    """
    try:
        return agreement.sid
    except ImproperlyConfigured as error:
        logger.error("agreement %s cannot be read: %s", agreement.pk, error)
        raise NotSent(str(error)) from error


def in_flight() -> Exists:
    """For rows of ``BillingAgreement``: is it not known yet what came of a charge by it?"""
    unknown = PaymentTransaction.objects.filter(status=PaymentTransaction.Status.PROCESSING)
    return Exists(unknown.filter(agreement=OuterRef("pk")))


def ask(
    agreement: BillingAgreement, *, txn: PaymentTransaction | None = None, now: datetime
) -> Agreement | Declined:
    """
    What the provider's books say of an agreement; kept. Never inside a transaction.

    :param txn: the charge for which it is asked; it has the call in its journal.
    :raises GatewayError: they do not say.
    """
    gateway = gateway_for(txn) if txn else gateway_about(agreement)
    found = gateway.agreement(name_of(agreement))
    told = {"checked_at": now}
    if isinstance(found, Agreement) and found.last_charged_at:
        told["last_charged_at"] = found.last_charged_at
    BillingAgreement.objects.filter(pk=agreement.pk).update(**told)
    return found


def to_end() -> QuerySet[BillingAgreement]:
    """
    Agreements that nothing needs any more; those that were not tried for longest come first. Not
    while a charge by one is in doubt: by how the agreement stands it is told what came of that.
    """
    ending = BillingAgreement.objects.filter(~in_flight(), status=Status.ENDING)
    return ending.order_by(*LONGEST_UNTRIED)


def end(agreement: BillingAgreement, *, now: datetime) -> bool:
    """
    End an agreement at the provider. Doing it again does no harm.

    :returns: whether it has ended; if not, it is tried again.
    """
    try:
        found = gateway_about(agreement).end_agreement(name_of(agreement))
    except GatewayError as error:
        logger.warning("agreement %s could not be ended: %s", agreement.pk, error)
        return False
    if isinstance(found, Declined) and found.why not in GONE:
        logger.error("agreement %s was not ended: %s", agreement.pk, found.code)
        return False
    if isinstance(found, Agreement) and found.is_active:
        return False
    return memberships.ended(agreement, by=By.SHOP, now=now)


def to_check(*, now: datetime) -> QuerySet[BillingAgreement]:
    """
    Agreements of memberships that renew, about which nobody has heard for long; those that were not
    tried for longest come first.
    """
    before = now - timedelta(days=settings.AGREEMENT_CHECK_DAYS)
    used = BillingAgreement.objects.filter(status=Status.ACTIVE, memberships__renews=True)
    long_ago = used.filter(Q(checked_at=None) | Q(checked_at__lte=before))
    return long_ago.order_by(*LONGEST_UNTRIED)
