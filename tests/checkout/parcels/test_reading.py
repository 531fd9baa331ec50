"""Staff see parcels: those who may, the list, and all that is needed to pack."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from checkout.models import Mail
from orders.models import Shipment
from tests.checkout.parcels.conftest import (
    LIST,
    address_of,
    found,
    log,
    page_of,
    press,
    row,
    staff,
    told,
)
from tests.queries import queries_of

pytestmark = pytest.mark.django_db(transaction=True)


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
