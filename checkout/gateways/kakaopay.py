"""
KakaoPay's online payment API (``open-api.kakaopay.com``, all POST, JSON in and out).

Facts used here: requests longer than 11 s are cut off by KakaoPay, so we wait a little more than
that; there is no idempotency key, so the order lookup by ``tid`` is the only way to learn what
became of a request, and ``cancel_available_amount`` is the only guard against a repeated refund.
Recurring payments have a CID of their own, and a ``tid`` or ``sid`` is known under its CID alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import requests
import urllib3
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from checkout.gateways import kakaopay_answers as answers
from checkout.gateways.base import (
    Agreement,
    Approved,
    Declined,
    Found,
    Goods,
    Journal,
    Payment,
    Ready,
    Refund,
    ReturnUrls,
)
from checkout.gateways.kakaopay_codes import Failure

MAX_ANSWER_BYTES = 256 * 1024  # their longest answer is a few kilobytes
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    The shop's key, and its contracts: one for payments made once, one for recurring payments.

    A CID secret is only for shops that were given one, the subscription CID for those that let
    their buyers agree to be charged again.
    """

    secret_key: str
    cid: str
    cid_secret: str = ""
    subscription_cid: str = ""
    subscription_cid_secret: str = ""

    def contract(self, *, is_recurring: bool) -> dict[str, str]:
        """
        The fields that say under which contract a request is made.

        :raises NotSent: if it is about a recurring payment, and no CID is set for those.
        """
        if is_recurring and not self.subscription_cid:
            raise answers.no_answer(Failure.NO_RECURRING_CID)
        cid, secret = (
            (self.subscription_cid, self.subscription_cid_secret)
            if is_recurring
            else (self.cid, self.cid_secret)
        )
        return {"cid": cid, "cid_secret": secret} if secret else {"cid": cid}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. ``read`` also bounds the whole answer, however slowly it trickles."""

    connect: float = 3.0
    read: float = 15.0


class KakaoPay:
    """The ``Gateway`` for KakaoPay."""

    payment_window = timedelta(minutes=15)
    may_take = timedelta(minutes=25)  # BANK_FIRM_UNKNOWN speaks of about 20

    def __init__(
        self, api_url: str, credentials: Credentials, timeouts: Timeouts, journal: Journal
    ) -> None:
        self.api_url = api_url
        self.credentials = credentials
        self.timeouts = timeouts
        self.journal = journal

    def ready(self, payment: Payment, goods: Goods, return_urls: ReturnUrls) -> Ready | Declined:
        fields = {
            **self._contract(payment),
            **identity(payment),
            **price(payment, goods),
            "approval_url": return_urls.approve,
            "cancel_url": return_urls.cancel,
            "fail_url": return_urls.fail,
        }
        return self._ask("ready", fields, answers.ready)

    def approve(self, payment: Payment, pg_token: str) -> Approved | Declined:
        fields = {
            **self._contract(payment),
            "tid": payment.tid,
            **identity(payment),
            "pg_token": pg_token,
            "total_amount": payment.amount,
        }
        return self._ask("approve", fields, lambda answer: answers.approval(answer, payment))

    def refund(self, payment: Payment, refund: Refund) -> Approved | Declined:
        fields = {
            **self._contract(payment),
            "tid": payment.tid,
            "cancel_amount": refund.amount,
            "cancel_tax_free_amount": refund.tax_free,
            "cancel_vat_amount": refund.vat,
            "cancel_available_amount": refund.refundable,
            "payload": refund.note,
        }
        return self._ask("cancel", fields, lambda answer: answers.refunded(answer, payment, refund))

    def lookup(self, payment: Payment) -> Found | Declined:
        fields = {**self._contract(payment), "tid": payment.tid}
        return self._ask("order", fields, lambda answer: answers.lookup(answer, payment))

    def charge(self, payment: Payment, goods: Goods, sid: str) -> Approved | Declined:
        fields = {
            **self.credentials.contract(is_recurring=True),
            "sid": sid,
            **identity(payment),
            **price(payment, goods),
        }
        return self._ask(
            "subscription", fields, lambda answer: answers.charged(answer, payment, sid)
        )

    def agreement(self, sid: str) -> Agreement | Declined:
        return self._about_agreement("manage/subscription/status", sid)

    def end_agreement(self, sid: str) -> Agreement | Declined:
        return self._about_agreement("manage/subscription/inactive", sid)

    def _about_agreement(self, path: str, sid: str) -> Agreement | Declined:
        fields = {**self.credentials.contract(is_recurring=True), "sid": sid}
        found = self._ask(path, fields, lambda answer: answers.agreement(answer, sid))
        return answers.agreement_refused(found) if isinstance(found, Declined) else found

    def _contract(self, payment: Payment) -> dict[str, str]:
        return self.credentials.contract(is_recurring=payment.is_recurring)

    def _ask(
        self, path: str, body: dict[str, Any], read: Callable[[dict[str, Any]], T]
    ) -> T | Declined:
        """
        Send one request and read its answer; both stand in the journal.

        :raises NotSent, OutcomeUnknown: see ``checkout.gateways.base``.
        """
        url = f"{self.api_url}/online/v1/payment/{path}"
        operation = path.rpartition("/")[2]
        with self.journal(operation, url, body) as call:
            status, raw = self._exchange(url, body)
            answer = answers.parsed(raw)
            call.answered(status, f"{len(raw)} bytes" if answer is None else answer)
            if 300 <= status < 400:
                raise answers.no_answer(Failure.REDIRECT, f"HTTP {status}")
            if answer is None:
                raise answers.no_answer(Failure.NOT_JSON, f"HTTP {status}")
            return read(answer) if status == 200 else answers.refusal(status, answer)

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
                        raise answers.no_answer(Failure.TOO_LONG)
                    if time.monotonic() > deadline:
                        raise answers.no_answer(Failure.TOO_SLOW)
                return response.status_code, raw
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise answers.no_answer(failure_of(error), type(error).__name__) from error


def failure_of(error: requests.RequestException | urllib3.exceptions.HTTPError) -> Failure:
    """Did it fail before a byte of the request left, while waiting, or within the answer?"""
    if isinstance(error, urllib3.exceptions.HTTPError):
        return Failure.BROKEN_OFF
    if isinstance(error, requests.exceptions.InvalidURL):
        return Failure.BAD_ADDRESS
    if isinstance(error, requests.ConnectTimeout):
        return Failure.CONNECT_TIMEOUT
    if isinstance(error, requests.ReadTimeout):
        return Failure.READ_TIMEOUT
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    if isinstance(reason, NameResolutionError):
        return Failure.NO_SUCH_HOST
    if isinstance(reason, NewConnectionError):
        return Failure.NO_CONNECTION
    if reason is not None and "CERTIFICATE_VERIFY_FAILED" in str(reason):
        return Failure.BAD_CERTIFICATE
    return Failure.DROPPED


def identity(payment: Payment) -> dict[str, Any]:
    return {"partner_order_id": payment.order_number, "partner_user_id": payment.buyer}


def price(payment: Payment, goods: Goods) -> dict[str, Any]:
    return {
        "item_name": goods.name[:100],
        "quantity": goods.quantity,
        "total_amount": payment.amount,
        "tax_free_amount": payment.tax_free,
        "vat_amount": payment.vat,
    }
