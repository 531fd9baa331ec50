"""Staff take orders, payments and refunds out as files that spreadsheets open safely."""

import csv
from datetime import date, datetime
from io import BytesIO, StringIO
from zoneinfo import ZoneInfo

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse_lazy
from openpyxl import load_workbook
from psycopg.pq import TransactionStatus

from checkout import exporting
from checkout.admin.exports import ExportForm
from checkout.exporting.cells import neutral
from orders.models import Order, PaymentTransaction, Refund, Shipment
from tests.queries import queries_of
from tests.staff import operator, staff
from tests.volume.exports import is_flat, make_orders

pytestmark = pytest.mark.django_db

PAGE = reverse_lazy("admin:orders_order_export")
MODELS = {"orders": Order, "transactions": PaymentTransaction, "refunds": Refund}
EVIL = '=HYPERLINK("http://evil.example","click")'


@pytest.fixture
def desk(client) -> Client:
    client.force_login(staff("exporter@example.com", "export_order"))
    return client


@pytest.fixture
def sold(paid) -> Order:
    """A paid order whose parcel is on its way, of which 11,000 won went back."""
    Order.objects.filter(pk=paid.pk).update(
        number="20261121-7KQ4MX9T",
        title="컵 외 1건",
        pieces=2,
        placed_at=seoul(2026, 11, 21, 8, 58, 7),
        paid_at=seoul(2026, 11, 21, 8, 59, 58),
        status="PARTIALLY_REFUNDED",
    )
    Shipment.objects.create(
        order=paid,
        status="SHIPPED",
        carrier="CJ",
        tracking_number="012345678901",
        shipped_at=seoul(2026, 11, 22, 15, 0, 0),
        recipient="이두리",
        phone="+82212345678",
        postcode="06236",
        line1="서울 강남구 테헤란로 123",
        line2="5층",
        memo="문 앞에 놓아 주세요.",
    )
    amounts = {"amount": 11_000, "tax_free": 0, "vat": 1_000}
    back = paid.transactions.create(
        kind="REFUND",
        status="SUCCEEDED",
        gateway="kakaopay",
        tid="T0a1b2c3d4e5f6071829",
        aid="A1111111111111111111",
        created_at=seoul(2026, 11, 23, 10, 0, 0),
        approved_at=seoul(2026, 11, 23, 10, 0, 1),
        reason="-5000원",
        **amounts,
    )
    paid.transactions.filter(kind="CHARGE").update(created_at=seoul(2026, 11, 21, 8, 58, 8))
    Refund.objects.create(
        order=paid,
        transaction=back,
        kind="LINES",
        status="SUCCEEDED",
        reason=EVIL,
        restock=True,
        requested_by=staff("support@example.com"),
        created_at=seoul(2026, 11, 23, 9, 59, 0),
        settled_at=seoul(2026, 11, 23, 10, 0, 1),
        **amounts,
    )
    paid.refresh_from_db()
    return paid


def seoul(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=ZoneInfo("Asia/Seoul"))


def take(client: Client, content: str = "orders", kind: str = "csv", **changed: str):
    """The file of November, with English headings."""
    fields = {"content": content, "format": kind, "first": "2026-11-01", "last": "2026-11-30"}
    return client.post(PAGE, fields | changed, headers={"accept-language": "en"})


def bytes_of(answer) -> bytes:
    return b"".join(answer.streaming_content)


def csv_rows(answer) -> list[dict[str, str]]:
    text = bytes_of(answer).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


def sheet_of(answer):
    return load_workbook(BytesIO(bytes_of(answer))).worksheets[0]


def xlsx_rows(answer) -> list[dict]:
    headings, *rows = sheet_of(answer).iter_rows(values_only=True)
    return [dict(zip(headings, row, strict=True)) for row in rows]


class TestWhoMay:
    """Only who holds ``orders.export_order``."""

    def test_others_are_refused(self, client, sold):
        """403 for the page and for the file, whatever else they may do; nothing is logged."""
        other = staff("other@example.com", "view_order", "handle_order", "refund_order")
        client.force_login(other)
        assert client.get(PAGE).status_code == 403
        assert take(client).status_code == 403
        assert LogEntry.objects.count() == 0

    def test_a_shopper(self, client, shopper):
        """Is sent to sign in as staff."""
        client.force_login(shopper)
        assert take(client).status_code == 302

    def test_from_another_site(self, sold):
        """A form without the CSRF token is refused."""
        client = Client(enforce_csrf_checks=True)
        client.force_login(staff("exporter@example.com", "export_order"))
        assert take(client).status_code == 403
        assert LogEntry.objects.count() == 0

    @pytest.mark.parametrize("content", ["orders", "transactions", "refunds"])
    def test_each_is_logged(self, desk, sold, content):
        """Who, what, of which days, as what, and from where."""
        take(desk, content, "xlsx")
        (entry,) = LogEntry.objects.all()
        assert entry.user.email == "exporter@example.com"
        assert entry.object_repr == f"{content}-20261101-20261130.xlsx"
        assert entry.content_type.model_class() is MODELS[content]
        assert "2026-11-01 – 2026-11-30 as XLSX, from 127.0.0.1" in entry.change_message


class TestThePage:
    """What can be asked for."""

    def test_this_month(self):
        """Orders, for Excel, is what most want."""
        initial = ExportForm.for_this_month(date(2026, 11, 21)).initial
        assert (initial["first"], initial["last"]) == (date(2026, 11, 1), date(2026, 11, 21))
        assert (initial["content"], initial["format"]) == ("orders", "xlsx")

    def test_it_is_shown(self, desk):
        """Looking is not taking: nothing is logged."""
        answer = desk.get(PAGE)
        assert answer.status_code == 200
        assert 'type="date"' in answer.content.decode()
        assert LogEntry.objects.count() == 0

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"first": "2026-12-01"}, "last"),
            ({"first": "2025-11-29"}, "last"),
            ({"first": ""}, "first"),
            ({"last": "2026-11-31"}, "last"),
            ({"content": "users"}, "content"),
            ({"kind": "pdf"}, "format"),
        ],
    )
    def test_what_makes_no_sense(self, desk, changed, field):
        """422 with a sentence, what was typed stays, and nothing is taken."""
        answer = take(desk, **changed)
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
        assert LogEntry.objects.count() == 0

    def test_a_whole_leap_year(self, desk):
        """366 days are not too many, 367 are."""
        assert take(desk, first="2025-11-30").status_code == 200
        assert take(desk, first="2025-11-29").status_code == 422


class TestOrders:
    """One line for each order, by the day on which it was placed."""

    def test_as_csv(self, desk, sold):
        """Every column; times are Seoul's, phones as Koreans write them."""
        answer = take(desk)
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        named = 'attachment; filename="orders-20261101-20261130.csv"'
        assert answer["Content-Disposition"] == named
        assert "no-store" in answer["Cache-Control"]
        assert csv_rows(answer) == [
            {
                "Order number": "20261121-7KQ4MX9T",
                "Kind": "bought by the shopper",
                "Status": "partly refunded",
                "Placed at": "2026-11-21 08:58:07",
                "Paid at": "2026-11-21 08:59:58",
                "Buyer": "김하나",
                "E-mail": "hana@example.com",
                "Phone": "010-1234-5678",
                "Products": "컵 외 1건",
                "Pieces": "2",
                "Amount of goods": "22000",
                "Coupon": "",
                "Coupon discount": "0",
                "Points used": "0",
                "Delivery fee": "0",
                "Total": "22000",
                "Tax-free part": "0",
                "VAT": "2000",
                "Refunded amount": "11000",
                "Points given back": "0",
                "Delivery status": "on its way",
                "Carrier": "CJ Logistics",
                "Tracking number": "012345678901",
                "Shipped at": "2026-11-22 15:00:00",
                "Recipient": "이두리",
                "Recipient's phone": "02-1234-5678",
                "Postal code": "06236",
                "Address": "서울 강남구 테헤란로 123",
                "Flat, floor, building": "5층",
                "Note for the courier": "문 앞에 놓아 주세요.",
            }
        ]

    def test_as_xlsx(self, desk, sold):
        """Numbers are numbers, times are times, and what begins with a zero is a text."""
        answer = take(desk, kind="xlsx")
        named = 'attachment; filename="orders-20261101-20261130.xlsx"'
        assert answer["Content-Disposition"] == named
        (row,) = xlsx_rows(answer)
        assert row["Total"] == 22_000
        assert row["Refunded amount"] == 11_000
        assert row["Paid at"] == datetime(2026, 11, 21, 8, 59, 58)
        assert row["Postal code"] == "06236"
        assert row["Tracking number"] == "012345678901"
        assert row["Phone"] == "010-1234-5678"
        assert row["Coupon"] is None

    def test_for_excel(self, desk, sold):
        """The file begins with the mark by which Excel knows UTF-8."""
        assert bytes_of(take(desk)).startswith(b'\xef\xbb\xbf"Order number",')

    def test_in_korean(self, desk, sold):
        """Headings and words are in the language of who takes the file."""
        fields = {"content": "orders", "format": "csv", "first": "2026-11-01", "last": "2026-11-30"}
        answer = desk.post(PAGE, fields, headers={"accept-language": "ko"})
        (row,) = csv_rows(answer)
        assert row["주문번호"] == "20261121-7KQ4MX9T"
        assert row["상태"] == "부분 환불"
        assert row["택배사"] == "CJ대한통운"

    @pytest.mark.parametrize("table", exporting.TABLES.values())
    def test_every_heading_is_korean(self, table):
        """But for the provider's own names."""
        headings = [heading for heading in table().headings if heading.isascii()]
        assert [heading for heading in headings if heading not in {"tid", "aid"}] == []

    @pytest.mark.parametrize("table", exporting.TABLES.values())
    def test_headings_differ(self, table):
        """No two columns are called the same."""
        headings = table().headings
        assert len(headings) == len(set(headings))

    @pytest.mark.parametrize(
        ("placed", "is_in"),
        [
            ((2026, 10, 31, 23, 59, 59), False),
            ((2026, 11, 1, 0, 0, 0), True),
            ((2026, 11, 30, 23, 59, 59), True),
            ((2026, 12, 1, 0, 0, 0), False),
        ],
    )
    def test_days_are_korean(self, desk, sold, placed, is_in):
        """From the first midnight in Seoul to the last."""
        Order.objects.update(placed_at=seoul(*placed))
        assert len(csv_rows(take(desk))) == is_in

    def test_not_paid(self, desk, make_order):
        """Nobody prepares its parcel; without one the columns are empty; oldest first."""
        late = make_order(placed_at=seoul(2026, 11, 3, 9, 0, 0))
        address = {"recipient": "이두리", "phone": "+821055556666", "postcode": "06236"}
        Shipment.objects.create(order=late, line1="서울 강남구 테헤란로 123", **address)
        early = make_order(placed_at=seoul(2026, 11, 2, 9, 0, 0), status="CANCELED")
        rows = csv_rows(take(desk))
        assert [row["Order number"] for row in rows] == [early.number, late.number]
        assert [row["Delivery status"] for row in rows] == ["", "not to be shipped"]
        assert [row["Refunded amount"] for row in rows] == ["0", "0"]

    def test_failed_refunds_are_not_counted(self, desk, sold):
        """Only money that went back."""
        sold.transactions.filter(kind="REFUND").update(status="FAILED")
        assert csv_rows(take(desk))[0]["Refunded amount"] == "0"


class TestPayments:
    """Payment transactions and refunds."""

    def test_transactions(self, desk, sold):
        """Each that was begun, also those that failed."""
        charge, refund = csv_rows(take(desk, "transactions"))
        assert charge == {
            "Order number": "20261121-7KQ4MX9T",
            "Kind": "charge",
            "Status": "succeeded",
            "Provider": "kakaopay",
            "Amount": "22000",
            "Tax-free part": "0",
            "VAT": "2000",
            "tid": "T0a1b2c3d4e5f6071829",
            "aid": "A0a1b2c3d4e5f6071829",
            "Paid with": "card",
            "Card issuer": "신한",
            "Instalment months": "3",
            "Created at": "2026-11-21 08:58:08",
            "Approved at": "2026-11-21 08:59:58",
            "Reason code": "",
            "Reason": "",
            "Made at the provider": "No",
        }
        assert (refund["Kind"], refund["Amount"], refund["Reason"]) == (
            *("refund", "11000"),
            "'-5000원",
        )

    def test_refunds(self, desk, sold):
        """What was decided, by whom, and what came of it."""
        assert csv_rows(take(desk, "refunds")) == [
            {
                "Order number": "20261121-7KQ4MX9T",
                "Kind": "by line",
                "Status": "has gone back",
                "Amount": "11000",
                "Tax-free part": "0",
                "VAT": "1000",
                "Points given back": "0",
                "Coupon given back": "No",
                "With the delivery fee": "No",
                "Back into stock": "Yes",
                "Reason": f"'{EVIL}",
                "Requested by": "support@example.com",
                "Decided by": "",
                "Why so decided": "",
                "Requested at": "2026-11-23 09:59:00",
                "Settled at": "2026-11-23 10:00:01",
                "tid": "T0a1b2c3d4e5f6071829",
                "aid": "A1111111111111111111",
            }
        ]

    def test_one_that_waits(self, desk, sold):
        """It has no transaction yet, and is there."""
        Refund.objects.update(status="WAITING", transaction=None)
        (row,) = csv_rows(take(desk, "refunds"))
        assert (row["Status"], row["tid"], row["aid"]) == ("waits for approval", "", "")


class TestFormulas:
    """A buyer may call himself ``=cmd|…``; in no spreadsheet does that do anything."""

    @pytest.mark.parametrize(
        "text",
        [
            *("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", "\tx", "\rx"),
            *(" =1+1", "\xa0=1+1", "\u3000=1+1", "\ufeff=1+1", "\u200b=1+1", '"=1+1', "'=1+1"),
            *('" =1', "＝1+1", "＋1", "－1", "＠SUM(1)", "−1+1", "=", "-"),
        ],
    )
    def test_neutralised(self, text):
        """An apostrophe comes before it."""
        assert neutral(text) == f"'{text}"

    @pytest.mark.parametrize(
        "text", ["", "김하나", "a=b", "1-1", "hana@example.com", "010-1", "#1"]
    )
    def test_left_alone(self, text):
        """What cannot be a formula stays as it is."""
        assert neutral(text) == text

    @pytest.mark.parametrize("evil", [EVIL, "+82", "-1+1", "@SUM(A1)", "\t=1", " =1", "=1+1"])
    def test_csv(self, desk, sold, evil):
        """Every text column that somebody outside of the shop can fill."""
        fields = ("name", "title", "email", "coupon_name")
        Order.objects.update(**dict.fromkeys(fields, evil))
        fields = ("recipient", "line1", "line2", "memo")
        Shipment.objects.update(**dict.fromkeys(fields, evil))
        (cells,) = csv_rows(take(desk))
        assert list(cells.values()).count(f"'{evil}") == 8

    def test_every_text_is_quoted(self, desk, sold):
        """So that nothing in it begins another cell."""
        Order.objects.update(name='a",=1+1\n=2', title="b;=1")
        text = bytes_of(take(desk)).decode()
        assert '"a"",=1+1\n=2"' in text
        assert '"b;=1"' in text
        (cells,) = csv_rows(take(desk))
        assert (cells["Buyer"], cells["Products"]) == ('a",=1+1\n=2', "b;=1")

    @pytest.mark.parametrize("evil", [EVIL, "+82", "-1+1", "@SUM(A1)", "#N/A", "=1+1", "=", " =1"])
    def test_xlsx(self, desk, sold, evil):
        """A string, as it was typed, that Excel does not take for more when it is edited."""
        Order.objects.update(name=evil)
        answer = take(desk, kind="xlsx")
        cell = sheet_of(answer)["F2"]
        assert (cell.value, cell.data_type, cell.quotePrefix) == (evil, "s", True)

    def test_what_xml_cannot_hold(self, desk, sold):
        """Is left out; the file stays one that opens."""
        Order.objects.update(name="김\x0b하\x1f나\uffff")
        assert xlsx_rows(take(desk, kind="xlsx"))[0]["Buyer"] == "김하나"


class TestMany:
    """However many rows there are."""

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    @pytest.mark.parametrize("content", ["orders", "transactions", "refunds"])
    def test_it_does_not_ask_once_per_row(self, desk, sold, content, kind):
        """As many queries for many rows as for one: the rows come out of one of them."""
        wanted = exporting.Export(
            content=exporting.Content(content),
            format=exporting.Format(kind),
            first=date(2026, 11, 1),
            last=date(2026, 11, 30),
        )
        make_orders(operator(), 20, date(2026, 11, 20))
        for order in Order.objects.exclude(pk=sold.pk)[:10]:
            Refund.objects.create(
                order=order, kind="FULL", status="SUCCEEDED", created_at=order.placed_at
            )

        def read() -> None:
            if kind == "csv":
                b"".join(exporting.as_csv(wanted))
            else:
                exporting.as_xlsx(wanted).close()

        assert len(queries_of(read)) == 1

    @pytest.mark.django_db(transaction=True)
    def test_nothing_is_held_open(self, desk, sold):
        """While it is downloaded the connection is in no transaction."""
        pieces = exporting.as_csv(
            exporting.Export(
                content=exporting.Content.ORDERS,
                format=exporting.Format.CSV,
                first=date(2026, 11, 1),
                last=date(2026, 11, 30),
            )
        )
        make_orders(operator(), 3_000, date(2026, 11, 20))
        next(pieces)
        status = connection.connection.info.transaction_status
        assert status == TransactionStatus.IDLE
        Order.objects.filter(pk=sold.pk).update(placed_at=seoul(2026, 11, 29, 0, 0, 0), name="둘째")
        rest = b"".join(pieces).decode()
        assert "둘째" not in rest
        assert rest.count("\n") + 500 == 3_001 + 1

    @pytest.mark.parametrize("content", ["orders", "transactions", "refunds"])
    def test_more_than_an_xlsx_may_have(self, desk, sold, monkeypatch, content):
        """It is not begun, and says what to do; nothing is logged, and CSV has no limit."""
        monkeypatch.setattr(exporting, "MOST_IN_XLSX", 0)
        answer = take(desk, content, "xlsx")
        assert answer.status_code == 422
        assert answer.context["form"].errors == {
            "format": ["These are more than 0 rows: take CSV, or a shorter period."]
        }
        assert LogEntry.objects.count() == 0
        assert len(csv_rows(take(desk, content, "csv"))) > 0

    def test_as_many_as_an_xlsx_may_have(self, desk, sold, monkeypatch):
        """All of them are in it."""
        make_orders(operator(), 4, date(2026, 11, 20))
        monkeypatch.setattr(exporting, "MOST_IN_XLSX", 5)
        assert len(xlsx_rows(take(desk, kind="xlsx"))) == 5
        monkeypatch.setattr(exporting, "MOST_IN_XLSX", 4)
        assert take(desk, kind="xlsx").status_code == 422

    def test_no_more_is_counted(self, desk, sold):
        """The database stops at the row that is too many, however many there are."""
        asked = queries_of(lambda: bytes_of(take(desk, kind="xlsx")))
        assert any("LIMIT 1 OFFSET 50000" in sql for sql in asked)
        assert not any("COUNT(" in sql and "orders_order" in sql for sql in asked)

    def test_nothing_at_all(self, desk):
        """The headings, and no row."""
        assert csv_rows(take(desk)) == []
        assert sheet_of(take(desk, kind="xlsx")).max_row == 1

    @pytest.mark.timeout(300)
    @pytest.mark.django_db(transaction=True)
    def test_memory_stays_flat(self):
        """Ten times the rows take no more memory; ``make torture`` does it with 200,000."""
        few, many = date(2026, 1, 14), date(2026, 1, 15)
        exporter = staff("exporter@example.com", "export_order")
        make_orders(exporter, 1_000, few)
        make_orders(exporter, 10_000, many)
        assert is_flat(exporter, "csv", few, many, 10_000)
        assert is_flat(exporter, "xlsx", few, many, 10_000)
