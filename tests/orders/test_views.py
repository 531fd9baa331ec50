"""Receipts and history: each shopper's own, and nobody else's."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.models import Order, PaymentTransaction
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
