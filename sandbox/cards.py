"""
The card companies a payer may choose from.

The names of ``available_cards`` are KakaoPay's. Of the numbers only 신한 101/701, 현대 106/706 and
the purchaser BC 104 have been seen in the wild; the others follow their pattern.
"""

from typing import NamedTuple


class Issuer(NamedTuple):
    """A card company: its name, its codes as issuer and as purchaser, and a card number's start."""

    name: str
    issuer_code: str
    purchaser: str
    purchaser_code: str
    bin: str


ISSUERS = {
    "SHINHAN": Issuer("신한", "101", "신한", "701", "451842"),
    "KB": Issuer("국민", "102", "국민", "702", "457973"),
    "HYUNDAI": Issuer("현대", "106", "현대", "706", "433028"),
    "SAMSUNG": Issuer("삼성", "103", "삼성", "703", "552377"),
    "LOTTE": Issuer("롯데", "105", "롯데", "705", "512462"),
    "BC": Issuer("비씨", "104", "비씨", "104", "538920"),
    "NH": Issuer("농협", "107", "농협", "707", "546112"),
    "HANA": Issuer("하나", "108", "하나", "708", "523830"),
    "WOORIONLY": Issuer("우리", "109", "비씨", "104", "531408"),
    "CITI": Issuer("씨티", "110", "비씨", "104", "518831"),
    "KAKAOBANK": Issuer("카카오뱅크", "213", "국민", "702", "536510"),
    "KAKAOPAY": Issuer("카카오페이", "214", "비씨", "104", "524353"),
}

INSTALMENTS_FROM = 50_000  # won; below it a card pays at once
