"""
The record of giving something back, from the decision to the row that is sent.

The caller holds the order's lock. What goes back is worked out by ``orders.refunding``; who may
decide it, ``checkout.limits`` says.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, Sum

from accounts.models import User
from checkout import endings, limits, mails
from checkout.models import Mail
from orders import afterwards, pricing, refunding
from orders.models import (
    Order,
    OrderLine,
    PaymentTransaction,
    Refund,
    RefundLine,
    RefundRequest,
    Shipment,
)

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status


class AlreadyOpen(Exception):
    """Another refund of the order has not been answered yet, or waits for approval: ``refund``."""

    def __init__(self, refund: Refund) -> None:
        super().__init__(refund.status)
        self.refund = refund


class NotAsSeen(Exception):
    """What would go back is not what was seen and decided: ``plan`` is what it is by now."""

    def __init__(self, plan: refunding.Plan) -> None:
        super().__init__(plan.figures)
        self.plan = plan


class AlreadyDecided(Exception):
    """The refund does not wait for approval any more."""


class RequestAnswered(Exception):
    """The buyer's request was answered or withdrawn meanwhile, or is about another order."""


class NotCancelable(Exception):
    """It was shipped, has nothing to ship, or is not paid: its buyer asks for a refund instead."""


def open_by_staff(
    order: Order,
    scope: refunding.Scope,
    *,
    reason: str,
    by: User,
    now: datetime,
    seen: str | None = None,
    request: RefundRequest | None = None,
) -> Refund:
    """
    Record what a member of staff has decided: PROCESSING, or WAITING if somebody must approve it.

    :param seen: the ``figures`` of the plan that they saw; if it is another by now, nothing is.
    :param request: the buyer's request that it answers.
    :raises RequestAnswered: if that is not open any more.
    :raises AlreadyOpen, NotAsSeen, limits.MayNot, refunding.RefundRefused: nothing is recorded.
    """
    if request is not None and not is_open(request, order):
        raise RequestAnswered
    transactions = list(order.transactions.all())
    plan = plan_of(order, transactions, scope)
    waits = limits.needs_approval(by, order, worth_refunded(order) + plan.worth)
    if seen is not None and seen != plan.figures:
        raise NotAsSeen(plan)
    refund = record(order, plan, transactions, reason=reason, by=by, now=now, waits=waits)
    if request is not None:
        refunding.accept_requests(order.refund_requests.filter(pk=request.pk), refund, now=now)
    return refund


def open_by_shop(
    order: Order,
    transactions: list[PaymentTransaction],
    *,
    reason: str,
    now: datetime,
) -> Refund:
    """
    Record that all which is left goes back, because it came too late: nobody decides that.

    :raises AlreadyOpen, refunding.RefundRefused: nothing is recorded.
    """
    plan = plan_of(order, transactions, refunding.everything())
    return record(order, plan, transactions, reason=reason, by=None, now=now)


def open_by_buyer(order: Order, *, by: User, reason: str, now: datetime) -> Refund:
    """
    Record that the buyer cancels the order, which was not shipped: all goes back, goods too.

    :raises NotCancelable, AlreadyOpen, refunding.RefundRefused: nothing is recorded.
    """
    if not is_cancelable(order):
        raise NotCancelable
    transactions = list(order.transactions.all())
    plan = plan_of(order, transactions, refunding.everything(restock=True))
    return record(order, plan, transactions, reason=reason, by=by, now=now)


def open_for_member(
    order: Order, scope: refunding.Scope, *, by: User, reason: str, now: datetime
) -> Refund:
    """
    Record that a member stops at once, and what they get back for the rest of what they paid.

    :raises AlreadyOpen, refunding.RefundRefused: nothing is recorded.
    """
    transactions = list(order.transactions.all())
    plan = plan_of(order, transactions, scope)
    return record(order, plan, transactions, reason=reason, by=by, now=now)


def is_open(request: RefundRequest, order: Order) -> bool:
    still = order.refund_requests.filter(pk=request.pk, status=RefundRequest.Status.OPEN)
    return still.exists()


def is_cancelable(order: Order) -> bool:
    """May its buyer cancel it, as far as goods and parcel are concerned?"""
    parcel = Shipment.objects.filter(order=order).first()
    return afterwards.is_cancelable(order, parcel, lines_of(order))


def approve(refund_pk: int, order: Order, *, by: User, now: datetime) -> Refund:
    """
    Let a refund that somebody else asked for go on: it is PROCESSING then, as if just decided.

    :raises AlreadyDecided: it does not wait any more.
    :raises limits.MayNot: ``by`` may not, or asked for it.
    :raises NotAsSeen, refunding.RefundRefused: money has gone back since; reject it.
    """
    refund = waiting(refund_pk, order)
    limits.expect_approver(by, order, refund.requested_by_id)
    transactions = list(order.transactions.all())
    plan = refunding.plan(order, lines_of(order), transactions, scope_of(refund))
    figures = (refund.amount, refund.tax_free, refund.vat, refund.points)
    if figures != (plan.money.total, plan.money.tax_free, plan.money.vat, plan.points):
        raise NotAsSeen(plan)
    refund.decided_by, refund.decided_at = by, now
    refund.status = Refund.Status.PROCESSING
    refund.transaction = open_transaction(order, plan, transactions, now=now)
    refund.save(update_fields=["decided_by", "decided_at", "status", "transaction"])
    finish_without_money(order, refund, transactions, now=now)
    return refund


def reject(refund_pk: int, order: Order, *, by: User, why: str, now: datetime) -> Refund:
    """
    End a refund that waits; nothing goes back. Who asked for it may take it back in this way.

    :raises AlreadyDecided: it does not wait any more.
    :raises limits.MayNot: ``by`` may neither approve nor asked for it.
    """
    refund = waiting(refund_pk, order)
    if by.pk != refund.requested_by_id:
        limits.expect_approver(by, order, refund.requested_by_id)
    refund.status = Refund.Status.REJECTED
    refund.decided_by, refund.decided_at, refund.decision = by, now, why[:300]
    refund.save(update_fields=["status", "decided_by", "decided_at", "decision"])
    refunding.reopen_requests(refund)
    return refund


def waiting(refund_pk: int, order: Order) -> Refund:
    """:raises AlreadyDecided: if it does not wait for approval."""
    refund = order.refunds.get(pk=refund_pk)
    if refund.status != Refund.Status.WAITING:
        raise AlreadyDecided
    return refund


def plan_of(
    order: Order, transactions: list[PaymentTransaction], scope: refunding.Scope
) -> refunding.Plan:
    """:raises AlreadyOpen, refunding.RefundRefused: see ``refunding.plan``."""
    if unanswered := open_refund_of(order):
        raise AlreadyOpen(unanswered)
    return refunding.plan(order, lines_of(order), transactions, scope)


def open_refund_of(order: Order) -> Refund | None:
    """The refund that waits for approval or for the provider's word; there is at most one."""
    still = [Refund.Status.WAITING, Refund.Status.PROCESSING]
    return order.refunds.filter(status__in=still).first()


def lines_of(order: Order) -> Sequence[OrderLine]:
    return list(order.lines.order_by("pk"))


def scope_of(refund: Refund) -> refunding.Scope:
    """What a recorded refund was asked for."""
    money = pricing.Part(refund.amount, refund.tax_free, refund.vat)
    return refunding.Scope(
        kind=Refund.Kind(refund.kind),
        amount=refund.amount,
        term=(money, refund.points),
        pieces=dict(refund.lines.values_list("line", "quantity")),
        with_delivery=refund.with_delivery,
        restock=refund.restock,
    )


def worth_refunded(order: Order) -> int:
    """What has gone back of the order, in money and points, in won."""
    done = order.refunds.filter(status=Refund.Status.SUCCEEDED)
    worth: int | None = done.aggregate(worth=Sum(F("amount") + F("points")))["worth"]
    return worth or 0


def record(
    order: Order,
    plan: refunding.Plan,
    transactions: list[PaymentTransaction],
    *,
    reason: str,
    by: User | None,
    now: datetime,
    waits: bool = False,
) -> Refund:
    """The decision, and the transaction that is to be sent unless it ``waits`` for approval."""
    refund = order.refunds.create(
        transaction=None if waits else open_transaction(order, plan, transactions, now=now),
        kind=plan.kind,
        status=Refund.Status.WAITING if waits else Refund.Status.PROCESSING,
        reason=reason[:300],
        amount=plan.money.total,
        tax_free=plan.money.tax_free,
        vat=plan.money.vat,
        points=plan.points,
        returns_coupon=plan.returns_coupon,
        with_delivery=plan.with_delivery,
        restock=plan.restock,
        requested_by=by,
        created_at=now,
    )
    RefundLine.objects.bulk_create(
        RefundLine(refund=refund, line_id=line_id, quantity=quantity)
        for line_id, quantity in plan.pieces.items()
    )
    if not waits:
        finish_without_money(order, refund, transactions, now=now)
    return refund


def open_transaction(
    order: Order, plan: refunding.Plan, transactions: list[PaymentTransaction], *, now: datetime
) -> PaymentTransaction | None:
    """
    A PROCESSING transaction for the plan's money; None if there is none. If nobody sends it,
    reconciliation finds that it never arrived, and does.
    """
    if plan.money.total == 0:
        return None
    charge = next(t for t in transactions if t.kind == Kind.CHARGE and t.status == Status.SUCCEEDED)
    if charge.is_unnamed:
        raise refunding.NotNamed
    return order.transactions.create(
        kind=Kind.REFUND,
        status=Status.PROCESSING,
        gateway=charge.gateway,
        tid=charge.tid,
        amount=plan.money.total,
        tax_free=plan.money.tax_free,
        vat=plan.money.vat,
        refundable=plan.money.total + plan.left.total,
        method=charge.method,
        sent_at=now,
    )


def finish_without_money(
    order: Order, refund: Refund, transactions: list[PaymentTransaction], *, now: datetime
) -> None:
    """Where only points, a coupon or goods go back, nobody has to be asked."""
    if refund.amount == 0:
        refunding.complete(order, refund, transactions, now=now)
        if refund.points or order.status == Order.Status.REFUNDED:
            mails.write(Mail.Event.REFUNDED, order, refund=refund)
        endings.follow(order, now=now)
