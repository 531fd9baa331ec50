"""How a membership stands: what its shopper has to know, on its page and in mail about it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db.models import Q
from django.utils import timezone

from accounts import memberships
from accounts.models import BillingAgreement, Membership, MembershipPeriod, Plan
from orders.models import PaymentTransaction
from orders.templatetags.periods import last_day

Status = PaymentTransaction.Status


class State(StrEnum):
    """What matters most about a membership; the first that applies, from the top (``state_of``)."""

    IN_DOUBT = "IN_DOUBT"  # the provider has not said yet whether a payment went through
    ENDED = "ENDED"
    ENDS = "ENDS"  # it does not renew, and is good until what is paid for is over
    FAILING = "FAILING"  # the period that is due could not be charged
    NO_METHOD = "NO_METHOD"  # it renews, but nobody can be charged for it
    POSTPONED = "POSTPONED"  # by a fault of the shop's the period was not charged yet
    TRIAL = "TRIAL"
    RENEWS = "RENEWS"


@dataclass(frozen=True, slots=True)
class Standing:
    """
    ``current`` is the period under way, or the last one in the grace period. The next period will
    be one of ``next_plan`` and cost ``next_price`` in won. ``unknown`` is the charge or refund
    about which the provider has not answered, ``refused`` the charge that failed last. It
    ``is_unpaid`` where nothing that is paid for is left; a period ``is_due`` perhaps even though a
    pass is good for longer.
    """

    state: State
    membership: Membership
    current: MembershipPeriod | None
    next_plan: Plan
    next_price: int
    unknown: PaymentTransaction | None
    refused: PaymentTransaction | None
    is_unpaid: bool
    is_due: bool

    @property
    def can_resume(self) -> bool:
        return self.state == State.ENDS and self.membership.plan.renews and self.has_method

    @property
    def can_register(self) -> bool:
        """May its shopper say anew how they are charged?"""
        is_good = self.state not in {State.IN_DOUBT, State.ENDED}
        return is_good and self.membership.plan.renews

    @property
    def can_change_plan(self) -> bool:
        is_good = self.state not in {State.IN_DOUBT, State.ENDED}
        return is_good and self.membership.renews and not self.is_due

    @property
    def owes(self) -> bool:
        """Is something to be paid now?"""
        return self.is_unpaid or self.is_due

    @property
    def has_method(self) -> bool:
        return memberships.can_be_charged(self.membership)

    @property
    def charged_on(self) -> date | None:
        """The day, in Korea, of the next charge; None if nobody will charge it."""
        charge_at = self.membership.charge_at
        return timezone.localtime(charge_at).date() if charge_at else None

    @property
    def last_day(self) -> date:
        """The last day, in Korea, on which its shopper is a member or was, as things stand."""
        ended_at = self.membership.ended_at or self.membership.lasts_until
        return last_day(min(ended_at, self.membership.lasts_until))

    @property
    def was_ended_at_provider(self) -> bool:
        """Did its shopper end the agreement to be charged there?"""
        agreement = self.membership.agreement
        return agreement is not None and agreement.ended_by == BillingAgreement.By.PAYER

    @property
    def method(self) -> str:
        """How it is charged, in words; empty if nobody can be."""
        agreement = self.membership.agreement
        if agreement is None or not self.has_method:
            return ""
        names = dict(PaymentTransaction.Method.choices)
        parts = (str(names.get(agreement.method, "")), agreement.card_issuer)
        return " · ".join(filter(None, parts))


def of(user_id: int, *, now: datetime) -> Standing | None:
    """None for somebody who never had a membership."""
    rows = Membership.objects.select_related("plan", "next_plan", "agreement")
    membership = rows.filter(user=user_id).first()
    if membership is None:
        return None
    due, current = periods_now(membership, now=now)
    unknown = unknown_of(user_id)
    state = state_of(
        membership,
        is_in_doubt=unknown is not None and unknown.kind == PaymentTransaction.Kind.CHARGE,
        is_trial=current is not None and current.is_trial,
        now=now,
    )
    return Standing(
        state=state,
        membership=membership,
        current=current,
        next_plan=due.plan if due else membership.next_plan or membership.plan,
        next_price=due.price if due else memberships.next_price(membership),
        unknown=unknown,
        refused=last_refused(membership) if state == State.FAILING else None,
        is_unpaid=membership.paid_until <= now,
        is_due=due is not None,
    )


def state_of(membership: Membership, *, is_in_doubt: bool, is_trial: bool, now: datetime) -> State:
    """
    :param is_in_doubt: the outcome of a charge for it is not known yet.
    :param is_trial: so is the period under way.
    """
    if is_in_doubt:
        return State.IN_DOUBT
    if not membership.is_good(now):
        return State.ENDED
    if not membership.renews:
        return State.ENDS
    if membership.is_failing:
        return State.FAILING
    if not memberships.can_be_charged(membership):
        return State.NO_METHOD
    if memberships.is_postponed(membership, now=now):
        return State.POSTPONED
    return State.TRIAL if is_trial else State.RENEWS


def periods_now(
    membership: Membership, *, now: datetime
) -> tuple[MembershipPeriod | None, MembershipPeriod | None]:
    """The period that is due, and the last paid one that has begun."""
    due, paid = MembershipPeriod.Status.DUE, MembershipPeriod.Status.PAID
    rows = membership.periods.select_related("plan").filter(status__in=[due, paid])
    latest = list(rows.exclude(status=paid, starts_at__gt=now)[:2])
    found_due = next((each for each in latest if each.status == due), None)
    return found_due, next((each for each in latest if each.status == paid), None)


def unknown_of(user_id: int) -> PaymentTransaction | None:
    """The charge for a membership, or the refund of one, whose outcome is not known yet."""
    rows = PaymentTransaction.objects.filter(order__user=user_id, order__plan__isnull=False)
    return rows.filter(status=Status.PROCESSING).select_related("order").order_by("kind").first()


def last_refused(membership: Membership) -> PaymentTransaction | None:
    rows = PaymentTransaction.objects.filter(
        order__period__membership=membership, kind=PaymentTransaction.Kind.CHARGE
    )
    refused = Q(status=Status.FAILED) | Q(status=Status.CANCELED) & ~Q(reason="")  # by the provider
    return rows.filter(refused).order_by("-pk").first()
