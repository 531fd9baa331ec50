"""Many shoppers and one coupon; one shopper in many tabs."""

import pytest
from django.utils import timezone

from accounts.models import PointEntry, User
from checkout import payments
from orders import coupons, quoting, redemptions
from orders.models import CouponRedemption, Order
from orders.quoting import Wish
from shop.models import Cart, Coupon
from tests.checkout.discounts.state import usable
from tests.conftest import CONTACT
from tests.races import all_at_once, at_once

pytestmark = pytest.mark.django_db(transaction=True)


class TestRaces:
    def test_forty_shoppers_for_five_uses(self, make_product, spring, kakaopay):
        """Exactly five orders redeem it, and 35 shoppers read that it is used up."""
        people = [User.objects.create_user(f"s{n}@example.com") for n in range(40)]
        for user in people:  # each their own goods, or they would wait for each other there
            cart = Cart.objects.create(user=user)
            cart.lines.create(product=make_product(stock=1), quantity=1)
        now = timezone.now()
        results = []

        def buy(user):
            seen = quotes[user]
            given = {"user": user, "contact": CONTACT, "seen": seen, "now": now}
            try:
                payments.start(**given, wish=Wish("SPRING"))
                results.append("redeemed")
            except coupons.CouponRefused as refusal:
                results.append(refusal.why)

        quotes = {
            user: quoting.look(user.cart, Wish("SPRING"), user_id=user.pk, now=now).quote
            for user in people
        }
        all_at_once([lambda user=user: buy(user) for user in people])
        assert sorted(results) == ["redeemed"] * 5 + ["used_up"] * 35
        spring.refresh_from_db()
        live = CouponRedemption.objects.filter(given_back_at=None).count()
        assert (spring.redeemed, live, Order.objects.count()) == (5, 5, 5)

    def test_the_last_use_counts_also_without_the_locks(self, make_order, spring):
        """The guarded update is enough by itself: forty uses are counted, five succeed."""
        results = []

        def count():
            try:
                redemptions.count_use(spring.pk)
                results.append("counted")
            except coupons.CouponRefused:
                results.append("refused")

        at_once(count, times=40)
        assert (results.count("counted"), results.count("refused")) == (5, 35)

    def test_the_same_points_from_eight_tabs(self, buy, shopper):
        """One order, its points held once."""
        at_once(lambda: buy(Wish("", 5_000)), times=8)
        order = Order.objects.get()
        held = PointEntry.objects.filter(kind="HELD").values_list("order_number", "amount")
        assert list(held) == [(order.number, -5_000)]
        assert usable(shopper) == 0

    def test_two_shoppers_who_swap_their_coupons_do_not_deadlock(self, make_product, kakaopay):
        """Each gives back what the other redeems, at the same moment, twenty times over."""
        codes = ["ONE", "TWO"]
        for code in codes:
            Coupon.objects.create(code=code, name_ko=code, value=1_000, limit=2)
        carts = [
            Cart.objects.create(user=User.objects.create_user(f"s{n}@example.com"))
            for n in range(2)
        ]
        for cart in carts:  # of goods of their own, or they would wait for each other there
            cart.lines.create(product=make_product(stock=99), quantity=1)

        def swap(cart, wish):
            now = timezone.now()
            seen = quoting.look(cart, wish, user_id=cart.user_id, now=now).quote
            given = {"user": cart.user, "contact": CONTACT, "seen": seen, "now": now}
            payments.start(**given, wish=wish)

        for turn in range(20):
            wishes = [Wish(codes[(number + turn) % 2]) for number in range(2)]
            pairs = zip(carts, wishes, strict=True)
            all_at_once([lambda c=cart, w=wish: swap(c, w) for cart, wish in pairs])
        assert list(Coupon.objects.values_list("redeemed", flat=True)) == [1, 1]
