"""
What members are told before it happens: another price, and the end of a free trial.

Each is told once, however many workers look: the membership is locked while its mail is written,
and what says that it was told is written with it.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from accounts import memberships
from accounts.models import Membership, MembershipPeriod
from checkout import mails
from checkout.models import Mail
from orders.models import Order

logger = logging.getLogger(__name__)

#: So many are told in one transaction.
BATCH = 100


def announce_prices(*, now: datetime) -> Iterator[Membership]:
    """
    Tell members whose plan has another price than they were told last; yields each.

    The price counts from the first period that begins MEMBERSHIP_NOTICE_DAYS from now or later. One
    that is back at what they pay is withdrawn, and they are told that, too.
    """
    return in_batches(to_tell_the_price(), announce_price, now=now)


def remind_of_trials(*, now: datetime) -> Iterator[Membership]:
    """Tell those whose free trial ends within MEMBERSHIP_REMIND_DAYS; yields each."""
    return in_batches(to_remind(now=now), remind, now=now)


def to_tell_the_price() -> QuerySet[Membership]:
    """Members who go on with their plan, at a price they do not know yet."""
    going_on = Membership.objects.filter(renews=True, next_plan=None)
    return going_on.exclude(plan__price=Coalesce(F("new_price"), F("price")))


def announce_price(membership: Membership, *, now: datetime) -> None:
    price = membership.plan.price
    if price == membership.price:
        membership.new_price = membership.new_price_from = None
        membership.save(update_fields=["new_price", "new_price_from"])
    else:
        memberships.announce_price(membership, price, now=now)
    mails.about(Mail.Event.PRICE, membership)


def to_remind(*, now: datetime) -> QuerySet[Membership]:
    """Members who will be charged for the first time soon, and were not told."""
    trial = MembershipPeriod.objects.filter(
        membership=OuterRef("pk"), is_trial=True, ends_at=OuterRef("paid_until")
    )
    told = Mail.objects.filter(order__user=OuterRef("user"), event=Mail.Event.TRIAL_ENDS)
    soon = now + timedelta(days=settings.MEMBERSHIP_REMIND_DAYS)
    charged = Membership.objects.filter(charge_at__gt=now, charge_at__lte=soon, failing_since=None)
    return charged.filter(Exists(trial), ~Exists(told))


def remind(membership: Membership, *, now: datetime) -> None:
    """The mail goes with the trial's own order: the database has it once."""
    trials = Order.objects.filter(period__membership=membership, period__is_trial=True)
    mails.write(Mail.Event.TRIAL_ENDS, trials.latest("placed_at"))


def in_batches(
    rows: QuerySet[Membership], tell: Callable[..., None], *, now: datetime
) -> Iterator[Membership]:
    """Tell each of the rows, which then is none of them any more; yields each once it is told."""
    rows = rows.select_related("user", "plan").order_by("pk")
    last = 0
    while True:
        with transaction.atomic(durable=True):
            free = rows.select_for_update(of=("self",), no_key=True, skip_locked=True)
            batch = list(free.filter(pk__gt=last)[:BATCH])
            told = [each for each in batch if was_told(each, tell, now=now)]
        if not batch:
            return
        yield from told
        last = batch[-1].pk


def was_told(membership: Membership, tell: Callable[..., None], *, now: datetime) -> bool:
    """One that cannot be told must not keep the others from it."""
    try:
        with transaction.atomic():
            tell(membership, now=now)
    except Exception:
        logger.exception("membership %s could not be told", membership.pk)
        return False
    return True
