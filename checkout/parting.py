"""What a member gets back who stops at once: worked out beforehand, as it will be done."""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Membership
from checkout import members, refunds
from orders import joining, refunding


@dataclass(frozen=True, slots=True)
class Rest:
    """What goes back of one period; without ``plan`` nothing does."""

    share: members.Share
    plan: refunding.Plan | None


@dataclass(frozen=True, slots=True)
class Parting:
    """``money`` in won, ``points`` that paid, and earned points that the shop ``takes_back``."""

    rests: list[Rest]

    @property
    def money(self) -> int:
        return sum(rest.plan.money.total for rest in self.rests if rest.plan)

    @property
    def points(self) -> int:
        return sum(rest.plan.points for rest in self.rests if rest.plan)

    @property
    def takes_back(self) -> int:
        return sum(rest.plan.takes_back for rest in self.rests if rest.plan)

    @property
    def figures(self) -> str:
        """Tells whether somebody has seen this very refund."""
        each = (
            f"{rest.share.period.pk}:{rest.plan.figures if rest.plan else 0}" for rest in self.rests
        )
        return " ".join(each)


def parting_of(membership: Membership, *, now: datetime) -> Parting:
    """
    What ``members.stop_at_once`` would give back at this time.

    :raises members.InDoubt, refunds.AlreadyOpen, refunding.NotNamed: it cannot be told yet.
    """
    if members.is_in_doubt(membership):
        raise members.InDoubt
    shares = members.shares_left(membership, now=now)
    return Parting([Rest(share, plan_of(share)) for share in shares])


def plan_of(share: members.Share) -> refunding.Plan | None:
    transactions = list(share.order.transactions.all())
    scope = refunding.by_term(joining.plan_line(share.order), days=share.days, left=share.left)
    try:
        plan = refunds.plan_of(share.order, transactions, scope)
    except refunding.NothingLeft:
        return None
    if plan.money.total and any(txn.is_unnamed for txn in transactions):
        raise refunding.NotNamed
    return plan
