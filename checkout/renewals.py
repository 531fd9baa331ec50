"""
Renewing memberships: an order for each period that is due, charged by its agreement; and what
follows when it cannot be.

The provider has no scheduler, so this is it. It may run on several machines at once and be killed
at any moment: a period has one order, an order one charge, and both are in the database before the
provider is called.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import memberships
from accounts.models import BillingAgreement, Membership
from checkout import agreements, charging, mails, members, payments, settling
from checkout.crew import Crew
from checkout.gateways.base import Agreement, Declined, GatewayError, Why
from checkout.models import Mail
from orders import renewing
from orders.models import Order, PaymentTransaction

logger = logging.getLogger(__name__)

Status = PaymentTransaction.Status

#: Longer than a charge can take. Whoever takes a membership up and is killed leaves it that long.
LEASE = timedelta(minutes=10)
#: Where the outcome is not known, or the provider does not answer, it is looked at again after it.
LATER = timedelta(hours=1)
#: Calls to renew one membership: how its agreement stands, and the charge. What did not go well is
#: looked up in the provider's books with one more.
CALLS_TO_RENEW = 2
#: A membership that is to be charged lasts so long, though the provider cannot be asked.
OUR_GRACE = timedelta(days=1, hours=1)


class Said(StrEnum):
    """What came of renewing one membership."""

    RENEWED = "renewed"
    REFUSED = "refused"
    FAULT = "fault"  # by the shop's connection, its settings or its books
    UNKNOWN = "unknown"
    POSTPONED = "postponed"  # the provider cannot be asked, or its shopper is paying just now
    NOTHING = "nothing"  # it was not due any more


@dataclass(frozen=True, slots=True)
class Renewal:
    """What came of renewing one membership; without ``transaction`` there was nothing to charge."""

    membership_pk: int
    said: Said
    transaction: PaymentTransaction | None = None
    why: str = ""


def due(*, now: datetime) -> QuerySet[Membership]:
    """
    The memberships whose next period is to be charged now. One that has run out is not: nobody is
    charged for days on which they were told that it is over.
    """
    return Membership.objects.filter(charge_at__lte=now, lasts_until__gt=now)


def charge_due(
    *,
    crew: Crew,
    seconds: float | None = None,
    clock: Callable[[], datetime] = timezone.now,
) -> Iterator[Renewal]:
    """
    Renew every membership that is due by now; yields what came of each.

    Several may run at once, on several machines: each membership is renewed by one of them, and the
    others say nothing of it. One that raises what nobody expected is logged and postponed.

    :param crew: whose ``rate`` counts calls to the provider.
    :param seconds: begin with no more after this long; the next run goes on.
    """
    end = time.monotonic() + seconds if seconds is not None else float("inf")

    def still_due(pks: list[int]) -> list[int]:
        rows = due(now=clock()).filter(pk__in=pks)
        return list(rows.order_by("pk").values_list("pk", flat=True))

    def renew_in_turn(pk: int) -> Renewal:
        crew.wait(CALLS_TO_RENEW)
        renewal = renew_or_postpone(pk, now=clock())
        if renewal.said in {Said.REFUSED, Said.FAULT, Said.UNKNOWN}:
            crew.wait()
        return renewal

    for renewal in crew.work(due(now=clock()), take=still_due, do=renew_in_turn):
        if renewal.said != Said.NOTHING:
            yield renewal
        if time.monotonic() > end:
            crew.stop.set()


def renew_or_postpone(membership_pk: int, *, now: datetime) -> Renewal:
    """One membership that cannot be renewed must not keep the others from it, nor be tried on."""
    try:
        return renew(membership_pk, now=now)
    except Exception as error:
        logger.exception("membership %s could not be renewed", membership_pk)
        taken_up = Membership.objects.filter(pk=membership_pk, charge_at__lte=now + LATER)
        taken_up.update(charge_at=now + LATER)  # not if it was paid or stopped before that
        why = f"{type(error).__name__}: {error}"
        return Renewal(membership_pk, Said.POSTPONED, why=why)


def renew(membership_pk: int, *, now: datetime) -> Renewal:
    """Place the order for the period that is due, if it still is, and charge it."""
    order = take_up(membership_pk, now=now)
    if order is None:
        return Renewal(membership_pk, Said.NOTHING)
    try:
        txn = payments.charge(order, now=now)
    except (GatewayError, charging.Busy) as error:
        logger.warning("order %s could not be charged yet: %s", order.number, error)
        why = str(error) or "its agreement was charged just now"
        return Renewal(membership_pk, Said.POSTPONED, why=why)
    match txn.status:
        case Status.SUCCEEDED:
            return Renewal(membership_pk, Said.RENEWED, txn)
        case Status.PROCESSING:
            why = "the answer was lost; recovery will ask"
            return Renewal(membership_pk, Said.UNKNOWN, txn, why)
        case Status.CREATED:
            return Renewal(membership_pk, Said.POSTPONED, txn, "it is not wanted just now")
        case Status.CANCELED if not txn.reason:  # somebody else had ended its order by then
            return Renewal(membership_pk, Said.NOTHING)
    said = Said.FAULT if txn.is_our_fault else Said.REFUSED
    return Renewal(membership_pk, said, txn, txn.reason_code)


def take_up(membership_pk: int, *, now: datetime) -> Order | None:
    """
    The order to be charged for the membership's next period, placed if there is none.

    None if it is not due any more, somebody else has just taken it up, its last charge is still in
    doubt, or its shopper is paying for it. Nobody else gets it for the time of the ``LEASE``.
    """
    with transaction.atomic(durable=True):
        rows = due(now=now).select_related("user", "plan", "next_plan", "agreement")
        rows = rows.select_for_update(of=("self",), no_key=True, skip_locked=True)
        membership = rows.filter(pk=membership_pk).first()
        if membership is None:
            return None
        period = memberships.due_period(membership)
        order = renewing.live_order_of(period)
        if order is None:
            order = renewing.place(membership, period, now=now)
            payments.open_charge(order, agreement=membership.agreement)
        elif not is_to_charge(order):
            order = None
        membership.charge_at = now + (LEASE if order else LATER)
        if order:
            membership.lasts_until = max(membership.lasts_until, now + OUR_GRACE)
        membership.save(update_fields=["charge_at", "lasts_until"])
    return order


def is_to_charge(order: Order) -> bool:
    """Is it the shop's to charge, and was that not tried yet?"""
    is_ours = order.kind == Order.Kind.RENEWAL and order.status == Order.Status.PENDING
    return is_ours and order.transactions.filter(status=Status.CREATED).exists()


def end_overdue(*, now: datetime) -> Iterator[Membership]:
    """
    End the memberships that have run out; yields each. One whose last charge is in doubt waits for
    that.
    """
    overdue = run_out(now=now).values_list("pk", "user_id")
    for pk, user_id in overdue.iterator(chunk_size=500):
        try:
            ended = end_one(pk, user_id, now=now)
        except Exception:  # one that cannot be ended must not keep the others going
            logger.exception("membership %s could not be ended", pk)
            continue
        if ended:
            yield ended


def run_out(*, now: datetime) -> QuerySet[Membership]:
    """The memberships that have run out, were not ended yet, and owe nothing that is in doubt."""
    return memberships.overdue(now=now).filter(~renewing.in_doubt())


def end_one(membership_pk: int, user_id: int, *, now: datetime) -> Membership | None:
    """The membership, if it was ended by this call."""
    with transaction.atomic(durable=True):
        membership = memberships.lock(user_id)
        if not run_out(now=now).filter(pk=membership_pk).exists():
            return None
        had_failed = membership.renews
        memberships.end(membership, now=now)
        membership.save()
        mails.about(Mail.Event.UNPAID if had_failed else Mail.Event.ENDED, membership)
    renewing.stop_waiting(user_id, now=now, has_ended=True)
    return membership


def end_agreements(
    *, now: datetime, crew: Crew | None = None, seconds: float | None = None
) -> Iterator[BillingAgreement]:
    """
    End at the provider what nothing needs any more; yields each that has ended. Where its last
    charge counts as failed, the provider is asked once more whether it was taken.

    :param crew: whose ``rate`` counts, and who can be told to stop.
    :param seconds: begin with no more after this long.
    """
    crew = crew or Crew()
    for agreement in in_turn(agreements.to_end(), crew, seconds, now=now):
        with kept_apart(agreement):
            if end_agreement(agreement, now=now, crew=crew):
                yield agreement


def end_agreement(agreement: BillingAgreement, *, now: datetime, crew: Crew | None = None) -> bool:
    """
    End one that nothing needs any more; what its last charge came to is asked first, if that counts
    as failed: nobody can ask afterwards.

    :returns: whether it has ended; if not, it is tried again.
    """
    if charging.last_failed(agreement):
        if ask(agreement, now=now) is None:
            return False
        if crew:
            crew.wait()
    return agreements.end(agreement, now=now)


def check_agreements(
    *, now: datetime, crew: Crew | None = None, seconds: float | None = None
) -> Iterator[BillingAgreement]:
    """
    Ask the provider about agreements nobody has asked about for long; yields each that its shopper
    has ended there: then the membership ends with what is paid, or goes on for its grace period if
    that is over, and they are told.

    The parameters are those of ``end_agreements``.
    """
    for agreement in in_turn(agreements.to_check(now=now), crew, seconds, now=now):
        with kept_apart(agreement):
            found = ask(agreement, now=now)
            if found and is_over(found) and note_ended(agreement, now=now):
                yield agreement


def ask(agreement: BillingAgreement, *, now: datetime) -> Agreement | Declined | None:
    """
    What the provider's books say of an agreement, as ``asked``; None if they do not say.
    """
    try:
        found = asked(agreement, now=now)
    except GatewayError as error:
        logger.warning("agreement %s was not told of: %s", agreement.pk, error)
        return None
    if isinstance(found, Declined):
        logger.error("agreement %s was not told of: %s", agreement.pk, found.code)
        return found if found.why in agreements.GONE else None
    return found


def asked(agreement: BillingAgreement, *, now: datetime) -> Agreement | Declined:
    """
    What the provider's books say of an agreement. Its last charge is settled, if it counts as
    failed and they have it.

    :raises GatewayError: they do not say.
    """
    found = agreements.ask(agreement, now=now)
    if isinstance(found, Agreement) and (missed := charging.missed_in(found, agreement)):
        settling.settle(missed.charge, missed.approved, now=now)
    return found


@contextmanager
def kept_apart(agreement: BillingAgreement) -> Iterator[None]:
    """One about which something unexpected happens must not keep the others from their turn."""
    try:
        yield
    except Exception:
        logger.exception("agreement %s could not be checked or ended", agreement.pk)


def in_turn(
    rows: QuerySet[BillingAgreement], crew: Crew | None, seconds: float | None, *, now: datetime
) -> Iterator[BillingAgreement]:
    """The rows one after the other, at the crew's rate, until the time is over."""
    crew = crew or Crew()
    end = time.monotonic() + seconds if seconds is not None else float("inf")
    for agreement in rows.iterator(chunk_size=100):
        if crew.stop.is_set() or time.monotonic() > end:
            return
        crew.wait()
        BillingAgreement.objects.filter(pk=agreement.pk).update(tried_at=now)
        yield agreement


def is_over(found: Agreement | Declined) -> bool:
    if isinstance(found, Declined):
        return found.why == Why.ENDED
    return not found.is_active


def note_ended(agreement: BillingAgreement, *, now: datetime) -> bool:
    """
    The shopper ended the agreement at the provider: their membership does not renew. If it is not
    paid any more, it lasts for the grace period, as after a charge that told the same.
    """
    with transaction.atomic(durable=True):
        user_ids = agreement.memberships.order_by("user").values_list("user_id", flat=True)
        locked = [memberships.lock(user_id) for user_id in user_ids]
        agreement.refresh_from_db(fields=["status"])
        was_needed = agreement.status == BillingAgreement.Status.ACTIVE
        by = BillingAgreement.By.PAYER if was_needed else BillingAgreement.By.SHOP
        if not memberships.ended(agreement, by=by, now=now):
            return False
        for membership in locked:
            if membership.renews and membership.agreement_id == agreement.pk:
                if membership.paid_until > now:
                    memberships.stop(membership, now=now)
                    members.no_longer_due(membership, now=now)
                else:
                    membership.charge_at, membership.refusal = None, Membership.Refusal.ENDED
                    membership.failing_since = membership.failing_since or now
                membership.save()
                mails.about(Mail.Event.METHOD, membership)
        return True
