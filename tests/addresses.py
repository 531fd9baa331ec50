"""Addresses as tests type and save them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from accounts import addresses
from accounts.addresses import Destination
from accounts.models import Address, User

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=ZoneInfo("Asia/Seoul"))
HOME = Destination(
    recipient="김하나",
    phone="+821012345678",
    postcode="06236",
    line1="서울 강남구 테헤란로 123",
    line2="4층",
    memo="문 앞에 놓아 주세요",
)
OFFICE = Destination("김하나", "+8221234567", "13494", "경기 성남시 판교역로 166")
TYPED = {
    "label": "집",
    "recipient": "김하나",
    "phone": "010-1234-5678",
    "postcode": "06236",
    "line1": "서울 강남구 테헤란로 123",
    "line2": "4층",
    "memo": "문 앞에 놓아 주세요",
}


def save(
    user: User, destination: Destination, *, label: str = "", is_default: bool = False
) -> Address:
    return addresses.add(user.pk, destination, label=label, is_default=is_default, now=NOW)


def fill_up(user: User, many: int) -> None:
    """Give the account so many addresses, as orders would."""
    for floor in range(many):
        addresses.remember(
            user.pk, Destination("김하나", "+821012345678", "06236", "길", f"{floor}층"), now=NOW
        )


def defaults_of(user: User) -> list[Address]:
    return list(user.addresses.filter(is_default=True))
