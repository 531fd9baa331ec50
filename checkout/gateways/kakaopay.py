"""
KakaoPay's online payment API (``open-api.kakaopay.com``, all POST, JSON in and out).

Facts used here: requests longer than 11 s are cut off by KakaoPay, so we wait a little more than
that; there is no idempotency key, so the order lookup by ``tid`` is the only way to learn what
became of a request; times carry no zone and are Korean; fields without a value come as null or
not at all; 4xx alone does not prove that nothing happened (see ``kakaopay_codes``).
"""

import json
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests
import urllib3
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from checkout.gateways.base import (
    Approved,
    Declined,
    Found,
    Goods,
    Journal,
    NotSent,
    OutcomeUnknown,
    Paid,
    Payment,
    Ready,
    ReturnUrls,
    State,
)
from checkout.gateways.kakaopay_codes import is_definite_no

KST = ZoneInfo("Asia/Seoul")
MONTHS = re.compile(r"\d{1,2}", re.ASCII)
MAX_ANSWER_BYTES = 256 * 1024  # their longest answer is a few kilobytes

STATES = {
    "READY": State.WAITING,
    "SEND_TMS": State.WAITING,
    "OPEN_PAYMENT": State.WAITING,
    "SELECT_METHOD": State.WAITING,
    "ARS_WAITING": State.WAITING,
    "AUTH_PASSWORD": State.WAITING,
    "SUCCESS_PAYMENT": State.PAID,
    "PART_CANCEL_PAYMENT": State.RETURNED,
    "CANCEL_PAYMENT": State.RETURNED,
    "FAIL_AUTH_PASSWORD": State.FAILED,
    "QUIT_PAYMENT": State.FAILED,
    "FAIL_PAYMENT": State.FAILED,
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """``cid_secret`` is only for shops that were given one."""

    secret_key: str
    cid: str
    cid_secret: str = ""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. ``read`` also bounds the whole answer, however slowly it trickles."""

    connect: float = 3.0
    read: float = 15.0


class KakaoPay:
    """The ``Gateway`` for KakaoPay."""

    payment_window = timedelta(minutes=15)

    def __init__(
        self, api_url: str, credentials: Credentials, timeouts: Timeouts, journal: Journal
    ) -> None:
        self.api_url = api_url
        self.credentials = credentials
        self.timeouts = timeouts
        self.journal = journal

    def ready(self, payment: Payment, goods: Goods, return_urls: ReturnUrls) -> Ready | Declined:
        answer = self._post(
            "ready",
            {
                **identity(payment),
                "item_name": goods.name[:100],
                "quantity": goods.quantity,
                "total_amount": payment.amount,
                "tax_free_amount": payment.tax_free,
                "vat_amount": payment.vat,
                "approval_url": return_urls.approve,
                "cancel_url": return_urls.cancel,
                "fail_url": return_urls.fail,
            },
        )
        if isinstance(answer, Declined):
            return answer
        redirect_urls = {
            device: text(answer, f"next_redirect_{device}_url")
            for device in ("pc", "mobile", "app")
        }
        if not all(url.startswith(("https://", "http://")) for url in redirect_urls.values()):
            raise OutcomeUnknown("the answer has no address to send the buyer to")
        return Ready(tid=text(answer, "tid"), redirect_urls=redirect_urls)

    def approve(self, payment: Payment, pg_token: str) -> Approved | Declined:
        answer = self._post(
            "approve",
            {
                "tid": payment.tid,
                **identity(payment),
                "pg_token": pg_token,
                "total_amount": payment.amount,
            },
            about=payment,
        )
        if isinstance(answer, Declined):
            return answer
        return Approved(
            aid=text(answer, "aid"),
            amount=payment.amount,
            approved_at=kst(answer.get("approved_at")),
            paid=paid_by(answer, answer.get("card_info"), "kakaopay_issuer_corp", "install_month"),
        )

    def lookup(self, payment: Payment) -> Found | Declined:
        answer = self._post("order", {"tid": payment.tid})
        if isinstance(answer, Declined):
            return answer
        if answer.get("tid") != payment.tid:
            raise OutcomeUnknown("the answer is about another payment")
        status = text(answer, "status")
        if status not in STATES:
            raise OutcomeUnknown(f"the status {status[:40]!r} is not known")
        state = STATES[status]
        if state not in {State.PAID, State.RETURNED}:
            return Found(state, status)  # before the approval other fields may be missing
        check_same_payment(answer, payment)
        card = answer.get("selected_card_info")
        approved = Approved(
            aid=payment_aid(answer.get("payment_action_details")),
            amount=payment.amount,
            approved_at=kst(answer.get("approved_at")),
            paid=paid_by(answer, card, "card_corp_name", "install_month"),
        )
        return Found(state, status, approved)

    def _post(
        self, operation: str, fields: dict[str, Any], *, about: Payment | None = None
    ) -> dict[str, Any] | Declined:
        """
        Send one request and read its answer, which must be ``about`` this payment.

        :raises NotSent, OutcomeUnknown: see ``checkout.gateways.base``.
        """
        url = f"{self.api_url}/online/v1/payment/{operation}"
        body = {"cid": self.credentials.cid, **fields}
        if self.credentials.cid_secret:
            body["cid_secret"] = self.credentials.cid_secret
        with self.journal(operation, url, body) as call:
            status, raw = self._exchange(url, body)
            answer = parsed(raw)
            call.answered(status, f"{len(raw)} bytes" if answer is None else answer)
            if answer is None:
                raise OutcomeUnknown(f"HTTP {status} with a body that is not a JSON object")
            if status != 200:
                return refusal(status, answer)
            if about:
                check_same_payment(answer, about)
            return answer

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """As ``auth``, because a plain header would give way to a ``.netrc`` entry."""
        request.headers["Authorization"] = f"SECRET_KEY {self.credentials.secret_key}"
        return request

    def _exchange(self, url: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """One request on a connection of its own: a kept-alive one may be dead without telling."""
        deadline = time.monotonic() + self.timeouts.connect + self.timeouts.read
        try:
            with requests.post(
                url,
                json=body,
                headers={"Connection": "close"},
                auth=self._sign,
                timeout=(self.timeouts.connect, self.timeouts.read),
                allow_redirects=False,
                stream=True,
            ) as response:
                raw = b""
                while chunk := response.raw.read1(MAX_ANSWER_BYTES, decode_content=True):
                    raw += chunk
                    if len(raw) > MAX_ANSWER_BYTES:
                        raise OutcomeUnknown("the answer is too long")
                    if time.monotonic() > deadline:
                        raise OutcomeUnknown("the answer did not end in time")
                return response.status_code, raw
        except requests.RequestException as error:
            if never_sent(error):
                raise NotSent(f"KakaoPay cannot be reached: {type(error).__name__}") from error
            raise OutcomeUnknown(f"no answer: {type(error).__name__}") from error
        except urllib3.exceptions.HTTPError as error:
            raise OutcomeUnknown(f"the answer broke off: {type(error).__name__}") from error


def never_sent(error: requests.RequestException) -> bool:
    """Did it fail before a byte of the request left (address, connection, certificate)?"""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidURL):
        return True
    cause = error.args[0] if error.args else None
    if not isinstance(cause, MaxRetryError):
        return False
    return isinstance(cause.reason, NewConnectionError | NameResolutionError) or (
        "CERTIFICATE_VERIFY_FAILED" in str(cause.reason)
    )


def refusal(http_status: int, answer: dict[str, Any]) -> Declined:
    """
    The error body as a definite no.

    :raises OutcomeUnknown: where the code does not prove that nothing happened.
    """
    code = answer.get("error_code")
    extras = answer.get("extras")
    if not isinstance(extras, dict):
        extras = {}
    reason = str(extras.get("method_result_code") or "")
    if not isinstance(code, int) or not is_definite_no(http_status, code, reason):
        raise OutcomeUnknown(f"HTTP {http_status}, code {code} {reason}".strip())
    return Declined(
        code=f"{code} {reason}".strip(),
        message=str(answer.get("error_message") or ""),
        buyer_message=str(extras.get("method_result_message") or ""),
    )


def check_same_payment(answer: dict[str, Any], payment: Payment) -> None:
    """
    An answer that speaks of another payment, or of another amount, tells nothing about ours.

    :raises OutcomeUnknown: if it does.
    """
    amount = answer.get("amount")
    ours = (payment.tid, payment.order_number, payment.buyer)
    theirs = (answer.get("tid"), answer.get("partner_order_id"), answer.get("partner_user_id"))
    if theirs != ours:
        raise OutcomeUnknown("the answer is about another payment")
    if not isinstance(amount, dict) or amount.get("total") != payment.amount:
        raise OutcomeUnknown("the answer is about another amount")


def paid_by(answer: dict[str, Any], card: object, issuer_field: str, months_field: str) -> Paid:
    method = str(answer.get("payment_method_type") or "")
    if method not in {"CARD", "MONEY"}:
        method = ""
    if not isinstance(card, dict):
        return Paid(method)
    months = str(card.get(months_field))
    return Paid(
        method=method,
        card_issuer=str(card.get(issuer_field) or "")[:40],
        installment_months=int(months) if MONTHS.fullmatch(months) else None,
    )


def payment_aid(details: object) -> str:
    """The ``aid`` of the approval among a payment's movements."""
    for action in details if isinstance(details, list) else []:
        if isinstance(action, dict) and action.get("payment_action_type") == "PAYMENT":
            return str(action.get("aid") or "")[:40]
    return ""


def identity(payment: Payment) -> dict[str, Any]:
    return {"partner_order_id": payment.order_number, "partner_user_id": payment.buyer}


def text(answer: dict[str, Any], field: str) -> str:
    """
    A field that every answer has.

    :raises OutcomeUnknown: if this one does not.
    """
    value = answer.get(field)
    if not isinstance(value, str) or not value:
        raise OutcomeUnknown(f"the answer has no {field}")
    if len(value) > 40 and field in {"tid", "aid"}:
        raise OutcomeUnknown(f"the {field} is too long")
    return value


def kst(value: object) -> datetime | None:
    """KakaoPay's times have no zone; they are Korean."""
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=KST)
    except ValueError:
        return None


def parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(answer, dict) or b"\\u0000" in raw:  # PostgreSQL could not keep a NUL
        return None
    return answer
