"""Telling members that their membership has ended, however it came to that: once."""

from datetime import datetime

from accounts import memberships
from accounts.models import Membership
from checkout import mails
from checkout.models import Mail
from orders.models import Order

SAY_SO = [Mail.Event.ENDED, Mail.Event.UNPAID]


def follow(order: Order, *, now: datetime) -> None:
    """
    Something of the order went back ``now``: if its buyer's membership ended with that, they are
    told. In the transaction that settles the refund.
    """
    if order.plan_id is None:
        return
    membership = memberships.lock(order.user_id)
    if membership.ended_at == now:
        tell(membership)


def tell(membership: Membership) -> None:
    """Write the mail if there was none since the membership began; the membership is locked."""
    told = Mail.objects.filter(
        event__in=SAY_SO,
        order__period__membership=membership,
        order__period__starts_at__gte=membership.started_at,
    )
    if not told.exists():
        mails.about(Mail.Event.ENDED, membership)
