"""What the API answers with, key for key as KakaoPay does: explicit nulls, times in KST."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from . import merchants
from .cards import ISSUERS
from .models import PENDING, Action, Method, Payment, Status, Subscription, new_id

MINIMAL_DETAIL = {"aid", "approved_at", "point_amount", "discount_amount", "payment_action_type"}


def kst(moment: datetime | None) -> str | None:
    """``yyyy-MM-ddTHH:mm:ss`` in Korean time, without a zone."""
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M:%S") if moment else None


def page_path(payment: Payment, device: str) -> str:
    """Where the payer's page is: ``device`` is pc, mobile-web or mobile-app."""
    kind = "subscription" if merchants.is_recurring(payment.cid) else "one-time"
    return f"/mockup/bridge/{device}/pg/{kind}/payment/{payment.page}"


def ready(payment: Payment) -> dict[str, Any]:
    """The tid and where to send the payer, by device."""
    scheme = f"kakaotalk://kakaopay/pg?url={payment.site}/pay/mockup/{payment.page}"
    return {
        "tid": payment.tid,
        "next_redirect_app_url": payment.site + page_path(payment, "mobile-app"),
        "next_redirect_mobile_url": payment.site + page_path(payment, "mobile-web"),
        "next_redirect_pc_url": payment.site + page_path(payment, "pc"),
        "android_app_scheme": scheme,
        "ios_app_scheme": scheme,
        "created_at": kst(payment.created_at),
    }


def _identity(payment: Payment) -> dict[str, Any]:
    return {
        "tid": payment.tid,
        "cid": payment.cid,
        "partner_order_id": payment.partner_order_id,
        "partner_user_id": payment.partner_user_id,
        "payment_method_type": payment.payment_method_type or None,
        "item_name": payment.item_name,
        "item_code": payment.item_code or None,
        "quantity": payment.quantity,
        "amount": asdict(payment.amount),
        "created_at": kst(payment.created_at),
        "approved_at": kst(payment.approved_at),
    }


def approve(action: Action) -> dict[str, Any]:
    """The answer to approve and, being the same, to a subscription's charge."""
    payment = action.payment
    answer = _identity(payment) | {
        "aid": action.aid,
        "sid": payment.subscription.sid if payment.subscription else None,
        "payload": action.payload or None,
        "sequential_payment_methods": _methods_in_order(payment),
    }
    if payment.payment_method_type == Method.CARD:
        answer["card_info"] = _card_info(payment)
    return answer


def _purchase_card(payment: Payment) -> dict[str, str]:
    issuer = ISSUERS[payment.issuer]
    return {
        "kakaopay_purchase_corp": issuer.purchaser,
        "kakaopay_purchase_corp_code": issuer.purchaser_code,
        "kakaopay_issuer_corp": issuer.name,
        "kakaopay_issuer_corp_code": issuer.issuer_code,
        "bin": issuer.bin,
        "card_type": "신용",
    }


def _card_info(payment: Payment) -> dict[str, str]:
    chance = int(payment.tid[8:], 16)
    return _purchase_card(payment) | {
        "install_month": f"{payment.instalment:02}",
        "approved_id": f"{chance % 10**8:08}",
        "card_mid": "150000001",
        "interest_free_install": "N",
        "installment_type": "CARD_INSTALLMENT",
        "card_item_code": "100101",
    }


def _methods_in_order(payment: Payment) -> list[dict[str, Any]] | None:
    if not merchants.is_sequential(payment.cid) or payment.subscription is None:
        return None
    first: dict[str, Any] = {
        "payment_priority": 1,
        "sid": payment.subscription.sid,
        "payment_method_type": payment.payment_method_type,
    }
    if payment.payment_method_type == Method.CARD:
        first["card_info"] = _purchase_card(payment)
    return [first]


def order(payment: Payment) -> dict[str, Any]:
    """The payment as it stands, with every movement on it."""
    return _identity(payment) | {
        "status": payment.status,
        "canceled_amount": asdict(payment.canceled),
        "cancel_available_amount": asdict(payment.available),
        "canceled_at": kst(payment.canceled_at),
        "selected_card_info": _selected_card(payment),
        "payment_action_details": [_detail(action) for action in payment.actions.all()],
    }


def as_if_paid(answer: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """An order's answer that claims a payment still waiting were paid; others are left alone."""
    if answer.get("status") not in PENDING:
        return answer
    return answer | {
        "status": Status.SUCCESS_PAYMENT,
        "payment_method_type": answer["payment_method_type"] or Method.MONEY,
        "approved_at": kst(now),
        "cancel_available_amount": answer["amount"],
        "payment_action_details": [
            {
                "aid": new_id("A", now),
                "payment_action_type": Action.Type.PAYMENT,
                "approved_at": kst(now),
                "amount": answer["amount"]["total"],
                "point_amount": 0,
                "discount_amount": 0,
            }
        ],
    }


def _selected_card(payment: Payment) -> dict[str, Any] | None:
    if payment.payment_method_type != Method.CARD:
        return None
    issuer = ISSUERS[payment.issuer]
    return {
        "card_bin": issuer.bin,
        "install_month": payment.instalment,
        "card_corp_name": issuer.name,
        "interest_free_install": "N",
    }


def _detail(action: Action) -> dict[str, Any]:
    detail = {
        "aid": action.aid,
        "payment_action_type": action.type,
        "payment_method_type": action.payment.payment_method_type,
        "approved_at": kst(action.at),
        "amount": action.total,
        "point_amount": 0,
        "discount_amount": 0,
        "green_deposit": action.green_deposit,
        "payload": action.payload or None,
    }
    if settings.SANDBOX_MINIMAL_DETAILS:
        return {key: value for key, value in detail.items() if key in MINIMAL_DETAIL}
    return detail


def cancel(action: Action) -> dict[str, Any]:
    """What this cancel gave back, what all did, and what is left."""
    payment = action.payment
    return _identity(payment) | {
        "aid": action.aid,
        "status": payment.status,
        "approved_cancel_amount": asdict(action.amount),
        "canceled_amount": asdict(payment.canceled),
        "cancel_available_amount": asdict(payment.available),
        "canceled_at": kst(action.at),
        "payload": action.payload or None,
    }


def inactive(subscription: Subscription) -> dict[str, Any]:
    """The SID that has ended."""
    return {
        "cid": subscription.cid,
        "sid": subscription.sid,
        "status": subscription.status,
        "created_at": kst(subscription.created_at),
        "last_approved_at": kst(subscription.last_approved_at),
        "inactivated_at": kst(subscription.inactivated_at),
    }


def status(subscription: Subscription) -> dict[str, Any]:
    """The SID, and whether it can be charged."""
    return inactive(subscription) | {
        "available": subscription.status == Subscription.Status.ACTIVE,
        "payment_method_type": subscription.payment_method_type,
        "item_name": subscription.item_name,
        "use_point_status": False,
    }
