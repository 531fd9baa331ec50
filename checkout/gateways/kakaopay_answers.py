"""
Reading KakaoPay's answers.

Facts used here: fields without a value come as null or not at all; times carry no zone and are
Korean; a short lookup tells little more of a movement than its ``aid``; 4xx alone does not prove
that nothing happened (see ``kakaopay_codes``). Every reader raises ``OutcomeUnknown`` where the
answer lacks what every answer has, or speaks of something else.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from checkout.gateways.base import (
    Agreement,
    Amounts,
    Approved,
    Declined,
    Found,
    GatewayError,
    LeftOpen,
    Movement,
    NotSent,
    OutcomeUnknown,
    Paid,
    Payment,
    Ready,
    Refund,
    State,
)
from checkout.gateways.kakaopay_codes import Failure, Outcome, meaning_of

KST = ZoneInfo("Asia/Seoul")
NOTHING = Amounts(0, 0, 0)
NO_SUCH_TID = -721
SID_INACTIVE = "-751"
LONGEST_NAME = 40  # a tid, aid or sid of 20 characters, and room
APP_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{2,30}://[!-~]{1,500}\Z", re.ASCII)
MONTHS = re.compile(r"\d{1,2}", re.ASCII)

STATES = {
    "READY": State.WAITING,
    "SEND_TMS": State.WAITING,
    "OPEN_PAYMENT": State.WAITING,
    "SELECT_METHOD": State.WAITING,
    "ARS_WAITING": State.WAITING,
    "AUTH_PASSWORD": State.WAITING,
    "ISSUED_SID": State.PAID,
    "SUCCESS_PAYMENT": State.PAID,
    "PART_CANCEL_PAYMENT": State.RETURNED,
    "CANCEL_PAYMENT": State.RETURNED,
    "FAIL_AUTH_PASSWORD": State.FAILED,
    "QUIT_PAYMENT": State.FAILED,
    "FAIL_PAYMENT": State.FAILED,
}


def ready(answer: dict[str, Any]) -> Ready:
    devices = ("pc", "mobile", "app")
    redirect_urls = {device: text(answer, f"next_redirect_{device}_url") for device in devices}
    if not all(url.startswith(("https://", "http://")) for url in redirect_urls.values()):
        raise no_answer(Failure.INCOMPLETE, "redirect URL")
    for system in ("android", "ios"):  # no longer documented, but still sent
        scheme = answer.get(f"{system}_app_scheme")
        if isinstance(scheme, str) and APP_SCHEME.match(scheme):
            redirect_urls[system] = scheme
    return Ready(tid=text(answer, "tid"), redirect_urls=redirect_urls)


def approval(answer: dict[str, Any], payment: Payment) -> Approved:
    """Without the ``sid`` of a recurring payment too: the money has moved all the same."""
    check_same_payment(answer, payment)
    sid = answer.get("sid") if payment.is_recurring else ""
    if not isinstance(sid, str) or len(sid) > LONGEST_NAME:
        sid = ""
    return taken(answer, payment, sid=sid)


def charged(answer: dict[str, Any], payment: Payment, sid: str) -> Approved:
    check_same_agreement(answer, sid)
    tid = text(answer, "tid")
    check_same_payment(answer, replace(payment, tid=tid))
    return taken(answer, payment, tid=tid)


def taken(answer: dict[str, Any], payment: Payment, *, tid: str = "", sid: str = "") -> Approved:
    return Approved(
        aid=text(answer, "aid"),
        amount=payment.amount,
        approved_at=kst(answer.get("approved_at")),
        paid=paid_by(answer, answer.get("card_info"), "kakaopay_issuer_corp"),
        tid=tid,
        sid=sid,
    )


def refunded(answer: dict[str, Any], payment: Payment, refund: Refund) -> Approved:
    check_same_payment(answer, payment)
    if total_of(answer.get("approved_cancel_amount")) != refund.amount:
        raise no_answer(Failure.OTHER_AMOUNT)
    return Approved(
        aid=text(answer, "aid"),
        amount=refund.amount,
        approved_at=kst(answer.get("canceled_at")),
    )


def lookup(answer: dict[str, Any], payment: Payment) -> Found:
    """Whose money it is, and how much, is left to the caller to compare."""
    if answer.get("tid") != payment.tid:
        raise no_answer(Failure.OTHER_PAYMENT)
    status = text(answer, "status")
    if status not in STATES:
        raise no_answer(Failure.NEW_STATUS, status[:40])
    state = STATES[status]
    if state not in {State.PAID, State.RETURNED}:
        return Found(state, status)  # before the approval other fields may be missing
    issued = status == "ISSUED_SID"
    approval_type = "ISSUED_SID" if issued else "PAYMENT"
    movements = tuple(movements_in(answer.get("payment_action_details"), approval_type))
    amount, canceled = answer.get("amount"), answer.get("canceled_amount")
    paid = NOTHING if issued and amount is None else amounts(amount)
    if issued and paid != NOTHING:
        raise no_answer(Failure.OTHER_AMOUNT)  # a SID is all there was
    approved = Approved(
        aid=next((each.aid for each in movements if not each.is_refund), ""),
        amount=paid.total,
        approved_at=kst(answer.get("approved_at")),
        paid=paid_by(answer, answer.get("selected_card_info"), "card_corp_name"),
    )
    return Found(
        state=state,
        status=status,
        order_number=text(answer, "partner_order_id"),
        approved=approved,
        paid=paid,
        returned=NOTHING if canceled is None and state == State.PAID else amounts(canceled),
        movements=movements,
    )


def agreement(answer: dict[str, Any], sid: str) -> Agreement:
    check_same_agreement(answer, sid)
    status = text(answer, "status")
    if status not in {"ACTIVE", "INACTIVE"}:
        raise no_answer(Failure.NEW_STATUS, status[:40])
    told = answer.get("last_approved_at")
    last_charged_at = kst(told)
    if told is not None and last_charged_at is None:
        raise no_answer(Failure.INCOMPLETE, "last_approved_at")
    return Agreement(is_active=status == "ACTIVE", last_charged_at=last_charged_at)


def agreement_refused(refused: Declined) -> Agreement | Declined:
    """Refused because the agreement has ended already: that is what was asked."""
    ended = refused.code == SID_INACTIVE
    return Agreement(is_active=False, last_charged_at=None) if ended else refused


def refusal(http_status: int, answer: dict[str, Any]) -> Declined:
    """
    The error body as a definite no.

    :raises OutcomeUnknown: where the code does not prove that nothing happened; ``LeftOpen`` if
        KakaoPay is well enough to be asked at once.
    """
    code = answer.get("error_code")
    extras = answer.get("extras")
    if not isinstance(extras, dict):
        extras = {}
    reason = str(extras.get("method_result_code") or "")
    outcome, told, why = meaning_of(http_status, code, reason)
    if outcome != Outcome.DECLINED:
        unsure = OutcomeUnknown if http_status >= 500 else LeftOpen
        raise unsure(f"HTTP {http_status}, code {code} {reason}: {told}")
    return Declined(
        code=f"{code} {reason}".strip(),
        message=str(answer.get("error_message") or ""),
        buyer_message=str(extras.get("method_result_message") or ""),
        is_not_known=code == NO_SUCH_TID,
        why=why,
    )


def no_answer(failure: Failure, detail: str = "") -> GatewayError:
    """The exception that this failure is, by the outcome table."""
    outcome, told, _ = failure.meaning
    kind = NotSent if outcome == Outcome.NEVER_SENT else OutcomeUnknown
    return kind(f"{told} ({detail})" if detail else told)


def check_same_payment(answer: dict[str, Any], payment: Payment) -> None:
    """
    An answer that speaks of another payment, or of another amount, tells nothing about ours.

    :raises OutcomeUnknown: if it does.
    """
    ours = (payment.tid, payment.order_number, payment.buyer)
    theirs = (answer.get("tid"), answer.get("partner_order_id"), answer.get("partner_user_id"))
    if theirs != ours:
        raise no_answer(Failure.OTHER_PAYMENT)
    if total_of(answer.get("amount")) != payment.amount:
        raise no_answer(Failure.OTHER_AMOUNT)


def check_same_agreement(answer: dict[str, Any], sid: str) -> None:
    """:raises OutcomeUnknown: if the answer speaks of another agreement."""
    if answer.get("sid") != sid:
        raise no_answer(Failure.OTHER_AGREEMENT)


def total_of(value: object) -> object:
    return value.get("total") if isinstance(value, dict) else None


def amounts(value: object) -> Amounts:
    """:raises OutcomeUnknown: if it does not hold the whole numbers that every amount does."""
    figures = value if isinstance(value, dict) else {}
    total, tax_free, vat = (figures.get(name) for name in ("total", "tax_free", "vat"))
    if not (isinstance(total, int) and isinstance(tax_free, int) and isinstance(vat, int)):
        raise no_answer(Failure.INCOMPLETE, "amount")
    return Amounts(total, tax_free, vat)


def paid_by(answer: dict[str, Any], card: object, issuer_field: str) -> Paid:
    method = str(answer.get("payment_method_type") or "")
    if method not in {"CARD", "MONEY"}:
        method = ""
    if not isinstance(card, dict):
        return Paid(method)
    months = str(card.get("install_month"))
    return Paid(
        method=method,
        card_issuer=str(card.get(issuer_field) or "")[:40],
        installment_months=int(months) if MONTHS.fullmatch(months) else None,
    )


def movements_in(details: object, approval_type: str) -> Iterator[Movement]:
    """
    The approval, which is of that type, and the refunds; a short answer tells little more than
    each ``aid``.

    :raises OutcomeUnknown: if a movement has none: it could not be told from the others.
    """
    for action in details if isinstance(details, list) else []:
        if not isinstance(action, dict):
            raise no_answer(Failure.INCOMPLETE, "movement")
        kind = action.get("payment_action_type")
        if kind not in {approval_type, "CANCEL"}:
            continue
        amount = action.get("amount")
        yield Movement(
            aid=text(action, "aid"),
            is_refund=kind == "CANCEL",
            at=kst(action.get("approved_at")),
            amount=amount if isinstance(amount, int) else None,
            note=str(action["payload"] or "") if "payload" in action else None,
        )


def text(answer: dict[str, Any], field: str) -> str:
    """
    A field that every answer has.

    :raises OutcomeUnknown: if this one does not.
    """
    value = answer.get(field)
    if not isinstance(value, str) or not value:
        raise no_answer(Failure.INCOMPLETE, field)
    if len(value) > LONGEST_NAME and field in {"tid", "aid"}:
        raise no_answer(Failure.INCOMPLETE, f"{field} is too long")
    return value


def kst(value: object) -> datetime | None:
    """KakaoPay's times have no zone; they are Korean."""
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=KST)
    except ValueError:
        return None


def parsed(raw: bytes) -> dict[str, Any] | None:
    """None if it is not a JSON object that PostgreSQL can keep: no NUL, no half characters."""
    try:
        answer = json.loads(raw)
        text = json.dumps(answer, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and b"\\u0000" not in text else None
