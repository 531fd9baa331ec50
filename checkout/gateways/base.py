"""
What checkout asks of a payment provider, whoever it is.

An *answer* is a value: ``Ready``, ``Approved``, ``Found`` or ``Declined``.
The *absence* of an answer is an exception:

    GatewayError
    ├── NotSent          never left this machine; nothing can have happened
    └── OutcomeUnknown   sent, but no answer we can trust; ask again later
        └── LeftOpen     answered, with a code that leaves open what happened; ask at once

Amounts are in won. Times are aware.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol


class GatewayError(Exception):
    """There is no answer."""


class NotSent(GatewayError):
    """The request never left this machine: nothing can have happened."""


class OutcomeUnknown(GatewayError):
    """The request was sent, but there is no answer we can trust."""


class LeftOpen(OutcomeUnknown):
    """The provider answered, but what it said leaves open whether money moved."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Won: a total, and of it the tax-free part and the VAT."""

    total: int
    tax_free: int
    vat: int


@dataclass(frozen=True, slots=True)
class Payment:
    """
    A payment as both sides know it.

    ``buyer`` is an opaque id, never a name; ``tid`` is the provider's and empty before ``ready``.
    ``is_recurring`` payments belong to the shop's contract for agreements to be charged again.
    """

    order_number: str
    buyer: str
    amount: int
    tax_free: int
    vat: int
    tid: str = ""
    is_recurring: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """
    Money to give back from a payment.

    ``refundable`` is what we believe can still go back, this refund included: the provider refuses
    if it knows better, so a request that arrives twice gives back once. ``note`` is ours, and comes
    back with the movement where the provider keeps it.
    """

    amount: int
    tax_free: int
    vat: int
    refundable: int
    note: str


@dataclass(frozen=True, slots=True)
class Goods:
    """What the buyer reads on the provider's page: a name, and how many pieces in all."""

    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ReturnUrls:
    """Where the provider sends the buyer's browser back to."""

    approve: str
    cancel: str
    fail: str


@dataclass(frozen=True, slots=True)
class Ready:
    """
    The provider waits for the buyer. ``redirect_urls`` has keys ``pc``, ``mobile``, ``app``, and
    perhaps ``android`` and ``ios``: addresses that open the provider's app there.
    """

    tid: str
    redirect_urls: dict[str, str]


@dataclass(frozen=True, slots=True)
class Paid:
    """How the money came: ``method`` is CARD or MONEY, 0 instalment months is all at once."""

    method: str = ""
    card_issuer: str = ""
    installment_months: int | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """
    The money moved; an amount of 0 only registers how the buyer will be charged.

    ``tid`` is there where the provider gave the payment its name only now, ``sid`` where the buyer
    agreed to be charged again. ``aid`` is empty where nobody could tell it.
    """

    aid: str
    amount: int
    approved_at: datetime | None
    paid: Paid = field(default_factory=Paid)
    tid: str = ""
    sid: str = ""


class Why(Enum):
    """Whom a refusal is about, as far as charging an agreement again goes."""

    PAYER = "payer"  # the card or account: another day it may do
    ENDED = "ended"  # the agreement has ended: the buyer must agree anew
    USED_UP = "used up"  # the agreement was charged too often this month
    OTHER_BUYER = "other buyer"  # it is somebody else's, or not known there: our books are wrong
    SHOP = "shop"  # our keys, our quota, our request: the buyer can do nothing about it


@dataclass(frozen=True, slots=True)
class Declined:
    """
    A definite no: no money moved.

    ``message`` is for staff; ``buyer_message`` is there where the card or account gave a reason
    that helps the buyer. ``is_not_known`` says that the provider has no such payment.
    """

    code: str
    message: str
    buyer_message: str = ""
    is_not_known: bool = False
    why: Why = Why.PAYER


@dataclass(frozen=True, slots=True)
class Agreement:
    """A buyer's agreement to be charged again, as the provider's books have it."""

    is_active: bool
    last_charged_at: datetime | None


class State(Enum):
    """What the provider's books say of a payment."""

    WAITING = "waiting"  # for the buyer, or for our capture
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"  # paid, then given back in part or in full


@dataclass(frozen=True, slots=True)
class Movement:
    """
    Money that moved on a payment, as the provider's books have it.

    ``amount`` and ``note`` are None where the books do not tell them.
    """

    aid: str
    is_refund: bool
    at: datetime | None
    amount: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """
    A payment as the provider's books have it.

    Once it was paid there are its ``order_number``, what was ``paid`` (and how: ``approved``), what
    was ``returned`` of it so far, and every movement.
    """

    state: State
    status: str
    order_number: str = ""
    approved: Approved | None = None
    paid: Amounts = Amounts(0, 0, 0)
    returned: Amounts = Amounts(0, 0, 0)
    movements: tuple[Movement, ...] = ()


class Call(Protocol):
    """One request in the journal."""

    def answered(self, http_status: int, body: Any) -> None: ...


#: Opens a journal entry before a request is sent: ``(operation, url, request body)``.
Journal = Callable[[str, str, dict[str, Any]], AbstractContextManager[Call]]


class Gateway(Protocol):
    """
    A payment provider.

    Every method may raise ``NotSent`` or ``OutcomeUnknown``.
    """

    #: How long after ``ready`` the buyer can pay; what is not approved then never will be.
    payment_window: timedelta
    #: How long after a request was sent it may still be carried out, whatever was answered.
    may_take: timedelta

    def ready(self, payment: Payment, goods: Goods, return_urls: ReturnUrls) -> Ready | Declined:
        """Announce a payment; the buyer is then sent to one of the ``redirect_urls``."""
        ...

    def approve(self, payment: Payment, pg_token: str) -> Approved | Declined:
        """Take the money that the buyer has agreed to pay."""
        ...

    def refund(self, payment: Payment, refund: Refund) -> Approved | Declined:
        """Give back part or all of a payment that was taken."""
        ...

    def lookup(self, payment: Payment) -> Found | Declined:
        """What the provider's books say of this payment; moves nothing."""
        ...

    def charge(self, payment: Payment, goods: Goods, sid: str) -> Approved | Declined:
        """
        Charge an agreement again, without its buyer; ``payment`` has no ``tid`` yet.

        Where the answer is lost, so is the ``tid``: only ``agreement`` can tell what became of it.
        """
        ...

    def agreement(self, sid: str) -> Agreement | Declined:
        """How an agreement stands, and when it was charged last; moves nothing."""
        ...

    def end_agreement(self, sid: str) -> Agreement | Declined:
        """End an agreement for good: it can never be charged again."""
        ...
