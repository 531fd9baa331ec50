from shop.models.coupons import Coupon, CouponEvent, CouponGrant
from shop.models.goods import (
    MAX_LINE_QUANTITY,
    Cart,
    CartLine,
    Category,
    Product,
    ProductEvent,
    ProductQuerySet,
)

__all__ = [
    "MAX_LINE_QUANTITY",
    "Cart",
    "CartLine",
    "Category",
    "Coupon",
    "CouponEvent",
    "CouponGrant",
    "Product",
    "ProductEvent",
    "ProductQuerySet",
]
