"""What may be given back, and the record of giving it."""

from datetime import datetime

from accounts.models import User
from orders import fulfilment, pricing
from orders.models import Order, PaymentTransaction

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status


class AlreadyInFlight(Exception):
    """Another refund of the order has not been answered yet."""


class NotRefundable(Exception):
    """The order does not hold this much: ``left`` can still go back."""

    def __init__(self, left: pricing.Part) -> None:
        super().__init__(f"{left.total} won can be refunded")
        self.left = left


def open_refund(
    order: Order,
    transactions: list[PaymentTransaction],
    *,
    amount: int,
    reason: str,
    by: User | None,
    now: datetime,
    seen: int | None = None,
) -> PaymentTransaction:
    """
    Record a refund as PROCESSING; the caller holds the order's lock. If nobody sends it,
    reconciliation finds that it never arrived, and does.

    :raises AlreadyInFlight, NotRefundable: nothing is recorded.
    """
    if any(t.kind == Kind.REFUND and t.status == Status.PROCESSING for t in transactions):
        raise AlreadyInFlight
    left = fulfilment.refundable(transactions)
    if not 0 < amount <= left.total or seen not in {None, left.total}:
        raise NotRefundable(left)
    charge = next(t for t in transactions if t.kind == Kind.CHARGE and t.status == Status.SUCCEEDED)
    part = pricing.share(left, amount)
    return order.transactions.create(
        kind=Kind.REFUND,
        status=Status.PROCESSING,
        gateway=charge.gateway,
        tid=charge.tid,
        amount=part.total,
        tax_free=part.tax_free,
        vat=part.vat,
        refundable=left.total,
        refund_reason=reason[:300],
        requested_by=by,
        method=charge.method,
        sent_at=now,
    )
