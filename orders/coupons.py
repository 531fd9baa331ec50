"""
Coupons: what one takes off a cart, or why it does not. The uses are counted in ``redemptions``.

    CouponRefused, of which ``why`` is one of ``Why`` and the message a sentence for the shopper
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orders import pricing
from orders.lines import item_of
from orders.models import CouponRedemption, Order
from shop.models import CartLine, Coupon, CouponGrant
from shop.templatetags.money import won

GOODS = ("categories", "products")
NEVER = datetime.max.replace(tzinfo=UTC)
ForProduct: Any = Coupon.products.through
ForCategory: Any = Coupon.categories.through


class Why(StrEnum):
    """Why a coupon takes nothing off. The values are stable: clients may rely on them."""

    UNKNOWN = "unknown"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    USED_UP = "used_up"
    USED_BY_YOU = "used_by_you"
    OTHER_GOODS = "other_goods"
    MINIMUM = "minimum"
    TOO_OFTEN = "too_often"


class CouponRefused(Exception):
    """The coupon takes nothing off this cart; the message is a sentence for the shopper."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Applied:
    """A coupon that may be redeemed, what it takes off, and which of the person's uses it is."""

    coupon: Coupon
    reduction: pricing.Reduction
    nth: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the shopper's own coupons: ``discount`` won off this cart, or why not."""

    coupon: Coupon
    discount: int
    refusal: CouponRefused | None = None
    is_best: bool = False

    @property
    def key(self) -> str:
        return key_of(self.coupon)


def key_of(coupon: Coupon) -> str:
    """What a form sends to choose the coupon: its code, or, as no code can be, ``#`` and its id."""
    return coupon.code or f"#{coupon.pk}"


def apply(
    key: str,
    lines: Sequence[CartLine],
    *,
    user_id: int,
    pending: Order | None,
    now: datetime,
    lock: bool = False,
) -> Applied | None:
    """
    The coupon that somebody chose for their cart; None if they chose none.

    :param key: a code as it was typed, or the ``key_of`` a coupon.
    :param pending: the cart's order that waits; what it holds is this shopper's to use again.
    :param lock: lock the coupon, and the one that the pending order holds, in the order of ids:
        locked one after the other, two shoppers could wait for each other.
    :raises CouponRefused: it takes nothing off.
    """
    key = unicodedata.normalize("NFKC", key).strip().upper()
    if not key:
        return None
    found = known_to(user_id, pending)
    wanted = Q(pk=key[1:]) if is_id(key) else Q(code=key)
    if lock:
        held = CouponRedemption.objects.filter(order=pending, given_back_at=None)
        found = found.filter(wanted | Q(pk__in=held.values("coupon"))).order_by("pk")
        found = found.select_for_update(of=("self",), no_key=True)
    else:
        found = found.filter(wanted)
    coupon = next((each for each in found if key in {each.code, f"#{each.pk}"}), None)
    if coupon is None or not (coupon.is_granted or coupon.code == key):
        raise refused(Why.UNKNOWN)
    return Applied(coupon, reduction_of(coupon, lines, now=now), next_use(coupon))


def choices(
    lines: Sequence[CartLine], *, user_id: int, pending: Order | None, now: datetime
) -> list[Choice]:
    """The shopper's own coupons that have not ended: what saves most first, then what cannot."""
    mine = known_to(user_id, pending).filter(
        Q(valid_until=None) | Q(valid_until__gt=now), is_active=True, is_granted=True
    )
    found = [choice_of(coupon, lines, now=now) for coupon in mine]
    found = [each for each in found if not is_over(each)]
    found.sort(key=lambda each: (-each.discount, each.coupon.pk))
    if found and found[0].discount:
        found[0] = replace(found[0], is_best=True)
    return found


def own(user_id: int, *, now: datetime) -> list[tuple[Coupon, CouponRefused | None]]:
    """
    The coupons that the shopper was given, and why one cannot be redeemed: first those that can,
    of these first what ends first.
    """
    granted = known_to(user_id, None).filter(is_granted=True)
    found = [(coupon, refusal_of(coupon, now=now)) for coupon in granted.prefetch_related(*GOODS)]
    return sorted(found, key=lambda each: (each[1] is not None, each[0].valid_until or NEVER))


def refusal_of(coupon: Any, *, now: datetime) -> CouponRefused | None:
    try:
        check(coupon, now=now)
    except CouponRefused as refusal:
        return refusal
    return None


def choice_of(coupon: Any, lines: Sequence[CartLine], *, now: datetime) -> Choice:
    try:
        reduction = reduction_of(coupon, lines, now=now)
    except CouponRefused as refusal:
        return Choice(coupon, 0, refusal)
    items = [item_of(line) for line in lines]
    return Choice(coupon, reduction.of(reduction.base(items)))


def is_over(choice: Choice) -> bool:
    """Nothing that the shopper puts into the cart will let them use it again."""
    return choice.refusal is not None and choice.refusal.why in {Why.USED_BY_YOU, Why.USED_UP}


def reduction_of(coupon: Any, lines: Sequence[CartLine], *, now: datetime) -> pricing.Reduction:
    """
    What the coupon takes off; ``coupon`` comes from ``known_to``.

    :raises CouponRefused: nothing.
    """
    check(coupon, now=now)
    reduction = pricing.Reduction(
        won=coupon.value if coupon.kind == Coupon.Kind.FIXED else 0,
        percent=coupon.value if coupon.kind == Coupon.Kind.PERCENT else 0,
        cap=coupon.cap,
        product_ids=covered(coupon, lines),
    )
    base = reduction.base(item_of(line) for line in lines)
    if base and base < coupon.minimum:
        raise refused(Why.MINIMUM, minimum=coupon.minimum, short=coupon.minimum - base)
    if reduction.of(base) == 0:  # no use is spent on nothing
        raise refused(Why.OTHER_GOODS)
    return reduction


def check(coupon: Any, *, now: datetime) -> None:
    """:raises CouponRefused: this person cannot redeem it now, whatever is in the cart."""
    if not coupon.is_active or (coupon.valid_until and coupon.valid_until <= now):
        raise refused(Why.EXPIRED, until=coupon.last_moment)
    if coupon.valid_from > now:
        raise refused(Why.NOT_YET, since=coupon.valid_from)
    if coupon.limit is not None and coupon.redeemed - coupon.is_held >= coupon.limit:
        raise refused(Why.USED_UP)
    if coupon.per_person is not None and len(coupon.uses) >= coupon.per_person:
        raise refused(Why.USED_BY_YOU)


def covered(coupon: Any, lines: Sequence[CartLine]) -> frozenset[int] | None:
    """Which of the cart's products the coupon is for; None if it is for everything."""
    if coupon.is_for_all:
        return None
    return frozenset(
        line.product_id
        for line in lines
        if line.product_id in coupon.product_ids or line.product.category_id in coupon.category_ids
    )


def known_to(user_id: int, pending: Order | None) -> "QuerySet[Any]":
    """
    Coupons, in one query, with what decides whether this person may redeem one: ``is_granted`` to
    them, ``uses`` they have made, whether ``is_held`` by their pending order, and what it is for.
    """
    live = CouponRedemption.objects.filter(coupon=OuterRef("pk"), given_back_at=None)
    mine = live.filter(user=user_id).exclude(order=pending)
    products = ForProduct.objects.filter(coupon=OuterRef("pk"))
    categories = ForCategory.objects.filter(coupon=OuterRef("pk"))
    return Coupon.objects.annotate(
        is_granted=Exists(CouponGrant.objects.filter(coupon=OuterRef("pk"), user=user_id)),
        uses=ArraySubquery(mine.values("nth")),
        is_held=Exists(live.filter(order=pending)),
        product_ids=ArraySubquery(products.values("product")),
        category_ids=ArraySubquery(categories.values("category")),
    )


def next_use(coupon: Any) -> int:
    """The lowest number that none of this person's uses has."""
    return next(nth for nth in count(1) if nth not in coupon.uses)


def is_id(key: str) -> bool:
    return key.startswith("#") and key[1:].isascii() and key[1:].isdecimal() and len(key) < 19


def refused(why: Why, **about: Any) -> CouponRefused:
    return CouponRefused(why, sentence(why, **about))


def sentence(
    why: Why,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    minimum: int = 0,
    short: int = 0,
    seconds: int = 0,
) -> str:
    """What the shopper reads, and what they can do."""
    match why:
        case Why.UNKNOWN:
            return _("There is no such coupon. Please check the code.")
        case Why.NOT_YET:
            return _("This coupon is valid from %(day)s.") % {"day": day(since)}
        case Why.EXPIRED if until:
            return _("This coupon could be used until %(day)s.") % {"day": day(until)}
        case Why.EXPIRED:
            return _("This coupon is no longer valid.")
        case Why.USED_UP:
            return _("This coupon is used up: others were quicker.")
        case Why.USED_BY_YOU:
            return _("You have used this coupon already.")
        case Why.OTHER_GOODS:
            return _("This coupon is not for the goods in your cart.")
        case Why.MINIMUM:
            return _(
                "This coupon needs %(minimum)s of the goods it is for: %(short)s are missing."
            ) % {"minimum": won(minimum), "short": won(short)}
        case Why.TOO_OFTEN:
            minutes = math.ceil(seconds / 60)
            return ngettext(
                "Too many codes that do not exist were tried. Try again in %(minutes)d minute.",
                "Too many codes that do not exist were tried. Try again in %(minutes)d minutes.",
                minutes,
            ) % {"minutes": minutes}


def day(moment: datetime | None) -> str:
    return formats.date_format(timezone.localtime(moment), "DATE_FORMAT")
