"""Orders with a coupon, points and a delivery: placed, paid, given up, refunded, paid late."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import points
from accounts.addresses import Destination
from accounts.models import Address, PointEntry, User
from checkout import payments, settling
from checkout.gateways.base import Approved, Declined
from checkout.models import Mail, ProviderCall
from orders import coupons, placing, quoting, redemptions
from orders.models import CouponRedemption, Order, OrderLine, Shipment
from orders.quoting import Wish
from shop.models import Cart, Coupon
from tests.conftest import CONTACT
from tests.races import all_at_once, at_once

pytestmark = pytest.mark.django_db(transaction=True)
HOME = Destination("김하나", "+821012345678", "04524", "서울 중구 세종대로 110", "3층", "문 앞")
WISH = Wish("SPRING", 2_000)


@pytest.fixture
def spring(db):
    return Coupon.objects.create(
        code="SPRING", name_ko="봄 쿠폰", kind="PERCENT", value=10, cap=3_000, limit=5
    )


@pytest.fixture
def cart(shopper, fill_cart, make_product):
    """Two cups at 11,000 won and tax-free tea at 8,000, all delivered; the shopper has points."""
    points.grant(shopper, 5_000, note="반가워요", by=None, now=timezone.now())
    cup = make_product(price=11_000, stock=5, needs_delivery=True)
    tea = make_product(price=8_000, stock=5, needs_delivery=True, is_tax_free=True)
    return fill_cart((cup, 2), (tea, 1))


@pytest.fixture
def buy(cart, spring, kakaopay):
    """Order the cart as its owner sees it, with the coupon and 2,000 points."""

    def order(wish=WISH, *, cart=cart, **changed):
        now = timezone.now()
        seen = quoting.look(cart, wish, user_id=cart.user_id, now=now).quote
        given = {"user": cart.user, "contact": CONTACT, "destination": HOME, "now": now}
        return payments.start(**(given | {"wish": wish, "seen": seen} | changed))

    return order


@pytest.fixture
def bought(buy, pay):
    """A paid order."""
    charge = buy()
    payments.capture(charge, pg_token=pay(charge), now=timezone.now())
    return Order.objects.get(pk=charge.order_id)


def usable(user):
    return points.usable(user.pk, now=timezone.now())


def state(order, coupon):
    """Points to be used, uses of the coupon, and whether the order's own use counts."""
    coupon.refresh_from_db()
    return usable(order.user), coupon.redeemed, redemptions.held_by(order) is not None


class TestPlacing:
    def test_the_quote_is_what_is_stored_and_sent(self, buy, kakaopay):
        """
        30,000 won − 3,000 (ten percent) − 2,000 points + 3,000 delivery = 28,000, of which the
        tea's 6,720 are tax-free and (28,000 − 6,720) ÷ 11 = 1,935 VAT.
        """
        charge = buy()
        order = Order.objects.get()
        assert (order.subtotal, order.discount, order.points, order.shipping) == (
            *(30_000, 3_000),
            *(2_000, 3_000),
        )
        assert (order.total, order.tax_free, order.vat) == (28_000, 6_720, 1_935)
        assert (order.coupon_name, order.title, order.pieces) == ("봄 쿠폰", "컵 1 외 1건", 3)
        sent = ProviderCall.objects.get(operation="ready").request
        assert (sent["total_amount"], sent["tax_free_amount"], sent["vat_amount"]) == (
            *(28_000, 6_720),
            1_935,
        )
        theirs = kakaopay.payment(charge.tid)
        assert (theirs.total, theirs.tax_free, theirs.vat) == (28_000, 6_720, 1_935)

    def test_the_lines_hold_their_shares(self, buy):
        """Coupon, points and VAT of each line, and of the delivery fee, add up to the order's."""
        buy()
        order = Order.objects.get()
        rows = list(order.lines.values_list("discount", "points", "vat"))
        assert rows == [(2_200, 1_320, 1_680), (800, 480, 0)]
        assert (order.shipping_points, order.shipping_vat) == (200, 255)
        whole = [sum(column) for column in zip(*rows, strict=True)]
        assert whole == [3_000, 2_000 - 200, 1_935 - 255]

    def test_where_it_goes_is_kept(self, buy):
        """As it was typed; nothing is saved to the account unasked."""
        buy()
        parcel = Shipment.objects.get()
        kept = [getattr(parcel, name) for name in ("recipient", "postcode", "line1", "memo")]
        assert kept == ["김하나", "04524", "서울 중구 세종대로 110", "문 앞"]
        assert parcel.status == "PREPARING"
        assert not Address.objects.exists()

    def test_the_address_is_saved_if_asked(self, buy):
        """Once, however often it is ordered."""
        buy(is_saved=True)
        buy(is_saved=True)
        assert Address.objects.get().postcode == "04524"

    def test_goods_that_are_delivered_need_an_address(self, buy):
        """Nothing is placed without."""
        with pytest.raises(placing.NoDestination):
            buy(destination=None)
        assert (Order.objects.count(), PointEntry.objects.filter(kind="HELD").count()) == (0, 0)

    def test_ordering_again_resumes(self, buy, spring, shopper):
        """The same coupon and points, held once; a corrected address is taken over."""
        buy()
        moved = Destination("김하나", "+821012345678", "13529", "성남시 분당구 판교역로 166")
        buy(destination=moved)
        order = Order.objects.get()
        assert state(order, spring) == (3_000, 1, True)
        assert order.shipment.postcode == "13529"

    def test_other_points_supersede(self, buy, spring):
        """What the first order held is free for the second, also all the points there are."""
        buy()
        buy(Wish("SPRING", 5_000))
        first, second = Order.objects.order_by("pk")
        assert (first.status, first.cancel_reason, second.points) == (
            *("CANCELED", "SUPERSEDED"),
            5_000,
        )
        assert state(second, spring) == (0, 1, True)
        assert redemptions.held_by(first) is None

    def test_another_coupon_supersedes(self, buy, spring):
        """The same amount off by another coupon is another order."""
        twin = Coupon.objects.create(code="TWIN", name_ko="쌍둥이", kind="FIXED", value=3_000)
        buy()
        buy(Wish("TWIN", 2_000))
        first, second = Order.objects.order_by("pk")
        assert (first.total, second.total) == (28_000, 28_000)
        assert state(second, twin) == (3_000, 1, True)
        assert state(first, spring) == (3_000, 0, False)

    def test_a_coupon_that_ended_since_is_refused(self, buy, cart, spring):
        """Nothing is placed at a price that the buyer did not see."""
        now = timezone.now()
        seen = quoting.look(cart, WISH, user_id=cart.user_id, now=now).quote
        Coupon.objects.update(valid_until=now)
        with pytest.raises(coupons.CouponRefused):
            buy(seen=seen)
        assert Order.objects.count() == 0

    def test_points_that_are_gone_are_refused(self, buy, cart, shopper):
        """They were used elsewhere after the page was drawn."""
        now = timezone.now()
        seen = quoting.look(cart, WISH, user_id=cart.user_id, now=now).quote
        points.hold(shopper.pk, "elsewhere", 4_000, now=now)
        with pytest.raises(points.NotEnoughPoints) as refusal:
            buy(seen=seen)
        assert refusal.value.usable == 1_000
        assert (Order.objects.count(), Coupon.objects.get().redeemed) == (0, 0)

    def test_a_fee_that_changed_is_asked_again(self, buy, cart, settings):
        """Like a price."""
        now = timezone.now()
        seen = quoting.look(cart, WISH, user_id=cart.user_id, now=now).quote
        settings.DELIVERY_FEE = 4_000
        with pytest.raises(placing.OfferChanged):
            buy(seen=seen)


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
    def refund(self, order, amount):
        given = {"reason": "변심", "by": None, "now": timezone.now()}
        return payments.refund(order, amount=amount, **given)

    def test_a_part_takes_back_its_part_of_what_was_earned(self, bought, spring):
        """Half the money stays, so half of the 252 points do; the rest is untouched."""
        self.refund(bought, 14_000)
        assert state(bought, spring) == (3_000 + 126, 1, True)

    def test_the_last_won_gives_points_and_coupon_back(self, bought, spring):
        """In two steps, as in one."""
        self.refund(bought, 14_000)
        self.refund(bought, 14_000)
        order = Order.objects.get()
        assert order.status == "REFUNDED"
        assert state(order, spring) == (5_000, 0, False)

    def test_earned_points_that_were_spent_are_owed(self, bought, shopper):
        """They are taken from other points first, and from later ones then."""
        points.hold(shopper.pk, "elsewhere", 3_252, now=timezone.now())
        self.refund(bought, 28_000)
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
