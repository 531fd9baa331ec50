"""Random refunds of random orders: after each, KakaoPay holds what we think that it holds."""

import os
from random import Random

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import points
from accounts.models import User
from checkout import payments, reconciliation, refunds
from orders import fulfilment, quoting, refunding
from orders.models import Order
from orders.quoting import Wish
from shop.models import Cart, Coupon
from tests.books import differences, pieces_out
from tests.conftest import CONTACT
from tests.properties.goods import HOME
from tests.staff import operator

SEQUENCES = int(os.environ.get("SEQUENCES", "200"))
STOCK = 10_000
PRICES = [(990, False), (11_000, False), (5_001, True), (37, False), (123_457, True)]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(0)]


@pytest.fixture
def goods(make_product):
    """Taxed and tax-free, cheap and dear; some of them are delivered."""
    return [
        make_product(price=price, is_tax_free=free, needs_delivery=bool(number % 2), stock=STOCK)
        for number, (price, free) in enumerate(PRICES)
    ]


@pytest.fixture
def coupons(db):
    given = {"limit": None, "per_person": None}
    return [
        Coupon.objects.create(code="WON", name_ko="정액", value=1_001, **given),
        Coupon.objects.create(code="TENTH", name_ko="정률", kind="PERCENT", value=10, **given),
        Coupon.objects.create(code="ALL", name_ko="전액", kind="PERCENT", value=100, **given),
    ]


def buy(chance, goods, kakaopay) -> Order:
    """Anything, paid with money, points, a coupon, or all of them."""
    user = User.objects.get(email="hana@example.com")
    now = timezone.now()
    cart, _ = Cart.objects.get_or_create(user=user)
    cart.lines.all().delete()
    for product in chance.sample(goods, chance.randint(1, 4)):
        cart.lines.create(product=product, quantity=chance.randint(1, 5))
    used = chance.choice([0, 0, 1, 777, 5_003, 10**6])
    points.grant(user, 2_000_000, note="", by=None, now=now)  # more than anything costs
    wish = Wish(chance.choice(["", "", "WON", "TENTH", "ALL"]), used)
    seen = quoting.look(cart, wish, user_id=user.pk, now=now).quote
    placed = payments.start(
        user=user, contact=CONTACT, seen=seen, now=now, wish=wish, destination=HOME
    )
    if isinstance(placed, Order):
        return placed
    token = kakaopay.pay(placed.redirect_urls["pc"]).rpartition("pg_token=")[2]
    return payments.capture(placed, pg_token=token, now=timezone.now()).order


def scope_for(chance, order: Order) -> refunding.Scope:
    """Something that can go back, or perhaps cannot."""
    left = fulfilment.refundable(list(order.transactions.all())).total
    kind = chance.choice(["line", "line", "line", "amount", "amount", "rest"])
    if kind == "amount":
        return refunding.by_amount(chance.choice([1, left // 3, left // 2, left, left + 1]))
    restock = chance.random() < 0.5
    if kind == "rest" and chance.random() < 0.4:
        return refunding.everything(restock=restock)
    pieces = {line.pk: chance.randint(0, line.quantity) for line in order.lines.all()}
    fee = chance.random() < 0.3
    return refunding.by_line(pieces, with_delivery=fee, restock=restock)


def settle_all() -> None:
    later = timezone.now() + reconciliation.LONGEST_INTERVAL
    rows = reconciliation.unsettled(later)
    assert all(txn.status == "SUCCEEDED" for txn in reconciliation.settle_stale(rows, now=later))


def left_there(order: Order, kakaopay) -> tuple[int, int, int]:
    """What KakaoPay would still give back: total, tax-free part, VAT."""
    found = kakaopay.payments(order.number)
    left = [(each.available_total, each.available_tax_free, each.available_vat) for each in found]
    return left[0] if left else (0, 0, 0)


def test_after_every_refund_both_books_agree(shopper, goods, coupons, kakaopay):
    """
    In total, tax-free part and VAT, whatever goes back in whatever order, with answers lost now and
    then; and the order's points, coupon, stock and status are what its refunds make them.
    """
    came_to = {"refunds": 0, "refused": 0, "lost": 0, "over": 0}

    @settings(
        max_examples=SEQUENCES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(st.integers(0, 2**64 - 1))
    def give_back(seed):
        chance = Random(seed)  # noqa: S311
        order = buy(chance, goods, kakaopay)
        for _ in range(chance.randint(1, 6)):
            order.refresh_from_db()
            lost = chance.random() < 0.15
            if lost:
                kakaopay.fault("cancel", after=chance.choice(["drop", "html_502"]))
            try:
                done = payments.refund(
                    order, scope_for(chance, order), reason="", by=operator(), now=timezone.now()
                )
            except (refunding.RefundRefused, refunds.AlreadyOpen):
                came_to["refused"] += 1
            else:
                came_to["refunds"] += 1
                came_to["lost"] += done.status == "PROCESSING"
            kakaopay.clear_faults()
            settle_all()
            ours = fulfilment.refundable(list(order.transactions.all()))
            assert left_there(order, kakaopay) == (ours.total, ours.tax_free, ours.vat)
            assert differences([order], kakaopay) == []
            for product in goods:
                product.refresh_from_db()
                assert product.stock + pieces_out(product.pk) == STOCK
        order.refresh_from_db()
        came_to["over"] += order.status == Order.Status.REFUNDED

    give_back()
    print(came_to)  # noqa: T201
    assert min(came_to.values()) > 0
