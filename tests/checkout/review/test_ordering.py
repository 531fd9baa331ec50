"""From the review page on, with coupon, points and delivery."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import points
from checkout import returning
from orders.models import Order, PaymentTransaction
from shop.models import Coupon
from tests.checkout.review.page import READY, TYPED, figures, seal_on
from tests.queries import queries_of

pytestmark = pytest.mark.django_db(transaction=True)


class TestOrdering:
    @pytest.fixture
    def order(self, browser, seal, kakaopay):
        def post(**changed):
            return browser.post(READY, TYPED | {"seen": seal, "consent": "on"} | changed)

        return post

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("address-recipient", ""),
            ("address-phone", "12"),
            ("address-postcode", "1234"),
            ("address-line1", ""),
        ],
    )
    def test_a_wrong_address_is_said_at_its_field(self, order, field, value):
        """Nothing is placed, nothing typed is lost."""
        page = order(**{field: value})
        assert page.status_code == 422
        assert field.removeprefix("address-") in page.context["forms"].address.errors
        assert Order.objects.count() == 0

    def test_a_coupon_that_was_not_looked_at_is_asked_first(self, order, spring):
        """Typed, but not applied: the page shows what it takes off."""
        page = order(code="SPRING")
        assert (page.status_code, figures(page)) == (409, (3_000, 0, 3_000, 30_000))
        assert [each.what for each in page.context["changes"]] == ["discount"]
        assert "아직 결제되지 않았습니다" in page.content.decode()
        assert Order.objects.count() == 0

    def test_a_wrong_code_that_was_not_tried_is_told_first(self, order):
        """On top of the page, where whoever pressed the button looks."""
        page = order(code="NOPE")
        assert page.status_code == 409
        told = page.content.decode().partition('<form class="checkout"')[0]
        assert "없는 쿠폰입니다" in told
        assert "주문 내용이 달라졌습니다" not in told
        assert order(code="NOPE", refused="NOPE").status_code == 303

    def test_too_many_points_are_told_first(self, order):
        """The same, with the number that can be used."""
        page = order(points="5001")
        told = page.content.decode().partition('<form class="checkout"')[0]
        assert (page.status_code, "5,000포인트까지" in told) == (409, True)

    def test_a_coupon_that_was_used_up_meanwhile(self, order, ask, spring):
        """The reason at its field, and the amounts without it."""
        seen = seal_on(ask(code="SPRING"))
        Coupon.objects.update(redeemed=5)
        page = order(coupon="SPRING", seen=seen)
        assert (page.status_code, figures(page)[0]) == (409, 0)
        assert page.context["basket"].refusal.why == "used_up"

    def test_points_that_went_meanwhile(self, order, ask, shopper):
        """The most that can be used now is said."""
        seen = seal_on(ask(points="4000"))
        points.hold(shopper.pk, "elsewhere", 3_000, now=timezone.now())
        page = order(points="4000", seen=seen)
        assert (page.status_code, figures(page)[1]) == (409, 2_000)
        assert "2,000" in page.context["forms"].discounts.errors["points"][0]

    def test_nothing_left_to_pay_leads_to_the_receipt(self, order, ask, shopper):
        """Without the provider."""
        points.grant(shopper, 95_000, note="많이", by=None, now=timezone.now())
        answer = order(points="33000", seen=seal_on(ask(use_all="1")))
        placed = Order.objects.get()
        assert (answer.status_code, answer.url) == (303, placed.get_absolute_url())
        assert placed.status == "PAID"

    def test_a_second_click_on_it_leads_to_the_same_receipt(self, order, ask, shopper):
        """Two posts of one form: one order; neither ends on an empty cart."""
        points.grant(shopper, 95_000, note="많이", by=None, now=timezone.now())
        seen = seal_on(ask(use_all="1"))
        first, second = (order(points="33000", seen=seen) for _ in range(2))
        assert first.url == second.url == Order.objects.get().get_absolute_url()
        other = order(points="0", seen=seen[:-1])
        assert other.url == "/cart/"

    def test_the_address_is_saved_if_ticked(self, order, shopper):
        """And offered next time."""
        order(**{"address-is_saved": "on"})
        assert shopper.addresses.get().recipient == "김둘"


class TestBudgets:
    @pytest.mark.parametrize("lines", [1, 30])
    def test_a_purchase_with_everything_asks_the_database_little(
        self, browser, ask, cart, spring, make_product, kakaopay, lines
    ):
        """ready ≤ 22, of which one counts it, approve ≤ 15, receipt ≤ 8, with everything."""
        cart.lines.all().delete()
        spring.is_for_all = False
        spring.save()
        for _ in range(lines):
            product = make_product(stock=9, needs_delivery=True)
            spring.products.add(product)
            cart.lines.create(product=product, quantity=1)
        seen = seal_on(ask(code="SPRING", points="2000"))
        fields = TYPED | {"seen": seen, "coupon": "SPRING", "points": "2000", "consent": "on"}
        ready = queries_of(lambda: browser.post(READY, fields))
        charge = PaymentTransaction.objects.get()
        token = kakaopay.pay(charge.redirect_urls["pc"]).rpartition("pg_token=")[2]
        link = reverse("checkout:approve", args=[returning.token_for(charge)])
        approve = queries_of(lambda: browser.get(f"{link}?pg_token={token}"))
        order = Order.objects.get()
        assert (order.status, order.discount, order.points) == ("PAID", 3_000, 2_000)
        receipt = queries_of(lambda: browser.get(order.get_absolute_url()))
        for name, queries, most in (
            ("ready", ready, 22),
            ("approve", approve, 15),
            ("receipt", receipt, 8),
        ):
            assert len(queries) <= most, f"{name}: {len(queries)}\n" + "\n".join(queries)

    def test_replacing_an_order_does_not_ask_more_for_more_lines(
        self, browser, ask, cart, spring, make_product, kakaopay
    ):
        """What the first one held goes back, whatever it was, in as many statements."""
        asked = []
        for lines in (1, 30):
            cart.lines.all().delete()
            Order.objects.update(status="CANCELED")
            for _ in range(lines):
                product = make_product(stock=9, needs_delivery=True)
                cart.lines.create(product=product, quantity=1)
            for used in ("2000", "1000"):
                seen = seal_on(ask(points=used))
                fields = TYPED | {"seen": seen, "points": used, "consent": "on"}
                queries = queries_of(lambda fields=fields: browser.post(READY, fields))
            asked.append(len(queries))
        assert asked[0] == asked[1] <= 36
