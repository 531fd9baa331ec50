"""
Ending somebody's membership at once, because staff have decided so.

What is left of it goes back by days, as it does for a shopper who stops by themselves; but it is a
refund by staff, with their limits. A refund that waits for approval lets its period go on until
somebody approves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import prefetch_related_objects

from accounts import memberships
from accounts.models import Membership, User
from checkout import limits, mails, members, payments, refunds
from checkout.members import Share
from checkout.models import Mail
from orders import refunding, renewing
from orders.locking import locked
from orders.models import Order, OrderLine, Refund

Status = Refund.Status


class NotAsSeen(Exception):
    """What would go back is not what was seen and decided."""


@dataclass(frozen=True, slots=True)
class Ending:
    """
    A period that ends, and the ``plan`` by which the rest of it goes back: None if nothing does.
    ``waits``: only once somebody else has approved it.
    """

    share: Share
    scope: refunding.Scope
    plan: refunding.Plan | None
    waits: bool

    @property
    def figures(self) -> str:
        return f"{self.share.period.pk}:{self.plan.figures if self.plan else ''}"


def look(membership: Membership, *, by: User, now: datetime) -> list[Ending]:
    """
    What would go back if ``by`` ended the membership now, the last period first.

    :raises members.InDoubt: whether its last period was paid is not known.
    :raises limits.MayNot: ``by`` may not give so much back.
    :raises refunds.AlreadyOpen, refunding.NotNamed: something of it cannot go back yet.
    """
    if members.is_in_doubt(membership):
        raise members.InDoubt
    shares = members.shares_left(membership, now=now)
    orders = [share.order for share in shares]
    prefetch_related_objects(orders, "lines__product", "transactions", "refunds")
    return [ending(share, by=by) for share in shares]


def ending(share: Share, *, by: User) -> Ending:
    """:raises limits.MayNot, refunds.AlreadyOpen, refunding.NotNamed: see ``look``."""
    order = share.order
    lines, transactions = list(order.lines.all()), list(order.transactions.all())
    scope = refunding.by_term(line_in(order, lines), days=share.days, left=share.left)
    before = list(order.refunds.all())
    for refund in before:
        if refund.status in {Status.WAITING, Status.PROCESSING}:
            raise refunds.AlreadyOpen(refund)
    try:
        plan = refunding.plan(order, lines, transactions, scope)
    except refunding.NothingLeft:
        limits.needs_approval(by, order, 0)
        return Ending(share, scope, None, waits=False)
    if plan.money.total and any(txn.is_unnamed for txn in transactions):
        raise refunding.NotNamed
    worth = sum(each.amount + each.points for each in before if each.status == Status.SUCCEEDED)
    return Ending(share, scope, plan, limits.needs_approval(by, order, worth + plan.worth))


def line_in(order: Order, lines: Sequence[OrderLine]) -> OrderLine:
    """The line that is the membership."""
    return next(line for line in lines if line.product.plan_id == order.plan_id)


def figures(endings: Sequence[Ending]) -> str:
    """Tells whether somebody has seen just this."""
    return " ".join(each.figures for each in endings)


def stop_at_once(user: User, *, by: User, reason: str, seen: str, now: datetime) -> list[Refund]:
    """
    The membership is over now, and what is left of it goes back.

    :param seen: the ``figures`` of what was shown.
    :returns: the refunds. Where one is not SUCCEEDED yet, its period goes on until it is.
    :raises memberships.NotAMember, members.InDoubt, NotAsSeen: nothing is changed.
    :raises limits.MayNot, refunds.AlreadyOpen, refunding.NotNamed: nothing is changed; or, as with
        the following, something went back meanwhile.
    :raises refunds.NotAsSeen, refunding.NothingLeft: it does not renew any more, but goes on.
    """
    with transaction.atomic(durable=True):
        membership = memberships.good(user.pk, now=now)
        endings = look(membership, by=by, now=now)
        if seen != figures(endings):
            raise NotAsSeen
        did_renew = membership.renews
        if did_renew:
            memberships.stop(membership, now=now)
            membership.save()
            members.no_longer_due(membership, now=now)
    renewing.stop_waiting(user.pk, now=now)
    try:
        made = [end(each, by=by, reason=reason, now=now) for each in endings]
    finally:
        members.end_if_unpaid(membership, now=now)
        if did_renew:
            tell(membership)
    return [refund for refund in made if refund]


def end(ending: Ending, *, by: User, reason: str, now: datetime) -> Refund | None:
    """:raises refunds.NotAsSeen, refunds.AlreadyOpen: nothing is changed."""
    order = ending.share.order
    if ending.plan is None:
        with locked(order.pk):
            memberships.cut_short(ending.share.period, now=now)
        return None
    seen = ending.plan.figures
    return payments.refund(order, ending.scope, reason=reason, by=by, seen=seen, now=now)


def tell(membership: Membership) -> None:
    """One that goes on until its refund is approved does not renew, and its shopper knows."""
    with transaction.atomic(durable=True):
        membership = memberships.lock(membership.user_id)
        if membership.ended_at is None:
            mails.about(Mail.Event.STOPPED, membership)
