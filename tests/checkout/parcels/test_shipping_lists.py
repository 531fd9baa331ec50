"""Staff ship many parcels by a list: first they see what would happen, then it does."""

import csv
from io import BytesIO, StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse, reverse_lazy
from django.utils import timezone, translation
from openpyxl import Workbook

from checkout import shipping_files, shipping_lists
from checkout.admin.shipping_lists import ListForm
from checkout.exporting import Content, Export, Format, as_csv
from checkout.models import Mail
from checkout.shipping_lists import Wrong
from orders.models import Shipment
from tests.checkout.parcels.conftest import LIST, log, row, staff
from tests.queries import queries_of
from tests.races import at_once

with_database = pytest.mark.django_db(transaction=True)

PAGE = reverse_lazy("admin:orders_shipment_ship_list")
ENGLISH = {"accept-language": "en"}


def read(text: str, carrier: str | None = None) -> list[tuple[str, str | None, str, Wrong | None]]:
    """Number, carrier, tracking number and what is wrong, of each line."""
    chosen = Shipment.Carrier(carrier) if carrier else None
    entries = shipping_lists.read(shipping_lists.lines_in(text), chosen)
    return [(each.number, each.carrier, each.tracking_number, each.wrong) for each in entries]


def look(client: Client, text: str = "", **more):
    return client.post(PAGE, {"text": text} | more, headers=ENGLISH)


def lines_of(answer) -> list[tuple[str, str]]:
    """The result and the sentence of each row of the table."""
    lines = answer.context.get("rows") or answer.context["results"]
    return [(line["word"], line["sentence"]) for line in lines]


def ship(client: Client, seen):
    """Press the button of the preview, with what its form holds."""
    fields = seen.context["seen"].initial
    return client.post(PAGE, fields, headers=ENGLISH)


def box_of(answer) -> str:
    """What stands in the text box."""
    return answer.context["form"].initial["text"]


class TestReading:
    """However the list is written."""

    GOOD = ("20261121-7KQ4MX9T", "CJ", "123456789012", None)

    @pytest.mark.parametrize(
        "line",
        [
            "20261121-7KQ4MX9T,CJ,123456789012",
            "20261121-7KQ4MX9T, CJ대한통운, 1234-5678-9012",
            "20261121-7KQ4MX9T\tCJ Logistics\t1234 5678 9012",
            "20261121-7KQ4MX9T;cj;123456789012;",
            "20261121-7kq4mx9t CJ 123456789012",
            "  20261121-7KQ4MX9T   CJ 대한통운   1234 5678 9012  ",
            "20261121-7KQ4MX9T 대한통운 1234-5678-9012",
            '"20261121-7KQ4MX9T","CJ","123456789012"',
            "２０２６１１２１-７KQ4MX9T,ＣＪ,１２３４５６７８９０１２",
            "주문번호,택배사,송장번호\n20261121-7KQ4MX9T,CJ,123456789012",
            "받는 분\t운송장 번호\t택배사\t주문번호\n김둘\t123456789012\tCJ\t20261121-7KQ4MX9T",
            "Order number, Carrier, Tracking number\n20261121-7KQ4MX9T,CJ,123456789012",
            "주문번호 택배사 운송장번호\n20261121-7KQ4MX9T CJ 123456789012",
            "\n\n20261121-7KQ4MX9T,CJ,123456789012\n\n",
        ],
    )
    def test_one_parcel(self, line):
        """Commas, tabs, semicolons or blanks; with and without headings."""
        assert read(line) == [self.GOOD]

    @pytest.mark.parametrize("carrier", Shipment.Carrier)
    @pytest.mark.parametrize("language", ["ko", "en"])
    @pytest.mark.parametrize("line", ["N,{},123456789012", "N {} 1234 56789012"])
    def test_carriers(self, carrier, language, line):
        """By the names that the shop uses, and by code."""
        with translation.override(language):
            name = str(carrier.label)
        for called in (name, carrier.value, carrier.value.lower()):
            assert read(line.format(called)) == [("N", carrier, "123456789012", None)]

    @pytest.mark.parametrize(
        ("name", "carrier"),
        [
            *(("우체국", "EPOST"), ("한진", "HANJIN"), ("롯데", "LOTTE"), ("로젠", "LOGEN")),
            *(("롯데글로벌로지스", "LOTTE"), ("자체배송", "OWN"), ("cj 택배", "CJ")),
        ],
    )
    def test_nicknames(self, name, carrier):
        """And by what people call them."""
        assert read(f"N,{name},123456789012") == [("N", carrier, "123456789012", None)]

    def test_one_carrier_for_all(self):
        """Then lines need none; those that have one keep it."""
        text = "A 1234 5678 9012\nB,123456789013\nC,,123456789014\nD,한진,123456789015"
        assert read(text, "LOGEN") == [
            ("A", "LOGEN", "123456789012", None),
            ("B", "LOGEN", "123456789013", None),
            ("C", "LOGEN", "123456789014", None),
            ("D", "HANJIN", "123456789015", None),
        ]

    def test_the_shop_itself(self):
        """Needs no tracking number, others do."""
        assert read("A,OWN\nB 직접 배송\nC,CJ") == [
            ("A", "OWN", "", None),
            ("B", "OWN", "", None),
            ("C", "CJ", "", Wrong.INCOMPLETE),
        ]
        assert read("A", "OWN") == [("A", "OWN", "", None)]

    @pytest.mark.parametrize(
        ("line", "wrong"),
        [
            ("20261121-7KQ4MX9T", Wrong.INCOMPLETE),
            (",CJ,123456789012", Wrong.INCOMPLETE),
            ("N,CJ,12345678,9012", Wrong.INCOMPLETE),
            ("N,123456789012", Wrong.CARRIER),
            ("N,DHL,123456789012", Wrong.CARRIER),
            ("N,CJ,1234567", Wrong.TRACKING_NUMBER),
            ("N,CJ,1.23457E+11", Wrong.TRACKING_NUMBER),
            ("N,CJ,송장을 나중에", Wrong.TRACKING_NUMBER),
        ],
    )
    def test_what_is_wrong(self, line, wrong):
        """It is said of the line, and is as wrong when it is read again from the text box."""
        (entry,) = shipping_lists.read(shipping_lists.lines_in(line))
        assert entry.wrong == wrong
        assert [each[3] for each in read(entry.text)] == [wrong]

    @pytest.mark.parametrize(
        ("text", "carrier"),
        [
            ("N,CJ,1234-5678-9012", None),
            ("N 1234 5678 9012", "LOGEN"),
            ("N", "OWN"),
            ("송장번호,주문번호\n123456789012,N", "EPOST"),
        ],
    )
    def test_a_line_means_the_same_again(self, text, carrier):
        """Without the headings, and without the carrier chosen for all."""
        (entry,) = shipping_lists.read(
            shipping_lists.lines_in(text), Shipment.Carrier(carrier) if carrier else None
        )
        again = (entry.number, entry.carrier, entry.tracking_number, None)
        assert read(entry.text) == [again]

    def test_too_many(self):
        """500 are taken; more are refused before anybody looks them up."""
        assert len(read("N,CJ,123456789012\n" * 500)) == 500
        with pytest.raises(shipping_lists.TooMany):
            read("N,CJ,123456789012\n" * 501)


@with_database
class TestThePreview:
    """What would happen; nothing does."""

    def test_nothing_happens(self, desk, make_parcel):
        """It names who gets the parcel, and counts."""
        parcel = make_parcel()
        answer = look(desk, f"{parcel.order.number},CJ,1234-5678-9012")
        assert lines_of(answer) == [("will be shipped", "")]
        text = answer.content.decode()
        assert "이두리" in text
        assert "Ship 1 parcel" in text
        assert row(parcel) == ("PREPARING", "", "")
        assert (Mail.objects.count(), log()) == (0, [])

    def test_what_is_wrong_is_said(self, desk, make_parcel, make_order):
        """A sentence each, and what can be shipped is counted alone."""
        good, unpaid, refunded = make_parcel(), make_parcel("PENDING"), make_parcel("REFUNDED")
        being_refunded, returned, twice = make_parcel(), make_parcel(), make_parcel()
        away = make_parcel(
            status="SHIPPED",
            carrier="CJ",
            tracking_number="123456789012",
            shipped_at=timezone.now(),
        )
        tickets = make_order(status="PAID")
        refund = {"kind": "FULL", "status": "WAITING", "amount": 22_000}
        being_refunded.order.refunds.create(**refund)
        returned.order.lines.update(refunded=2)
        numbers = {
            "good": (good.order.number, "100000000001"),
            "unpaid": (unpaid.order.number, "100000000002"),
            "refunded": (refunded.order.number, "100000000003"),
            "being refunded": (being_refunded.order.number, "100000000004"),
            "returned": (returned.order.number, "100000000005"),
            "away": (away.order.number, "100000000006"),
            "twice": (twice.order.number, "100000000007"),
            "again": (twice.order.number, "100000000008"),
            "tickets": (tickets.number, "100000000009"),
            "unknown": ("20261121-AAAAAAAA", "100000000010"),
            "bad": (good.order.number[:-1], "12"),
        }
        answer = look(desk, "\n".join(f"{a},CJ,{b}" for a, b in numbers.values()))
        no = "not shipped"
        again = (no, "The order stands in the list more than once: keep one line.")
        nothing = (no, "This order has nothing to deliver.")
        unpaid = (no, "The order is not paid, or its money went back: do not ship it.")
        assert dict(zip(numbers, lines_of(answer), strict=True)) == {
            "good": ("will be shipped", ""),
            "unpaid": unpaid,
            "refunded": unpaid,
            "being refunded": (
                no,
                "A refund of the order has not been answered yet: wait until it is, then ship.",
            ),
            "returned": nothing,
            "away": (no, "The parcel is on its way already."),
            "twice": again,
            "again": again,
            "tickets": nothing,
            "unknown": (no, "There is no order with this number: look at it again."),
            "bad": (
                no,
                "This is no tracking number: they have 8 to 20 digits and letters. Look at the "
                "label.",
            ),
        }
        assert answer.context["count"] == 1

    def test_one_number_for_two_places(self, desk, make_parcel):
        """Somebody mistook a label, unless both go to the same person."""
        one, two, elsewhere = make_parcel(), make_parcel(), make_parcel(recipient="박세리")
        together = [f"{parcel.order.number},CJ,123456789012" for parcel in (one, two)]
        answer = look(desk, "\n".join(together))
        assert lines_of(answer) == [("will be shipped", "")] * 2
        together.append(f"{elsewhere.order.number},CJ,123456789012")
        together.append(f"{make_parcel().order.number},CJ,999999999999")
        answer = look(desk, "\n".join(together))
        wrong = "Another line has this tracking number, and goes to another address: look at the "
        assert lines_of(answer) == [
            *[("not shipped", f"{wrong}labels.")] * 3,
            ("will be shipped", ""),
        ]

    def test_it_does_not_ask_once_per_row(self, desk, make_parcel):
        """As many queries for forty rows as for one, good and bad ones."""
        parcels = [make_parcel() for _ in range(20)]
        numbers = [parcel.order.number for parcel in parcels]
        numbers += [f"20261121-AAAAAA{number}" for number in range(20)]
        lines = [f"{number},CJ,1000000000{at}" for at, number in enumerate(numbers, 10)]
        look(desk, lines[0])
        for_one = len(queries_of(lambda: look(desk, lines[0])))
        assert len(queries_of(lambda: look(desk, "\n".join(lines)))) == for_one

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", "Paste a list or choose a file, not both."),
            (" \n ", "Paste a list or choose a file, not both."),
            ("주문번호,택배사,송장번호", "The list is empty."),
            ("N,CJ,123456789012\n" * 501, "These are more than 500 parcels: divide the list."),
        ],
    )
    def test_no_list(self, desk, text, sentence):
        """422 with a sentence, and what was typed stays."""
        answer = look(desk, text)
        assert answer.status_code == 422
        assert answer.context["form"].errors == {"text": [sentence]}

    def test_html_is_shown_as_text(self, desk):
        """Whatever stands in a list."""
        text = look(desk, "<script>alert(1)</script>,CJ,123456789012").content.decode()
        assert "<script>alert(1)" not in text
        assert "&lt;SCRIPT&gt;" in text


@with_database
class TestShipping:
    """The second press does what was seen."""

    def test_each_for_itself(self, desk, make_parcel, packer):
        """Good ones are shipped, with mail and log; wrong ones stay in the box."""
        one, two, unpaid = make_parcel(), make_parcel(), make_parcel("PENDING")
        unpaid_line = f"{unpaid.order.number}, CJ, 100000000003"
        seen = look(
            desk,
            f"{one.order.number},CJ,1000-0000-0001\n{unpaid_line}\n"
            f"{two.order.number},한진,100000000002",
        )
        answer = ship(desk, seen)
        assert lines_of(answer) == [("shipped", ""), ("shipped", "")]
        assert "2 parcels were shipped." in answer.content.decode()
        assert box_of(answer) == unpaid_line
        assert row(one) == ("SHIPPED", "CJ", "100000000001")
        assert row(two) == ("SHIPPED", "HANJIN", "100000000002")
        assert row(unpaid) == ("PREPARING", "", "")
        assert Mail.objects.filter(event="SHIPPED").count() == 2
        assert len(log()) == 2

    def test_again(self, desk, make_parcel):
        """The same list changes nothing more, and the page says so."""
        parcel = make_parcel()
        seen = look(desk, f"{parcel.order.number},CJ,1000-0000-0001")
        ship(desk, seen)
        again = ship(desk, seen)
        done = ("shipped before", "It was shipped under this number before; nothing is left to do.")
        assert lines_of(again) == [done]
        assert "Nothing was changed." in again.content.decode()
        assert box_of(again) == ""
        answer = look(desk, f"{parcel.order.number},CJ,100000000001")
        assert lines_of(answer) == [done]
        assert "None of these can be shipped." in answer.content.decode()
        assert (Mail.objects.count(), len(log())) == (1, 1)

    def test_another_number_than_before(self, desk, make_parcel):
        """Is not overwritten by a list."""
        parcel = make_parcel()
        ship(desk, look(desk, f"{parcel.order.number},CJ,100000000001"))
        answer = look(desk, f"{parcel.order.number},CJ,100000000002")
        assert lines_of(answer) == [("not shipped", "The parcel is on its way already.")]
        assert row(parcel) == ("SHIPPED", "CJ", "100000000001")

    def test_what_changed_since(self, desk, make_parcel):
        """Between looking and shipping an order was refunded: it stays here, and in the box."""
        one, two = make_parcel(), make_parcel()
        lines = [f"{parcel.order.number}, OWN" for parcel in (one, two)]
        seen = look(desk, "\n".join(lines))
        two.order.refunds.create(kind="FULL", status="WAITING", amount=22_000)
        answer = ship(desk, seen)
        assert [word for word, _ in lines_of(answer)] == ["shipped", "not shipped"]
        assert (row(one)[0], row(two)[0]) == ("SHIPPED", "PREPARING")
        assert shipping_lists.lines_in(box_of(answer))[0][0] == two.order.number

    def test_what_was_wrong_when_it_was_seen(self, desk, make_parcel):
        """It is not shipped, though by now it could be: nobody has seen that."""
        one, two = make_parcel(), make_parcel()
        refund = two.order.refunds.create(kind="FULL", status="WAITING", amount=22_000)
        seen = look(desk, "\n".join(f"{each.order.number},OWN" for each in (one, two)))
        refund.status = "REJECTED"
        refund.save()
        ship(desk, seen)
        assert (row(one)[0], row(two)[0]) == ("SHIPPED", "PREPARING")

    def test_two_press_at_once(self, desk, make_parcel, packer):
        """Each parcel is shipped once: one mail, one line in the log."""
        parcels = [make_parcel() for _ in range(3)]
        seen = look(desk, "\n".join(f"{each.order.number},OWN" for each in parcels))

        def press() -> None:
            client = Client()
            client.force_login(packer)
            assert ship(client, seen).status_code == 200

        at_once(press, times=4)
        assert [row(parcel)[0] for parcel in parcels] == ["SHIPPED"] * 3
        assert (Mail.objects.count(), len(log())) == (3, 3)

    def test_who_was_told_before(self, desk, make_parcel, mailoutbox):
        """The row says that no second mail is sent."""
        parcel = make_parcel()
        page = reverse("admin:orders_shipment_change", args=[parcel.pk])
        ship(desk, look(desk, f"{parcel.order.number},OWN"))
        Mail.objects.update(sent_at=timezone.now())
        desk.post(page, {"move": "undo"})
        answer = ship(desk, look(desk, f"{parcel.order.number},OWN"))
        told = "The shopper was told before, and gets no second mail."
        assert lines_of(answer) == [("shipped", told)]

    def test_more_than_were_seen(self, desk):
        """A form of more than 500 lines was never shown, and is refused."""
        answer = desk.post(PAGE, {"text": "N,CJ,123456789012\n" * 501, "rest": ""})
        assert answer.status_code == 422


@with_database
class TestFiles:
    """CSV and XLSX, as spreadsheets and carriers' programs write them."""

    def upload(self, client: Client, data: bytes, name: str = "list.csv", **more):
        return look(client, file=SimpleUploadedFile(name, data), **more)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_csv(self, desk, make_parcel, encoding, delimiter):
        """In whatever encoding Excel saved it; columns may stand in any order."""
        parcel = make_parcel()
        rows = [
            ("운송장번호", "받는 분", "택배사", "주문번호"),
            ("1234-5678-9012", '"이\n두리"', "우체국택배", parcel.order.number),
        ]
        text = "\r\n".join(delimiter.join(cells) for cells in rows)
        seen = self.upload(desk, text.encode(encoding))
        assert lines_of(seen) == [("will be shipped", "")]
        ship(desk, seen)
        assert row(parcel) == ("SHIPPED", "EPOST", "123456789012")

    def test_xlsx(self, desk, make_parcel):
        """Numbers are numbers there."""
        parcel = make_parcel()
        book = Workbook()
        book.active.append(["주문번호", "송장번호"])
        book.active.append([parcel.order.number, 123456789012])
        book.active.append([None, None])
        file = BytesIO()
        book.save(file)
        seen = self.upload(desk, file.getvalue(), "list.xlsx", carrier="LOGEN")
        assert box_of(seen) == f"{parcel.order.number}, Logen, 123456789012"
        ship(desk, seen)
        assert row(parcel) == ("SHIPPED", "LOGEN", "123456789012")

    def test_without_headings(self, desk, make_parcel):
        """Then it is order number, carrier, tracking number."""
        parcel = make_parcel()
        seen = self.upload(desk, f"{parcel.order.number} CJ 1234 5678 9012".encode())
        assert lines_of(seen) == [("will be shipped", "")]

    def test_an_export_of_ours(self, desk, make_parcel):
        """Staff write the tracking numbers into the file of orders, and upload it."""
        parcel = make_parcel()
        today = timezone.localdate()
        export = Export(content=Content.ORDERS, format=Format.CSV, first=today, last=today)
        text = b"".join(as_csv(export)).decode("utf-8-sig")
        headings, cells = csv.reader(StringIO(text, newline=""))
        cells[headings.index("택배사")] = "CJ대한통운"
        cells[headings.index("운송장 번호")] = "100000000001"
        file = StringIO()
        csv.writer(file).writerows([headings, cells])
        ship(desk, self.upload(desk, file.getvalue().encode("utf-8-sig")))
        assert row(parcel) == ("SHIPPED", "CJ", "100000000001")

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (b"PK\x03\x04 and no more", "The file is damaged: save it once more."),
            (
                b"\xd0\xcf\x11\xe0 old",
                "This is an old or a protected Excel file: save it as XLSX without a password.",
            ),
            (b"\xff\xfe\x00\xd8", "This is neither CSV nor XLSX: save the list as one of them."),
            (b"N,CJ,1\n" * 300_000, "The file is too long: divide it into several."),
            (
                b"N,CJ,123456789012\n" * 501,
                "These are more than 500 parcels: divide the list.",
            ),
            (b"\n\n", "The list is empty."),
        ],
    )
    def test_what_is_no_list(self, desk, data, sentence):
        """422 with a sentence."""
        answer = self.upload(desk, data)
        assert answer.status_code == 422
        assert answer.context["form"].errors == {"file": [sentence]}

    def test_what_is_too_long_is_not_read(self):
        """Its length is asked first, for it may be longer than the memory."""
        file = SimpleUploadedFile("list.csv", b"N" * (shipping_files.MOST_BYTES + 1))
        with translation.override("en"):
            form = ListForm({"text": "", "carrier": ""}, {"file": file})
            assert form.errors == {"file": ["The file is too long: divide it into several."]}
        assert file.tell() == 0

    def test_a_list_and_a_file(self, desk):
        """It is not guessed which is meant."""
        answer = self.upload(desk, b"N,CJ,123456789012", text="N,CJ,123456789013")
        assert answer.context["form"].errors == {
            "file": ["Paste a list or choose a file, not both."]
        }


@with_database
class TestWhoMay:
    """Only who holds ``orders.change_shipment``."""

    def test_reading_is_not_shipping(self, client, make_parcel):
        """No link, and 403 for page, preview and shipping."""
        parcel = make_parcel()
        client.force_login(staff("reader@example.com", "view_shipment", "view_order"))
        assert str(PAGE) not in client.get(reverse(LIST)).content.decode()
        line = f"{parcel.order.number},CJ,123456789012"
        for answer in (
            client.get(PAGE),
            look(client, line),
            client.post(PAGE, {"text": line, "rest": ""}),
        ):
            assert answer.status_code == 403
        assert row(parcel) == ("PREPARING", "", "")

    def test_who_may(self, desk):
        """Is led to it from the list of parcels."""
        assert str(PAGE) in desk.get(reverse(LIST)).content.decode()
        assert desk.get(PAGE).status_code == 200

    def test_a_shopper(self, client, shopper):
        """Is sent to sign in as staff."""
        client.force_login(shopper)
        assert client.get(PAGE).status_code == 302

    def test_from_another_site(self, packer, make_parcel):
        """A form without the CSRF token is refused."""
        parcel = make_parcel()
        client = Client(enforce_csrf_checks=True)
        client.force_login(packer)
        line = f"{parcel.order.number},CJ,123456789012"
        assert client.post(PAGE, {"text": line, "rest": ""}).status_code == 403
        assert row(parcel) == ("PREPARING", "", "")
