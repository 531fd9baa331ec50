"""Staff send parcels: those who may, what they mean, and the shopper is told once."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from checkout import mails
from checkout.models import Mail
from orders.models import Shipment
from tests.queries import queries_of
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "admin:orders_shipment_changelist"


@pytest.fixture
def make_parcel(make_order):
    """Parcels of paid orders to one address."""

    def make(order_status: str = "PAID", *, hours: int = 1, **fields) -> Shipment:
        paid_at = timezone.now() - timedelta(hours=hours)
        order = make_order(status=order_status, paid_at=paid_at)
        address = {"recipient": "이두리", "phone": "+821055556666", "postcode": "06236"}
        fields = address | {"line1": "서울 강남구 테헤란로 123", "line2": "5층"} | fields
        return Shipment.objects.create(order=order, **fields)

    return make


@pytest.fixture
def parcel(make_parcel) -> Shipment:
    return make_parcel()


@pytest.fixture
def packer(db) -> User:
    """Staff who may look at parcels and send them."""
    return staff("packer@example.com", "view_shipment", "change_shipment")


@pytest.fixture
def desk(client, packer) -> Client:
    client.force_login(packer)
    return client


def staff(email: str, *permissions: str) -> User:
    user = User.objects.create_user(email, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def page_of(parcel: Shipment) -> str:
    return reverse("admin:orders_shipment_change", args=[parcel.pk])


def address_of(parcel: Shipment) -> str:
    return reverse("admin:orders_shipment_address", args=[parcel.pk])


def press(client: Client, parcel: Shipment, move: str, **changed: str):
    fields = {"carrier": "CJ", "tracking_number": "1234-5678-9012", "move": move}
    return client.post(page_of(parcel), fields | changed)


def row(parcel: Shipment) -> tuple[str, str, str]:
    parcel.refresh_from_db()
    return (parcel.status, parcel.carrier, parcel.tracking_number)


def told(answer) -> list[str]:
    """What the next page says first."""
    return [str(message) for message in answer.wsgi_request._messages]


def log() -> list[str]:
    return list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))


def found(client: Client, **query: str) -> list[Shipment]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


class TestWhoMay:
    """Only who holds ``orders.change_shipment`` moves anything."""

    def test_the_buttons(self, desk, parcel):
        """Of a parcel that is here: mark it shipped, and correct its address."""
        text = desk.get(page_of(parcel)).content.decode()
        assert 'value="ship"' in text
        assert address_of(parcel) in text
        assert 'value="deliver"' not in text
        assert 'value="undo"' not in text

    @pytest.mark.parametrize("move", ["ship", "correct", "deliver", "undo"])
    def test_reading_is_not_moving(self, client, parcel, move):
        """No button, 403 for each move, and the parcel stays."""
        client.force_login(staff("reader@example.com", "view_shipment"))
        text = client.get(page_of(parcel)).content.decode()
        assert "<form" not in text.partition("content-main")[2]
        assert address_of(parcel) not in text
        assert press(client, parcel, move).status_code == 403
        assert row(parcel) == ("PREPARING", "", "")
        assert Mail.objects.count() == 0

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_reading_is_not_addressing(self, client, parcel, method):
        """Nor is the address theirs to change."""
        client.force_login(staff("reader@example.com", "view_shipment"))
        assert getattr(client, method)(address_of(parcel), {}).status_code == 403

    def test_no_bulk_action_either(self, client, make_parcel):
        """It is neither offered nor done."""
        parcel = make_parcel(status="SHIPPED", carrier="OWN", shipped_at=timezone.now())
        client.force_login(staff("reader@example.com", "view_shipment"))
        assert "mark_delivered" not in client.get(reverse(LIST)).content.decode()
        client.post(reverse(LIST), {"action": "mark_delivered", "_selected_action": [parcel.pk]})
        assert row(parcel) == ("SHIPPED", "OWN", "")

    def test_who_may_not_see_parcels(self, client, parcel):
        """Staff with other duties do not learn who lives where."""
        client.force_login(staff("blind@example.com", "view_order"))
        assert client.get(page_of(parcel)).status_code == 403
        assert client.get(reverse(LIST)).status_code == 403

    def test_a_shopper(self, client, parcel, shopper):
        """Is sent to sign in as staff."""
        client.force_login(shopper)
        assert press(client, parcel, "ship").status_code == 302
        assert row(parcel) == ("PREPARING", "", "")

    def test_from_another_site(self, parcel, packer):
        """A form without the CSRF token is refused."""
        client = Client(enforce_csrf_checks=True)
        client.force_login(packer)
        assert press(client, parcel, "ship").status_code == 403
        assert row(parcel) == ("PREPARING", "", "")

    def test_nobody_adds_or_deletes(self, admin_client, parcel):
        """A parcel belongs to its order."""
        assert admin_client.get(reverse("admin:orders_shipment_add")).status_code == 403
        delete = reverse("admin:orders_shipment_delete", args=[parcel.pk])
        assert admin_client.post(delete, {"post": "yes"}).status_code == 403
        assert Shipment.objects.get() == parcel

    @pytest.mark.parametrize("pk", ["999999", "none", "_5F"])
    def test_a_parcel_that_is_none(self, desk, pk):
        """404, whatever stands in the address."""
        assert desk.get(f"/admin/orders/shipment/{pk}/change/").status_code == 404
        assert desk.get(f"/admin/orders/shipment/{pk}/address/").status_code == 404


class TestMoving:
    """One press, one change, one line in the log."""

    def test_shipped(self, desk, parcel, packer):
        """The number is stored as carriers write it, a mail is written, the log says what was."""
        answer = press(desk, parcel, "ship")
        assert (answer.status_code, answer.url) == (302, page_of(parcel))
        assert row(parcel) == ("SHIPPED", "CJ", "123456789012")
        (mail,) = Mail.objects.all()
        assert (mail.order, mail.event, mail.transaction) == (parcel.order, "SHIPPED", None)
        (entry,) = LogEntry.objects.all()
        assert (entry.user, entry.get_edited_object()) == (packer, parcel)
        before, _, after = entry.change_message.partition("; ")[0].partition(" → ")
        assert before.endswith(str(Shipment.Status.PREPARING.label))
        assert after == str(Shipment.Status.SHIPPED.label)
        assert entry.change_message.endswith(": – → 123456789012")

    def test_the_shop_itself(self, desk, parcel):
        """Needs no number."""
        press(desk, parcel, "ship", carrier="OWN", tracking_number="")
        assert row(parcel) == ("SHIPPED", "OWN", "")

    @pytest.mark.parametrize("number", ["", "123", "송장을 나중에"])
    def test_a_number_that_is_none(self, desk, parcel, number):
        """422, what was typed stays, nothing moves, nobody is told."""
        answer = press(desk, parcel, "ship", carrier="HANJIN", tracking_number=number)
        assert answer.status_code == 422
        assert answer.context["form"].errors["tracking_number"] == [
            str(answer.context["form"].BAD_NUMBER)
        ]
        assert '<option value="HANJIN" selected' in answer.content.decode()
        assert row(parcel) == ("PREPARING", "", "")
        assert (Mail.objects.count(), log()) == (0, [])

    @pytest.mark.parametrize(
        "changed", [{"carrier": "DHL"}, {"carrier": ""}, {"tracking_number": "1" * 31}]
    )
    def test_not_what_the_form_offers(self, desk, parcel, changed):
        """422, and nothing moves."""
        assert press(desk, parcel, "ship", **changed).status_code == 422
        assert row(parcel) == ("PREPARING", "", "")

    @pytest.mark.parametrize("move", ["", "burn"])
    def test_no_such_button(self, desk, parcel, move):
        """422, and nothing moves."""
        assert press(desk, parcel, move).status_code == 422
        assert row(parcel) == ("PREPARING", "", "")

    @pytest.mark.parametrize("status", ["PENDING", "CANCELED", "REFUNDED"])
    def test_not_paid(self, desk, make_parcel, status):
        """The page offers nothing and says why; a form from before is refused in a sentence."""
        parcel = make_parcel(status)
        text = desk.get(page_of(parcel)).content.decode()
        assert 'value="ship"' not in text
        answer = press(desk, parcel, "ship")
        assert len(told(answer)) == 1
        assert told(answer)[0] in text
        assert row(parcel) == ("PREPARING", "", "")
        assert (Mail.objects.count(), log()) == (0, [])

    def test_two_at_once(self, desk, parcel, packer):
        """Eight people press at once: one ships it, one mail, one line in the log."""
        answers = []

        def ship_it(number: str) -> None:
            client = Client()
            client.force_login(packer)
            answers.append(told(press(client, parcel, "ship", tracking_number=number)))

        at_once(lambda: ship_it("555566667777"), times=8)
        assert row(parcel) == ("SHIPPED", "CJ", "555566667777")
        assert (Mail.objects.count(), len(log())) == (1, 1)
        assert len({sentence for (sentence,) in answers}) == 2

    def test_a_corrected_number(self, desk, parcel):
        """Is logged, before and after; the shopper gets no second mail."""
        press(desk, parcel, "ship")
        press(desk, parcel, "correct", carrier="LOTTE", tracking_number="444455556666")
        assert row(parcel) == ("SHIPPED", "LOTTE", "444455556666")
        assert Mail.objects.count() == 1
        assert log()[1].endswith(": 123456789012 → 444455556666")

    def test_nothing_was_changed(self, desk, parcel):
        """So the log says nothing."""
        press(desk, parcel, "ship")
        press(desk, parcel, "correct")
        assert len(log()) == 1

    def test_delivered(self, desk, parcel):
        """Without a carrier in the form."""
        press(desk, parcel, "ship")
        desk.post(page_of(parcel), {"move": "deliver"})
        assert row(parcel) == ("DELIVERED", "CJ", "123456789012")
        text = desk.get(page_of(parcel)).content.decode()
        assert 'value="deliver"' not in text
        assert 'value="undo"' in text

    def test_back_before_the_mail_went_out(self, desk, parcel, mailoutbox):
        """The parcel never left, so the mail that says so is not sent."""
        press(desk, parcel, "ship")
        desk.post(page_of(parcel), {"move": "undo"})
        assert row(parcel) == ("PREPARING", "", "")
        assert mails.send(Mail.objects.get().pk, now=timezone.now()) is False
        assert (mailoutbox, Mail.objects.count()) == ([], 0)

    def test_shipped_again(self, desk, parcel, mailoutbox):
        """Who was told before is not told twice, and staff know; else there is a mail."""
        first = told(press(desk, parcel, "ship"))
        desk.post(page_of(parcel), {"move": "undo"})
        again = told(press(desk, parcel, "ship", tracking_number="444455556666"))
        assert first == again[-1:]
        mails.send(Mail.objects.get().pk, now=timezone.now())
        assert "444455556666" in mailoutbox[0].body
        desk.post(page_of(parcel), {"move": "undo"})
        once_more = told(press(desk, parcel, "ship"))
        assert once_more[-1] != first[0]
        assert Mail.objects.count() == 1

    @pytest.mark.parametrize("move", ["correct", "deliver", "undo"])
    def test_not_yet_shipped(self, desk, parcel, move):
        """A sentence, and nothing else."""
        answer = press(desk, parcel, move)
        assert len(told(answer)) == 1
        assert (row(parcel), log()) == (("PREPARING", "", ""), [])

    def test_the_carrier_of_the_last_parcel_is_offered(self, desk, make_parcel):
        """Most shops use one."""
        press(desk, make_parcel(), "ship", carrier="LOGEN")
        page = desk.get(page_of(make_parcel()))
        assert '<option value="LOGEN" selected' in page.content.decode()


class TestThePage:
    """Everything that is needed to pack."""

    def test_what_where_and_how_many(self, desk, parcel):
        """Lines, address, who ordered, and the order."""
        text = desk.get(page_of(parcel)).content.decode()
        for fact in (
            *("컵", "× 2", "(06236)", "서울 강남구 테헤란로 123", "5층", "이두리"),
            *("010-5555-6666", parcel.order.number, "hana@example.com"),
            reverse("admin:orders_order_change", args=[parcel.order_id]),
        ):
            assert fact in text

    def test_tickets_are_not_packed(self, desk, parcel, make_product):
        """They are named apart, so that nobody looks for them on the shelf."""
        ticket = parcel.order.lines.create(
            product=make_product(),
            name="드립 커피 수업",
            unit_price=0,
            quantity=1,
            is_tax_free=False,
            needs_delivery=False,
        )
        context = desk.get(page_of(parcel)).context
        assert ticket not in context["lines"]
        assert context["not_packed"] == [ticket]

    def test_on_its_way(self, desk, parcel):
        """Its number leads to the carrier."""
        press(desk, parcel, "ship")
        text = desk.get(page_of(parcel)).content.decode()
        assert 'href="https://trace.cjlogistics.com/next/tracking.html?wblNo=123456789012"' in text
        assert 'rel="noopener"' in text

    def test_the_history(self, desk, parcel):
        """What was changed can be read again."""
        press(desk, parcel, "ship")
        page = desk.get(reverse("admin:orders_shipment_history", args=[parcel.pk]))
        assert ": – → 123456789012" in page.content.decode()


class TestAddress:
    """Buyers call about typos."""

    FIELDS = {
        "recipient": "이두리",
        "phone": "02-123-4567",
        "postcode": "04524",
        "line1": "서울 중구 세종대로 110",
        "line2": "",
        "memo": "경비실",
    }

    def test_it_is_filled_in(self, desk, parcel):
        """With what is there."""
        text = desk.get(address_of(parcel)).content.decode()
        for value in ("이두리", "010-5555-6666", "06236", "서울 강남구 테헤란로 123", "5층"):
            assert f'value="{value}"' in text

    def test_corrected(self, desk, parcel):
        """Every line, and the log tells what was there before."""
        answer = desk.post(address_of(parcel), self.FIELDS)
        assert answer.url == page_of(parcel)
        parcel.refresh_from_db()
        assert (parcel.phone.as_e164, parcel.postcode, parcel.line2) == ("+8221234567", "04524", "")
        (message,) = log()
        assert "06236 → 04524" in message
        assert "5층 → –" in message
        assert "010-5555-6666 → 02-123-4567" in message
        assert "이두리" not in message

    def test_not_an_address(self, desk, parcel):
        """422, what was typed stays, nothing changes."""
        answer = desk.post(address_of(parcel), self.FIELDS | {"postcode": "4524"})
        assert answer.status_code == 422
        assert 'value="서울 중구 세종대로 110"' in answer.content.decode()
        assert list(answer.context["form"].errors) == ["postcode"]
        parcel.refresh_from_db()
        assert (parcel.postcode, log()) == ("06236", [])

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_it_has_left(self, desk, parcel, method):
        """A sentence, and where it went stays."""
        press(desk, parcel, "ship")
        answer = getattr(desk, method)(address_of(parcel), self.FIELDS)
        assert answer.url == page_of(parcel)
        parcel.refresh_from_db()
        assert (parcel.postcode, len(log())) == ("06236", 1)

    def test_shipped_while_it_was_typed(self, parcel, packer):
        """Whichever comes first: the address never changes once the parcel has left."""
        moves = [
            lambda client: press(client, parcel, "ship"),
            lambda client: client.post(address_of(parcel), self.FIELDS),
        ]

        def move() -> None:
            client = Client()
            client.force_login(packer)
            moves.pop()(client)

        at_once(move, times=2)
        parcel.refresh_from_db()
        assert parcel.status == "SHIPPED"
        assert [": – → 123456789012" in message for message in log()] == (
            [True] if parcel.postcode == "06236" else [False, True]
        )


class TestTheList:
    """Parcels to work through."""

    def test_to_be_shipped(self, desk, make_parcel):
        """One click: paid and here, the longest wait first. All are shown else."""
        late, early = make_parcel(hours=1), make_parcel(hours=5)
        make_parcel("PENDING")
        away = make_parcel(status="SHIPPED", carrier="OWN", shipped_at=timezone.now())
        page = desk.get(reverse(LIST))
        assert len(page.context["cl"].result_list) == 4
        assert 'href="?state=to_ship"' in page.content.decode()
        assert found(desk, state="to_ship") == [early, late]
        assert found(desk, state="shipped") == [away]
        assert found(desk, state="delivered") == []

    @pytest.mark.parametrize(
        "words",
        [
            *("number", "이두리", "010-5555-6666", "01055556666", "+821055556666"),
            *("123456789012", "1234-5678-9012", "김하나"),
        ],
    )
    def test_found(self, desk, make_parcel, words):
        """By order number, names, phone and tracking number, however they are written."""
        parcel = make_parcel(
            status="SHIPPED",
            carrier="CJ",
            tracking_number="123456789012",
            shipped_at=timezone.now(),
        )
        query = parcel.order.number if words == "number" else words
        assert found(desk, q=query) == [parcel]

    def test_a_tracking_number_that_looks_like_a_phone(self, desk, make_parcel):
        """It is found, too."""
        parcel = make_parcel(
            status="SHIPPED",
            carrier="CJ",
            tracking_number="012345678901",
            shipped_at=timezone.now(),
        )
        assert found(desk, q="0123-4567-8901") == [parcel]

    @pytest.mark.parametrize("words", ["010-9999-9999", "999999999999", "아무개", "%"])
    def test_not_found(self, desk, parcel, words):
        """Nothing matches everything."""
        assert found(desk, q=words) == []

    def test_it_does_not_ask_once_per_row(self, desk, make_parcel):
        """As many queries for ten parcels as for one."""
        make_parcel()
        desk.get(reverse(LIST))
        for_one = len(queries_of(lambda: desk.get(reverse(LIST))))
        for _ in range(9):
            make_parcel()
        assert len(queries_of(lambda: desk.get(reverse(LIST)))) == for_one

    def test_many_are_delivered(self, desk, make_parcel):
        """Those that are on their way; a word about each of the others."""
        away = [
            make_parcel(status="SHIPPED", carrier="OWN", shipped_at=timezone.now())
            for _ in range(2)
        ]
        here = make_parcel()
        rows = [parcel.pk for parcel in (*away, here)]
        answer = desk.post(reverse(LIST), {"action": "mark_delivered", "_selected_action": rows})
        assert [row(parcel)[0] for parcel in (*away, here)] == [*["DELIVERED"] * 2, "PREPARING"]
        failed, done = told(answer)
        assert failed.startswith(f"{here.order.number}: ")
        for parcel in away:
            assert parcel.order.number in done
        assert here.order.number not in done
        assert len(log()) == 2


def test_the_order_leads_to_its_parcel(admin_client, parcel):
    """And an order of tickets to none."""
    order = reverse("admin:orders_order_change", args=[parcel.order_id])
    assert page_of(parcel) in admin_client.get(order).content.decode()
    Shipment.objects.all().delete()
    assert page_of(parcel) not in admin_client.get(order).content.decode()
