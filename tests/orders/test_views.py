"""Receipts and history: each shopper's own, and nobody else's."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.models import Order
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
