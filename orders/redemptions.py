"""
The uses of a coupon: held when an order is placed, used when it is paid, and given back when it is
canceled or wholly refunded.

The caller holds the lock of the order, and has locked its products; the coupon's comes after.
"""

from datetime import datetime

from django.db import IntegrityError
from django.db.models import F, Q

from orders import coupons
from orders.models import CouponRedemption, Order
from shop.models import Coupon


def redeem(order: Order, applied: coupons.Applied) -> None:
    """
    Count a use of the coupon for the order. Its coupon is locked by ``coupons.apply``.

    :raises coupons.CouponRefused: others were quicker; the transaction must be rolled back.
    """
    count_use(applied.coupon.pk)
    try:
        CouponRedemption.objects.create(
            order=order, coupon=applied.coupon, user_id=order.user_id, nth=applied.nth
        )
    except IntegrityError as error:  # a late payment took this use while we waited for the lock
        raise coupons.refused(coupons.Why.USED_BY_YOU) from error


def redeem_again(order: Order) -> None:
    """
    Take the use again that a canceled order gave back.

    :raises coupons.CouponRefused: there is none any more; the transaction must be rolled back.
    """
    redemption = CouponRedemption.objects.get(order=order)
    coupon = Coupon.objects.select_for_update(no_key=True).filter(pk=redemption.coupon_id)
    coupon.values_list("pk").get()  # and only then are the uses read: others may have waited, too
    held = coupons.known_to(order.user_id, order).get(pk=redemption.coupon_id)
    if held.per_person is not None and len(held.uses) >= held.per_person:
        raise coupons.refused(coupons.Why.USED_BY_YOU)
    count_use(held.pk)
    redemption.nth, redemption.given_back_at = coupons.next_use(held), None
    redemption.save(update_fields=["nth", "given_back_at"])


def held_by(order: Order) -> int | None:
    """The coupon, by its id, that the order holds or has used."""
    held = CouponRedemption.objects.filter(order=order, given_back_at=None)
    return held.values_list("coupon", flat=True).first() if order.coupon_name else None


def give_back(order: Order, *, now: datetime) -> None:
    """The order does not use its coupon after all. Doing it again changes nothing."""
    coupon_id = held_by(order)
    if coupon_id is not None:
        CouponRedemption.objects.filter(order=order).update(given_back_at=now)
        Coupon.objects.filter(pk=coupon_id).update(redeemed=F("redeemed") - 1)


def count_use(coupon_id: int) -> None:
    """:raises coupons.CouponRefused: every use that there is has been taken."""
    has_one = Q(limit=None) | Q(redeemed__lt=F("limit"))
    if not Coupon.objects.filter(has_one, pk=coupon_id).update(redeemed=F("redeemed") + 1):
        raise coupons.refused(coupons.Why.USED_UP)
