"""An order of 0 won is undone: what paid for it goes back, once, and everybody is told."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from accounts import points
from accounts.addresses import Destination
from accounts.models import PointEntry, User
from checkout import mails, payments
from checkout.models import Mail, ProviderCall
from orders import fulfilment, quoting, shipping
from orders.models import Order, PaymentTransaction
from orders.quoting import Wish
from shop.models import Coupon
from tests.books import differences
from tests.checkout.test_refund_page import page_of, staff
from tests.conftest import CONTACT
from tests.races import at_once

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


@pytest.fixture
def refunder(db) -> User:
    return staff("refunder@example.com", "view_order", "refund_order")


@pytest.fixture
def desk(client, refunder) -> Client:
    client.force_login(refunder)
    return client


def withdraw(order: Order, by: User) -> None:
    payments.withdraw(order, reason="색이 다릅니다", by=by, now=timezone.now())


def state(order: Order) -> tuple[str, int, int]:
    """Its status, its shopper's usable points, and uses of the coupon that count."""
    order = Order.objects.get(pk=order.pk)
    usable = points.usable(order.user_id, now=timezone.now())
    return order.status, usable, Coupon.objects.get().redeemed


def notes() -> list[tuple[User, str]]:
    return [(entry.user, entry.change_message) for entry in LogEntry.objects.order_by("pk")]


PAID, REFUNDED = ("PAID", 2_000, 1), ("REFUNDED", 25_000, 0)


class TestWithdrawing:
    """Everything at once, or nothing."""

    def test_what_goes_back(self, order, refunder, kakaopay):
        """All points and the coupon; no money, so nobody asks the provider. Both books agree."""
        assert (order.total, order.points, state(order)) == (0, 23_000, PAID)
        withdraw(order, refunder)
        assert state(order) == REFUNDED
        assert (PaymentTransaction.objects.count(), ProviderCall.objects.count()) == (0, 0)
        assert differences([order], kakaopay) == []

    def test_its_parcel_stays(self, order, refunder):
        """It is no longer to be shipped."""
        assert list(shipping.to_ship()) == [order.shipment]
        withdraw(order, refunder)
        assert list(shipping.to_ship()) == []

    def test_what_it_earned(self, order, refunder, shopper):
        """Is taken back, should an order of 0 won ever have earned anything."""
        Order.objects.update(earns=50)
        points.settle(shopper.pk, order.number, used=0, earned=50, now=timezone.now())
        withdraw(order, refunder)
        assert state(order) == REFUNDED

    def test_who_and_why(self, order, refunder):
        """The order's log says it."""
        withdraw(order, refunder)
        before, after = Order.Status.PAID.label, Order.Status.REFUNDED.label
        assert notes() == [(refunder, f"{before} → {after}: 색이 다릅니다")]
        assert LogEntry.objects.get().get_edited_object() == order

    def test_the_second_time(self, order, refunder):
        """Refused: nothing goes back twice, and nothing is written twice."""
        withdraw(order, refunder)
        with pytest.raises(fulfilment.NotWithdrawable):
            withdraw(order, refunder)
        assert state(order) == REFUNDED
        assert (len(notes()), Mail.objects.filter(event="REFUNDED").count()) == (1, 1)

    def test_eight_operators_at_once(self, order, refunder, kakaopay):
        """One does it, seven are refused."""
        results = []

        def press() -> None:
            try:
                withdraw(order, refunder)
                results.append("done")
            except fulfilment.NotWithdrawable:
                results.append("refused")

        at_once(press, times=8)
        assert sorted(results) == ["done"] + ["refused"] * 7
        assert state(order) == REFUNDED
        assert PointEntry.objects.filter(kind="RETURNED").count() == 1
        assert (len(notes()), Mail.objects.filter(event="REFUNDED").count()) == (1, 1)
        assert differences([order], kakaopay) == []

    @pytest.mark.parametrize(
        "fields",
        [
            *({"status": status} for status in ("PENDING", "CANCELED")),
            {"status": "PAID", "points": 22_999, "total": 1},
        ],
    )
    def test_not_for_others(self, order, refunder, fields):
        """Nothing was paid yet, or money was: that is refunded, not withdrawn."""
        Order.objects.update(**fields)
        with pytest.raises(fulfilment.NotWithdrawable):
            withdraw(order, refunder)
        assert state(order) == (fields["status"], *PAID[1:])
        assert (notes(), Mail.objects.filter(event="REFUNDED").count()) == ([], 0)


class TestThePage:
    """The same button and address as for money."""

    def test_what_goes_back(self, desk, order):
        """Points and coupon are named, and only the reason is asked; looking changes nothing."""
        change = reverse("admin:orders_order_change", args=[order.pk])
        assert page_of(order) in desk.get(change).content.decode()
        text = desk.get(page_of(order), headers=ENGLISH).content.decode()
        for fact in ("23,000 points", "봄 &lt;쿠폰&gt; (₩2,000)", 'name="reason"'):
            assert fact in text
        assert 'name="amount"' not in text
        assert state(order) == PAID

    def test_done(self, desk, order, refunder):
        """Back at the order, which says so; its history tells who and why."""
        answer = desk.post(page_of(order), {"reason": "색이 다릅니다"})
        change = reverse("admin:orders_order_change", args=[order.pk])
        assert (answer.status_code, answer.url) == (302, change)
        assert state(order) == REFUNDED
        history = desk.get(reverse("admin:orders_order_history", args=[order.pk]))
        assert "색이 다릅니다" in history.content.decode()
        text = desk.get(page_of(order)).content.decode()
        assert "환불할 수 있는 금액이 없습니다" in text
        assert 'name="reason"' not in text

    def test_a_double_click(self, desk, order):
        """The second one is told that it was done."""
        answers = [
            desk.post(page_of(order), {"reason": "색이 다릅니다"}, headers=ENGLISH)
            for _ in range(2)
        ]
        told = [str(message) for message in answers[1].wsgi_request._messages]
        assert told[-1] == "This order is refunded already; nothing more goes back."
        assert state(order) == REFUNDED
        assert (len(notes()), Mail.objects.filter(event="REFUNDED").count()) == (1, 1)

    @pytest.mark.parametrize("reason", ["", "  ", "가" * 301])
    def test_no_reason(self, desk, order, reason):
        """422, and nothing goes back."""
        answer = desk.post(page_of(order), {"reason": reason})
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["reason"])
        assert state(order) == PAID

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_without_the_permission(self, client, order, method):
        """403, and nothing goes back."""
        client.force_login(staff("reader@example.com", "view_order"))
        assert getattr(client, method)(page_of(order), {"reason": "…"}).status_code == 403
        assert state(order) == PAID


class TestWhatTheShopperReads:
    """That points and coupon are theirs again, and that no money moved."""

    SENTENCES = (
        "The points that you used are back in your account, and you can use the coupon again.",
        "You paid no money for this order, so none goes back.",
    )

    def test_the_mail(self, order, refunder, mailoutbox):
        """One, without a word about cards and accounts."""
        withdraw(order, refunder)
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

    def test_the_receipt(self, client, shopper, order, refunder):
        """Refunded, without a parcel to wait for."""
        withdraw(order, refunder)
        client.force_login(shopper)
        text = client.get(order.get_absolute_url(), headers=ENGLISH).content.decode()
        for fact in (*self.SENTENCES, "Your order was refunded", "badge-refunded"):
            assert fact in text
        for word in ("Thank you for your order", "badge-preparing", "Remains paid"):
            assert word not in text

    def test_the_history(self, client, shopper, order, refunder):
        """Refunded, and no parcel is promised."""
        withdraw(order, refunder)
        client.force_login(shopper)
        text = client.get(reverse("orders:history")).content.decode()
        assert "badge-refunded" in text
        assert "badge-preparing" not in text

    def test_only_points(self, client, shopper, order, refunder):
        """No coupon, no word about one."""
        Order.objects.update(discount=0, coupon_name="", points=25_000)
        withdraw(order, refunder)
        client.force_login(shopper)
        text = client.get(order.get_absolute_url(), headers=ENGLISH).content.decode()
        assert "The points that you used are back in your account." in text
        assert "use the coupon again" not in text
