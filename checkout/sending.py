"""
What is sent to a provider for a transaction, and which of its movements are that transaction's.

A refusal is not yet a failure: before it counts, the provider's books are asked. Where they show
the money, it moved, whatever the answer said.
"""

from collections.abc import Iterable

from checkout import agreements, charging
from checkout.gateways.base import (
    Approved,
    Declined,
    Found,
    Gateway,
    Goods,
    LeftOpen,
    Movement,
    NotSent,
    OutcomeUnknown,
    Payment,
    Refund,
    Why,
)
from orders import fulfilment
from orders.models import Order, PaymentTransaction

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status


class Ambiguous(OutcomeUnknown):
    """The books show more than one movement that could be ours: a person must look."""


def send(gateway: Gateway, txn: PaymentTransaction) -> Approved | Declined:
    """
    Ask for what the transaction is: money from the buyer, or money back to them.

    :raises NotSent, OutcomeUnknown: see ``checkout.gateways.base``.
    """
    if txn.kind == Kind.REFUND:
        return send_refund(gateway, txn)
    return send_renewal(gateway, txn) if txn.is_by_agreement else send_charge(gateway, txn)


def send_charge(gateway: Gateway, txn: PaymentTransaction) -> Approved | Declined:
    payment = payment_of(txn)
    try:
        answer = gateway.approve(payment, txn.pg_token)
        if isinstance(answer, Approved):
            return answer
    except LeftOpen:
        if charged := charge_in(books(gateway, payment), txn):
            return charged
        raise
    return charge_in(books(gateway, payment), txn) or answer


def send_renewal(gateway: Gateway, txn: PaymentTransaction) -> Approved | Declined:
    """The books that are asked are the agreement's: the payment has no name yet."""
    sid = agreements.name_of(txn.agreement) if txn.agreement else ""
    try:
        answer = gateway.charge(payment_of(txn), goods_of(txn.order), sid)
        if isinstance(answer, Approved):
            return answer
    except LeftOpen:
        if charged := charging.charged_since(gateway, txn):
            return charged
        raise
    if answer.why in {
        Why.ENDED,
        Why.OTHER_BUYER,
    }:  # its books may be closed, and it cannot have been charged
        return answer
    return charging.charged_since(gateway, txn) or answer


def send_refund(gateway: Gateway, txn: PaymentTransaction) -> Approved | Declined:
    payment = payment_of(charge_of(txn))
    try:
        answer = gateway.refund(payment, refund_of(txn))
        if isinstance(answer, Approved):
            return answer
    except LeftOpen:
        if refunded := refund_in(books(gateway, payment), txn):
            return refunded
        raise
    found = books(gateway, payment)
    if txn.asks and not isinstance(found, Found):
        raise OutcomeUnknown("refused, but what became of the first request is not told")
    return refund_in(found, txn) or answer


def books(gateway: Gateway, payment: Payment) -> Found | Declined:
    """:raises OutcomeUnknown: also where the lookup itself could not be sent."""
    try:
        return gateway.lookup(payment)
    except NotSent as error:
        raise OutcomeUnknown(str(error)) from error


def charge_in(found: Found | Declined, txn: PaymentTransaction) -> Approved | None:
    """The approval of this very charge, if the books have it."""
    if isinstance(found, Found) and found.approved and is_about(found, txn):
        return found.approved
    return None


def is_about(found: Found, txn: PaymentTransaction) -> bool:
    """Is what was paid there this order's, and this much?"""
    return found.order_number == txn.order.number and found.paid.total == txn.amount


def refund_in(found: Found | Declined, txn: PaymentTransaction) -> Approved | None:
    """
    The movement that this refund is, if the books have it: the one that carries its note or, where
    they keep no notes, the only one that we do not hold yet.

    :raises Ambiguous: if it could be one of several.
    """
    if not isinstance(found, Found):
        return None
    ours = list(txn.order.transactions.all())
    new = unknown_refunds(found, ours)
    mine = [each for each in new if each.note == note_of(txn)]
    if not mine:
        mine = [each for each in new if each.note is None and each.amount in (None, txn.amount)]
    if len(mine) > 1:
        raise Ambiguous(f"{len(mine)} refunds of {txn.tid} could be this one")
    if not mine:
        return None
    rest = found.returned.total - fulfilment.moved(ours, Kind.REFUND).total
    if mine[0].amount is None and rest != txn.amount:
        raise Ambiguous(f"a refund of {txn.tid} could be this one, but the sums do not fit")
    return Approved(mine[0].aid, txn.amount, mine[0].at)


def unknown_refunds(found: Found, ours: Iterable[PaymentTransaction]) -> list[Movement]:
    """Refunds in their books that are in none of these transactions."""
    held = {txn.aid for txn in ours if txn.kind == Kind.REFUND}
    return [each for each in found.movements if each.is_refund and each.aid not in held]


def charge_of(refund: PaymentTransaction) -> PaymentTransaction:
    """The charge that a refund gives back."""
    return refund.order.transactions.get(kind=Kind.CHARGE, tid=refund.tid)


def payment_of(txn: PaymentTransaction) -> Payment:
    return Payment(
        order_number=txn.order.number,
        buyer=txn.order.user.public_id,
        amount=txn.amount,
        tax_free=txn.tax_free,
        vat=txn.vat,
        tid=txn.tid,
        is_recurring=txn.order.is_recurring,
    )


def refund_of(txn: PaymentTransaction) -> Refund:
    return Refund(
        amount=txn.amount,
        tax_free=txn.tax_free,
        vat=txn.vat,
        refundable=txn.refundable or txn.amount,
        note=note_of(txn),
    )


def note_of(txn: PaymentTransaction) -> str:
    """What tells our refund from one made by hand."""
    return txn.public_id.hex


def goods_of(order: Order) -> Goods:
    """The order as one line."""
    return Goods(name=order.title, quantity=order.pieces)
