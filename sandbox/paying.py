"""A payment's life as the payer sees it: open, choose, agree, or leave."""

import secrets
from datetime import datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.db import transaction
from django.shortcuts import get_object_or_404

from .models import DONE, PENDING, Payment, Status


class Closed(Exception):
    """The payer can do no more here; ``payment`` says why."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(payment.tid)
        self.payment = payment


def find(page: str) -> Payment:
    """The payment this page belongs to. :raises Http404:"""
    return get_object_or_404(Payment.objects.prefetch_related("actions"), page=page)


def way_on(payment: Payment, *, now: datetime) -> str:
    """
    Where the payer's browser belongs now that nothing is left to do here.

    Empty while the payer still has to choose or agree.
    """
    if payment.status == Status.QUIT_PAYMENT:
        return payment.cancel_url
    waits = payment.status in PENDING and now < payment.expires_at
    if payment.status not in DONE and not waits:
        return payment.fail_url
    if payment.status in DONE or payment.status == Status.AUTH_PASSWORD:
        return with_token(payment.approval_url, payment.pg_token)
    return ""


def with_token(url: str, pg_token: str) -> str:
    """``url`` with the token added to whatever query it has."""
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode({"pg_token": pg_token})]))
    return urlunsplit(parts._replace(query=query))


def open_page(page: str, *, now: datetime) -> Payment:
    """The payer's browser arrived."""
    with transaction.atomic():
        payment = find(page)
        if payment.status == Status.READY and now < payment.expires_at:
            _move(payment, Status.OPEN_PAYMENT)
    return payment


def choose(
    page: str, *, method: str, issuer: str, instalment: int, decline: str, now: datetime
) -> Payment:
    """The payer chose how to pay. :raises Closed:"""
    with transaction.atomic():
        payment = _waiting(page, now)
        payment.payment_method_type = method
        payment.issuer = issuer
        payment.instalment = instalment
        payment.decline = decline
        _move(payment, Status.SELECT_METHOD)
    return payment


def agree(page: str, *, now: datetime) -> Payment:
    """The payer gave the password: from here on the merchant may approve. :raises Closed:"""
    with transaction.atomic():
        payment = _waiting(page, now)
        if payment.status == Status.SELECT_METHOD:
            payment.pg_token = secrets.token_hex(10)
            _move(payment, Status.AUTH_PASSWORD)
    return payment


def leave(page: str, status: Status, *, now: datetime) -> Payment:
    """The payer quit, or the payment failed on their side. :raises Closed:"""
    with transaction.atomic():
        payment = _waiting(page, now)
        _move(payment, status)
    return payment


def _waiting(page: str, now: datetime) -> Payment:
    payment = find(page)
    if way_on(payment, now=now):
        raise Closed(payment)
    return payment


def _move(payment: Payment, status: Status) -> None:
    payment.status = status
    payment.save()
