"""Receipts and history: each shopper's own, and nobody else's."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.models import Order, PaymentTransaction, Shipment
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


def test_the_receipt_shows_times_in_korea(client, shopper, paid):
    """23:59:58 UTC is 08:59:58 the next morning in Seoul."""
    client.force_login(shopper)
    text = client.get(paid.get_absolute_url()).content.decode()
    assert "2026-11-21 08:59:58" in text


def test_the_receipt_shows_how_it_was_paid(client, shopper, paid):
    """Issuer, instalment, both ids, amount and VAT."""
    client.force_login(shopper)
    text = client.get(paid.get_absolute_url()).content.decode()
    for fact in ("신한", "3개월", paid.number, "T0a1b2c3d4e5f6071829", "22,000원", "2,000원"):
        assert fact in text


def test_somebody_elses_order_does_not_exist(client, paid, django_user_model):
    """404, and not in their history either."""
    client.force_login(django_user_model.objects.create_user("other@example.com"))
    assert client.get(paid.get_absolute_url()).status_code == 404
    assert paid.number not in client.get(reverse("orders:history")).content.decode()


@pytest.mark.parametrize("name", ["history", "order"])
def test_signing_in_comes_first(client, paid, name):
    """And leads back here."""
    url = reverse("orders:history") if name == "history" else paid.get_absolute_url()
    answer = client.get(url)
    assert (answer.status_code, answer.url) == (302, f"{reverse('account_login')}?next={url}")


@pytest.mark.parametrize("number", ["nothing", "20261121-AAAAAAAA", "%00", "'--"])
def test_an_order_number_that_is_none(client, shopper, number):
    """404, not an error."""
    client.force_login(shopper)
    assert client.get(f"/orders/{number}/").status_code == 404


@pytest.mark.parametrize("reason", ["QUIT", "FAILED", "DECLINED", "EXPIRED", "SUPERSEDED"])
def test_each_end_without_money_says_so(client, shopper, make_order, reason):
    """The sentence "nothing was charged", and a way on."""
    client.force_login(shopper)
    order = make_order(status="CANCELED", cancel_reason=reason)
    text = client.get(order.get_absolute_url()).content.decode()
    assert "청구되지 않았" in text or "결제되지 않았" in text
    assert reverse("shop:cart") in text


def test_a_waiting_order_can_be_paid_until_its_deadline(client, shopper, make_order):
    """The button is there in time, and gone afterwards."""
    client.force_login(shopper)
    order = make_order(deadline_at=timezone.now() + timedelta(minutes=5))
    button = reverse("checkout:reopen", args=[order.number])
    assert button in client.get(order.get_absolute_url()).content.decode()
    Order.objects.update(deadline_at=timezone.now())
    assert button not in client.get(order.get_absolute_url()).content.decode()


def test_the_history_does_not_ask_once_per_order(client, shopper, make_order):
    """As many queries for twenty orders as for one."""
    client.force_login(shopper)
    make_order()
    for_one = len(queries_of(lambda: client.get(reverse("orders:history"))))
    for _ in range(19):
        make_order()
    assert len(queries_of(lambda: client.get(reverse("orders:history")))) == for_one


def refund_of(order, **fields):
    """Money that went back from the order, or may have."""
    defaults = {"kind": "REFUND", "status": "SUCCEEDED", "gateway": "kakaopay", "amount": 7_000}
    times = {"approved_at": datetime(2026, 11, 21, 1, 0, 0, tzinfo=UTC)}
    return order.transactions.create(
        **(defaults | {"tax_free": 0, "vat": 636} | times | fields),
    )


@pytest.mark.parametrize("is_external", [False, True])
def test_a_refund_stands_in_the_receipt(client, shopper, paid, is_external):
    """How much, when in Korea, and what remains; also if it was made at the provider."""
    client.force_login(shopper)
    refund_of(paid, is_external=is_external)
    Order.objects.update(status="PARTIALLY_REFUNDED")
    text = client.get(paid.get_absolute_url()).content.decode()
    for fact in ("주문 금액의 일부가 환불되었습니다", "7,000원", "2026-11-21 10:00:00", "15,000원"):
        assert fact in text
    assert "주문해 주셔서 감사합니다" not in text


def test_a_refund_that_is_not_known_yet(client, shopper, paid):
    """It is being confirmed, and what remains paid does not count it."""
    client.force_login(shopper)
    refund_of(paid, status="PROCESSING", approved_at=None)
    page = client.get(paid.get_absolute_url())
    assert page.context["left"] == 22_000
    assert "확인 중" in page.content.decode()


def test_a_refund_that_failed_is_not_the_buyers_business(client, shopper, paid):
    """No money moved, so the receipt says nothing of it."""
    client.force_login(shopper)
    refund_of(paid, status="FAILED", approved_at=None)
    page = client.get(paid.get_absolute_url())
    assert page.context["refunds"] == []
    assert "7,000원" not in page.content.decode()


def test_a_fully_refunded_order_is_not_thanked_for(client, shopper, paid):
    """The heading says what happened."""
    client.force_login(shopper)
    refund_of(paid, amount=22_000)
    Order.objects.update(status="REFUNDED")
    text = client.get(paid.get_absolute_url()).content.decode()
    assert "주문이 환불되었습니다" in text
    assert "주문해 주셔서 감사합니다" not in text


@pytest.mark.parametrize(
    ("refund", "sentence"),
    [
        ("SUCCEEDED", "22,000원 결제가 확인되어 전액 환불해 드렸습니다"),
        ("PROCESSING", "22,000원 결제가 확인되어 전액 환불하고 있습니다"),
        ("FAILED", "아직 환불되지 않아 저희가 처리하고 있습니다"),
    ],
)
@pytest.mark.parametrize("reason", ["QUIT", "FAILED", "DECLINED", "EXPIRED", "SUPERSEDED"])
def test_money_that_came_too_late(client, shopper, paid, reason, refund, sentence):
    """However the order ended, nobody whose money came is told that nothing was charged."""
    client.force_login(shopper)
    Order.objects.update(status="CANCELED", cancel_reason=reason)
    refund_of(paid, amount=22_000, status=refund)
    text = client.get(paid.get_absolute_url()).content.decode()
    assert sentence in text
    assert "결제되지 않았습니다" not in text
    assert "청구되지 않았습니다" not in text


def test_an_unknown_outcome_says_so_and_asks_again_by_itself(client, shopper, paid):
    """Without JavaScript, every five seconds; paying again is not needed, and a mail will tell."""
    client.force_login(shopper)
    Order.objects.update(status="PENDING")
    PaymentTransaction.objects.update(status="PROCESSING")
    text = client.get(paid.get_absolute_url()).content.decode()
    assert '<meta http-equiv="refresh" content="5">' in text
    assert "다시 결제하지 않으셔도 됩니다" in text
    assert "hana@example.com 주소로도 알려 드립니다" in text
    assert reverse("checkout:reopen", args=[paid.number]) not in text


def parcel_of(order, **fields) -> Shipment:
    address = {"recipient": "이두리", "phone": "+821055556666", "postcode": "06236"}
    lines = {"line1": "서울 강남구 테헤란로 123", "line2": "5층", "memo": "경비실 <103호>"}
    return Shipment.objects.create(order=order, **(address | lines | fields))


ON_ITS_WAY = {
    "status": "SHIPPED",
    "carrier": "CJ",
    "tracking_number": "123456789012",
    "shipped_at": datetime(2026, 11, 21, 15, 30, 0, tzinfo=UTC),
}
LINK = "https://trace.cjlogistics.com/next/tracking.html?wblNo=123456789012"


def badges(text: str) -> list[str]:
    """What the page's badges say, by their class."""
    return re.findall(r'class="badge badge-(\w+)"', text)


def test_where_the_parcel_goes(client, shopper, paid):
    """The receipt repeats the whole address; nothing has been sent yet."""
    client.force_login(shopper)
    parcel_of(paid)
    text = client.get(paid.get_absolute_url()).content.decode()
    for fact in (
        "이두리",
        "010-5555-6666",
        "(06236) 서울 강남구 테헤란로 123, 5층",
        "경비실 &lt;103호&gt;",
    ):
        assert fact in text
    assert badges(text)[:2] == ["paid", "preparing"]
    assert 'rel="noopener"' not in text


def test_a_parcel_on_its_way(client, shopper, paid):
    """Its number leads to the carrier, in a window that learns nothing of the shop's."""
    client.force_login(shopper)
    parcel_of(paid, **ON_ITS_WAY)
    text = client.get(paid.get_absolute_url()).content.decode()
    assert badges(text)[:2] == ["paid", "shipped"]
    assert f'<a href="{LINK}" target="_blank" rel="noopener">123456789012' in text
    assert "2026-11-22 00:30" in text


def test_the_shop_brings_it(client, shopper, paid):
    """There is no number, and no link to nowhere."""
    client.force_login(shopper)
    parcel_of(paid, **(ON_ITS_WAY | {"carrier": "OWN", "tracking_number": ""}))
    text = client.get(paid.get_absolute_url()).content.decode()
    assert str(Shipment.Carrier.OWN.label) in text
    assert "noopener" not in text


@pytest.mark.parametrize(
    ("money", "delivery", "shown"),
    [
        ("PAID", "PREPARING", True),
        ("PARTIALLY_REFUNDED", "PREPARING", True),
        ("REFUNDED", "PREPARING", False),
        ("CANCELED", "PREPARING", False),
        ("PENDING", "PREPARING", False),
        ("PARTIALLY_REFUNDED", "SHIPPED", True),
        ("REFUNDED", "SHIPPED", True),
    ],
)
def test_no_parcel_is_promised_without_money(client, shopper, paid, money, delivery, shown):
    """Nobody whose order was not paid, or was refunded before it left, waits for a parcel."""
    client.force_login(shopper)
    Order.objects.update(status=money)
    parcel_of(paid, **(ON_ITS_WAY if delivery == "SHIPPED" else {}))
    for url in (paid.get_absolute_url(), reverse("orders:history")):
        text = client.get(url).content.decode()
        assert (f"badge-{delivery.lower()}" in text) is shown


def test_an_order_of_tickets(client, shopper, paid):
    """It has no parcel, and no word about one."""
    client.force_login(shopper)
    text = client.get(paid.get_absolute_url()).content.decode()
    assert badges(text) == ["paid"]
    assert "배송" not in text.partition('class="card receipt"')[2].partition("</article>")[0]


def test_what_was_taken_off(client, shopper, paid):
    """Goods, coupon by name, points, delivery, total, VAT, tax-free part, and what it earned."""
    client.force_login(shopper)
    Order.objects.update(
        **{"subtotal": 22_000, "discount": 2_200, "coupon_name": "첫 구매 <10%>", "points": 1_500},
        **{"shipping": 3_000, "total": 21_300, "vat": 1_936, "earns": 1_183},
        paid_at=timezone.now(),
    )
    PaymentTransaction.objects.update(amount=21_300)
    parcel_of(paid)
    text = client.get(paid.get_absolute_url()).content.decode()
    summary = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text.partition('class="summary"')[2]))
    for fact in ("22,000원", "첫 구매 &lt;10%&gt; −2,200원", "−1,500원", " 3,000원", "21,300원"):
        assert fact in summary
    for fact in ("1,936원", "1,183"):
        assert fact in summary


def test_nothing_was_taken_off(client, shopper, paid):
    """No coupon, no points: no lines of zeros."""
    client.force_login(shopper)
    text = client.get(paid.get_absolute_url()).content.decode()
    summary = text.partition('class="summary"')[2].partition("</dl>")[0]
    assert summary.count("<dt>") == 4
    assert "−" not in summary


def test_free_delivery(client, shopper, paid):
    """Said in a word, only where something is delivered."""
    client.force_login(shopper)
    parcel_of(paid)
    english = {"accept-language": "en"}
    text = client.get(paid.get_absolute_url(), headers=english).content.decode()
    assert "<dd>free</dd>" in text


def test_points_that_stay_after_a_refund(client, shopper, paid):
    """Of 220 earned points, 15,000 of 22,000 won keep 150."""
    client.force_login(shopper)
    refund_of(paid)
    Order.objects.update(status="PARTIALLY_REFUNDED", earns=220)
    assert client.get(paid.get_absolute_url()).context["earned"] == 150


def test_an_order_of_nothing(client, shopper, make_order):
    """Points paid for all of it: no tid, no card, and a word about it instead."""
    client.force_login(shopper)
    order = make_order(status="PAID", points=22_000, total=0, vat=0, paid_at=timezone.now())
    english = {"accept-language": "en"}
    text = client.get(order.get_absolute_url(), headers=english).content.decode()
    assert "The points covered it all: there was nothing to pay." in text
    for word in ("(tid)", "(aid)", "KakaoPay ·", "Paid amount"):
        assert word not in text


def test_what_a_whole_refund_gives_back(client, shopper, paid):
    """Points that were used are the shopper's again."""
    client.force_login(shopper)
    refund_of(paid, amount=21_000)
    Order.objects.update(status="REFUNDED", points=1_000, total=21_000)
    PaymentTransaction.objects.filter(kind="CHARGE").update(amount=21_000)
    english = {"accept-language": "en"}
    text = client.get(paid.get_absolute_url(), headers=english).content.decode()
    assert "The points that you used are back in your account." in text


def test_a_waiting_order_says_where_it_would_go(client, shopper, make_order):
    """A wrong address is seen before paying, not afterwards."""
    client.force_login(shopper)
    order = make_order(deadline_at=timezone.now() + timedelta(minutes=5))
    parcel_of(order)
    assert "서울 강남구 테헤란로 123" in client.get(order.get_absolute_url()).content.decode()


def test_the_history_tells_of_parcels(client, shopper, make_order):
    """Both statuses, and the number once there is one; no more queries for twenty orders."""
    client.force_login(shopper)
    parcel_of(make_order(status="PAID"), **ON_ITS_WAY)
    url = reverse("orders:history")
    text = client.get(url).content.decode()
    assert badges(text) == ["paid", "shipped"]
    assert f'<a href="{LINK}" target="_blank" rel="noopener">123456789012' in text
    for_one = len(queries_of(lambda: client.get(url)))
    for number in range(19):
        order = make_order(status="PAID")
        if number % 2:
            parcel_of(order)
    assert len(queries_of(lambda: client.get(url))) == for_one


def test_the_receipt_with_a_parcel_asks_little(client, shopper, paid):
    """No more than eight queries."""
    client.force_login(shopper)
    parcel_of(paid, **ON_ITS_WAY)
    refund_of(paid)
    assert len(queries_of(lambda: client.get(paid.get_absolute_url()))) <= 8
