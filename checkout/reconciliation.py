"""
Ending what we did not hear the end of: ask the provider, then settle as always.

Only an explicit word from the provider proves that a charge failed, or the closed payment window
once no bank can still be at work. A refund has no window: it failed if the provider refuses it once
more, long after it was first sent, and its books do not have it.
"""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from checkout import charging, discrepancies, external, sending, settling
from checkout.calls import gateway_for
from checkout.gateways.base import Approved, Declined, Found, Gateway, GatewayError, State, Why
from checkout.models import Discrepancy
from orders import overdue
from orders.locking import locked
from orders.models import PaymentTransaction
from orders.overdue import CLOCKS_DIFFER

logger = logging.getLogger(__name__)

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status

#: How long until a transaction is asked about again: twice as long each time.
FIRST_INTERVAL = timedelta(seconds=20)
LONGEST_INTERVAL = timedelta(hours=1)
#: A person is told of a charge by an agreement about which the provider says nothing for so long.
UNTOLD_AFTER = timedelta(hours=3)


def unsettled(older_than: datetime) -> QuerySet[PaymentTransaction]:
    """What was sent before ``older_than``, and never answered."""
    return PaymentTransaction.objects.filter(status=Status.PROCESSING, sent_at__lte=older_than)


def due(older_than: datetime, *, now: datetime) -> QuerySet[PaymentTransaction]:
    """
    Of these, and of what a clock that was ahead has sent, those whose turn it is: each is asked
    about less and less often.
    """
    sent = PaymentTransaction.objects.filter(
        overdue.sent_before(older_than, now=now), status=Status.PROCESSING
    )
    ahead = Q(ask_at__gt=now + LONGEST_INTERVAL + CLOCKS_DIFFER)
    return sent.filter(Q(ask_at=None) | Q(ask_at__lte=now) | ahead)


def settle_stale(
    rows: QuerySet[PaymentTransaction], *, now: datetime, seconds: float | None = None
) -> Iterator[PaymentTransaction]:
    """
    Ask the provider about each of these transactions once.

    Yields each as it is afterwards: SUCCEEDED, FAILED, or PROCESSING if it is still not known.
    Several may run at once, on several machines: each row is asked about by one of them.

    :param seconds: begin with no more after this long; the next run goes on.
    """
    stop = time.monotonic() + seconds if seconds is not None else float("inf")
    while time.monotonic() < stop:
        claimed = claim(rows, asked_before=now, limit=1, now=now)
        if not claimed:
            return
        try:
            yield ask(claimed[0], now=now)
        except Exception:  # one row that cannot be settled must not keep the others waiting
            logger.exception("payment %s could not be settled", claimed[0].pk)


def claim(
    rows: QuerySet[PaymentTransaction], *, asked_before: datetime, limit: int, now: datetime
) -> list[PaymentTransaction]:
    """
    Take up to ``limit`` of the rows that were not asked about since ``asked_before``.

    Nobody else gets them: they count as asked about from now on. Whoever dies before asking leaves
    them to be asked about again at ``ask_at``.
    """
    with transaction.atomic(durable=True):
        waiting = rows.filter(Q(asked_at=None) | Q(asked_at__lt=asked_before))
        waiting = waiting.order_by(F("asked_at").asc(nulls_first=True), "pk")
        waiting = waiting.select_related("order__user", "agreement")
        claimed = list(
            waiting.select_for_update(of=("self",), no_key=True, skip_locked=True)[:limit]
        )
        for txn in claimed:
            txn.asked_at = now
            if txn.status == Status.PROCESSING:  # an audit also claims what is settled
                txn.ask_at = now + interval(txn.asks)
                txn.asks += 1
        PaymentTransaction.objects.bulk_update(claimed, ["asked_at", "ask_at", "asks"])
    return claimed


def interval(asks: int) -> timedelta:
    """How long to wait after having asked so often before."""
    return min(FIRST_INTERVAL * float(2 ** min(asks, 10)), LONGEST_INTERVAL)


def ask(txn: PaymentTransaction, *, now: datetime) -> PaymentTransaction:
    """Look one PROCESSING transaction up and settle what the provider's books prove."""
    if txn.is_by_agreement:
        return ask_agreement(txn, now=now)
    gateway = gateway_for(txn)
    charge = txn if txn.kind == Kind.CHARGE else sending.charge_of(txn)
    try:
        found = gateway.lookup(sending.payment_of(charge))
        if txn.kind == Kind.CHARGE:
            outcome = outcome_of_charge(gateway, txn, found, now=now)
        else:
            outcome = outcome_of_refund(gateway, txn, charge, found, now=now)
    except sending.Ambiguous as error:
        report(txn, found, str(error), now=now)
        return txn
    except GatewayError as error:
        logger.warning("payment %s is still not known: %s", txn.pk, error)
        return txn
    if outcome is None:
        return txn
    txn = settling.settle(txn, outcome, now=now)
    if txn.kind == Kind.REFUND and txn.status == Status.FAILED:
        external.look(txn, now=now)  # perhaps because somebody refunds at the provider
    elif isinstance(found, Found):
        external.enter(charge, found, now=now)
    return txn


def ask_agreement(txn: PaymentTransaction, *, now: datetime) -> PaymentTransaction:
    """
    A charge without its buyer is proven by its agreement: it was charged since, or it was not and
    no bank can still be at work.
    """
    gateway = gateway_for(txn)
    try:
        outcome: Approved | Declined | None = charging.charged_since(gateway, txn)
    except GatewayError as error:
        logger.warning("payment %s is still not known: %s", txn.pk, error)
        if txn.sent_at and txn.sent_at + UNTOLD_AFTER <= now:
            report_untold(txn, str(error), now=now)
        return txn
    if outcome is None and is_at_work(gateway, txn.sent_at, now):
        return txn
    never = Declined("not_charged", "the agreement was not charged since", why=Why.SHOP)
    return settling.settle(txn, outcome or never, now=now)


def outcome_of_charge(
    gateway: Gateway, txn: PaymentTransaction, found: Found | Declined, *, now: datetime
) -> Approved | Declined | None:
    """What the books prove, or what came of asking for the money once more; None is nothing yet."""
    if is_waiting(found) and not window_closed(gateway, txn, now):
        return send_again(gateway, txn, now=now)
    if is_waiting(found) and is_at_work(gateway, txn.sent_at, now):
        return None
    return proof(found, txn, now=now)


def outcome_of_refund(
    gateway: Gateway,
    txn: PaymentTransaction,
    charge: PaymentTransaction,
    found: Found | Declined,
    *,
    now: datetime,
) -> Approved | Declined | None:
    """The movement in the books that is this refund, or what came of asking for it once more."""
    if not isinstance(found, Found) or not sending.charge_in(found, charge):
        report(txn, found, "the payment to be refunded is not in the provider's books", now=now)
        return None
    return sending.refund_in(found, txn) or send_again(gateway, txn, now=now)


def send_again(
    gateway: Gateway, txn: PaymentTransaction, *, now: datetime
) -> Approved | Declined | None:
    """
    Ask once more. Safe, because one ``tid`` can be paid only once, and because the provider refuses
    a refund that starts from another refundable amount than its own.

    A refusal of the second request says nothing of the first: only the books tell.
    """
    with locked(txn.order_id) as order:
        unsettled = order.transactions.filter(pk=txn.pk, status=Status.PROCESSING)
        if not unsettled.update(sent_at=now):
            return None  # settled while we looked
    if txn.kind == Kind.REFUND:
        answer = sending.send(gateway, txn)
        if isinstance(answer, Declined) and is_at_work(gateway, txn.created_at, now):
            return None  # perhaps because the first request is still being carried out
        return answer
    payment = sending.payment_of(txn)
    answer = gateway.approve(payment, txn.pg_token)
    if isinstance(answer, Approved):
        return answer
    found = gateway.lookup(payment)
    if is_waiting(found):
        return None
    proven = proof(found, txn, now=now)
    return answer if isinstance(proven, Declined) else proven


def proof(
    found: Found | Declined, txn: PaymentTransaction, *, now: datetime
) -> Approved | Declined | None:
    """What the books prove, once the payment window cannot change them; None is nothing yet."""
    if approved := sending.charge_in(found, txn):
        return approved
    if isinstance(found, Found) and found.approved is None:
        return Declined(found.status, "the provider's books say that it was not paid")
    report(txn, found, "the provider's books cannot be right about this payment", now=now)
    return None


def is_waiting(found: Found | Declined) -> bool:
    return isinstance(found, Found) and found.state == State.WAITING


def window_closed(gateway: Gateway, txn: PaymentTransaction, now: datetime) -> bool:
    """Too late to ask for the money again."""
    window = gateway.payment_window + CLOCKS_DIFFER
    return txn.ready_at is not None and txn.ready_at + window <= now


def is_at_work(gateway: Gateway, sent_at: datetime | None, now: datetime) -> bool:
    """May a bank still carry out what was sent then?"""
    return sent_at is not None and sent_at + gateway.may_take > now


def put_right(charge: PaymentTransaction, found: Found, *, now: datetime) -> list[str]:
    """
    Enter what the books have of a charge and we do not, as far as it is certain.

    A charge that was paid after all is settled, which tells staff of it; refunds made at the
    provider are entered. Returns one sentence for each refund.
    """
    if charge.status in {Status.FAILED, Status.CANCELED} and (
        approved := sending.charge_in(found, charge)
    ):
        charge = settling.settle(charge, approved, now=now)
    return external.enter(charge, found, now=now)


def report_untold(txn: PaymentTransaction, why: str, *, now: datetime) -> None:
    """The provider does not say how the agreement stands: only a person can find out elsewhere."""
    logger.error("payment %s needs a person: %s", txn.pk, why)
    discrepancies.report(
        discrepancies.Difference(
            kind=Discrepancy.Kind.STATUS,
            gateway=txn.gateway,
            tid=txn.tid,
            aid=txn.public_id.hex,
            order_number=txn.order.number,
            our_status=txn.status,
            our_amount=txn.amount,
            detail=f"the provider does not tell whether the agreement was charged: {why}",
            transaction=txn,
        ),
        now=now,
    )


def report(txn: PaymentTransaction, found: Found | Declined, detail: str, *, now: datetime) -> None:
    """
    A person must look: recovery alone will not end this one. That the provider refuses to tell is
    no difference, only a reason to ask again.
    """
    if isinstance(found, Declined) and not found.is_not_known:
        logger.warning("payment %s is still not known: %s", txn.pk, found.code)
        return
    logger.error("payment %s needs a person: %s", txn.pk, detail)
    if isinstance(found, Found):
        kind, their_status = Discrepancy.Kind.STATUS, found.status
    else:
        kind, their_status = Discrepancy.Kind.MISSING_THERE, found.code
    discrepancies.report(
        discrepancies.Difference(
            kind=kind,
            gateway=txn.gateway,
            tid=txn.tid,
            aid="",
            order_number=txn.order.number,
            our_status=txn.status,
            our_amount=txn.amount,
            their_status=their_status,
            their_amount=found.paid.total if isinstance(found, Found) else None,
            detail=detail,
            transaction=txn,
        ),
        now=now,
    )
