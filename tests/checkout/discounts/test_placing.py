"""Placing an order with a coupon, points and a delivery."""

import pytest
from django.utils import timezone

from accounts import points
from accounts.addresses import Destination
from accounts.models import Address, PointEntry
from checkout.models import ProviderCall
from orders import coupons, placing, quoting, redemptions
from orders.models import Order, Shipment
from orders.quoting import Wish
from shop.models import Coupon
from tests.checkout.discounts.conftest import WISH
from tests.checkout.discounts.state import state

pytestmark = pytest.mark.django_db(transaction=True)


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
