"""The memberships of the demo shop. Prices are in won; pictures lie beside the goods', by slug."""

from dataclasses import dataclass
from pathlib import Path

from shop.demo.catalogue import PICTURES

SHELF = "memberships"


@dataclass(frozen=True, slots=True)
class Offering:
    slug: str
    name_ko: str
    name_en: str
    price: int
    months: int
    description_ko: str
    description_en: str
    renews: bool = True
    trial_days: int = 0
    discount_percent: int = 10
    has_free_delivery: bool = True

    @property
    def picture(self) -> Path:
        return PICTURES / f"{self.slug}.svg"


PLANS = [
    Offering(
        "premium-monthly",
        "프리미엄 월간",
        "Premium monthly",
        4_900,
        1,
        "자주 들르는 이웃을 위한 멤버십입니다. 모든 상품이 10% 싸지고, 얼마를 사든 배송비가 "
        "없어요.\n\n"
        "처음이라면 14일 동안 무료로 써 보세요. 마음에 들지 않으면 그 전에 해지하면 됩니다.",
        "For neighbours who drop in often: everything 10% off, and no delivery fee, however "
        "little you buy.\n\n"
        "New here? Try it for 14 days, and cancel before they are over if it is not for you.",
        trial_days=14,
    ),
    Offering(
        "premium-yearly",
        "프리미엄 연간",
        "Premium yearly",
        49_000,
        12,
        "한 해를 함께하는 멤버십입니다. 월간과 혜택은 같고, 두 달 치를 아낄 수 있어요.\n\n"
        "1년마다 갱신되고, 언제든 이용 기간이 끝날 때 해지할 수 있습니다.",
        "The same as every month, for a year at a time, and two months cheaper.\n\n"
        "It renews once a year, until you cancel, which you can at any time.",
    ),
    Offering(
        "premium-pass",
        "프리미엄 3개월 이용권",
        "Premium 3-month pass",
        13_900,
        3,
        "정기결제 없이 석 달만 누리는 이용권입니다. 기간이 끝나면 자동으로 끝나요.\n\n"
        "이미 멤버십을 이용 중이라면 지금 이용 기간 뒤에 석 달이 더해집니다.",
        "Three months without recurring payments: it ends by itself.\n\n"
        "If you are a member already, the three months are added to what you have.",
        renews=False,
    ),
]
