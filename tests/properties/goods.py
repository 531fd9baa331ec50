"""What is there at the beginning of a life: people, products, coupons and points."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts import points
from accounts.addresses import Destination
from accounts.models import User
from orders import coupons
from shop.models import Cart, Category, Coupon, Product

STOCK = 8
HOME = Destination("김하나", "+821012345678", "06236", "서울 강남구 테헤란로 1", "101호")
#: Won, and how long until they expire: some do while an order holds them.
LOTS = (
    (5_000, timedelta(minutes=20)),
    (4_000, timedelta(hours=2)),
    (24_000, timedelta(days=365)),
)


@dataclass(frozen=True)
class Goods:
    """
    Two shoppers and what they share: a taxed product that is delivered, a tax-free one that is not,
    and coupons, by the name of what is special about them.
    """

    shopper: User
    other: User
    products: list[Product]
    coupons: dict[str, Coupon]

    def key(self, name: str) -> str:
        """What chooses that coupon; no name chooses none."""
        return coupons.key_of(self.coupons[name]) if name else ""


def begin(number: int, *, now: datetime) -> Goods:
    """The life with this number, which shares nothing with the others but the category."""
    category, _ = Category.objects.get_or_create(slug="all", defaults={"name_ko": "모두"})
    shopper, other = (
        User.objects.create_user(f"{who}-{number}@example.com") for who in ("shopper", "other")
    )
    Cart.objects.bulk_create([Cart(user=shopper), Cart(user=other)])
    for amount, lasts in LOTS:
        points.grant(shopper, amount, note="가입", by=None, now=now, expires_at=now + lasts)
    return Goods(
        shopper=shopper,
        other=other,
        products=[
            Product.objects.create(
                category=category,
                slug=f"thing-{number}-{each}",
                name_ko="물건",
                price=price,
                stock=STOCK,
                is_tax_free=bool(each),
                needs_delivery=not each,
            )
            for each, price in enumerate((11_010, 3_333))
        ],
        coupons=coupons_of(number, shopper, now=now),
    )


def coupons_of(number: int, shopper: User, *, now: datetime) -> dict[str, Coupon]:
    """One of which there are few for everybody, one of the shopper's own, one that ends soon."""
    ends = now + timedelta(hours=1)
    made = {
        "few": Coupon(name="선착순", code=f"FEW-{number}", value=2_000, limit=2, per_person=2),
        "own": Coupon(name="단골", kind=Coupon.Kind.PERCENT, value=10, cap=1_500, per_person=3),
        "ending": Coupon(name="오늘만", code=f"NOW-{number}", value=700, valid_until=ends),
    }
    for coupon in made.values():
        coupon.valid_from = now
        coupon.save()
    made["own"].grants.create(user=shopper)
    return made
