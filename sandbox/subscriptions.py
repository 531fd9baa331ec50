"""Charging a payer again by SID, and what becomes of the SID."""

import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from . import booking
from .models import Action, Payment, Status, Subscription, new_id
from .refusals import Refused


def issue(payment: Payment, *, now: datetime) -> Subscription:
    """A new SID for the payer of ``payment``. The caller holds the transaction."""
    return Subscription.objects.create(
        sid=new_id("S", now),
        cid=payment.cid,
        partner_user_id=payment.partner_user_id,
        item_name=payment.item_name,
        payment_method_type=payment.payment_method_type,
        issuer=payment.issuer,
        created_at=now,
        last_approved_at=now,
    )


def find(fields: dict[str, Any]) -> Subscription:
    """The subscription with this sid. :raises Refused: -750."""
    try:
        return Subscription.objects.get(sid=fields["sid"], cid=fields["cid"])
    except Subscription.DoesNotExist:
        raise Refused(-750) from None


def charge(fields: dict[str, Any], *, now: datetime) -> Payment:
    """
    Charge a SID once more, under a new tid.

    :raises Refused: -750, -751, -752, -753 or -722.
    """
    with transaction.atomic():
        subscription = find(fields)
        _check_charge(subscription, fields, now)
        payment = Payment.objects.create(
            **booking.ordered(fields),
            tid=new_id("T", now),
            page=secrets.token_hex(32),
            site=fields["site"],
            status=Status.SUCCESS_PAYMENT,
            payment_method_type=subscription.payment_method_type,
            issuer=subscription.issuer,
            subscription=subscription,
            created_at=now,
            approved_at=now,
        )
        booking.book(
            payment, Action.Type.PAYMENT, payment.amount, payload=fields["payload"] or "", now=now
        )
        subscription.last_approved_at = now
        subscription.save(update_fields=["last_approved_at"])
    return payment


def _check_charge(subscription: Subscription, fields: dict[str, Any], now: datetime) -> None:
    if subscription.status == Subscription.Status.INACTIVE:
        raise Refused(-751)
    if subscription.partner_user_id != fields["partner_user_id"]:
        raise Refused(-753)
    month = timezone.localtime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    used = subscription.payments.filter(
        approved_at__gte=month, actions__type=Action.Type.PAYMENT
    ).count()
    if used >= settings.SANDBOX_MONTHLY_LIMIT:
        raise Refused(-752)


def inactivate(fields: dict[str, Any], *, now: datetime) -> Subscription:
    """
    End a SID for good.

    :raises Refused: -750 if there is none, -751 if it has ended already.
    """
    with transaction.atomic():
        subscription = find(fields)
        if subscription.status == Subscription.Status.INACTIVE:
            raise Refused(-751)
        subscription.status = Subscription.Status.INACTIVE
        subscription.inactivated_at = now
        subscription.save(update_fields=["status", "inactivated_at"])
    return subscription


def status(fields: dict[str, Any], *, now: datetime) -> Subscription:
    """The SID as it stands. :raises Refused: -750."""
    return find(fields)
