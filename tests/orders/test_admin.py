"""Staff find any order and can change nothing that money depends on."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.models import CouponRedemption, Order, PaymentTransaction, Shipment
from shop.models import Coupon
from tests.queries import queries_of


@pytest.mark.parametrize(
    "words",
    [
        "number",
        "T0a1b2c3d4e5f6071829",
        "hana@example.com",
        "Hana@ex",
        "hana",
        "010-1234-5678",
        "01012345678",
        "+821012345678",
        "+82 10-1234-5678",
        "+82-10-1234-5678",
        "82 10 1234 5678",
        "+82 (0)10-1234-5678",
    ],
)
def test_an_order_is_found(admin_client, paid, words):
    """By number, tid, e-mail or its beginning, and phone however it is written."""
    query = paid.number if words == "number" else words
    page = admin_client.get(reverse("admin:orders_order_changelist"), {"q": query})
    assert list(page.context["cl"].result_list) == [paid]


def test_what_does_not_match_is_not_found(admin_client, paid):
    """Another phone number finds nothing."""
    page = admin_client.get(reverse("admin:orders_order_changelist"), {"q": "010-9999-9999"})
    assert list(page.context["cl"].result_list) == []


@pytest.mark.parametrize("words", ["ana@example.com", "example", "ha", "123456789012345678"])
def test_what_an_address_does_not_begin_with(admin_client, paid, words):
    """Neither the middle of one, nor too little of it, nor what is no phone number."""
    page = admin_client.get(reverse("admin:orders_order_changelist"), {"q": words})
    assert list(page.context["cl"].result_list) == []


@pytest.mark.parametrize("model", ["order", "paymenttransaction"])
def test_nothing_is_found(admin_client, paid, model):
    """Then the list says what can be searched by, and only then."""
    url = reverse(f"admin:orders_{model}_changelist")
    sentence = "Nothing matches “<b>”: search by an order number, an e-mail address or a name, "
    sentence = sentence.replace("<b>", "&lt;b&gt;")
    english = {"Accept-Language": "en"}
    assert sentence in admin_client.get(url, {"q": "<b>"}, headers=english).content.decode()
    for part in ({"q": "hana@example.com"}, {"status__exact": "FAILED"}, {}):
        assert (
            "Nothing matches" not in admin_client.get(url, part, headers=english).content.decode()
        )


def test_the_page_of_a_payment(admin_client, paid):
    """Won with commas, times to the second, in parts; what is empty is left out, as are keys."""
    payment = paid.transactions.get()
    created_at = datetime(2026, 11, 21, 5, 4, 3, tzinfo=UTC)
    PaymentTransaction.objects.filter(pk=payment.pk).update(
        created_at=created_at, card_issuer="", installment_months=0, ready_at=None, tax_free=0
    )
    url = reverse("admin:orders_paymenttransaction_change", args=[payment.pk])
    page = admin_client.get(url, headers={"Accept-Language": "en"})
    text = page.content.decode()
    for fact in (
        "₩22,000",
        "₩2,000",
        "2026-11-21 14:04:03",
        payment.tid,
        payment.aid,
        "At the provider",
    ):
        assert fact in text
    parts = {
        str(part.name or ""): [str(field.field["label"]) for line in part for field in line]
        for part in page.context["adminform"]
    }
    assert parts == {
        "": ["order", "kind", "status", "amount", "VAT in the amount"],
        "At the provider": ["provider", "tid", "aid", "paid by", "instalment months"],
        "When": ["created at", "approved at"],
    }
    assert "0123456789abcdef0123" not in text


@pytest.mark.parametrize("status", ["PAID", "CANCELED"])
def test_orders_are_filtered_by_status(admin_client, paid, status):
    """Only those of that status."""
    page = admin_client.get(reverse("admin:orders_order_changelist"), {"status__exact": status})
    assert page.context["cl"].result_count == (1 if status == "PAID" else 0)


def test_the_order_page_shows_both_ids(admin_client, paid):
    """Lines, tid, aid and amounts, but never the pg_token."""
    page = admin_client.get(reverse("admin:orders_order_change", args=[paid.pk]))
    text = page.content.decode()
    for fact in ("T0a1b2c3d4e5f6071829", "A0a1b2c3d4e5f6071829", "컵"):
        assert fact in text
    assert "0123456789abcdef0123" not in text


def test_who_redeemed_a_coupon(admin_client, make_order):
    """Found by its code or name, one query however many."""
    spring = Coupon.objects.create(code="SPRING", name_ko="봄 쿠폰", value=2_000)
    other = Coupon.objects.create(code="OTHER", name_ko="다른 쿠폰", value=2_000)
    url = reverse("admin:orders_couponredemption_changelist")

    def redeem(coupon, nth):
        order = make_order(discount=2_000, total=20_000, vat=1_818, coupon_name=coupon.name)
        return CouponRedemption.objects.create(order=order, coupon=coupon, user=order.user, nth=nth)

    first = redeem(spring, 1)
    redeem(other, 1)
    for words in ("SPRING", "봄"):
        page = admin_client.get(url, {"q": words})
        assert list(page.context["cl"].result_list) == [first]
    for_two = len(queries_of(lambda: admin_client.get(url)))
    redeem(spring, 2)
    assert len(queries_of(lambda: admin_client.get(url))) == for_two


@pytest.fixture
def parcel(paid) -> Shipment:
    """The paid order's, on its way."""
    return Shipment.objects.create(
        order=paid,
        recipient="이두리",
        phone="+821055556666",
        postcode="06236",
        line1="서울 강남구 테헤란로 123",
        status="SHIPPED",
        carrier="CJ",
        tracking_number="023456789012",
        shipped_at=timezone.now(),
    )


@pytest.mark.parametrize("words", ["023456789012", "0234-5678-9012"])
def test_an_order_is_found_by_its_parcel(admin_client, paid, parcel, words):
    """Also where the tracking number could be a phone number."""
    page = admin_client.get(reverse("admin:orders_order_changelist"), {"q": words})
    assert list(page.context["cl"].result_list) == [paid]


def test_the_list_shows_both_statuses(admin_client, paid, parcel):
    """What became of the money, and of the parcel; orders are filtered by either."""
    url = reverse("admin:orders_order_changelist")
    text = admin_client.get(url).content.decode()
    assert str(Order.Status.PAID.label) in text
    assert str(Shipment.Status.SHIPPED.label) in text
    for status, count in (("SHIPPED", 1), ("DELIVERED", 0)):
        page = admin_client.get(url, {"delivery": status})
        assert page.context["cl"].result_count == count


@pytest.mark.parametrize("model", ["order", "paymenttransaction"])
def test_nothing_can_be_edited(admin_client, paid, model):
    """Even a superuser can neither add, change nor delete."""
    row = paid if model == "order" else paid.transactions.get()
    add = reverse(f"admin:orders_{model}_add")
    change = reverse(f"admin:orders_{model}_change", args=[row.pk])
    delete = reverse(f"admin:orders_{model}_delete", args=[row.pk])
    assert admin_client.get(add).status_code == 403
    assert admin_client.post(change, {"status": "REFUNDED", "total": "1"}).status_code == 403
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    paid.refresh_from_db()
    assert (paid.status, paid.total) == (Order.Status.PAID, 22_000)
    assert PaymentTransaction.objects.count() == 1


def test_the_list_does_not_ask_once_per_row(admin_client, paid, parcel):
    """As many queries for twenty orders as for one, with parcels and without."""
    url = reverse("admin:orders_order_changelist")
    for_one = len(queries_of(lambda: admin_client.get(url)))
    fields = {f.name: getattr(paid, f.name) for f in Order._meta.concrete_fields}
    for number in range(19):
        order = Order.objects.create(**fields | {"id": None, "number": f"20261121-{number}"})
        if number % 2:
            Shipment.objects.create(order=order, phone="+821055556666")
    assert len(queries_of(lambda: admin_client.get(url))) == for_one


def test_a_shopper_is_not_let_in(client, shopper, paid):
    """Signed in, but not staff."""
    client.force_login(shopper)
    page = client.get(reverse("admin:orders_order_changelist"))
    assert page.status_code in {302, 403}
    assert b"T0a1b2c3d4e5f6071829" not in page.content
