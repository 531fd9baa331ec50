"""
What an order does to its buyer's membership: once it is paid, and once that went back.

The caller holds the order's lock; the membership's comes after it.
"""

from datetime import datetime

from accounts import memberships
from accounts.models import BillingAgreement, MembershipPeriod
from orders.models import Order, OrderLine, PaymentTransaction

Kind = Order.Kind


def follow(order: Order, transactions: list[PaymentTransaction], *, now: datetime) -> bool:
    """
    Let the buyer's membership follow an order that was just paid.

    :returns: False if what it pays for is over: the period was paid by another order, or was given
        up. Then its money belongs to the buyer.
    """
    if order.period_id is not None:
        period = MembershipPeriod.objects.select_related("membership").get(pk=order.period_id)
        made = agreement_of(transactions) if order.kind == Kind.METHOD else None
        if memberships.pay(period, agreement=made, asked_at=order.placed_at, now=now):
            return True
        memberships.register(order.user_id, made, asked_at=order.placed_at)
        return False
    if order.plan is None:
        return True
    agreement = agreement_of(transactions)
    if order.kind == Kind.METHOD:
        memberships.register(order.user_id, agreement, asked_at=order.placed_at)
        return True
    line = plan_line(order)
    order.period = memberships.join(
        order.user_id,
        order.plan,
        price=line.unit_price if line.list_price is None else line.list_price,
        is_trial=line.unit_price == 0,
        agreement=agreement,
        language=order.language,
        now=now,
    )
    order.save(update_fields=["period"])
    return True


def agreement_of(transactions: list[PaymentTransaction]) -> BillingAgreement | None:
    """The agreement that the order's payment made, or was charged by."""
    charges = (t for t in transactions if t.kind == PaymentTransaction.Kind.CHARGE)
    paid = (t for t in charges if t.status == PaymentTransaction.Status.SUCCEEDED)
    return next((charge.agreement for charge in paid), None)


def plan_line(order: Order) -> OrderLine:
    """The order's line that is its membership."""
    return order.lines.get(product__plan=order.plan_id)


def give_back(order: Order, *, now: datetime) -> None:
    """What its membership cost went back: the period that it paid is over."""
    if order.period is not None and order.period.status == MembershipPeriod.Status.PAID:
        memberships.cut_short(order.period, now=now)


def has_paid(order: Order) -> bool:
    """Is the period that the order was to pay one that is paid?"""
    if order.period_id is None:
        return True
    period = MembershipPeriod.objects.get(pk=order.period_id)
    return period.status == MembershipPeriod.Status.PAID


def is_wanted(order: Order) -> bool:
    """Is what the order is to pay for still to be paid, and by nobody else?"""
    if order.period_id is None:
        return True
    period = MembershipPeriod.objects.get(pk=order.period_id)
    others = Order.objects.filter(period=period).exclude(status=Order.Status.CANCELED)
    is_due = period.status == MembershipPeriod.Status.DUE
    return is_due and not others.exclude(pk=order.pk).exists()
