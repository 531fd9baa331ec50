"""Receipts and history: each shopper's own, and nobody else's."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.models import Order, PaymentTransaction, Refund, Shipment
from tests.queries import queries_of

pytestmark = pytest.mark.django_db
ENGLISH = {"accept-language": "en"}


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


def refund_of(order, *, status="SUCCEEDED", amount=7_000, is_external=False, **fields) -> Refund:
    """Money that went back from the order, or may have, on 21 November at 10 in Seoul."""
    at = datetime(2026, 11, 21, 1, 0, 0, tzinfo=UTC) if status == "SUCCEEDED" else None
    taxes = {"amount": amount, "tax_free": 0, "vat": amount // 11}
    txn = order.transactions.create(
        kind="REFUND",
        status=status,
        gateway="kakaopay",
        is_external=is_external,
        approved_at=at,
        **taxes,
    )
    defaults = {"kind": "AMOUNT", "status": status, "settled_at": at, "transaction": txn}
    return order.refunds.create(**(defaults | taxes | fields))


def read(client, order) -> str:
    """The order's page in English."""
    return client.get(order.get_absolute_url(), headers=ENGLISH).content.decode()


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


def test_a_refund_by_line(client, shopper, paid):
    """Which pieces, with the delivery fee, the points that went back and those that stay used."""
    client.force_login(shopper)
    amounts = {"points": 3_000, "shipping": 3_000, "discount": 500, "coupon_name": "봄"}
    back = {"points_refunded": 1_500, "is_shipping_refunded": True}
    Order.objects.update(status="PARTIALLY_REFUNDED", total=21_500, **amounts, **back)
    PaymentTransaction.objects.update(amount=21_500)
    refund = refund_of(paid, kind="LINES", points=1_500, with_delivery=True, reason="금이 갔어요")
    line = paid.lines.get()
    refund.lines.create(line=line, quantity=1)
    paid.lines.update(refunded=1)
    text = read(client, paid)
    assert "컵 × 1, Delivery fee" in text
    assert '<span class="badge badge-refunded">1 refunded</span>' in text
    section = re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", " ", text.partition('class="summary refunds"')[2])
    )
    for fact in ("₩7,000 1,500 points", "금이 갔어요", "Remains paid ₩14,500"):
        assert fact in section
    assert "Points that stay used 1,500 points" in section
    assert "The coupon stays used, because a part of the order does." in section


def test_only_points_went_back(client, shopper, paid):
    """No won is shown that did not move."""
    client.force_login(shopper)
    Order.objects.update(
        status="PARTIALLY_REFUNDED", points=3_000, points_refunded=3_000, total=19_000
    )
    now = timezone.now()
    paid.refunds.create(kind="LINES", status="SUCCEEDED", points=3_000, settled_at=now)
    text = read(client, paid).partition('class="summary refunds"')[2].partition("</dl>")[0]
    assert "3,000 points" in text
    assert "₩0" not in text
    assert "stay used" not in text


def test_a_refund_that_is_not_known_yet(client, shopper, paid):
    """It is being confirmed; what remains paid does not count it; the page asks by itself."""
    client.force_login(shopper)
    refund_of(paid, status="PROCESSING")
    page = client.get(paid.get_absolute_url())
    assert page.context["left"] == 22_000
    assert "확인 중" in page.content.decode()
    text = read(client, paid)
    assert "KakaoPay has not told us yet that ₩7,000 went back." in text
    assert '<meta http-equiv="refresh" content="10">' in text
    assert "Thank you for your order" not in text


@pytest.mark.parametrize("status", ["FAILED", "WAITING", "REJECTED"])
def test_what_staff_tried_is_not_the_buyers_business(client, shopper, paid, status):
    """No money moved, so the receipt says nothing of it."""
    client.force_login(shopper)
    if status == "FAILED":
        refund_of(paid, status="FAILED")
    else:
        paid.refunds.create(kind="AMOUNT", status=status, amount=7_000)
    page = client.get(paid.get_absolute_url())
    assert page.context["after"].refunds == []
    assert "7,000원" not in page.content.decode()


def test_the_buyers_own_that_failed(client, shopper, paid):
    """They canceled, and KakaoPay would not: that is said until another refund comes after it."""
    client.force_login(shopper)
    refund_of(paid, status="FAILED", amount=22_000, requested_by=shopper)
    assert "KakaoPay did not give back ₩22,000, so nothing has changed." in read(client, paid)
    refund_of(paid, amount=22_000)
    assert "did not give back" not in read(client, paid)


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
    refund_of(paid, amount=22_000, status=refund, kind="FULL")
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


@pytest.mark.parametrize(("refunded", "shown"), [(0, True), (1, True), (2, False)])
def test_nothing_left_to_put_into_the_parcel(client, shopper, paid, refunded, shown):
    """All that would be delivered was refunded: no parcel is promised any more."""
    client.force_login(shopper)
    Order.objects.update(status="PARTIALLY_REFUNDED")
    paid.lines.update(refunded=refunded)
    parcel_of(paid)
    for url in (paid.get_absolute_url(), reverse("orders:history")):
        assert ("badge-preparing" in client.get(url).content.decode()) is shown


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
    text = client.get(paid.get_absolute_url(), headers=ENGLISH).content.decode()
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
    text = client.get(order.get_absolute_url(), headers=ENGLISH).content.decode()
    assert "The points covered it all: there was nothing to pay." in text
    for word in ("(tid)", "(aid)", "KakaoPay ·", "Paid amount"):
        assert word not in text


def test_what_a_whole_refund_gives_back(client, shopper, paid):
    """Points that were used are the shopper's again."""
    client.force_login(shopper)
    refund_of(paid, amount=21_000)
    Order.objects.update(status="REFUNDED", points=1_000, total=21_000)
    PaymentTransaction.objects.filter(kind="CHARGE").update(amount=21_000)
    text = client.get(paid.get_absolute_url(), headers=ENGLISH).content.decode()
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


def test_the_receipt_asks_little(client, shopper, paid):
    """Seven queries; two more where something was refunded, and two with a request."""
    client.force_login(shopper)
    parcel_of(paid, **ON_ITS_WAY)
    assert len(queries_of(lambda: client.get(paid.get_absolute_url()))) <= 7
    for _ in range(2):
        refund_of(paid, kind="LINES").lines.create(line=paid.lines.get(), quantity=1)
    assert len(queries_of(lambda: client.get(paid.get_absolute_url()))) <= 9
    for status in ("WITHDRAWN", "OPEN"):
        asked = paid.refund_requests.create(reason="금이 갔어요", status=status)
        asked.lines.create(line=paid.lines.get(), quantity=1)
    assert len(queries_of(lambda: client.get(paid.get_absolute_url()))) <= 11


def test_the_history_tells_of_refunds(client, shopper, make_order):
    """Asked for, or being confirmed; no more queries for twenty orders."""
    client.force_login(shopper)
    url = reverse("orders:history")
    asked, processing = make_order(status="PAID"), make_order(status="PAID")
    asked.refund_requests.create(reason="금이 갔어요")
    refund_of(processing, status="PROCESSING")
    text = client.get(url, headers=ENGLISH).content.decode()
    assert text.count("You have asked for a refund; we are looking at it.") == 1
    assert text.count("We are confirming your refund") == 1
    for_two = len(queries_of(lambda: client.get(url)))
    for number in range(18):
        order = make_order(status="PAID")
        if number % 2:
            order.refund_requests.create(reason="금이 갔어요")
    assert len(queries_of(lambda: client.get(url))) == for_two
