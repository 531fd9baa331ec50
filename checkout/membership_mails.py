"""What mail about memberships says, and whether that is still true when it is sent."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts import memberships
from accounts.models import Membership, MembershipPeriod
from checkout import standing
from checkout.models import Mail

Event = Mail.Event

EVENTS = {
    Event.REFUSED,
    Event.METHOD,
    Event.UNPAID,
    Event.ENDED,
    Event.STOPPED,
    Event.RESUMED,
    Event.PRICE,
    Event.TRIAL_ENDS,
}


def is_about(mail: Mail) -> bool:
    """Is it about a membership itself, rather than about an order?"""
    return mail.event in EVENTS


def is_overtaken(mail: Mail) -> bool:
    """The membership has gone on since: it was paid, stopped, resumed, ended or begun anew."""
    rows = Membership.objects.select_related("agreement")
    membership = rows.filter(user=mail.order.user_id).first()
    if membership is None:
        return True
    match mail.event:
        case Event.REFUSED:
            period = mail.order.period
            is_due = period is not None and period.status == MembershipPeriod.Status.DUE
            return not is_due or not membership.renews
        case Event.METHOD:
            return bool(membership.ended_at) or memberships.can_be_charged(membership)
        case Event.STOPPED:
            return membership.renews or bool(membership.ended_at)
        case Event.RESUMED | Event.TRIAL_ENDS | Event.PRICE:
            return not membership.renews
    return membership.ended_at is None


def is_withdrawn(mail: Mail) -> bool:
    """Does the price that was announced not come after all?"""
    return Membership.objects.filter(user=mail.order.user_id, new_price=None).exists()


def context_for(mail: Mail) -> dict[str, Any]:
    """The membership as it is now, what the mail says of it, and where to do something about it."""
    return {
        "standing": standing.of(mail.order.user_id, now=timezone.now()),
        "says": f"mail/says/{mail.event.lower()}.txt",
        "membership_url": settings.SITE_URL + reverse("checkout:membership"),
        "method_url": settings.SITE_URL + reverse("checkout:membership_method"),
        "premium_url": settings.SITE_URL + reverse("shop:premium"),
    }
