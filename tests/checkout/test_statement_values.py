"""A statement's cells are read in the spellings that people and programs use, or refused."""

from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from checkout.statements.values import Unreadable, amount_of, kind_of, moment_of

KST = ZoneInfo("Asia/Seoul")


@pytest.mark.parametrize(
    ("cell", "won"),
    [
        ("12,000", 12_000),
        ("-12,000", -12_000),
        ("−12,000", -12_000),
        ("12000원", 12_000),
        ("12,000 원", 12_000),
        ("₩12,000", 12_000),
        ("-₩12,000", -12_000),
        ("12000 KRW", 12_000),
        ("(12,000)", -12_000),
        ("1,234,567", 1_234_567),
        ("0", 0),
        ("12000.00", 12_000),
        (" 500 ", 500),
        ('="500"', 500),
        (12_000, 12_000),
        (-12_000.0, -12_000),
    ],
)
def test_amounts_are_whole_won(cell, won):
    """With or without commas, sign, currency."""
    assert amount_of(cell) == won


@pytest.mark.parametrize(
    "cell", ["", None, "12,00", "1,2000", "12.5", 12.5, "12k", "--1", "3000000000", "1 2e3", "١٢"]
)
def test_what_is_no_amount_is_refused(cell):
    """A cut, broken or impossible amount is never guessed."""
    with pytest.raises(Unreadable):
        amount_of(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-21 15:04:05",
        "2026/11/21 15:04:05",
        "2026.11.21 15:04:05",
        "2026. 11. 21. 15:04:05",
        "2026. 11. 21. 오후 3:04:05",
        "2026-11-21 03:04:05 PM",
        "2026년 11월 21일 15시 04분 05초",
        "2026-11-21T15:04:05",
        "2026-11-21T15:04:05.000",
        "2026-11-21T15:04:05+09:00",
        "2026-11-21T06:04:05Z",
        "20261121150405",
        "20261121 150405",
        datetime(2026, 11, 21, 15, 4, 5),
        datetime(2026, 11, 21, 6, 4, 5, tzinfo=timezone.utc),  # noqa: UP017
    ],
)
def test_times_are_korean(cell):
    """Unless they name another zone."""
    assert moment_of(cell) == datetime(2026, 11, 21, 15, 4, 5, tzinfo=KST)


@pytest.mark.parametrize("cell", ["2026-11-21", "20261121", "2026. 11. 21.", date(2026, 11, 21)])
def test_a_day_is_its_beginning(cell):
    """Midnight in Korea."""
    assert moment_of(cell) == datetime(2026, 11, 21, tzinfo=KST)


@pytest.mark.parametrize(
    "cell", ["", None, "21.11.2026", "2026-13-01", "2026-02-30", "2026-11-21 25:00", "오늘", 46347]
)
def test_what_is_no_time_is_refused(cell):
    """An impossible day, or a bare number."""
    with pytest.raises(Unreadable):
        moment_of(cell)


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("승인", "CHARGE"),
        ("취소", "REFUND"),
        ("부분 취소", "REFUND"),
        ("결제완료", "CHARGE"),
        ("Cancel", "REFUND"),
        ("PAYMENT", "CHARGE"),
    ],
)
def test_approvals_and_cancels_are_told_apart(cell, kind):
    """In Korean and English."""
    assert kind_of(cell) == kind


def test_another_kind_is_refused():
    """A chargeback, say, is neither; nobody guesses."""
    with pytest.raises(Unreadable, match="“정산” is neither 승인 nor 취소"):
        kind_of("정산")
