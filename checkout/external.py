"""
Refunds that were made at the provider, in its own site: money went back without our asking.

They are entered as refunds of ours, so that an order's status is what its money did.
"""

import logging
from datetime import datetime

from checkout import discrepancies, endings, mails, sending, settling
from checkout.calls import gateway_for
from checkout.gateways.base import Approved, Found, GatewayError, Movement
from checkout.models import Discrepancy, Mail
from orders import fulfilment, pricing, refunding
from orders.locking import locked
from orders.models import Order, PaymentTransaction, Refund

logger = logging.getLogger(__name__)

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status


def look(txn: PaymentTransaction, *, now: datetime) -> list[str]:
    """Ask about the payment of ``txn``, and enter the refunds that we do not hold."""
    charge = txn if txn.kind == Kind.CHARGE else sending.charge_of(txn)
    try:
        found = gateway_for(txn).lookup(sending.payment_of(charge))
    except GatewayError as error:
        logger.warning("payment %s could not be looked up: %s", charge.pk, error)
        return []
    return enter(charge, found, now=now) if isinstance(found, Found) else []


def enter(charge: PaymentTransaction, found: Found, *, now: datetime) -> list[str]:
    """
    Enter the refunds that the books have and we do not, if it is certain what each of them is.

    Waits while a refund of ours has an unknown outcome. Returns one sentence for each.
    """
    done = settle_given_up(charge, found, now=now)
    with locked(charge.order_id) as order:
        transactions = list(order.transactions.all())
        charge = next(each for each in transactions if each.pk == charge.pk)
        refunds = [t for t in transactions if t.kind == Kind.REFUND and t.tid == charge.tid]
        if any(refund.status == Status.PROCESSING for refund in refunds):
            return done
        new = sending.unknown_refunds(found, refunds)
        if not new or charge.status != Status.SUCCEEDED:
            return done
        returned = pricing.Part(found.returned.total, found.returned.tax_free, found.returned.vat)
        parts = divided(returned - fulfilment.moved(refunds, Kind.REFUND), new)
        if len(new) > 1 or not parts:
            report(order, charge, found, new, are_entered=bool(parts), now=now)
        return done + [
            book(order, charge, movement, part, now=now)
            for movement, part in zip(new, parts, strict=False)
        ]


def settle_given_up(charge: PaymentTransaction, found: Found, *, now: datetime) -> list[str]:
    """Refunds of ours that we had given up and the books know by their note, settled after all."""
    refunds = list(charge.order.transactions.filter(kind=Kind.REFUND, tid=charge.tid))
    given_up = {sending.note_of(t): t for t in refunds if t.status == Status.FAILED}
    done = []
    for movement in sending.unknown_refunds(found, refunds):
        refund = given_up.get(movement.note or "")
        if refund is None or movement.amount not in (None, refund.amount):
            continue
        settling.settle(refund, Approved(movement.aid, refund.amount, movement.at), now=now)
        done.append(f"a refund of {refund.amount} won that counted as failed was entered")
    return done


def divided(missing: pricing.Part, movements: list[Movement]) -> list[pricing.Part]:
    """
    How much of what is ``missing`` from our books each movement is; [] if that is not certain.

    The books tell the tax-free part and the VAT only of all together.
    """
    if len(movements) == 1 and movements[0].amount in (None, missing.total) and missing.total > 0:
        return [missing]
    amounts = [movement.amount or 0 for movement in movements]
    if not all(amounts) or sum(amounts) != missing.total:
        return []
    parts = []
    for amount in amounts:
        parts.append(pricing.share(missing, amount) if amount < missing.total else missing)
        missing -= parts[-1]
    return parts


def book(
    order: Order,
    charge: PaymentTransaction,
    movement: Movement,
    part: pricing.Part,
    *,
    now: datetime,
) -> str:
    refund = order.transactions.create(
        kind=Kind.REFUND,
        status=Status.SUCCEEDED,
        is_external=True,
        gateway=charge.gateway,
        tid=charge.tid,
        aid=movement.aid,
        amount=part.total,
        tax_free=part.tax_free,
        vat=part.vat,
        method=charge.method,
        approved_at=movement.at or now,
        settled_at=now,
    )
    decided = order.refunds.create(
        transaction=refund,
        kind=Refund.Kind.AMOUNT,
        status=Refund.Status.SUCCEEDED,  # beside one that perhaps waits for approval here
        amount=part.total,
        tax_free=part.tax_free,
        vat=part.vat,
        created_at=movement.at or now,
    )
    refunding.complete(order, decided, list(order.transactions.all()), now=now)
    mails.write(Mail.Event.REFUNDED, order, refund, refund=decided)
    endings.follow(order, now=now)
    return f"{part.total} won given back at the provider were entered as an external refund"


def report(
    order: Order,
    charge: PaymentTransaction,
    found: Found,
    new: list[Movement],
    *,
    are_entered: bool,
    now: datetime,
) -> None:
    """More than one new movement at once, or one that does not fit: a person must look."""
    done = "entered as external refunds" if are_entered else "not entered"
    for movement in new:
        discrepancies.report(
            discrepancies.Difference(
                kind=Discrepancy.Kind.MISSING_HERE,
                gateway=charge.gateway,
                tid=charge.tid,
                aid=movement.aid,
                order_number=order.number,
                our_status="",
                our_amount=None,
                their_status=found.status,
                their_amount=movement.amount,
                detail=f"one of {len(new)} refunds made at the provider at once: {done}",
                transaction=charge,
            ),
            now=now,
        )
