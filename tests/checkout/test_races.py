"""Races on purpose, on PostgreSQL: whoever comes first, the books agree and nobody pays twice."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.memberships import NO_TERMS
from accounts.models import User
from checkout import payments, reconciliation
from checkout.models import ProviderCall
from orders import placing, quoting
from orders.lines import lines_of
from orders.models import Order, PaymentTransaction
from shop.models import Cart
from tests.books import differences, pieces_out
from tests.conftest import CONTACT
from tests.races import all_at_once, at_once

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentTransaction.Status
QUIT = Order.CancelReason.QUIT


@pytest.fixture
def cup(make_product):
    return make_product(price=11_000, stock=5)


@pytest.fixture
def charge(start, fill_cart, cup):
    fill_cart((cup, 2))
    return start()


def fresh(charge):
    return PaymentTransaction.objects.select_related("order__user").get(pk=charge.pk)


def settle_all(now=None):
    now = now or timezone.now()
    list(reconciliation.settle_stale(reconciliation.unsettled(now), now=now))


def check(charge, kakaopay, cup):
    """Both books tell the same, and every piece is in stock or sold."""
    assert differences([charge.order], kakaopay) == []
    cup.refresh_from_db()
    assert cup.stock + pieces_out(cup.pk) == 5


def test_thirty_two_approvals_of_one_payment(charge, pay, kakaopay, cup):
    """One request goes out, one movement is booked; each of them learns the truth."""
    pg_token = pay(charge)
    told = Counter()

    def reload():
        told[payments.capture(fresh(charge), pg_token=pg_token, now=timezone.now()).status] += 1

    at_once(reload, times=32)
    assert set(told) <= {Status.PROCESSING, Status.SUCCEEDED}
    assert ProviderCall.objects.filter(operation="approve").count() == 1
    check(charge, kakaopay, cup)


def test_four_tabs_that_each_started_a_payment(charge, pay, kakaopay, cup):
    """All four are paid at the provider and come back together: one is captured."""
    tabs = [charge] + [payments.reopen(charge.order, now=timezone.now()) for _ in range(3)]
    tokens = {tab.pk: pay(tab) for tab in tabs}
    all_at_once(
        [
            lambda tab=tab: payments.capture(
                fresh(tab), pg_token=tokens[tab.pk], now=timezone.now()
            )
            for tab in tabs
        ]
    )
    charged = [p.tid for p in kakaopay.payments(charge.order.number) if p.actions]
    assert len(charged) == 1
    states = Counter(PaymentTransaction.objects.values_list("status", flat=True))
    assert states == {Status.SUCCEEDED: 1, Status.CANCELED: 3}
    check(charge, kakaopay, cup)


RIVALS = {
    "quit": lambda charge: payments.abandon(fresh(charge), QUIT, now=timezone.now()),
    "expiry": lambda charge: payments.abandon(fresh(charge), QUIT, now=later()),
    "close_abandoned": lambda _: list(payments.close_abandoned(now=later())),
    "reconciliation": lambda _: settle_all(),
    "reopening": lambda charge: reopen(charge.order),
}


def later():
    return timezone.now() + timedelta(minutes=16)


def reopen(order):
    with suppress(payments.NotPayable, placing.PaymentInProgress):
        payments.reopen(order, now=timezone.now())


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("round", range(3))
def test_approval_against(rival, round, charge, pay, kakaopay, cup):
    """Either the order is paid and charged once, or it has ended and nothing was charged."""
    pg_token = pay(charge)

    def approve():
        payments.capture(fresh(charge), pg_token=pg_token, now=timezone.now())

    all_at_once([approve, lambda: RIVALS[rival](charge)] * 4)
    settle_all()
    order = Order.objects.get()
    charged = sum(len(p.actions) for p in kakaopay.payments(order.number))
    assert (order.status, charged) in {("PAID", 1), ("CANCELED", 0)}
    check(charge, kakaopay, cup)


def test_live_answer_against_reconciliation(charge, pay, kakaopay, cup):
    """The answer comes slowly, while the books are asked about it: settled once, mailed once."""
    pg_token = pay(charge)
    kakaopay.fault("approve", after="stall:0.5")

    def approve():
        payments.capture(fresh(charge), pg_token=pg_token, now=timezone.now())

    all_at_once([approve, *[settle_all] * 7])
    settle_all()
    assert Order.objects.get().status == Order.Status.PAID
    check(charge, kakaopay, cup)


def test_many_reconcilers_ask_about_each_payment_once(charge, pay, kakaopay, cup):
    """SKIP LOCKED and the claim: eight machines, one question."""
    kakaopay.fault("approve", after="drop")
    payments.capture(charge, pg_token=pay(charge), now=timezone.now())
    kakaopay.fault("order", before="stall:0.5")
    now = timezone.now()
    at_once(lambda: settle_all(now), times=8)
    assert ProviderCall.objects.filter(operation="order").count() == 1
    check(charge, kakaopay, cup)


def test_fifty_buyers_for_five_pieces(kakaopay, cup):
    """Exactly five orders, each for one piece."""
    carts = []
    for number in range(50):
        user = User.objects.create_user(f"buyer-{number}@example.com")
        carts.append(Cart.objects.create(user=user))
        carts[-1].lines.create(product=cup, quantity=1)
    seen = quoting.quote_of(lines_of(carts[0], NO_TERMS), terms=NO_TERMS)
    told = Counter()

    def buy(cart):
        given = {"user": cart.user, "contact": CONTACT, "seen": seen, "now": timezone.now()}
        try:
            payments.start(**given)
            told["ordered"] += 1
        except placing.OfferChanged:
            told["sold out"] += 1

    all_at_once([lambda cart=cart: buy(cart) for cart in carts])
    assert told == {"ordered": 5, "sold out": 45}
    cup.refresh_from_db()
    assert (cup.stock, Order.objects.filter(status="PENDING").count()) == (0, 5)
