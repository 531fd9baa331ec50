"""The buyer cancels what was not shipped: by themselves, once, all of it."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import points
from accounts.addresses import Destination
from accounts.models import User
from checkout import parcels, payments, reconciliation
from checkout.models import Discrepancy, Mail
from orders import quoting, refunding, shipping
from orders.models import Order, Refund, Shipment
from orders.quoting import Wish
from shop.models import Coupon, Product
from tests.books import differences
from tests.conftest import CONTACT
from tests.races import all_at_once, at_once
from tests.staff import give_back, operator, refund

pytestmark = pytest.mark.django_db(transaction=True)

HOME = Destination("김하나", "+821012345678", "04524", "서울 중구 세종대로 110", "3층", "문 앞")
ENGLISH = {"accept-language": "en"}


@pytest.fixture
def cart(shopper, fill_cart, make_product):
    """Two cups, tax-free tea and a lesson, which has nothing to deliver: 45,000 won."""
    points.grant(shopper, 50_000, note="반가워요", by=None, now=timezone.now())
    Coupon.objects.create(code="SPRING", name_ko="봄 쿠폰", name_en="Spring", value=3_000, limit=5)
    cup = make_product(price=11_000, stock=5, needs_delivery=True)
    tea = make_product(price=8_000, stock=5, needs_delivery=True, is_tax_free=True)
    lesson = make_product(price=15_000, stock=5)
    return fill_cart((cup, 2), (tea, 1), (lesson, 1))


@pytest.fixture
def buy(cart, kakaopay, pay):
    """A paid order of the cart, with the coupon and as many points as asked for."""

    def order(use: int = 2_000) -> Order:
        wish, now = Wish("SPRING", use), timezone.now()
        seen = quoting.look(cart, wish, user_id=cart.user_id, now=now).quote
        given = {"user": cart.user, "contact": CONTACT, "destination": HOME, "now": now}
        charge = payments.start(**given, wish=wish, seen=seen)
        if isinstance(charge, Order):
            return charge
        return payments.capture(charge, pg_token=pay(charge), now=timezone.now()).order

    return order


@pytest.fixture
def order(buy) -> Order:
    """43,000 won in money with the delivery fee, after 3,000 of a coupon and 2,000 points."""
    return buy()


@pytest.fixture
def browser(client, shopper):
    client.force_login(shopper)
    return client


def page_of(order: Order) -> str:
    return reverse("checkout:cancel_order", args=[order.number])


def ship(order: Order) -> None:
    now = timezone.now()
    sent = {"carrier": Shipment.Carrier.CJ, "tracking_number": "123456789012"}
    parcels.ship(order.pk, **sent, by=operator(), now=now)


def told(answer) -> list[str]:
    """What the next page says first."""
    return [str(message) for message in answer.wsgi_request._messages]


def held(order: Order) -> tuple[str, int, int, list[int]]:
    """Status, the shopper's usable points, uses of the coupon, and stock."""
    order.refresh_from_db()
    usable = points.usable(order.user_id, now=timezone.now())
    stock = list(Product.objects.order_by("pk").values_list("stock", flat=True))
    return order.status, usable, Coupon.objects.get().redeemed, stock


def settle_all() -> None:
    now = timezone.now() + timedelta(minutes=1)
    list(reconciliation.settle_stale(reconciliation.unsettled(now), now=now))


def money_back(order: Order, kakaopay) -> list[int]:
    """Each refund in the provider's books, in won."""
    payment = kakaopay.payments(order.number)[0]
    return [action.amount for action in payment.actions if action.type == "CANCEL"]


SOLD, BACK = [3, 4, 4], [5, 5, 5]


class TestThePage:
    def test_it_says_what_comes_back(self, browser, order):
        """Money with VAT and tax-free part, points, coupon, earned points; GET changes nothing."""
        before = held(order)
        answer = browser.get(page_of(order), headers=ENGLISH)
        text = answer.content.decode()
        plan = answer.context["plan"]
        assert (plan.money.total, plan.money.tax_free, plan.money.vat) == (
            order.total,
            order.tax_free,
            order.vat,
        )
        assert (plan.points, plan.returns_coupon, plan.takes_back) == (2_000, True, order.earns)
        for fact in (
            f"₩{order.total:,}",
            f"₩{order.vat:,}",
            f"₩{order.tax_free:,}",
            "2,000 points",
            "봄 쿠폰",
            f"−{order.earns} points",
            "× 2",
        ):
            assert fact in text
        assert order.earns > 0
        assert held(order) == before
        assert Refund.objects.count() == 0

    def test_after_a_partial_refund(self, browser, order):
        """What is left comes back, and what went back before is said."""
        refund(order, 5_000)
        answer = browser.get(page_of(order), headers=ENGLISH)
        assert answer.context["plan"].money.total == order.total - 5_000
        assert "₩5,000 went back before." in answer.content.decode()

    def test_somebody_elses_order(self, client, order, django_user_model, kakaopay):
        """Does not exist; nothing goes back."""
        client.force_login(django_user_model.objects.create_user("other@example.com"))
        assert client.get(page_of(order)).status_code == 404
        assert client.post(page_of(order)).status_code == 404
        assert money_back(order, kakaopay) == []

    def test_signing_in_comes_first(self, client, order, kakaopay):
        """And leads back to the page; nothing goes back."""
        answer = client.post(page_of(order))
        assert answer.url == f"{reverse('account_login')}?next={page_of(order)}"
        assert money_back(order, kakaopay) == []

    def test_only_what_can_be_canceled_has_the_button(self, browser, order):
        """Paid and here: cancel. Shipped: ask. Being refunded: neither."""
        ask = reverse("checkout:ask_for_refund", args=[order.number])

        def offered() -> tuple[bool, bool]:
            text = browser.get(order.get_absolute_url()).content.decode()
            return page_of(order) in text, ask in text

        assert offered() == (True, False)
        ship(order)
        assert offered() == (False, True)
        waiting = order.refunds.create(kind="AMOUNT", status="WAITING", amount=1)
        assert offered() == (False, False)
        Refund.objects.filter(pk=waiting.pk).update(status="REJECTED")
        assert offered() == (False, True)
        order.lines.update(refunded=1)
        order.lines.filter(quantity=2).update(refunded=2)
        assert offered() == (False, False)


class TestCanceling:
    def test_all_of_it_comes_back(self, browser, order, kakaopay, shopper):
        """Money, points, coupon and goods; one mail; both books agree; the receipt says so."""
        assert held(order) == ("PAID", 48_000 + order.earns, 1, SOLD)
        answer = browser.post(page_of(order), {"reason": "잘못 골랐어요"}, headers=ENGLISH)
        assert (answer.status_code, answer.url) == (302, order.get_absolute_url())
        assert told(answer) == ["Your order is canceled."]
        assert held(order) == ("REFUNDED", 50_000, 0, BACK)
        assert money_back(order, kakaopay) == [order.total]
        assert differences([order], kakaopay) == []
        done = Refund.objects.get()
        assert (done.kind, done.requested_by, done.reason) == ("FULL", shopper, "잘못 골랐어요")
        assert Mail.objects.filter(event="REFUNDED").count() == 1
        text = browser.get(order.get_absolute_url(), headers=ENGLISH).content.decode()
        for fact in ("Your order was refunded", "잘못 골랐어요", f"₩{order.total:,}"):
            assert fact in text
        assert page_of(order) not in text

    def test_without_a_reason(self, browser, order):
        """Nobody has to say why."""
        browser.post(page_of(order), {"reason": ""})
        assert (held(order)[0], Refund.objects.get().reason) == ("REFUNDED", "")

    def test_a_reason_that_is_too_long(self, browser, order, kakaopay):
        """422; it is kept, and nothing goes back."""
        answer = browser.post(page_of(order), {"reason": "가" * 301})
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["reason"])
        assert "가" * 301 in answer.content.decode()
        assert money_back(order, kakaopay) == []

    def test_an_order_of_nothing(self, browser, buy, kakaopay):
        """Points and a coupon paid for all of it: they come back, and no provider is asked."""
        order = buy(use=50_000)
        assert (order.total, order.transactions.count()) == (0, 0)
        text = browser.get(page_of(order), headers=ENGLISH).content.decode()
        assert f"{order.points:,} points" in text
        assert "You paid no money for this order, so none goes back." in text
        browser.post(page_of(order))
        assert held(order) == ("REFUNDED", 50_000, 0, BACK)
        assert differences([order], kakaopay) == []
        assert Mail.objects.filter(event="REFUNDED").count() == 1

    def test_the_rest_of_a_partly_refunded_order(self, browser, order, kakaopay):
        """What was left comes back; the pieces end at nothing."""
        line = order.lines.first()
        give_back(order, refunding.by_line({line.pk: 1}, restock=True))
        browser.post(page_of(order))
        assert held(order)[:3] == ("REFUNDED", 50_000, 0)
        assert sum(money_back(order, kakaopay)) == order.total
        assert differences([order], kakaopay) == []

    def test_a_lost_answer(self, browser, order, kakaopay):
        """The receipt says that we are confirming it; it is found, and never sent twice."""
        kakaopay.fault("cancel", after="drop")
        answer = browser.post(page_of(order), headers=ENGLISH)
        assert (answer.url, told(answer)) == (order.get_absolute_url(), [])
        text = browser.get(order.get_absolute_url(), headers=ENGLISH).content.decode()
        assert "We are confirming your refund" in text
        assert page_of(order) not in text
        again = browser.post(page_of(order), headers=ENGLISH)
        assert told(again) == [
            "A refund of this order is being confirmed. You need not do anything."
        ]
        settle_all()
        assert held(order) == ("REFUNDED", 50_000, 0, BACK)
        assert money_back(order, kakaopay) == [order.total]
        assert differences([order], kakaopay) == []

    def test_kakaopay_says_no(self, browser, order, kakaopay):
        """Nothing changes, the receipt says so, staff are told; it can be tried again."""
        before = held(order)
        kakaopay.fault("cancel", before="error:-781")
        browser.post(page_of(order))
        assert held(order) == before
        assert money_back(order, kakaopay) == []
        assert Discrepancy.objects.get().detail.startswith("the provider declined to give back")
        text = browser.get(order.get_absolute_url(), headers=ENGLISH).content.decode()
        assert f"KakaoPay did not give back ₩{order.total:,}, so nothing has changed." in text
        assert page_of(order) in text
        browser.post(page_of(order))
        assert held(order) == ("REFUNDED", 50_000, 0, BACK)
        text = browser.get(order.get_absolute_url(), headers=ENGLISH).content.decode()
        assert "did not give back" not in text


class TestTooLateOrTwice:
    def test_the_second_time(self, browser, order, kakaopay):
        """A double click or another tab: said, and nothing goes back twice."""
        browser.post(page_of(order))
        for ask in (browser.post, browser.get):
            answer = ask(page_of(order), headers=ENGLISH)
            assert (answer.status_code, answer.url) == (302, order.get_absolute_url())
            sentence = "This order is refunded already; nothing more goes back."
            assert told(answer)[-1] == sentence
        assert money_back(order, kakaopay) == [order.total]
        assert Mail.objects.filter(event="REFUNDED").count() == 1

    def test_eight_tabs_at_once(self, order, shopper, kakaopay):
        """One gives back, the others are told; none is an error."""
        answers = []

        def press() -> None:
            tab = Client()
            tab.force_login(shopper)
            answers.append(tab.post(page_of(order)))

        at_once(press, times=8)
        assert [answer.status_code for answer in answers] == [302] * 8
        assert held(order) == ("REFUNDED", 50_000, 0, BACK)
        assert money_back(order, kakaopay) == [order.total]
        assert differences([order], kakaopay) == []

    def test_it_has_left(self, browser, order, kakaopay):
        """Said, with what to do instead; nothing goes back."""
        ship(order)
        for answer in (
            browser.get(page_of(order), headers=ENGLISH),
            browser.post(page_of(order), headers=ENGLISH),
        ):
            assert answer.url == order.get_absolute_url()
            assert told(answer)[-1] == (
                "Your parcel has left, so the order can no longer be canceled. Ask for a refund."
            )
        assert (held(order)[0], money_back(order, kakaopay)) == ("PAID", [])

    def test_staff_ship_it_at_this_moment(self, order, shopper, kakaopay):
        """Either it leaves and is paid, or it stays and is refunded; never both."""

        def press() -> None:
            tab = Client()
            tab.force_login(shopper)
            tab.post(page_of(order))

        def pack() -> None:
            with suppress(shipping.CannotMove):
                ship(order)

        operator()
        all_at_once([press, pack])
        parcel = Shipment.objects.get()
        state = (parcel.status, held(order)[0], money_back(order, kakaopay))
        assert state in [("SHIPPED", "PAID", []), ("PREPARING", "REFUNDED", [order.total])]

    def test_nothing_is_delivered(self, browser, order, kakaopay):
        """A lesson may have been used: staff decide."""
        Shipment.objects.all().delete()
        answer = browser.post(page_of(order), headers=ENGLISH)
        assert told(answer) == [
            "Nothing of this order is shipped, so it cannot be canceled here. Ask for a refund."
        ]
        assert (held(order)[0], money_back(order, kakaopay)) == ("PAID", [])

    def test_a_refund_that_waits_for_approval(self, browser, order, kakaopay):
        """The buyer learns only that somebody looks at it."""
        order.refunds.create(kind="FULL", status="WAITING", amount=order.total)
        answer = browser.post(page_of(order), headers=ENGLISH)
        assert told(answer) == [
            "We are looking at a refund of this order already. You need not do anything."
        ]
        assert money_back(order, kakaopay) == []

    def test_not_paid(self, browser, make_order):
        """There is nothing to cancel."""
        for status in ("PENDING", "CANCELED"):
            order = make_order(status=status)
            answer = browser.post(page_of(order), headers=ENGLISH)
            assert told(answer)[-1].startswith("This order is not paid")
        assert Refund.objects.count() == 0


def test_who_asked_is_the_buyer(order, shopper):
    """No permission and no limit is asked about: it is their right."""
    done = payments.cancel(order, by=User.objects.get(pk=shopper.pk), reason="", now=timezone.now())
    assert (done.status, done.amount) == ("SUCCEEDED", order.total)
