"""What charging the memberships that are due would come to; nothing is changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts import memberships
from accounts.models import Membership, MembershipPeriod
from checkout import renewals
from checkout.management.watching import Watching, dumped
from orders.models import Order, PaymentTransaction

CREATED = PaymentTransaction.Status.CREATED


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a membership's next period would be charged, in won; 0 if it waits for its order."""

    membership: Membership
    won: int


def foresee(*, now: datetime) -> Iterator[Foreseen]:
    """Each membership that is due and does not end before."""
    begun = MembershipPeriod.objects.filter(
        membership=OuterRef("pk"), status=MembershipPeriod.Status.DUE
    )
    rows = to_charge(now=now).select_related("plan", "next_plan")
    rows = rows.annotate(due_price=Subquery(begun.values("price")[:1]), waits=Exists(in_hand()))
    for membership in rows.order_by("charge_at", "pk").iterator(chunk_size=500):
        price = membership.due_price or memberships.next_price(membership)
        yield Foreseen(membership, 0 if membership.waits else price)


def to_charge(*, now: datetime) -> QuerySet[Membership]:
    ending = renewals.run_out(now=now).filter(pk=OuterRef("pk"))
    return renewals.due(now=now).filter(~Exists(ending))


def in_hand() -> QuerySet[Order]:
    """An order for the period that is due which is not the shop's to charge any more."""
    live = Order.objects.filter(
        period__membership=OuterRef("pk"), period__status=MembershipPeriod.Status.DUE
    ).exclude(status=Order.Status.CANCELED)
    untried = PaymentTransaction.objects.filter(order=OuterRef("pk"), status=CREATED)
    return live.filter(~Q(kind=Order.Kind.RENEWAL) | ~Exists(untried))


def tell(watch: Watching, *, now: datetime, as_json: bool) -> None:
    """A line for each, and how many won in all; or one JSON document with the sums."""
    sums = {"due": 0, "waiting": 0, "won": 0, "ending": renewals.run_out(now=now).count()}
    for each in foresee(now=now):
        sums["due" if each.won else "waiting"] += 1
        sums["won"] += each.won
        if not as_json:
            watch.say(line_of(each), watch.stdout)
    watch.stdout.write(dumped({"dry_run": True} | sums) if as_json else told(sums))


def line_of(foreseen: Foreseen) -> str:
    since = f"{timezone.localtime(foreseen.membership.paid_until):%Y-%m-%d}"
    name = f"{foreseen.membership.pk} {foreseen.membership.next_plan or foreseen.membership.plan}"
    if not foreseen.won:
        return f"{name} from {since}: its last payment is still open"
    return f"{name} from {since}: {foreseen.won:,} won"


def told(sums: dict[str, Any]) -> str:
    return (
        f"{sums['due']:,} memberships would be charged {sums['won']:,} won, "
        f"{sums['waiting']:,} wait for a payment, {sums['ending']:,} would end"
    )
