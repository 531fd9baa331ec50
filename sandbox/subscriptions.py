"""Charging a payer again by SID, and what becomes of the SID."""

import secrets
from datetime import datetime, timedelta
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
    """
    The subscription with this sid.

    :raises Refused: -750 if there is none, or it is another merchant's.
    """
    try:
        return Subscription.objects.get(sid=fields["sid"], cid=fields["cid"])
    except Subscription.DoesNotExist:
        raise Refused(-750) from None


def charge(fields: dict[str, Any], *, now: datetime) -> Action:
    """
    Charge a SID once more, under a new tid.

    :raises Refused: -750, -751, -753, -752 or -722; -782 if the payer's card or bank declines.
    """
    with transaction.atomic():
        subscription = find(fields)
        _check_charge(subscription, fields, now)
        ordered = booking.ordered(fields)
        declined = _decline(subscription)
        if not declined:
            action = _take(subscription, ordered, fields, now)
    if declined:
        raise Refused(-782, method_code=declined)
    return action


def _check_charge(subscription: Subscription, fields: dict[str, Any], now: datetime) -> None:
    if subscription.status == Subscription.Status.INACTIVE:
        raise Refused(-751)
    if subscription.partner_user_id != fields["partner_user_id"]:
        raise Refused(-753)
    if _charges_in_month(subscription, now) >= settings.SANDBOX_MONTHLY_LIMIT:
        raise Refused(-752)


def _charges_in_month(subscription: Subscription, now: datetime) -> int:
    """How often this SID took money in the Korean month of ``now``, canceled or not."""
    begins = timezone.localtime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    next_begins = (begins + timedelta(days=31)).replace(day=1)
    return (
        subscription.payments.filter(approved_at__gte=begins, approved_at__lt=next_begins)
        .exclude(status=Status.ISSUED_SID)
        .count()
    )


def _decline(subscription: Subscription) -> str:
    """What the payer's card or bank has against this charge, counted; empty if nothing."""
    reason = subscription.decline
    if reason and subscription.decline_times is not None:
        left = subscription.decline_times - 1
        _set_decline(subscription, reason if left else "", left or None)
    return reason


def _take(
    subscription: Subscription, ordered: dict[str, Any], fields: dict[str, Any], now: datetime
) -> Action:
    payment = Payment.objects.create(
        **ordered,
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
    subscription.last_approved_at = now
    subscription.save(update_fields=["last_approved_at"])
    payload = fields["payload"] or ""
    return booking.book(payment, Action.Type.PAYMENT, payment.amount, payload=payload, now=now)


def inactivate(fields: dict[str, Any], *, now: datetime) -> Subscription:
    """
    End a SID for good, as the merchant asks.

    :raises Refused: -750 if there is none, -751 if it has ended already.
    """
    with transaction.atomic():
        subscription = find(fields)
        _end(subscription, Subscription.By.API, now)
    return subscription


def end_as_payer(subscription: Subscription, *, now: datetime) -> None:
    """
    End a SID for good, as its payer does in the KakaoPay app. The merchant is not told.

    :raises Refused: -751 if it has ended already.
    """
    with transaction.atomic():
        subscription.refresh_from_db()
        _end(subscription, Subscription.By.PAYER, now)


def _end(subscription: Subscription, by: Subscription.By, now: datetime) -> None:
    if subscription.status == Subscription.Status.INACTIVE:
        raise Refused(-751)
    subscription.status = Subscription.Status.INACTIVE
    subscription.inactivated_at = now
    subscription.inactivated_by = by
    subscription.save(update_fields=["status", "inactivated_at", "inactivated_by"])


def decline_next(subscription: Subscription, reason: str, times: int | None) -> None:
    """
    Let the payer's card or bank decline the next charges of a SID, until it is told otherwise.

    ``times`` is how many, None is all. An empty ``reason`` lets them be approved again.
    """
    _set_decline(subscription, reason, times if reason else None)


def _set_decline(subscription: Subscription, reason: str, times: int | None) -> None:
    subscription.decline, subscription.decline_times = reason, times
    subscription.save(update_fields=["decline", "decline_times"])


def status(fields: dict[str, Any], *, now: datetime) -> Subscription:
    """The SID as it stands. :raises Refused: -750."""
    return find(fields)
