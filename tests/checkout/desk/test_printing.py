"""What is printed of an order: the receipt for its buyer, the slip for who packs it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from orders import refunding
from orders.models import Order
from orders.quoting import Wish
from shop.models import Coupon
from tests.staff import give_back, operator, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(client, db):
    client.force_login(staff("reader@example.com", "view_order", "view_shipment"))
    return client


def printed(client, order, name):
    answer = client.get(reverse(f"admin:orders_order_{name}", args=[order.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


class TestTheReceipt:
    def test_it_has_what_a_receipt_has(self, desk, order, settings):
        """The shop, the goods, VAT and tax-free part, how it was paid, and both numbers."""
        settings.SHOP_LEGAL_NOTICE = "사업자등록번호 123-45-67890"
        charge = order.transactions.get()
        text = printed(desk, order, "receipt")
        for fact in (
            *(settings.SHOP_NAME, "사업자등록번호 123-45-67890", order.number, "김하나"),
            *("45,000원", "4,500원", "9,000원", "3,000원", "34,500원"),
            *("2,487원", "7,138원", "27,362원", "신한", charge.tid, charge.aid),
        ):
            assert fact in text

    def test_refunds_and_what_remains(self, desk, order):
        """Each with its number and pieces; what was refused is not on paper."""
        cup = order.lines.get(unit_price=11_000)
        refund = give_back(order, refunding.by_line({cup.pk: 2}))
        text = printed(desk, order, "receipt")
        assert refund.transaction.aid in text
        assert f"{cup.name} × 2" in text
        left = 34_500 - refund.amount
        assert f"{refund.amount:,}원" in text
        assert f"{left:,}원" in text

    def test_a_refund_that_failed_is_not_on_it(self, desk, order, kakaopay):
        """No money moved, and the buyer need not know."""
        kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
        give_back(order, refunding.by_amount(1_234))
        assert "1,234" not in printed(desk, order, "receipt")

    def test_it_is_in_its_buyers_language(self, desk, order):
        """Whatever language staff work in."""
        Order.objects.update(language="en")
        assert "₩34,500" in printed(desk, order, "receipt")

    def test_paid_without_money(self, desk, buy, db):
        """Points and a coupon paid it all: there is no tid to show."""
        Coupon.objects.create(code="ALL", name_ko="전부", value=100_000)
        order = buy(pieces={"ticket": 1}, wish=Wish("ALL", 0))
        text = printed(desk, order, "receipt")
        assert order.number in text
        assert "(tid)" not in text

    def test_what_is_not_paid_has_none(self, desk, make_order):
        """404."""
        order = make_order()
        address = reverse("admin:orders_order_receipt", args=[order.pk])
        assert desk.get(address).status_code == 404


class TestThePackingSlip:
    def test_who_may_print_it(self, client, order):
        """Who may look at parcels; for others there is neither button nor slip."""
        slip = reverse("admin:orders_order_packing", args=[order.pk])
        page = reverse("admin:orders_order_change", args=[order.pk])
        for names, is_allowed in (((), False), (("view_shipment",), True)):
            client.force_login(staff(f"{is_allowed}@example.com", "view_order", *names))
            assert client.get(slip).status_code == (200 if is_allowed else 403)
            assert (slip in client.get(page).content.decode()) is is_allowed

    def test_where_it_goes(self, desk, order):
        """Address, phone, the note for the courier, and the number as a code."""
        text = printed(desk, order, "packing")
        for fact in (
            *("(04524) 서울 중구 세종대로 110", "3층", "010-1234-5678", "문 앞", order.number),
            "data:image/svg+xml",
        ):
            assert fact in text

    def test_what_goes_in(self, desk, order):
        """Kept pieces that are delivered: not the ticket, not what was refunded."""
        cup, tea = order.lines.get(unit_price=11_000), order.lines.get(unit_price=5_000)
        give_back(order, refunding.by_line({cup.pk: 1, tea.pk: 2}))
        answer = desk.get(reverse("admin:orders_order_packing", args=[order.pk]))
        assert [(line.pk, line.kept) for line in answer.context["lines"]] == [(cup.pk, 2)]
        assert answer.context["pieces"] == 2
        ticket = order.lines.get(unit_price=2_000)
        assert answer.context["left_out"] == [tea, ticket]
        assert not answer.context["refusal"]

    def test_it_says_if_it_must_not_be_sent(self, desk, order):
        """The money went back: who packs it reads that before anything else."""
        give_back(order, refunding.everything(), by=operator())
        answer = desk.get(reverse("admin:orders_order_packing", args=[order.pk]))
        assert answer.context["refusal"]
        assert answer.context["refusal"] in answer.content.decode()

    def test_without_a_parcel_there_is_none(self, desk, make_order):
        """404."""
        order = make_order(status="PAID", paid_at=timezone.now())
        address = reverse("admin:orders_order_packing", args=[order.pk])
        assert desk.get(address).status_code == 404
