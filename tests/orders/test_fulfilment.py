"""Stock is taken by a guarded update and comes back once; and what money moved for an order."""

import pytest
from django.db import transaction
from django.utils import timezone

from orders import fulfilment
from orders.locking import locked
from orders.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def test_all_or_nothing(make_product):
    """One product has enough and one has not: neither is taken."""
    cup, tea = make_product(stock=5), make_product(stock=1)
    with pytest.raises(fulfilment.OutOfStock), transaction.atomic():
        fulfilment.take_from_stock({cup.pk: 2, tea.pk: 2})
    cup.refresh_from_db()
    tea.refresh_from_db()
    assert (cup.stock, tea.stock) == (5, 1)


def test_the_last_piece_can_be_taken(make_product):
    """Down to zero, each product by its own number."""
    cup, tea = make_product(stock=5), make_product(stock=1)
    fulfilment.take_from_stock({cup.pk: 2, tea.pk: 1})
    cup.refresh_from_db()
    tea.refresh_from_db()
    assert (cup.stock, tea.stock) == (3, 0)


def test_a_canceled_order_is_not_canceled_again(make_order):
    """The first time the stock comes back; the second time nothing happens."""
    order = make_order()
    with locked(order.pk) as first:
        assert fulfilment.cancel(first, Order.CancelReason.QUIT, now=timezone.now())
    with locked(order.pk) as second:
        assert not fulfilment.cancel(second, Order.CancelReason.EXPIRED, now=timezone.now())
    order.refresh_from_db()
    assert order.cancel_reason == "QUIT"
    assert order.lines.get().product.stock == 5


@pytest.mark.parametrize(
    ("refunds", "balance"),
    [
        ([], fulfilment.Balance(22_000, refunded=0, left=22_000, earned=220)),
        (
            [("SUCCEEDED", 5_000), ("SUCCEEDED", 2_000), ("FAILED", 1_000), ("PROCESSING", 3_000)],
            fulfilment.Balance(22_000, refunded=7_000, left=15_000, earned=150),
        ),
        ([("SUCCEEDED", 22_000)], fulfilment.Balance(22_000, refunded=22_000, left=0, earned=0)),
    ],
)
def test_what_moved_for_an_order(paid, refunds, balance):
    """What was refunded for certain is gone, and with it the same part of what was earned."""
    paid.earns = 220
    for status, amount in refunds:
        amounts = {"amount": amount, "tax_free": 0, "vat": 0}
        paid.transactions.create(kind="REFUND", status=status, gateway="kakaopay", **amounts)
    assert fulfilment.balance_of(paid, list(paid.transactions.all())) == balance
