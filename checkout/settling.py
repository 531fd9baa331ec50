"""
Committing what became of a transaction: in the live request, or in recovery, in the same way.
"""

import logging
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from accounts import memberships
from accounts.models import BillingAgreement, Membership
from checkout import agreements, charging, discrepancies, endings, mails, refunds
from checkout.gateways.base import Approved, Declined, Why
from checkout.models import Discrepancy, Mail
from orders import fulfilment, joining, refunding
from orders.locking import locked
from orders.models import Order, PaymentTransaction

logger = logging.getLogger(__name__)

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status

#: Refusals that somebody has to look into here.
OUR_FAULTS = {Why.SHOP, Why.OTHER_BUYER}


def settle(
    txn: PaymentTransaction, outcome: Approved | Declined, *, now: datetime
) -> PaymentTransaction:
    """
    Commit what became of a PROCESSING transaction. Whoever comes second changes nothing.

    Money that came makes the order paid; a charge that failed ends the order, so its stock is free
    and the cart can be ordered anew. Money that turns out to have moved after we concluded that it
    did not is entered all the same.
    """
    with locked(txn.order_id) as order:
        transactions = list(order.transactions.all())
        txn = next(each for each in transactions if each.pk == txn.pk)
        if isinstance(outcome, Approved):
            if txn.status == Status.PROCESSING:
                enter(order, txn, transactions, outcome, now=now)
            elif txn.status in {Status.FAILED, Status.CANCELED}:
                enter_late(order, txn, transactions, outcome, now=now)
        elif txn.status == Status.PROCESSING:
            txn.move_to(Status.FAILED, **why(outcome), settled_at=now)
            if txn.is_by_agreement:
                refuse_renewal(order, txn, outcome, now=now)
            elif txn.kind == Kind.CHARGE:
                fulfilment.cancel(order, Order.CancelReason.DECLINED, now=now)
                if txn.asks:  # the buyer was told that we are confirming it
                    mails.write(Mail.Event.NOT_CHARGED, order, txn)
            else:
                refunding.fail(txn.refund, now=now)
                if txn.refund.requested_by_id in {None, order.user_id}:  # staff do not know
                    report_unreturned(order, txn, outcome, now=now)
    return txn


def give_up(txn: PaymentTransaction, refusal: Declined, *, now: datetime) -> PaymentTransaction:
    """The agreement of a renewal cannot be charged at all: nothing is sent, and its order ends."""
    with locked(txn.order_id) as order:
        txn = order.transactions.get(pk=txn.pk)
        if txn.status == Status.CREATED:
            txn.move_to(Status.CANCELED, **why(refusal), settled_at=now)
            refuse_renewal(order, txn, refusal, now=now)
    return txn


def make_way(
    txn: PaymentTransaction, missed: charging.Missed, *, now: datetime
) -> PaymentTransaction:
    """
    Nothing is sent for a renewal, because an earlier charge turns out to have been taken: that one
    is settled instead, and returned.
    """
    with locked(txn.order_id) as order:
        if not fulfilment.cancel(order, Order.CancelReason.SUPERSEDED, now=now):
            return order.transactions.get(pk=txn.pk)
    return settle(missed.charge, missed.approved, now=now)


def refuse_renewal(
    order: Order, txn: PaymentTransaction, refusal: Declined, *, now: datetime
) -> None:
    """A membership's period was not paid: its shopper learns of it, unless it was our own fault."""
    fulfilment.cancel(order, Order.CancelReason.DECLINED, now=now)
    if order.period is None:
        return
    if refusal.why in OUR_FAULTS:
        logger.error("order %s could not be charged: %s", order.number, refusal.code)
    refused = memberships.refuse(
        order.period, Membership.Refusal[refusal.why.name], agreement=txn.agreement, now=now
    )
    if refused and refusal.why != Why.SHOP:
        for_good = refused.refusal in memberships.FOR_GOOD
        mails.write(Mail.Event.METHOD if for_good else Mail.Event.REFUSED, order, txn)


def report_unreturned(
    order: Order, refund: PaymentTransaction, refusal: Declined, *, now: datetime
) -> None:
    """
    A refund that no member of staff asked for was declined: we still hold money that is the
    buyer's, because it came too late or they canceled the order.
    """
    logger.error("refund %s was declined: %s", refund.pk, refusal.code)
    discrepancies.report(
        discrepancies.Difference(
            kind=Discrepancy.Kind.STATUS,
            gateway=refund.gateway,
            tid=refund.tid,
            aid=refund.public_id.hex,
            order_number=order.number,
            our_status=refund.status,
            our_amount=refund.amount,
            their_status=refusal.code,
            their_amount=None,
            detail="the provider declined to give back what is the buyer's: refund it by hand",
            transaction=refund,
        ),
        now=now,
    )


def enter(
    order: Order,
    txn: PaymentTransaction,
    transactions: list[PaymentTransaction],
    approved: Approved,
    *,
    now: datetime,
) -> None:
    """The money moved: so does the order, and its buyer gets mail."""
    named: dict[str, Any] = {"tid": approved.tid} if approved.tid else {}
    if approved.sid:
        named["agreement"] = agreements.keep(txn, approved, now=now)
    txn.move_to(
        Status.SUCCEEDED,
        **named,
        aid=approved.aid,
        approved_at=approved.approved_at or now,
        method=approved.paid.method,
        card_issuer=approved.paid.card_issuer,
        installment_months=approved.paid.installment_months,
        settled_at=now,
    )
    if txn.kind == Kind.REFUND:
        refunding.complete(order, txn.refund, transactions, now=now)
        mails.write(Mail.Event.REFUNDED, order, txn, refund=txn.refund)
        endings.follow(order, now=now)
        return
    is_wanted = fulfilment.follow_the_money(order, transactions, now=now)
    if txn.is_by_agreement:
        BillingAgreement.objects.filter(transactions=txn).update(used_at=now)
    if not txn.tid:
        report_unnamed(order, txn, now=now)
    if approved.sid:  # an order that came to nothing leaves its agreement to nobody
        memberships.release(named["agreement"])
    if not is_wanted:
        with translation.override(order.language):
            reason = _("This period of the membership was paid already, or is over.")
        give_all_back(order, transactions, reason=reason, now=now)
    elif order.status != Order.Status.CANCELED:
        mails.write(Mail.Event.PAID, order, txn)
    if order.is_recurring and txn.agreement is None:
        mails.write(Mail.Event.METHOD, order, txn)


def give_all_back(
    order: Order, transactions: list[PaymentTransaction], *, reason: str, now: datetime
) -> bool:
    """
    Money that came for nothing goes back by itself; not where the ``tid`` is not known. Then a
    person gives it back who finds that out, and False is returned.
    """
    try:
        refunds.open_by_shop(order, transactions, reason=reason, now=now)
    except refunding.NothingLeft:  # of a trial, or of what went back already
        return True
    except refunding.NotNamed:
        logger.error("order %s is to be refunded by hand: its tid is not known", order.number)
        return False
    return True


def report_unnamed(order: Order, txn: PaymentTransaction, *, now: datetime) -> None:
    """
    The agreement was charged, but the answer that named the payment was lost: it cannot be looked
    up nor refunded until a person enters its ``tid``.
    """
    logger.error("payment %s was taken, but its tid is not known", txn.pk)
    is_kept = order.status == Order.Status.PAID and joining.has_paid(order)
    then = "enter it" if is_kept else "enter it, and refund the order, which pays for nothing"
    discrepancies.report(
        discrepancies.Difference(
            kind=Discrepancy.Kind.NO_NAME,
            gateway=txn.gateway,
            tid="",
            aid=txn.public_id.hex,
            order_number=order.number,
            our_status=txn.status,
            our_amount=txn.amount,
            their_status="charged",
            their_amount=None,
            detail=f"the agreement was charged, but the answer with the tid was lost: {then}",
            transaction=txn,
        ),
        now=now,
    )


def enter_late(
    order: Order,
    txn: PaymentTransaction,
    transactions: list[PaymentTransaction],
    approved: Approved,
    *,
    now: datetime,
) -> None:
    """
    The money moved although we had concluded that it did not: staff are told.

    An ended order is taken up again if its goods are there; else the money goes back by itself. A
    second charge of a paid order is left to a person.
    """
    if any(each.aid == approved.aid for each in transactions if each.aid):
        return  # this very movement is entered already
    counted_as = txn.status
    live = {Status.PROCESSING, Status.SUCCEEDED}
    kind = Discrepancy.Kind.STATUS
    if txn.kind == Kind.REFUND:
        enter(order, txn, transactions, approved, now=now)
        done = "entered as refunded"
    elif any(each.kind == Kind.CHARGE and each.status in live for each in transactions):
        kind = Discrepancy.Kind.DUPLICATE
        if approved.sid:  # nobody needs it, and the shopper agreed to it
            memberships.release(agreements.keep(txn, approved, now=now))
        done = "the order has another payment: refund this one in the provider's site"
    else:
        has_ended = order.status == Order.Status.CANCELED and not fulfilment.revive(order, now=now)
        enter(order, txn, transactions, approved, now=now)
        done = "the order was taken up again"
        if has_ended:
            with translation.override(order.language):  # the buyer reads it
                reason = _("The payment arrived after the order had ended.")
            goes_back = give_all_back(order, transactions, reason=reason, now=now)
            done = "it is being refunded" if goes_back else "refund it once its tid is known"
            done = f"the order had ended: {done}"
    aid = "" if txn.kind == Kind.CHARGE else approved.aid
    logger.error("payment %s was taken although it counted as %s: %s", txn.pk, counted_as, done)
    discrepancies.report(
        discrepancies.Difference(
            kind=kind,
            gateway=txn.gateway,
            tid=txn.tid,
            aid=aid if txn.tid else txn.public_id.hex,
            order_number=order.number,
            our_status=counted_as,
            our_amount=txn.amount,
            their_status="paid" if txn.kind == Kind.CHARGE else "refunded",
            their_amount=approved.amount,
            detail=done,
            transaction=txn,
        ),
        now=now,
    )


def why(refusal: Declined) -> dict[str, str | bool]:
    """The columns that say why money did not move."""
    return {
        "reason_code": refusal.code[:60],
        "reason": refusal.message[:300],
        "buyer_message": refusal.buyer_message[:300],
        "is_our_fault": refusal.why in OUR_FAULTS,
    }
