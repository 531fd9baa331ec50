"""The coupons of the demo shop: each shows another rule. Amounts are in won."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from shop.models import Coupon

SEOUL = ZoneInfo("Asia/Seoul")


@dataclass(frozen=True, slots=True)
class Offer:
    """
    A coupon with a ``code``, or one that is granted to the demo shopper.

    It is for the goods of one ``shelf``, named by slug, or for everything.
    """

    code: str | None
    name_ko: str
    name_en: str
    value: int
    kind: Coupon.Kind = Coupon.Kind.FIXED
    cap: int | None = None
    minimum: int = 0
    limit: int | None = None
    valid_from: datetime = datetime(2025, 1, 1, tzinfo=SEOUL)
    valid_until: datetime | None = None
    shelf: str = ""

    @property
    def key(self) -> dict[str, str | None]:
        """What a coupon of the shop is recognised by as this one."""
        return {"code": self.code} if self.code else {"code": None, "name_ko": self.name_ko}


OFFERS = [
    Offer(
        "WELCOME10",
        "첫 만남 10% 쿠폰",
        "Welcome: 10% off",
        10,
        kind=Coupon.Kind.PERCENT,
        cap=5_000,
        minimum=20_000,
    ),
    Offer(
        "TEA3000",
        "먹거리 3,000원 쿠폰",
        "3,000 won off the pantry",
        3_000,
        minimum=10_000,
        shelf="pantry",
    ),
    Offer("FIRST5", "선착순 다섯 분 5,000원 쿠폰", "5,000 won for the first five", 5_000, limit=5),
    Offer(
        "SUMMER25",
        "2025 여름 쿠폰",
        "Summer of 2025",
        25,
        kind=Coupon.Kind.PERCENT,
        valid_from=datetime(2025, 6, 1, tzinfo=SEOUL),
        valid_until=datetime(2025, 9, 1, tzinfo=SEOUL),
    ),
    Offer(None, "단골 감사 쿠폰", "Thank you for coming back", 5_000, minimum=30_000),
]
