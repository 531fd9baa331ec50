"""An order that mail is about, and writing mail."""

from datetime import UTC, datetime

import pytest
from django.db import transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from checkout import mails
from checkout.models import Mail
from orders.models import Order, PaymentTransaction, Shipment

Event = Mail.Event


@pytest.fixture
def order(make_order, make_product) -> Order:
    """Two cups and, tax-free, a book with a name that HTML must escape; 31,000 won in all."""
    order = make_order(status="PAID", subtotal=31_000, total=31_000, tax_free=9_000)
    book = make_product(is_tax_free=True)
    order.lines.create(
        product=book, name="산책 <책> & 길", unit_price=9_000, quantity=1, is_tax_free=True
    )
    return order


@pytest.fixture
def charge(order) -> PaymentTransaction:
    """Paid by a Shinhan card in three months, at 08:59:58 in Seoul."""
    return order.transactions.create(
        kind="CHARGE",
        status="SUCCEEDED",
        gateway="kakaopay",
        amount=31_000,
        tax_free=9_000,
        vat=2_000,
        tid="T0a1b2c3d4e5f6071829",
        aid="A0a1b2c3d4e5f6071829",
        pg_token="0123456789abcdef0123",
        method="CARD",
        card_issuer="신한",
        installment_months=3,
        approved_at=datetime(2026, 11, 20, 23, 59, 58, tzinfo=UTC),
    )


@pytest.fixture
def refund(order, charge) -> PaymentTransaction:
    """10,000 won of it back, an hour later."""
    refund = order.transactions.create(
        kind="REFUND",
        status="SUCCEEDED",
        gateway="kakaopay",
        amount=10_000,
        tax_free=2_903,
        vat=645,
        tid=charge.tid,
        aid="A1a1b2c3d4e5f6071829",
        approved_at=datetime(2026, 11, 21, 0, 59, 58, tzinfo=UTC),
    )
    order.refunds.create(
        transaction=refund,
        kind="AMOUNT",
        status="SUCCEEDED",
        amount=10_000,
        tax_free=2_903,
        vat=645,
        reason="컵 하나가 깨져 있었습니다",
        settled_at=datetime(2026, 11, 21, 0, 59, 58, tzinfo=UTC),
    )
    return refund


@pytest.fixture
def parcel(order) -> Shipment:
    """On its way since 10:00 in Seoul."""
    return Shipment.objects.create(
        order=order,
        recipient="Duri Lee",
        phone="+821055556666",
        postcode="06236",
        line1="123 Teheran-ro <Gangnam>",
        line2="5F",
        memo="At the door",
        status="SHIPPED",
        carrier="HANJIN",
        tracking_number="123456789012",
        shipped_at=datetime(2026, 11, 21, 1, 0, 0, tzinfo=UTC),
    )


@pytest.fixture
def reduced(order, charge) -> PaymentTransaction:
    """The same for less: a coupon takes 3,100 won, 2,000 points are used, delivery costs 3,000."""
    amounts = {"subtotal": 31_000, "discount": 3_100, "points": 2_000, "shipping": 3_000}
    totals = {"total": 28_900, "tax_free": 7_575, "vat": 1_939, "earns": 259}
    Order.objects.filter(pk=order.pk).update(coupon_name="첫 구매 <10%>", **amounts, **totals)
    PaymentTransaction.objects.filter(pk=charge.pk).update(amount=28_900, tax_free=7_575, vat=1_939)
    return PaymentTransaction.objects.select_related("order").get(pk=charge.pk)


def written(event: Mail.Event, txn: PaymentTransaction, **fields) -> Mail:
    with transaction.atomic():
        mails.write(event, txn.order, txn)
    Mail.objects.filter(transaction=txn, event=event).update(**fields)
    return Mail.objects.get(transaction=txn, event=event)


def written_about(order: Order, event: Mail.Event = Event.SHIPPED) -> Mail:
    """A mail that no money moved for."""
    with transaction.atomic():
        mails.write(event, order)
    return Mail.objects.get(order=order, event=event, transaction=None)


def jobs_of(mail: Mail):
    return ProcrastinateJob.objects.filter(
        task_name="checkout.mails.send_mail", args={"pk": mail.pk}
    )
