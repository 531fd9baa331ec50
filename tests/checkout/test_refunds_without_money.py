"""An order of 0 won is refunded: what paid for it goes back, once, and everybody is told."""

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from accounts import points
from accounts.addresses import Destination
from accounts.models import PointEntry
from checkout import mails, payments
from checkout.models import Mail, ProviderCall
from orders import quoting, refunding, shipping
from orders.models import Order, PaymentTransaction, Refund
from orders.quoting import Wish
from shop.models import Coupon
from tests.books import differences
from tests.conftest import CONTACT
from tests.races import at_once
from tests.staff import give_back, operator

pytestmark = pytest.mark.django_db(transaction=True)

HOME = Destination("김하나", "+821012345678", "04524", "서울 중구 세종대로 110", "3층", "문 앞")
ENGLISH = {"accept-language": "en"}


@pytest.fixture
def spring(db) -> Coupon:
    return Coupon.objects.create(code="SPRING", name_ko="봄 <쿠폰>", value=2_000, limit=1)


@pytest.fixture
def order(shopper, fill_cart, make_product, spring, kakaopay) -> Order:
    """Two cups, delivered: 2,000 won of a coupon and 23,000 of the shopper's 25,000 points."""
    now = timezone.now()
    points.grant(shopper, 25_000, note="반가워요", by=None, now=now)
    cart = fill_cart((make_product(needs_delivery=True), 2))
    wish = Wish("SPRING", 23_000)
    seen = quoting.look(cart, wish, user_id=shopper.pk, now=now).quote
    given = {"user": shopper, "contact": CONTACT, "destination": HOME, "now": now}
    return payments.start(**given, wish=wish, seen=seen)


def withdraw(order: Order) -> None:
    give_back(order, refunding.everything(), reason="색이 다릅니다")


def state(order: Order) -> tuple[str, int, int]:
    """Its status, its shopper's usable points, and uses of the coupon that count."""
    order = Order.objects.get(pk=order.pk)
    usable = points.usable(order.user_id, now=timezone.now())
    return order.status, usable, Coupon.objects.get().redeemed


PAID, REFUNDED = ("PAID", 2_000, 1), ("REFUNDED", 25_000, 0)


class TestGoingBack:
    """Everything at once, or nothing."""

    def test_what_goes_back(self, order, kakaopay):
        """All points and the coupon; no money, so nobody asks the provider. Both books agree."""
        assert (order.total, order.points, state(order)) == (0, 23_000, PAID)
        withdraw(order)
        assert state(order) == REFUNDED
        assert (PaymentTransaction.objects.count(), ProviderCall.objects.count()) == (0, 0)
        assert differences([order], kakaopay) == []

    def test_its_parcel_stays(self, order):
        """It is no longer to be shipped."""
        assert list(shipping.to_ship()) == [order.shipment]
        withdraw(order)
        assert list(shipping.to_ship()) == []

    def test_the_second_time(self, order):
        """Refused: nothing goes back twice, and nothing is written twice."""
        withdraw(order)
        with pytest.raises(refunding.NothingLeft):
            withdraw(order)
        assert state(order) == REFUNDED
        assert (Refund.objects.count(), Mail.objects.filter(event="REFUNDED").count()) == (1, 1)

    def test_eight_operators_at_once(self, order, kakaopay):
        """One does it, seven are refused."""
        results = []
        operator()

        def press() -> None:
            try:
                withdraw(order)
                results.append("done")
            except refunding.NothingLeft:
                results.append("refused")

        at_once(press, times=8)
        assert sorted(results) == ["done"] + ["refused"] * 7
        assert state(order) == REFUNDED
        assert PointEntry.objects.filter(kind="RETURNED").count() == 1
        assert (Refund.objects.count(), Mail.objects.filter(event="REFUNDED").count()) == (1, 1)
        assert differences([order], kakaopay) == []

    @pytest.mark.parametrize("status", ["PENDING", "CANCELED"])
    def test_not_for_others(self, order, status):
        """Nothing was paid yet, or all was given back as it ended."""
        Order.objects.update(status=status)
        with pytest.raises(refunding.NothingLeft):
            withdraw(order)
        assert state(order) == (status, *PAID[1:])
        assert (Refund.objects.count(), Mail.objects.filter(event="REFUNDED").count()) == (0, 0)


class TestWhatTheShopperReads:
    """That points and coupon are theirs again, and that no money moved."""

    SENTENCES = (
        "The points that you used are back in your account, and you can use the coupon again while "
        "it is valid.",
        "You paid no money for this order, so none goes back.",
    )

    def test_the_mail(self, order, mailoutbox):
        """One, without a word about cards and accounts."""
        withdraw(order)
        Order.objects.update(language="en")
        mail = Mail.objects.get(event="REFUNDED")
        assert (mail.order, mail.transaction) == (order, None)
        with translation.override("ko"):
            assert mails.send(mail.pk, now=timezone.now()) is True
        (message,) = mailoutbox
        assert message.subject.endswith(f"We refunded your order {order.number}")
        ((html, _),) = message.alternatives
        for part in (message.body, html):
            for fact in (*self.SENTENCES, "Your order was refunded", order.number):
                assert fact in part
            for word in ("the way you paid", "Refunded amount", "Remains paid", "Refunded at"):
                assert word not in part

    def test_the_receipt(self, client, shopper, order):
        """Refunded, without a parcel to wait for."""
        withdraw(order)
        client.force_login(shopper)
        text = client.get(order.get_absolute_url(), headers=ENGLISH).content.decode()
        for fact in (*self.SENTENCES, "Your order was refunded", "badge-refunded"):
            assert fact in text
        for word in ("Thank you for your order", "badge-preparing", "Remains paid"):
            assert word not in text

    def test_the_history(self, client, shopper, order):
        """Refunded, and no parcel is promised."""
        withdraw(order)
        client.force_login(shopper)
        text = client.get(reverse("orders:history")).content.decode()
        assert "badge-refunded" in text
        assert "badge-preparing" not in text

    def test_only_points(self, client, shopper, order):
        """No coupon, no word about one."""
        Order.objects.update(discount=0, coupon_name="", points=25_000)
        withdraw(order)
        client.force_login(shopper)
        text = client.get(order.get_absolute_url(), headers=ENGLISH).content.decode()
        assert "The points that you used are back in your account." in text
        assert "use the coupon again" not in text
