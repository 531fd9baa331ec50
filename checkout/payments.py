"""
Every way money moves, written as record → call → settle.

``record`` commits what is about to be done, under the order's lock; ``send`` talks to the provider
with no transaction open; ``settle`` commits the outcome, under the lock again. A crash and a
time-out leave the same row, PROCESSING, and ``checkout.reconciliation`` ends it in that ``settle``.
"""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import Exists, Q

from accounts.addresses import Destination
from accounts.models import BillingAgreement, User
from api import idempotency
from checkout import charging, external, gateways, mails, refunds, returning, sending, settling
from checkout.calls import gateway_for
from checkout.gateways.base import (
    Approved,
    Declined,
    Gateway,
    GatewayError,
    NotSent,
    OutcomeUnknown,
    Ready,
    Why,
)
from checkout.models import Mail
from checkout.returning import TO_THE_SHOP, Back
from orders import fulfilment, placing, pricing, refunding
from orders.locking import locked
from orders.models import IllegalMove, Order, PaymentTransaction, Refund, RefundRequest
from orders.quoting import NO_WISH, Wish

logger = logging.getLogger(__name__)

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status

#: Changes the locked order's transaction to PROCESSING and returns it.
Record = Callable[[Order], PaymentTransaction]
#: Asks the provider; may raise ``NotSent`` or ``OutcomeUnknown``.
Send = Callable[[Gateway, PaymentTransaction], Approved | Declined]


class NothingToDo(Exception):
    """``record`` found that the transaction needs no call: it is as ``transaction`` shows."""

    def __init__(self, txn: PaymentTransaction) -> None:
        super().__init__(txn.status)
        self.transaction = txn


class NotPayable(Exception):
    """The order is paid, canceled or too late; nothing was charged by this attempt."""


class ProviderUnavailable(Exception):
    """
    The provider would not begin a payment. Nothing was charged; ``order`` waits until its deadline.
    """

    def __init__(self, order: Order) -> None:
        super().__init__(order.number)
        self.order = order


def start(
    *,
    user: User,
    contact: placing.Contact,
    seen: pricing.Quote,
    now: datetime,
    wish: Wish = NO_WISH,
    destination: Destination | None = None,
    is_saved: bool = False,
    back: Back = TO_THE_SHOP,
) -> PaymentTransaction | Order:
    """
    Place the order for the user's cart (or resume it) and announce its payment to the provider.

    The parameters are those of ``placing.place``.

    :param back: where the buyer goes from the provider's page.
    :returns: a READY charge with ``redirect_urls``; CANCELED if the order ended meanwhile. The
        order itself if points and a coupon have paid for all of it: there is nothing to charge.
    :raises placing.CannotPlace, coupons.CouponRefused, points.NotEnoughPoints: nothing was placed.
    :raises ProviderUnavailable: the order is placed and can be resumed.
    """
    with transaction.atomic(durable=True):
        order = placing.place(
            user=user,
            contact=contact,
            seen=seen,
            now=now,
            wish=wish,
            destination=destination,
            is_saved=is_saved,
        )
        idempotency.made(order.number)
        if order.total == 0 and not order.is_recurring:
            fulfilment.follow_the_money(order, [], now=now)
            mails.write(Mail.Event.PAID, order)
            return order
        charge = open_charge(order, back=back)
    return announce(charge, now=now)


def reopen(order: Order, *, now: datetime, back: Back = TO_THE_SHOP) -> PaymentTransaction:
    """
    Let the buyer go on paying a pending order; its deadline stays what it was.

    :raises NotPayable: the order is no longer pending, or its time is over.
    :raises placing.PaymentInProgress: an earlier attempt has an unknown outcome.
    :raises ProviderUnavailable: the order can still be resumed.
    """
    with locked(order.pk) as order:
        if order.status != Order.Status.PENDING or order.is_past_deadline(now):
            raise NotPayable
        if order.kind == Order.Kind.RENEWAL:  # the shop charges it
            raise NotPayable
        if placing.has_unknown_outcome(order):
            raise placing.PaymentInProgress(order)
        charge = open_charge(order, back=back)
    return announce(charge, now=now)


def capture(txn: PaymentTransaction, *, pg_token: str, now: datetime) -> PaymentTransaction:
    """
    Take the money that the buyer agreed to pay. Doing it again changes nothing.

    :param pg_token: what the provider sent the buyer back with.
    :returns: the charge: SUCCEEDED, FAILED, or PROCESSING while the outcome is not known. A charge
        that ended before is returned as it is.
    """

    def record(order: Order) -> PaymentTransaction:
        live = [Status.PROCESSING, Status.SUCCEEDED]
        taken = order.transactions.filter(kind=Kind.CHARGE, status__in=live)
        try:
            if order.status != Order.Status.PENDING:
                raise IllegalMove(f"{order} is {order.status}")
            arrived = {"pg_token": pg_token, "returned_at": now, "sent_at": now}
            is_announced = ~Q(tid="")
            txn.move_to(Status.PROCESSING, only_if=is_announced & ~Exists(taken), **arrived)
        except IllegalMove as error:
            raise NothingToDo(order.transactions.get(pk=txn.pk)) from error
        return txn

    return call_provider(txn.order, record=record, send=sending.send, now=now)


def charge(order: Order, *, now: datetime) -> PaymentTransaction:
    """
    Charge the agreement of a renewal's order, its buyer absent. Doing it again changes nothing.

    :returns: the charge: SUCCEEDED, FAILED, CANCELED if the agreement could not be charged at all
        or turns out to have been charged before, or PROCESSING while the outcome is not known;
        CREATED if it is not to be charged now.
    :raises charging.Busy, GatewayError: nothing was sent; try again later.
    """
    txn = order.transactions.select_related("agreement", "order__user").get(kind=Kind.CHARGE)
    if txn.status != Status.CREATED:
        return txn
    began = time.monotonic()
    before = charging.look(txn, now=now)
    looked = timedelta(seconds=time.monotonic() - began)
    if isinstance(before, Declined):
        return settling.give_up(txn, before, now=now)
    if isinstance(before, charging.Missed):
        return settling.make_way(txn, before, now=now)

    def record(order: Order) -> PaymentTransaction:
        try:
            charging.record(order, txn, before, now=now + looked)
        except IllegalMove as error:
            raise NothingToDo(order.transactions.get(pk=txn.pk)) from error
        return txn

    return call_provider(order, record=record, send=sending.send, now=now)


def refund(
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
    Give back what a member of staff has decided (KakaoPay: cancel).

    :param by: whose permissions and limits count.
    :param seen: the ``figures`` of the plan that they saw; if it is another by now, nothing is.
    :param request: the buyer's request that it answers.
    :returns: the refund: SUCCEEDED, FAILED, PROCESSING while the outcome is not known, or WAITING
        for somebody else's approval.
    :raises refunds.AlreadyOpen, refunds.NotAsSeen, refunds.RequestAnswered,
        refunding.RefundRefused, limits.MayNot: nothing is recorded.
    """
    with locked(order.pk) as order:
        opened = refunds.open_by_staff(
            order, scope, reason=reason, by=by, seen=seen, request=request, now=now
        )
    return send_refund(opened, now=now)


def approve_refund(waiting: Refund, *, by: User, now: datetime) -> Refund:
    """
    Approve what somebody else decided, and give it back.

    :raises refunds.AlreadyDecided, refunds.NotAsSeen, refunding.RefundRefused, limits.MayNot:
        nothing is changed.
    """
    with locked(waiting.order_id) as order:
        approved = refunds.approve(waiting.pk, order, by=by, now=now)
    return send_refund(approved, now=now)


def reject_refund(waiting: Refund, *, by: User, why: str, now: datetime) -> Refund:
    """
    End a refund that waits for approval. No money moves.

    :raises refunds.AlreadyDecided, limits.MayNot: nothing is changed.
    """
    with locked(waiting.order_id) as order:
        return refunds.reject(waiting.pk, order, by=by, why=why, now=now)


def cancel(order: Order, *, by: User, reason: str, now: datetime) -> Refund:
    """
    The buyer, ``by``, does not want the order any more, and it was not shipped: all of it goes
    back, and the goods into stock. No limit is asked about: it is the buyer's right.

    :raises refunds.NotCancelable, refunds.AlreadyOpen, refunding.RefundRefused: nothing is changed.
    """
    with locked(order.pk) as order:
        opened = refunds.open_by_buyer(order, by=by, reason=reason, now=now)
    return send_refund(opened, now=now)


def send_refund(refund: Refund, *, now: datetime) -> Refund:
    """Send what was recorded, if it has money that is to move; the refund as it is then."""
    if refund.transaction is None or refund.status != Refund.Status.PROCESSING:
        return refund
    txn = conclude(refund.transaction, send=sending.send, now=now)
    if txn.status == Status.FAILED:  # perhaps because somebody refunds at the provider
        external.look(txn, now=now)
    refund.refresh_from_db()
    return refund


def call_provider(order: Order, *, record: Record, send: Send, now: datetime) -> PaymentTransaction:
    """The one screen: record the intent, call the provider, record the outcome."""
    try:
        with locked(order.pk) as locked_order:
            txn = record(locked_order)  # commits PROCESSING
    except NothingToDo as nothing:
        return nothing.transaction
    return conclude(txn, send=send, now=now)


def conclude(txn: PaymentTransaction, *, send: Send, now: datetime) -> PaymentTransaction:
    """Call the provider about what was recorded, and record the outcome."""
    try:
        outcome = send(gateway_for(txn), txn)  # no transaction is open here
    except NotSent as error:
        outcome = Declined("not_sent", str(error), why=Why.SHOP)
    except OutcomeUnknown:
        return txn  # still PROCESSING: reconciliation will ask
    return settling.settle(txn, outcome, now=now)


def abandon(txn: PaymentTransaction, reason: Order.CancelReason, *, now: datetime) -> None:
    """
    The buyer came back without paying: the order ends, its stock goes back, the cart stays.

    A hint, not a proof: a charge that is being captured, or was, is not touched. What is abandoned
    is never captured, so nothing is charged even if the hint was wrong.
    """
    with locked(txn.order_id) as order:
        open_charges = list(filter(fulfilment.is_open, order.transactions.order_by("-pk")))
        if txn not in open_charges:
            return
        if order.is_past_deadline(now):
            reason = Order.CancelReason.EXPIRED
        if txn == open_charges[0]:
            fulfilment.cancel(order, reason, now=now)
        else:  # an older tab: the buyer may be paying in a newer one
            charge = open_charges[open_charges.index(txn)]
            charge.move_to(Status.CANCELED, reason_code=reason.lower(), settled_at=now)


def close_abandoned(*, now: datetime) -> Iterator[Order]:
    """End the pending orders whose deadline has passed; yields each order that was ended."""
    overdue = Order.objects.filter(status=Order.Status.PENDING, deadline_at__lte=now)
    for pk in overdue.order_by("deadline_at").values_list("pk", flat=True):
        try:
            with locked(pk) as order:
                closed = fulfilment.cancel(order, Order.CancelReason.EXPIRED, now=now)
        except DatabaseError:  # one order must not keep the others' goods from the shelf
            logger.exception("order %s could not be closed", pk)
            continue
        if closed:
            yield order


def open_charge(
    order: Order, agreement: BillingAgreement | None = None, back: Back = TO_THE_SHOP
) -> PaymentTransaction:
    """
    A new charge for the order. Earlier ones that still wait stay payable: the buyer may be in
    another tab. Only one is ever captured, and the order's end closes them all.

    :param agreement: by which it is charged, if its buyer is not asked.
    :raises ValueError: there is nothing to charge, and no agreement to be made.
    """
    if order.total == 0 and not order.is_recurring:
        raise ValueError(f"{order} comes to nothing")
    return order.transactions.create(
        kind=Kind.CHARGE,
        agreement=agreement,
        gateway=agreement.gateway if agreement else gateways.DEFAULT,
        amount=order.total,
        tax_free=order.tax_free,
        vat=order.vat,
        return_url=back.url,
        is_client_called_back=back.is_callback,
    )


def announce(charge: PaymentTransaction, *, now: datetime) -> PaymentTransaction:
    """
    Tell the provider of a CREATED charge, and keep its ``tid`` before the buyer leaves.

    :raises ProviderUnavailable: if it will not have it, or does not answer; nothing was charged.
    """
    try:
        outcome: Ready | Declined = gateway_for(charge).ready(
            sending.payment_of(charge), sending.goods_of(charge.order), returning.urls_for(charge)
        )
    except GatewayError as error:  # a lost answer to ready costs nothing: begin again
        outcome = Declined(type(error).__name__, str(error))
    with locked(charge.order_id) as order:
        try:
            if isinstance(outcome, Ready):
                urls = outcome.redirect_urls
                charge.move_to(Status.READY, tid=outcome.tid, redirect_urls=urls, ready_at=now)
                return charge
            charge.move_to(Status.CANCELED, **settling.why(outcome), settled_at=now)
        except IllegalMove:  # the order ended meanwhile
            return order.transactions.get(pk=charge.pk)
    raise ProviderUnavailable(order)
