"""What a coupon is, in words, for shoppers and for staff."""

from django.utils.translation import gettext as _

from shop.models import Coupon
from shop.templatetags.money import won

NAMED = 3


def gift_of(coupon: Coupon) -> str:
    """What it takes off, and from which amount on."""
    if coupon.kind == Coupon.Kind.FIXED:
        gift = won(coupon.value)
    elif coupon.cap is None:
        gift = f"{coupon.value}%"
    else:
        gift = _("%(percent)d%%, at most %(cap)s") % {
            "percent": coupon.value,
            "cap": won(coupon.cap),
        }
    if not coupon.minimum:
        return gift
    return _("%(gift)s, from %(minimum)s") % {"gift": gift, "minimum": won(coupon.minimum)}


def goods_of(coupon: Coupon) -> str:
    """What it is for, the first few by name."""
    if coupon.is_for_all:
        return _("everything")
    goods = [str(each) for each in (*coupon.categories.all(), *coupon.products.all())]
    named = ", ".join(goods[:NAMED]) or _("nothing any more")
    others = len(goods) - NAMED
    return named if others <= 0 else f"{named} +{others}"
