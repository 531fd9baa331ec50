"""
What members do about their membership: stop it, go on with it, choose another plan, and say how
they are charged.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import memberships
from accounts.models import Membership, MembershipPeriod, Plan, User
from checkout import endings, mails, payments, refunds
from checkout.models import Mail
from checkout.returning import TO_THE_SHOP, Back
from orders import joining, placing, refunding, renewing
from orders.locking import locked
from orders.models import Order, PaymentTransaction, Refund

PAID = MembershipPeriod.Status.PAID


class InDoubt(Exception):
    """Whether the last period was paid is not known yet: nothing is changed until it is."""


@dataclass(frozen=True, slots=True)
class Share:
    """Of a period of ``days`` days that ``order`` paid, ``left`` have not begun."""

    period: MembershipPeriod
    order: Order
    days: int
    left: int


def stop(user: User, *, now: datetime) -> Membership:
    """
    The membership ends with what is paid for.

    :raises memberships.CannotChange: nothing is changed.
    """
    with transaction.atomic(durable=True):
        membership = memberships.cancel(user.pk, now=now)
        no_longer_due(membership, now=now)
        mails.about(Mail.Event.STOPPED, membership)
    renewing.stop_waiting(user.pk, now=now)
    return membership


def no_longer_due(membership: Membership, *, now: datetime) -> None:
    """
    It was stopped and goes on all the same, by a pass: nobody is charged for what was due before
    that. What is in doubt stays due until it is known. The membership is locked.
    """
    if membership.paid_until > now and not is_in_doubt(membership):
        memberships.give_up_due(membership)


def resume(user: User, *, now: datetime) -> Membership:
    """
    The membership renews after all.

    :raises memberships.CannotChange: nothing is changed.
    """
    with transaction.atomic(durable=True):
        membership = memberships.resume(user.pk, now=now)
        mails.about(Mail.Event.RESUMED, membership)
    return membership


def change_plan(user: User, plan: Plan, *, now: datetime) -> Membership:
    """
    From the next period on it is another plan.

    :raises memberships.CannotChange: nothing is changed.
    """
    with transaction.atomic(durable=True):
        return memberships.change_plan(user.pk, plan, now=now)


def shares_left(membership: Membership, *, now: datetime) -> list[Share]:
    """The paid periods that are not over, the last first. The day that has begun counts as used."""
    today = timezone.localtime(now).date()
    orders = {
        order.period_id: order
        for order in Order.objects.filter(period__membership=membership).exclude(
            status=Order.Status.CANCELED
        )
    }
    found = []
    for period in membership.periods.filter(status=PAID, ends_at__gt=now):
        first, end = (timezone.localtime(at).date() for at in (period.starts_at, period.ends_at))
        days = (end - first).days
        left = min(days, max(0, (end - today).days - 1))
        found.append(Share(period, orders[period.pk], days, left))
    return found


def stop_at_once(user: User, *, now: datetime) -> list[Refund]:
    """
    The membership is over now; what is left of it goes back, by days.

    :returns: the refunds. Where one is not SUCCEEDED yet, its period goes on until it is.
    :raises memberships.NotAMember, InDoubt: nothing is changed.
    :raises refunds.AlreadyOpen, refunding.NotNamed: it does not renew any more, but goes on.
    """
    with transaction.atomic(durable=True):
        membership = memberships.good(user.pk, now=now)
        if is_in_doubt(membership):
            raise InDoubt
        did_renew = membership.renews
        if did_renew:
            memberships.stop(membership, now=now)
            membership.save()
            no_longer_due(membership, now=now)
    renewing.stop_waiting(user.pk, now=now)
    done = []
    try:
        for share in shares_left(membership, now=now):
            refund = give_back(share, by=user, now=now)
            done += [refund] if refund else []
    finally:
        end_if_unpaid(membership, now=now)
        if did_renew:
            tell_if_it_goes_on(membership)
    return done


def give_back(share: Share, *, by: User, now: datetime) -> Refund | None:
    """
    What is left of one period; where that is nothing, the period is over all the same. None, too,
    if it went back meanwhile.
    """
    with locked(share.order.pk) as order:
        if not MembershipPeriod.objects.filter(pk=share.period.pk, status=PAID).exists():
            return None
        scope = refunding.by_term(joining.plan_line(order), days=share.days, left=share.left)
        reason = _("The membership was stopped at once.")
        try:
            refund = refunds.open_for_member(order, scope, by=by, reason=reason, now=now)
        except refunding.NothingLeft:
            memberships.cut_short(share.period, now=now)
            return None
    return payments.send_refund(refund, now=now)


def end_if_unpaid(membership: Membership, *, now: datetime) -> None:
    """One whose last period could not be charged has nothing left that is paid for."""
    with transaction.atomic(durable=True):
        membership = memberships.lock(membership.user_id)
        if membership.ended_at is None and membership.paid_until <= now:
            memberships.end(membership, now=now)
            membership.save()
        if membership.ended_at:
            endings.tell(membership)
    if membership.ended_at:
        renewing.stop_waiting(membership.user_id, now=now, has_ended=True)


def tell_if_it_goes_on(membership: Membership) -> None:
    """One that was to end at once goes on until its money went back: it does not renew."""
    with transaction.atomic(durable=True):
        membership = memberships.lock(membership.user_id)
        if membership.ended_at is None and not membership.renews:
            mails.about(Mail.Event.STOPPED, membership)


def is_in_doubt(membership: Membership) -> bool:
    return Membership.objects.filter(renewing.in_doubt(), pk=membership.pk).exists()


def register(user: User, *, now: datetime, back: Back = TO_THE_SHOP) -> PaymentTransaction:
    """
    Let a member say anew how they are charged; what is due is paid with it.

    :param back: where the member goes from the provider's page.
    :returns: a charge with ``redirect_urls``, as ``payments.start`` does.
    :raises memberships.NotAMember: they may buy a membership.
    :raises memberships.NotRenewing: what they have was bought once.
    :raises placing.PaymentInProgress: what came of the last attempt is not known yet.
    :raises payments.ProviderUnavailable: nothing was charged; try again.
    """
    with transaction.atomic(durable=True):
        membership = memberships.good(user.pk, now=now)
        if not membership.plan.renews:
            raise memberships.NotRenewing
        period = memberships.owed_period(membership, now=now)
    renewing.make_way(user.pk, period, now=now)
    try:
        with transaction.atomic(durable=True):
            membership = memberships.good(user.pk, now=now)
            order = renewing.place_registration(membership, period, now=now)
            charge = payments.open_charge(order, back=back)
    except IntegrityError as error:  # the shop took the period up at this very moment
        if period and (other := renewing.live_order_of(period)):
            raise placing.PaymentInProgress(other) from error
        raise
    return payments.announce(charge, now=now)
