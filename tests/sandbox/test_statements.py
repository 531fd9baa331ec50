"""The statement a merchant downloads, and the whole ledger as lines."""

import csv
import io
from datetime import date

import openpyxl
import pytest
import requests

HEADERS = [
    "거래일시",
    "거래구분",
    "CID",
    "결제번호(TID)",
    "승인번호(AID)",
    "주문번호",
    "상품명",
    "결제수단",
    "거래금액",
    "면세금액",
    "부가세",
]
DAY = date(2025, 3, 1)


@pytest.fixture(scope="module")
def planted(sandbox):
    """Movements around the first of March in Korea, and two a second outside of it."""
    _, kakaopay = sandbox
    base = {"partner_user_id": "user-1", "quantity": 1}
    return kakaopay.import_payments(
        [
            base
            | {
                "partner_order_id": "first",
                "item_name": "한라봉 티, 큰 것 🍊",
                "total": 12000,
                "tax_free": 1000,
                "approved_at": "2025-02-28T15:00:00Z",
                "cancels": [{"total": 5500, "at": "2025-03-01T23:59:59+09:00", "by": "CONSOLE"}],
            },
            base
            | {
                "partner_order_id": "second",
                "item_name": "컵",
                "total": 900,
                "payment_method_type": "MONEY",
                "approved_at": "2025-03-01T12:34:56+09:00",
            },
            base
            | {
                "partner_order_id": "the evening before",
                "item_name": "컵",
                "total": 900,
                "approved_at": "2025-02-28T23:59:59+09:00",
            },
            base
            | {
                "partner_order_id": "the morning after",
                "item_name": "컵",
                "total": 900,
                "approved_at": "2025-03-02T00:00:00+09:00",
            },
            base
            | {
                "partner_order_id": "never paid",
                "item_name": "컵",
                "total": 900,
                "approved_at": "2025-03-01T10:00:00+09:00",
                "status": "FAIL_PAYMENT",
            },
        ]
    )


def test_the_csv_has_one_row_per_movement_of_these_days(kakaopay, planted):
    """Oldest first, midnight to midnight in Korea, cancels negative, in UTF-8 with its mark."""
    content = kakaopay.statement(DAY, DAY)
    assert content.startswith(b"\xef\xbb\xbf")
    first, second = planted[:2]
    common = ["TC0ONETIME", first["tid"]]
    told = ["first", "한라봉 티, 큰 것 🍊", "카드"]
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))) == [
        HEADERS,
        ["2025-03-01 00:00:00", "승인", *common, first["aid"], *told, "12,000", "1,000", "1,000"],
        [
            *["2025-03-01 12:34:56", "승인", "TC0ONETIME", second["tid"], second["aid"]],
            *["second", "컵", "카카오페이머니", "900", "0", "82"],
        ],
        [
            *["2025-03-01 23:59:59", "취소", *common, first["cancel_aids"][0]],
            *[*told, "-5,500", "0", "-500"],
        ],
    ]
    assert b',"12,000","1,000","1,000"\r\n' in content


def test_the_csv_can_be_in_cp949(kakaopay, planted):
    """As older Korean programs want it; what it cannot write becomes a question mark."""
    text = kakaopay.statement(DAY, DAY, encoding="cp949").decode("cp949")
    assert text.startswith("거래일시,거래구분,CID,")
    assert '"한라봉 티, 큰 것 ?"' in text


def test_the_workbook_says_the_same_with_numbers(kakaopay, planted):
    """The same rows in one sheet; amounts are numbers."""
    content = kakaopay.statement(DAY, DAY, kind="xlsx")
    rows = list(openpyxl.load_workbook(io.BytesIO(content)).active.values)
    assert list(rows[0]) == HEADERS
    assert [(row[0], row[1], row[8:]) for row in rows[1:]] == [
        ("2025-03-01 00:00:00", "승인", (12000, 1000, 1000)),
        ("2025-03-01 12:34:56", "승인", (900, 0, 82)),
        ("2025-03-01 23:59:59", "취소", (-5500, 0, -500)),
    ]


def test_days_without_movements_have_headers_only(kakaopay):
    """An empty statement is still a statement."""
    content = kakaopay.statement(date(2020, 1, 1), date(2020, 1, 31)).decode("utf-8-sig")
    assert content == ",".join(HEADERS) + "\r\n"


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "until=2025-02-30", "since=2025-03-02&until=2025-03-01", "encoding=ebcdic"],
)
def test_an_unclear_statement_is_refused(kakaopay, query):
    """A sentence instead of a file."""
    answer = requests.get(f"{kakaopay.url}/statement.csv?{query}", timeout=30)
    assert answer.status_code == 400
    assert " / " in answer.text


def test_the_ledger_page_leads_to_the_statements(kakaopay):
    """A form for the days, for either kind of file."""
    page = requests.get(f"{kakaopay.url}/", timeout=30).text
    assert 'action="/statement.csv"' in page
    assert 'formaction="/statement.xlsx"' in page


def test_the_whole_ledger_comes_as_lines(kakaopay, planted):
    """Each payment made on these days, paid or not, in the figures that ledger.json has."""
    lines = list(kakaopay.ledger(DAY, DAY))
    assert [line.partner_order_id for line in lines] == ["first", "second", "never paid"]
    assert lines[0] == kakaopay.payment(planted[0]["tid"])
    assert {line.tid for line in kakaopay.ledger()} >= {entry["tid"] for entry in planted}
    answer = requests.get(f"{kakaopay.url}/ledger.jsonl?since=soon", timeout=30)
    assert answer.status_code == 400
