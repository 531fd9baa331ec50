"""What the database itself refuses, whatever the code does."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from orders.models import IllegalMove, PaymentTransaction, Shipment
from shop.models import Cart

pytestmark = pytest.mark.django_db
Status = PaymentTransaction.Status


@pytest.fixture
def make_transaction(make_order):
    order = make_order()

    def make(**fields):
        amounts = {"amount": 1_100, "tax_free": 0, "vat": 100}
        return PaymentTransaction.objects.create(
            **({"order": order, "kind": "CHARGE", "gateway": "kakaopay"} | amounts | fields)
        )

    return make


def refuses(make, *, constraint, **fields):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make(**fields)


@pytest.mark.parametrize("second", ["PROCESSING", "SUCCEEDED"])
def test_one_live_charge_per_order(make_transaction, second):
    """A second charge cannot be in flight or succeed beside the first."""
    make_transaction(status="PROCESSING", tid="T1")
    refuses(make_transaction, constraint="one_live_charge_per_order", status=second, tid="T2")
    make_transaction(status="READY", tid="T3")


def test_one_refund_in_flight_per_order(make_transaction):
    """The second has to wait for the first one's outcome."""
    make_transaction(kind="REFUND", status="PROCESSING")
    refuses(
        make_transaction,
        constraint="one_refund_in_flight_per_order",
        kind="REFUND",
        status="PROCESSING",
    )


def test_a_tid_is_charged_once(make_transaction):
    """A refund of the same payment carries the same tid; a second charge may not."""
    make_transaction(status="FAILED", tid="T1")
    refuses(make_transaction, constraint="one_charge_per_tid", status="READY", tid="T1")
    make_transaction(kind="REFUND", status="SUCCEEDED", tid="T1")


def test_an_aid_is_booked_once(make_transaction):
    """Whatever its kind."""
    make_transaction(status="SUCCEEDED", tid="T1", aid="A1")
    refuses(
        make_transaction,
        constraint="one_transaction_per_aid",
        kind="REFUND",
        status="SUCCEEDED",
        aid="A1",
    )


def test_a_waiting_charge_has_a_tid(make_transaction):
    """The buyer is not sent away before it is kept."""
    refuses(make_transaction, constraint="waiting_charge_has_tid", status="READY")


def test_nothing_is_given_back_for_nothing(make_transaction):
    """Only a charge may come to 0 won: it registers how its buyer will be charged."""
    refuses(make_transaction, constraint="amount_positive", kind="REFUND", amount=0)
    make_transaction(amount=0, tax_free=0, vat=0)


def test_the_total_adds_up(make_order):
    """Goods, less coupon and points, and the delivery fee: nothing else is ever stored."""
    refuses(make_order, constraint="order_total_adds_up", discount=1, coupon_name="봄")
    refuses(make_order, constraint="order_total_adds_up", points=1_000)
    refuses(make_order, constraint="order_total_adds_up", shipping=3_000)
    refuses(make_order, constraint="order_total_adds_up", shipping_points=1)
    make_order(
        coupon_name="봄", discount=2_000, points=20_000, shipping=3_000, total=3_000, vat=273
    )


def test_a_discount_has_a_coupon(make_order):
    """Or nobody would know whose use of it to give back."""
    refuses(make_order, constraint="order_discount_by_a_coupon", discount=2_000, total=20_000)


def test_tax_is_part_of_the_total(make_order):
    """Tax-free part and VAT cannot exceed it together."""
    refuses(make_order, constraint="order_tax_within_total", tax_free=21_000, vat=2_000)


def test_one_pending_order_per_cart(make_order):
    """Paid and canceled ones do not count."""
    cart = Cart.objects.create()
    make_order(cart=cart, status="CANCELED")
    make_order(cart=cart)
    refuses(make_order, constraint="one_pending_order_per_cart", cart=cart)


def test_stock_cannot_be_negative(make_product):
    """Not even by a bug."""
    refuses(
        make_product, constraint="product_stock_not_negative|shop_product_stock_check", stock=-1
    )


@pytest.mark.parametrize(
    ("status", "to"),
    [
        ("SUCCEEDED", "PROCESSING"),
        ("SUCCEEDED", "FAILED"),
        ("FAILED", "PROCESSING"),
        ("CANCELED", "READY"),
        ("CANCELED", "PROCESSING"),
        ("PROCESSING", "READY"),
        ("PROCESSING", "CANCELED"),
        ("CREATED", "PROCESSING"),
    ],
)
def test_no_status_goes_backwards(make_transaction, status, to):
    """Refused, and the row is as it was."""
    txn = make_transaction(status=status, tid="T1")
    with pytest.raises(IllegalMove):
        txn.move_to(Status(to))
    txn.refresh_from_db()
    assert txn.status == status


def test_a_move_is_a_compare_and_swap(make_transaction):
    """Who holds a stale row cannot move it."""
    txn = make_transaction(status="PROCESSING", tid="T1")
    stale = PaymentTransaction.objects.get()
    txn.move_to(Status.SUCCEEDED, aid="A1")
    with pytest.raises(IllegalMove):
        stale.move_to(Status.FAILED)
    stale.refresh_from_db()
    assert (stale.status, stale.aid) == (Status.SUCCEEDED, "A1")


def test_a_line_costs_no_less_than_nothing(make_order):
    """Its shares of coupon, points and VAT fit into its price together."""
    line = make_order().lines.get()
    line.discount, line.points, line.vat = 20_000, 1_000, 1_000
    line.save()
    line.vat = 1_001
    refuses(line.save, constraint="order_line_not_below_zero")


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "SHIPPED", "carrier": "CJ"},
        {"status": "SHIPPED", "shipped_at": timezone.now()},
        {"status": "DELIVERED", "carrier": "CJ", "shipped_at": timezone.now()},
        {"status": "PREPARING", "shipped_at": timezone.now()},
    ],
)
def test_a_parcel_is_where_its_times_say(make_order, fields):
    """On its way with a carrier since some time, delivered at some time, or neither."""
    place = {"recipient": "김하나", "phone": "+821012345678", "postcode": "04524", "line1": "길 1"}
    order = make_order()
    refuses(
        Shipment.objects.create,
        constraint="shipped_by_a_carrier",
        order=order,
        **place,
        **fields,
    )
