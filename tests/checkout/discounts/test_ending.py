"""What becomes of coupon and points: paid, given up, refunded, paid late."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import points
from accounts.models import PointEntry
from checkout import payments, settling
from checkout.gateways.base import Approved, Declined
from checkout.models import Mail, ProviderCall
from orders.models import Order, OrderLine
from orders.quoting import Wish
from shop.models import Coupon
from tests.checkout.discounts.state import state, usable
from tests.staff import refund

pytestmark = pytest.mark.django_db(transaction=True)


class TestPaying:
    def test_paid_settles_and_earns(self, bought, spring, shopper):
        """One percent of the 25,200 won paid for goods; coupon and points are used for good."""
        assert (bought.status, bought.earns) == ("PAID", 252)
        assert state(bought, spring) == (3_000 + 252, 1, True)
        kinds = PointEntry.objects.filter(order_number=bought.number).values_list("kind", "amount")
        assert sorted(kinds) == [("EARNED", 252), ("HELD", -2_000), ("SPENT", 0)]
        assert bought.cart.lines.count() == 0

    @pytest.mark.parametrize("ending", ["quit", "declined", "late"])
    def test_not_paid_gives_all_back(self, buy, pay, spring, kakaopay, ending):
        """Quit, declined by the bank, or not paid in time."""
        charge = buy()
        assert state(charge.order, spring) == (3_000, 1, True)
        if ending == "quit":
            payments.abandon(charge, Order.CancelReason.QUIT, now=timezone.now())
        elif ending == "declined":
            token = pay(charge, method="MONEY", decline="NOT_ENOUGH_BALANCE")
            payments.capture(charge, pg_token=token, now=timezone.now())
        else:
            list(payments.close_abandoned(now=timezone.now() + timedelta(minutes=16)))
        order = Order.objects.get()
        assert order.status == "CANCELED"
        assert state(order, spring) == (5_000, 0, False)

    def test_an_unknown_outcome_keeps_them_held(self, buy, pay, spring, kakaopay):
        """They may have been paid with."""
        charge = buy()
        token = pay(charge)
        kakaopay.fault("approve", after="drop")
        kakaopay.fault("order", before="drop")
        payments.capture(charge, pg_token=token, now=timezone.now())
        list(payments.close_abandoned(now=timezone.now() + timedelta(minutes=16)))
        assert state(Order.objects.get(), spring) == (3_000, 1, True)


class TestNothingToPay:
    def test_points_pay_for_all_of_it(self, buy, cart, kakaopay, shopper):
        """Paid at once: no charge, no call to the provider, one mail, an empty cart."""
        points.grant(shopper, 40_000, note="많이", by=None, now=timezone.now())
        order = buy(Wish("SPRING", 30_000))
        order.refresh_from_db()
        assert (order.total, order.tax_free, order.vat, order.status) == (0, 0, 0, "PAID")
        assert order.paid_at is not None
        assert (order.transactions.count(), ProviderCall.objects.count()) == (0, 0)
        assert (usable(shopper), order.earns, cart.lines.count()) == (15_000, 0, 0)
        mail = Mail.objects.get()
        assert (mail.event, mail.order, mail.transaction) == ("PAID", order, None)

    def test_points_beyond_what_there_is_to_pay_stay(self, buy, shopper):
        """99,999 wished, 30,000 used."""
        points.grant(shopper, 95_000, note="많이", by=None, now=timezone.now())
        buy(Wish("SPRING", 99_999))
        assert usable(shopper) == 70_000


class TestRefunds:
    def test_a_part_takes_back_its_part_of_what_was_earned(self, bought, spring):
        """Half the money stays, so half of the 252 points do; the rest is untouched."""
        refund(bought, 14_000)
        assert state(bought, spring) == (3_000 + 126, 1, True)

    def test_the_last_won_gives_points_and_coupon_back(self, bought, spring):
        """In two steps, as in one."""
        refund(bought, 14_000)
        refund(bought, 14_000)
        order = Order.objects.get()
        assert order.status == "REFUNDED"
        assert state(order, spring) == (5_000, 0, False)

    def test_earned_points_that_were_spent_are_owed(self, bought, shopper):
        """They are taken from other points first, and from later ones then."""
        points.hold(shopper.pk, "elsewhere", 3_252, now=timezone.now())
        refund(bought, 28_000)
        assert usable(shopper) == 2_000 - 252


class TestLateMoney:
    @pytest.fixture
    def late(self, buy, pay, kakaopay):
        """Declined, as far as we knew; and then the books show that it was paid."""

        def come(charge):
            outcome = Approved("A" + charge.tid[1:], charge.amount, timezone.now())
            return settling.settle(charge, outcome, now=timezone.now())

        charge = buy()
        token = pay(charge)
        kakaopay.fault("approve", after="drop")
        kakaopay.fault("order", before="drop")
        charge = payments.capture(charge, pg_token=token, now=timezone.now())
        kakaopay.clear_faults()
        settling.settle(charge, Declined("gone", ""), now=timezone.now())
        assert Order.objects.get().status == "CANCELED"
        return lambda: come(charge)

    def test_the_order_takes_coupon_and_points_again(self, late, spring):
        """It is as if it had been paid at once."""
        late()
        order = Order.objects.get()
        assert order.status == "PAID"
        assert state(order, spring) == (3_252, 1, True)

    def test_it_stays_canceled_if_its_points_are_spent(self, late, spring, shopper):
        """The money goes back instead; nothing is taken, from stock neither."""
        points.hold(shopper.pk, "elsewhere", 4_000, now=timezone.now())
        late()
        order = Order.objects.get()
        assert order.status == "CANCELED"
        assert order.transactions.filter(kind="REFUND", amount=28_000).count() == 1
        assert state(order, spring) == (1_000, 0, False)
        stocks = OrderLine.objects.values_list("product__stock", flat=True)
        assert list(stocks) == [5, 5]

    def test_it_stays_canceled_if_its_coupon_is_used_up(self, late, spring):
        """Others had the last uses."""
        Coupon.objects.update(redeemed=5)
        late()
        order = Order.objects.get()
        assert order.status == "CANCELED"
        assert state(order, spring) == (5_000, 5, False)
