"""
Charging an agreement, its buyer absent: what is asked before, and what tells afterwards.

Where the answer to such a charge is lost, so is the name of the payment. So the provider's books
are read before it is sent, and kept: if they say later that the agreement was charged since, it was
this charge. For that an agreement has one charge in flight, and never two in the same second.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from accounts import memberships
from accounts.models import BillingAgreement
from checkout import agreements
from checkout.gateways.base import (
    Agreement,
    Approved,
    Declined,
    Gateway,
    NotSent,
    OutcomeUnknown,
    Why,
)
from orders import joining
from orders.models import IllegalMove, Order, PaymentTransaction

logger = logging.getLogger(__name__)

Status = PaymentTransaction.Status

#: Two reports of one moment may differ by a second (observed), and each is in whole seconds.
JITTER = timedelta(seconds=1)
#: So long an agreement rests, by our clock, that its next charge is later in the provider's books.
#: It counts from before we look: until the charge is taken, two calls may run into their time-outs.
REST = timedelta(minutes=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Busy(Exception):
    """The agreement was charged just now, or may be: try again later. Nothing was charged."""


@dataclass(frozen=True, slots=True)
class Before:
    """How an agreement stood: when the provider says it was ``charged_at``, when we ``used_at``."""

    charged_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Missed:
    """An earlier ``charge`` that counts as failed, and was ``approved`` after all."""

    charge: PaymentTransaction
    approved: Approved


def look(txn: PaymentTransaction, *, now: datetime) -> Before | Missed | Declined:
    """
    How the charge's agreement stands; a refusal if it cannot be charged.

    :raises Busy: another charge of it is in flight, or was moments ago.
    :raises GatewayError: the provider does not say.
    """
    rows = BillingAgreement.objects.annotate(is_busy=agreements.in_flight())
    agreement = rows.get(transactions=txn)
    if now < agreement.used_at:  # our clock was set back: how long ago that was, nobody knows
        same = BillingAgreement.objects.filter(pk=agreement.pk, used_at=agreement.used_at)
        same.update(used_at=now)
        raise Busy
    if agreement.is_busy or now - agreement.used_at < REST:
        raise Busy
    if agreement.status != BillingAgreement.Status.ACTIVE:
        return Declined("ended", "the agreement has ended", why=Why.ENDED)
    found = agreements.ask(agreement, txn=txn, now=now)
    if isinstance(found, Declined):
        if found.why == Why.SHOP:  # it was only asked: no day is lost by asking again
            logger.error("agreement %s is not told of: %s", agreement.pk, found.code)
            raise NotSent(f"the agreement is not told of: {found.code}")
        return found
    if missed := missed_in(found, agreement):
        return missed
    if not found.is_active:
        return Declined("ended", "the agreement was ended at the provider", why=Why.ENDED)
    return before(found, agreement)


def before(found: Agreement, agreement: BillingAgreement) -> Before:
    """As the provider says; what it does not say now, it may have said when it was asked last."""
    charged_at = found.last_charged_at or agreement.last_charged_at or NEVER
    return Before(charged_at, agreement.used_at)


def record(order: Order, txn: PaymentTransaction, before: Before, *, now: datetime) -> None:
    """
    The charge is about to be sent; the order is locked.

    :raises IllegalMove: it is not to be sent: the order ended, what it pays for is not wanted any
        more, or somebody used the agreement since we looked.
    """
    if order.status != Order.Status.PENDING or not joining.is_wanted(order):
        raise IllegalMove(f"{order} is {order.status}, or not wanted")
    membership = memberships.lock(order.user_id)
    if not (membership.renews and membership.is_good(now)):
        raise IllegalMove(f"{order}: the membership was stopped, or has run out")
    unused = BillingAgreement.objects.filter(transactions=txn, used_at=before.used_at)
    if not unused.update(used_at=now):
        raise IllegalMove(f"{order}: the agreement was used meanwhile")
    txn.move_to(Status.PROCESSING, agreement_charged_at=before.charged_at, sent_at=now)


def charged_since(gateway: Gateway, txn: PaymentTransaction) -> Approved | None:
    """
    The charge, if the agreement was charged since it was sent; its names are not known.

    :raises OutcomeUnknown: the provider does not say.
    """
    if txn.agreement is None or txn.agreement_charged_at is None:
        raise ValueError(f"{txn} was not charged by an agreement")
    try:
        found = gateway.agreement(agreements.name_of(txn.agreement))
    except NotSent as error:
        raise OutcomeUnknown(str(error)) from error
    if isinstance(found, Declined):
        raise OutcomeUnknown(f"the agreement is not told of: {found.code}")
    if found.last_charged_at is None and (took_money(txn.agreement) or not found.is_active):
        raise OutcomeUnknown("the agreement's charges are not told of")
    return approval_in(found, txn, txn.agreement_charged_at)


def took_money(agreement: BillingAgreement) -> bool:
    """Has it ever? One that was made for a free trial may not be told of as charged."""
    return agreement.transactions.filter(status=Status.SUCCEEDED, amount__gt=0).exists()


def missed_in(found: Agreement, agreement: BillingAgreement) -> Missed | None:
    """What came of the agreement's last charge, if that counts as failed and the books have it."""
    last = last_failed(agreement)
    if last is None or last.agreement_charged_at is None:
        return None
    approved = approval_in(found, last, last.agreement_charged_at)
    return Missed(last, approved) if approved else None


def last_failed(agreement: BillingAgreement) -> PaymentTransaction | None:
    """The last charge that was sent by the agreement, if it counts as failed."""
    sent = agreement.transactions.filter(agreement_charged_at__isnull=False)
    last = sent.select_related("order__user", "agreement").order_by("-pk").first()
    return last if last and last.status == Status.FAILED else None


def approval_in(found: Agreement, txn: PaymentTransaction, before: datetime) -> Approved | None:
    last = found.last_charged_at
    if last is None or last <= before + JITTER:
        return None
    return Approved(aid="", amount=txn.amount, approved_at=last)
