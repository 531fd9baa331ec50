"""What an order has done to points and coupon."""

from django.utils import timezone

from accounts import points
from orders import redemptions


def usable(user):
    return points.usable(user.pk, now=timezone.now())


def state(order, coupon):
    """Points to be used, uses of the coupon, and whether the order's own use counts."""
    coupon.refresh_from_db()
    return usable(order.user), coupon.redeemed, redemptions.held_by(order) is not None
