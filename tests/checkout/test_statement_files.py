"""A statement is read whatever it is exported as; what cannot be read is named, with its line."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

from checkout.statements.files import Line, opened
from checkout.statements.values import Unreadable

KST = ZoneInfo("Asia/Seoul")
HEADER = (
    "거래일시,거래구분,CID,결제번호(TID),승인번호(AID),주문번호,상품명,결제수단,거래금액,"
    "면세금액,부가세"
)
PAID = '2026-11-21 12:00:00,승인,TC0ONETIME,T1,A1,N-1,"컵, 큰 것",카드,"11,000",0,"1,000"'
BACK = '2026-11-21 13:00:00,취소,TC0ONETIME,T1,A2,N-1,"컵, 큰 것",카드,"-3,000",0,-273'
LINES = [
    Line(2, "CHARGE", "T1", "A1", "N-1", 11_000, datetime(2026, 11, 21, 12, tzinfo=KST)),
    Line(3, "REFUND", "T1", "A2", "N-1", 3_000, datetime(2026, 11, 21, 13, tzinfo=KST)),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "statement.csv"


def read(file: Path) -> list[Line]:
    with opened(file) as (_total, lines):
        return list(lines)


def problem(file: Path) -> str:
    with pytest.raises(Unreadable) as refused:
        read(file)
    return str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_csv_in_every_usual_encoding(file, encoding, ending):
    """UTF-8 with and without its mark, and what Korean Windows writes."""
    file.write_bytes(ending.join([HEADER, PAID, BACK, ""]).encode(encoding))
    assert read(file) == LINES


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(file, delimiter):
    """Semicolons and tabs."""
    rows = [HEADER, "2026-11-21 12:00:00,승인,C,T1,A1,N-1,컵,카드,11000,0,1000"]
    file.write_text("\n".join(rows).replace(",", delimiter))
    assert read(file) == LINES[:1]


def test_korean_text_far_down_is_found_to_be_cp949(file):
    """The encoding shows itself only after two megabytes of plain digits."""
    head = "tid,type,date,amount,주문번호\n".encode("cp949")
    rows = "".join(f"T{n},paid,2026-11-21,1,\n" for n in range(100_000)).encode("ascii")
    file.write_bytes(head.replace("주문번호".encode("cp949"), b"order") + rows)
    with file.open("ab") as more:
        more.write("T,승인,2026-11-21,1,주문\n".encode("cp949"))
    lines = read(file)
    assert (len(lines), lines[-1].order_number) == (100_001, "주문")


def test_titles_above_and_totals_below_are_skipped(file):
    """The line numbers are those of the file."""
    title = ["카카오페이 거래내역,,", "조회기간: 2026-11-21 ~ 2026-11-21", ""]
    below = ["", ",,,,,,,합계,8000,0,727", "총 2건,,,,,,,,,,"]
    file.write_text("\n".join([*title, HEADER, PAID, BACK, *below]))
    assert [line.line for line in read(file)] == [5, 6]


@pytest.mark.parametrize(
    "header",
    [
        "거래 일시,거래 구분,결제번호,거래 금액 (원)".replace(" (원)", ""),
        "[거래일시],(거래구분),결제번호 ( tid ),<거래금액>",
        "Date,Type,TID,Amount",
        "approved_at,STATUS,payment-id,Total Amount",
    ],
)
def test_headers_are_known_however_they_are_written(file, header):
    """Spaces, brackets and case do not matter; English does as well."""
    file.write_text(f"{header}\n2026-11-21 12:00:00,승인,T1,11000\n")
    (line,) = read(file)
    assert (line.tid, line.amount, line.aid, line.order_number) == ("T1", 11_000, "", "")


def test_a_workbook_is_read(tmp_path):
    """Numbers, times and texts as Excel keeps them; a cover sheet before them is passed over."""
    book = Workbook()
    book.active.append(["표지"])
    sheet = book.create_sheet("거래내역")
    sheet.append(["기간", "2026-11-21"])
    sheet.append(HEADER.split(","))
    at = datetime(2026, 11, 21, 12)
    sheet.append([at, "승인", "C", "T1", "A1", "N-1", "컵", "카드", 11000, 0, 1000])
    sheet.append(["2026-11-21 13:00:00", "취소", "C", "T1", "A2", "N-1", "컵", "", -3000.0, 0, 0])
    sheet.append(["합계", None, None, None, None, None, None, None, 8000])
    book.save(tmp_path / "a.xlsx")
    assert [
        (line.line, line.kind, line.amount, line.moved_at) for line in read(tmp_path / "a.xlsx")
    ] == [
        (3, "CHARGE", 11_000, LINES[0].moved_at),
        (4, "REFUND", 3_000, LINES[1].moved_at),
    ]


def test_missing_columns_are_named(file):
    """Which are missing, and what the file has instead."""
    file.write_text("거래일시,결제번호(TID),메모\n2026-11-21,T1,x\n")
    assert problem(file) == (
        "the file has no column 거래구분, 거래금액; its columns are: 거래일시, 결제번호(TID), 메모"
    )


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (PAID.replace('"11,000"', '"11,00"'), "line 3: “11,00” is not an amount in won"),
        (PAID.replace('"11,000"', "11,000"), "line 3: there are more cells than the header's 11"),
        (PAID.replace('"11,000"', "-11000"), "line 3: an approval cannot be negative"),
        (PAID.replace("2026-11-21", "2026-11-31"), "line 3: “2026-11-31 12:00:00” is not a time"),
        (PAID.replace("승인", "정산"), "line 3: “정산” is neither 승인 nor 취소"),
        (PAID.replace("T1", ""), "line 3: 결제번호(TID) is empty"),
        (PAID.replace("T1", "T" * 41), "line 3: 결제번호(TID) is not one"),
        ("2026-11-21 12:00:00,승인,TC0ONETIME,T1", "line 3: 거래금액 is empty"),
        (PAID.replace('큰 것"', "큰 것"), "line 3: this is no CSV row"),
    ],
)
def test_an_unreadable_row_is_named(file, row, says):
    """Its line, and what is wrong with it."""
    file.write_text("\n".join([HEADER, PAID, row]))
    assert problem(file).startswith(says)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"\xff\xfe\x00\x01", "the text is neither UTF-8 nor CP949"),
        (b"\xd0\xcf\x11\xe0rest", "this is an old or a protected Excel file"),
        (b"PK\x03\x04rest", "this is no Excel workbook, or a damaged one"),
    ],
)
def test_an_unreadable_file_is_one_sentence(file, content, says):
    """What it is, or what to save it as."""
    file.write_bytes(content)
    assert problem(file).startswith(says)


def test_no_file_is_one_sentence(tmp_path):
    """As the system says it."""
    assert re.match("No such file", problem(tmp_path / "none.csv"))
    assert re.match("Is a directory", problem(tmp_path))
