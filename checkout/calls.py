"""The journal of provider calls: a row before each request, completed after the answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import BillingAgreement
from checkout import gateways
from checkout.gateways.base import Gateway, GatewayError, Journal
from checkout.models import ProviderCall
from orders.models import PaymentTransaction

#: Fields that are secret, personal, or addresses that let whoever has them act for the buyer.
SECRET_FIELDS = {
    *("cid_secret", "pg_token", "sid", "bin", "card_bin", "approved_id", "card_mid"),
    *("approval_url", "cancel_url", "fail_url", "android_app_scheme", "ios_app_scheme"),
    *("next_redirect_pc_url", "next_redirect_mobile_url", "next_redirect_app_url"),
}


class TransactionIsOpen(Exception):
    """A provider was about to be called inside a database transaction: a bug of ours."""


class JournalEntry:
    """One request and, once ``answered``, what came back."""

    def __init__(self, row: ProviderCall) -> None:
        self.row = row

    def answered(self, http_status: int, body: Any) -> None:
        self.row.http_status = http_status
        self.row.response = masked(body)


def gateway_for(txn: PaymentTransaction) -> Gateway:
    """The transaction's provider, with every request entered in the transaction's journal."""
    return gateways.get(txn.gateway, journal_of(transaction=txn))


def gateway_about(agreement: BillingAgreement) -> Gateway:
    """The agreement's provider, with every request entered in the agreement's journal."""
    return gateways.get(agreement.gateway, journal_of(agreement=agreement))


def journal_of(**subject: Any) -> Journal:
    """Opens entries about a ``transaction`` or an ``agreement``."""

    @contextmanager
    def journal(operation: str, url: str, body: dict[str, Any]) -> Iterator[JournalEntry]:
        forbid_open_transaction(operation)
        entry = JournalEntry(
            ProviderCall.objects.create(
                **subject,
                operation=operation,
                url=url,
                request=masked(body),
                started_at=timezone.now(),
            )
        )
        try:
            yield entry
        except GatewayError as error:
            entry.row.problem = f"{type(error).__name__}: {error}"[:300]
            raise
        finally:
            entry.row.finished_at = timezone.now()
            entry.row.save(update_fields=["finished_at", "http_status", "response", "problem"])

    return journal


def forbid_open_transaction(operation: str) -> None:
    """:raises TransactionIsOpen: if a provider would be called inside a transaction."""
    if connection.in_atomic_block:
        raise TransactionIsOpen(operation)


def masked(value: Any) -> Any:
    """The same JSON with the values of secret fields replaced, however deep they are."""
    if isinstance(value, dict):
        return {
            key: "***" if key in SECRET_FIELDS and inner else masked(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL has no NUL
    return value
