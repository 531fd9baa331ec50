"""What stands in a cell of a statement, in the spellings that people and programs use."""

import re
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from orders.models import PaymentTransaction

KST = ZoneInfo("Asia/Seoul")
Kind = PaymentTransaction.Kind

KINDS = {
    Kind.CHARGE: (
        *("승인", "결제", "결제승인", "결제완료", "승인완료", "정상"),
        *("approve", "approved", "approval", "payment", "paid", "charge", "success_payment"),
    ),
    Kind.REFUND: (
        *("취소", "승인취소", "결제취소", "전체취소", "부분취소", "취소완료", "환불", "부분환불"),
        *("cancel", "canceled", "cancelled", "refund", "refunded", "cancel_payment"),
        *("partial cancel", "partial refund", "part_cancel_payment"),
    ),
}
MOST = 2**31 - 1  # what the column holds
AMOUNT = re.compile(r"([-+−]?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.0+)?", re.ASCII)
MOMENT = re.compile(
    r"(?P<year>\d{4})\s*[-/.년]\s*(?P<month>\d{1,2})\s*[-/.월]\s*(?P<day>\d{1,2})\s*[.일]?"
    r"(?:[\sT]*(?P<half>오전|오후|AM|PM)?\s*(?P<hour>\d{1,2})\s*[:시]\s*(?P<minute>\d{1,2})\s*분?"
    r"(?:\s*:?\s*(?P<second>\d{1,2})(?:[.,]\d+)?\s*초?)?\s*(?P<half_after>AM|PM)?)?",
    re.ASCII | re.IGNORECASE,
)
RUN_TOGETHER = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:[\sT]*(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d))?)?",
    re.ASCII,
)


class Unreadable(Exception):
    """The file, or a line of it, cannot be read; the message says why, in a sentence."""


def plain(word: str) -> str:
    """Without spaces, brackets and punctuation, in lower case: what headers are compared by."""
    return re.sub(r"[\W_]", "", word).lower()


WORDS = {plain(word): kind for kind, words in KINDS.items() for word in words}


def text_of(cell: Any) -> str:
    """A cell as text; Excel keeps some numbers as 12.0, and some texts as ``="12"``."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell).strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1].strip()
    return text


def kind_of(cell: Any) -> PaymentTransaction.Kind:
    """:raises Unreadable: if it is neither an approval nor a cancel."""
    kind = WORDS.get(plain(text_of(cell)))
    if kind is None:
        raise Unreadable(f"“{text_of(cell)}” is neither 승인 nor 취소")
    return kind


def amount_of(cell: Any) -> int:
    """
    Won, negative if the file says so: ``12,000``, ``-12,000``, ``12000원``, ``₩12,000``.

    :raises Unreadable: if it is no whole number of won.
    """
    text = text_of(cell)
    bare = re.sub(r"^\s*(?:₩|\\|KRW)|(?:원|KRW)\s*$|\s", "", text, flags=re.IGNORECASE)
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1]}"
    match = AMOUNT.fullmatch(re.sub(r"^([-+−])(?:₩|\\)", r"\1", bare))
    if match is None:
        raise Unreadable(f"“{text}” is not an amount in won")
    amount = int(match[2].replace(",", ""))
    if amount > MOST:
        raise Unreadable(f"{text} won is more than a payment can be")
    return -amount if match[1] in {"-", "−"} else amount


def moment_of(cell: Any) -> datetime:
    """
    When it was, in Korean time unless the cell names a zone; a day alone is its beginning.

    :raises Unreadable: if it is no time.
    """
    if isinstance(cell, datetime):
        return cell if cell.tzinfo else cell.replace(tzinfo=KST)
    if isinstance(cell, date):
        return datetime.combine(cell, time.min, KST)
    text = text_of(cell)
    try:
        match = MOMENT.fullmatch(text) or RUN_TOGETHER.fullmatch(text)
        if match is None:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=KST)
        return moment_in(match)
    except ValueError:
        raise Unreadable(f"“{text}” is not a time such as 2026-11-21 12:34:56") from None


def moment_in(match: re.Match[str]) -> datetime:
    """:raises ValueError: if there is no such time."""
    parts = match.groupdict()
    hour = int(parts["hour"] or 0)
    half = (parts.get("half") or parts.get("half_after") or "").upper()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if half in {"PM", "오후"} else 0)
    year, month, day = int(parts["year"]), int(parts["month"]), int(parts["day"])
    minute, second = int(parts["minute"] or 0), int(parts["second"] or 0)
    return datetime(year, month, day, hour, minute, second, tzinfo=KST)
