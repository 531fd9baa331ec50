"""Giving a coupon to people, who then see it at checkout."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Lower

from accounts.models import User
from shop.models import Coupon, CouponGrant


@dataclass(frozen=True, slots=True)
class Granted:
    """E-mail addresses as they were given: who got the coupon, who had it, who is nobody here."""

    new: list[str]
    already: list[str]
    unknown: list[str]


def grant(coupon: Coupon, addresses: Iterable[str], *, now: datetime) -> Granted:
    """
    Give the coupon to the accounts of these e-mail addresses, in whatever case they are written.

    Nobody gets it twice, so the same list may be given again.
    """
    wanted: dict[str, str] = {}
    for address in addresses:
        wanted.setdefault(address.lower(), address)
    with transaction.atomic(durable=True):
        Coupon.objects.select_for_update(no_key=True).get(pk=coupon.pk)  # one list after the other
        people = User.objects.annotate(address=Lower("email")).filter(address__in=list(wanted))
        found = dict(people.values_list("address", "pk"))
        grants = CouponGrant.objects.filter(coupon=coupon, user__in=found.values())
        had = set(grants.values_list("user_id", flat=True))
        CouponGrant.objects.bulk_create(
            CouponGrant(coupon=coupon, user_id=pk, granted_at=now)
            for pk in found.values()
            if pk not in had
        )
    return Granted(
        new=[typed for key, typed in wanted.items() if key in found and found[key] not in had],
        already=[typed for key, typed in wanted.items() if key in found and found[key] in had],
        unknown=[typed for key, typed in wanted.items() if key not in found],
    )
