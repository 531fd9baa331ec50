"""A payment's life as the merchant's server sees it: ready, approve, order, cancel."""

import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import prefetch_related_objects

from . import booking, merchants, subscriptions
from .amounts import Amount, included_vat
from .models import DONE, PENDING, Action, Payment, Status, new_id
from .refusals import Refused, invalid


def ready(fields: dict[str, Any], *, now: datetime) -> Payment:
    """
    Open a payment that waits for its payer.

    :raises Refused: -2, -722 or -799 if amounts or addresses are wrong.
    """
    if fields["total_amount"] == 0 and not merchants.is_recurring(fields["cid"]):
        raise invalid("total_amount")
    for name in ("approval_url", "cancel_url", "fail_url"):
        shown = "approve_url" if name == "approval_url" else name
        merchants.check_domain(shown, fields[name])
    return Payment.objects.create(
        **booking.ordered(fields),
        tid=new_id("T", now),
        page=secrets.token_hex(32),
        site=fields["site"],
        approval_url=fields["approval_url"],
        cancel_url=fields["cancel_url"],
        fail_url=fields["fail_url"],
        available_cards=fields["available_cards"] or [],
        only_method=fields["payment_method_type"] or "",
        only_instalment=fields["install_month"],
        created_at=now,
    )


def find(fields: dict[str, Any]) -> Payment:
    """
    The payment with this tid.

    :raises Refused: -721 if there is none, or it is another merchant's.
    """
    try:
        return Payment.objects.get(tid=fields["tid"], cid=fields["cid"])
    except Payment.DoesNotExist:
        raise Refused(-721) from None


def order(fields: dict[str, Any], *, now: datetime) -> Payment:
    """The payment as it stands, its movements read at once. :raises Refused: -721."""
    payment = find(fields)
    prefetch_related_objects([payment], "actions")
    return payment


def approve(fields: dict[str, Any], *, now: datetime) -> Action:
    """
    Take the money of a payment its payer agreed to.

    :raises Refused: if it may not be taken, or the payer's card or bank declined.
    """
    with transaction.atomic():
        payment = find(fields)
        _check_approval(payment, fields, now)
        if payment.decline:
            payment.status = Status.FAIL_PAYMENT
            payment.save(update_fields=["status"])
        else:
            action = _take(payment, fields["payload"] or "", now)
    if payment.decline:
        raise Refused(-780, method_code=payment.decline)
    return action


def _check_approval(payment: Payment, fields: dict[str, Any], now: datetime) -> None:
    if payment.partner_order_id != fields["partner_order_id"]:
        raise Refused(-706)
    if payment.partner_user_id != fields["partner_user_id"]:
        raise Refused(-707)
    if now >= payment.expires_at:
        raise Refused(-723)
    if payment.status in DONE:
        raise Refused(-702)
    if payment.status not in PENDING:
        raise Refused(-783)
    if payment.status != Status.AUTH_PASSWORD:
        raise Refused(-701)
    if payment.pg_token != fields["pg_token"]:
        raise Refused(-708)
    if fields["total_amount"] not in (None, payment.total_amount):
        raise Refused(-725)


def _take(payment: Payment, payload: str, now: datetime) -> Action:
    payment.approved_at = now
    if merchants.is_recurring(payment.cid):
        payment.subscription = subscriptions.issue(payment, now=now)
    if payment.total_amount:
        payment.status = Status.SUCCESS_PAYMENT
        moved = Action.Type.PAYMENT
    else:
        payment.status = Status.ISSUED_SID
        moved = Action.Type.ISSUED_SID
    payment.save()
    return booking.book(payment, moved, payment.amount, payload=payload, now=now)


def cancel(fields: dict[str, Any], *, now: datetime) -> Action:
    """
    Give money back because the merchant's server asks.

    :raises Refused: if nothing was paid, or not this much is left.
    """
    total, tax_free = fields["cancel_amount"], fields["cancel_tax_free_amount"]
    vat = fields["cancel_vat_amount"]
    if vat is None:
        vat = included_vat(max(total - tax_free, 0))
    with transaction.atomic():
        payment = find(fields)
        deposit = payment.green_deposit if total == payment.total_amount else 0
        return give_back(
            payment,
            Amount(total, tax_free, vat, green_deposit=deposit),
            believed=fields["cancel_available_amount"],
            payload=fields["payload"] or "",
            now=now,
        )


def console_refund(payment: Payment, total: int, *, now: datetime) -> Action:
    """
    Give money back the way a merchant does it by hand in KakaoPay's partner site.

    Taxable goods go first; the VAT follows from what is left.
    :raises Refused: if nothing was paid, or not this much is left.
    """
    with transaction.atomic():
        payment.refresh_from_db()
        left = payment.available
        tax_free = max(0, total - (left.total - left.tax_free))
        vat = min(left.vat, included_vat(total - tax_free)) if total != left.total else left.vat
        deposit = left.green_deposit if total == left.total else 0
        refund = Amount(total, tax_free, vat, green_deposit=deposit)
        return give_back(payment, refund, by=Action.By.CONSOLE, now=now)


def give_back(
    payment: Payment,
    refund: Amount,
    *,
    now: datetime,
    believed: int | None = None,
    payload: str = "",
    by: Action.By = Action.By.API,
) -> Action:
    """
    Book a refund. The caller holds the transaction.

    ``believed`` is what the merchant thinks could still be refunded, in won.
    :raises Refused: -784, -711, -710, -722, or the code set for a stale belief.
    """
    left = payment.available
    if payment.status not in (Status.SUCCESS_PAYMENT, Status.PART_CANCEL_PAYMENT):
        raise Refused(-784)
    if refund.total > payment.total_amount:
        raise Refused(-711)
    if refund.total > left.total:
        raise Refused(-710)
    if believed not in (None, left.total):
        raise Refused(settings.SANDBOX_STALE_CANCEL_CODE)
    rest = left - refund
    torn = rest.tax_free < 0 or rest.vat < 0 or rest.tax_free > rest.total
    if not refund.consistent or torn or (payment.green_deposit and rest.total):
        raise Refused(-722)
    action = booking.book(payment, Action.Type.CANCEL, refund, payload=payload, by=by, now=now)
    payment.status = Status.PART_CANCEL_PAYMENT if rest.total else Status.CANCEL_PAYMENT
    payment.canceled_at = now
    payment.save(update_fields=["status", "canceled_at"])
    return action
