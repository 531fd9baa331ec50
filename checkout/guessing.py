"""
What a cart comes to, for somebody who may be trying out codes of coupons.

Each code that does not exist counts, and after so many (``RATE_LIMITS["coupon"]``) none is looked
up any more for a while, so that its answer tells nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from api.limits import COUPON, TooOften
from orders import coupons, quoting
from orders.coupons import CouponRefused, Why
from orders.quoting import Basket, Wish
from shop.models import Cart


@dataclass
class Guessing(CouponRefused):
    """Codes were tried too often; the next may be tried in so many seconds."""

    seconds: int

    def __post_init__(self) -> None:
        super().__init__(Why.TOO_OFTEN, coupons.sentence(Why.TOO_OFTEN, seconds=self.seconds))


def look(cart: Cart | None, wish: Wish, *, user_id: int, now: datetime) -> Basket:
    """As ``quoting.look``; where codes were tried too often, no coupon is applied."""
    if not wish.coupon.strip() or coupons.is_id(wish.coupon.strip()):
        return quoting.look(cart, wish, user_id=user_id, now=now)
    try:
        COUPON.spend(user_id, now=now)
    except TooOften as error:
        basket = quoting.look(cart, replace(wish, coupon=""), user_id=user_id, now=now)
        return replace(basket, refusal=Guessing(error.seconds))
    basket = quoting.look(cart, wish, user_id=user_id, now=now)
    if basket.refusal is None or basket.refusal.why != Why.UNKNOWN:
        COUPON.give_back(user_id)
    return basket


def wait_of(basket: Basket) -> int | None:
    """In how many seconds a code may be tried again; None if one may be now."""
    return basket.refusal.seconds if isinstance(basket.refusal, Guessing) else None
