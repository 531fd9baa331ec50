"""
Orders for memberships that no cart made: the shop's own, for a period that is due, and the
shopper's, who registers how to be charged.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import translation

from accounts.memberships import NO_TERMS
from accounts.models import Membership, MembershipPeriod
from orders import fulfilment, placing
from orders.locking import locked
from orders.models import Order, PaymentTransaction
from orders.placing import Contact
from orders.quoting import quote_of
from shop.models import CartLine, Product

Kind = Order.Kind

#: So long an order for a renewal may wait to be charged; then another is placed.
MAY_WAIT = timedelta(days=1)


def place(membership: Membership, period: MembershipPeriod, *, now: datetime) -> Order:
    """The order for a period that is due; the caller has locked the membership."""
    deadline_at = now + MAY_WAIT
    return create(membership, period, now=now, kind=Kind.RENEWAL, deadline_at=deadline_at)


def place_registration(
    membership: Membership, period: MembershipPeriod | None, *, now: datetime
) -> Order:
    """
    The order by which a shopper says how they will be charged; the caller has locked the
    membership. It pays the ``period`` that is due, or else comes to 0 won.
    """
    return create(membership, period, now=now, kind=Kind.METHOD)


def create(
    membership: Membership, period: MembershipPeriod | None, *, now: datetime, **more: Any
) -> Order:
    plan = period.plan if period else membership.plan
    line = CartLine(product=Product.objects.select_related("plan").get(plan=plan), quantity=1)
    line.agreed_price = period.price if period else 0
    with translation.override(membership.language):
        return placing.create(
            membership.user,
            None,
            contact_for(membership),
            [line],
            quote_of([line], terms=NO_TERMS),
            None,
            now,
            period=period,
            **more,
        )


def contact_for(membership: Membership) -> Contact:
    """Whom the membership's last order was for, at the address that the account has now."""
    last = Order.objects.filter(user=membership.user_id, plan__isnull=False).latest("placed_at")
    return Contact(last.name, str(last.phone), membership.user.email)


def live_order_of(period: MembershipPeriod) -> Order | None:
    """The order that is to pay the period, or has; the database lets there be one."""
    return Order.objects.filter(period=period).exclude(status=Order.Status.CANCELED).first()


def in_doubt(**which: Any) -> Exists:
    """
    For rows of ``Membership``: is it not known whether a payment or refund for it moved money?

    :param which: only such transactions, as for ``filter``.
    """
    unknown = PaymentTransaction.objects.filter(status=PaymentTransaction.Status.PROCESSING)
    return Exists(unknown.filter(order__period__membership=OuterRef("pk"), **which))


def stop_waiting(user_id: int, *, now: datetime, has_ended: bool = False) -> None:
    """
    Their membership was stopped: what the shop has placed for it and not charged yet is canceled;
    if it ``has_ended``, what they began to pay for it themselves, too. Call it once that is
    committed; it locks the orders.
    """
    kinds = [Kind.RENEWAL, Kind.METHOD] if has_ended else [Kind.RENEWAL]
    waiting = Order.objects.filter(user=user_id, status=Order.Status.PENDING, kind__in=kinds)
    for pk in waiting.values_list("pk", flat=True):  # a few: the database has one for each period
        with locked(pk) as order:
            fulfilment.cancel(order, Order.CancelReason.STOPPED, now=now)


def make_way(user_id: int, period: MembershipPeriod | None, *, now: datetime) -> None:
    """
    A shopper says anew how they are charged: what they began before in the same way, and what is to
    pay the ``period``, is canceled.

    :raises placing.PaymentInProgress: the outcome of one is not known, or the period was just paid.
    """
    begun = Order.objects.filter(user=user_id, status=Order.Status.PENDING, kind=Kind.METHOD)
    others = Order.objects.filter(period=period).exclude(status=Order.Status.CANCELED)
    older = begun | others if period else begun
    for pk in older.values_list("pk", flat=True):
        with locked(pk) as order:
            if order.status == Order.Status.CANCELED:  # meanwhile
                continue
            if not fulfilment.cancel(order, Order.CancelReason.SUPERSEDED, now=now):
                raise placing.PaymentInProgress(order)
