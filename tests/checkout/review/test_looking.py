"""The review page: coupons, points and addresses, with htmx and without."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import points
from accounts.models import Address, User
from checkout import payments
from orders.models import Order, PaymentTransaction
from tests.checkout.review.page import QUOTE, READY, TYPED, figures, seal_on

pytestmark = pytest.mark.django_db(transaction=True)


class TestFirstLook:
    def test_nothing_is_taken_off_unasked(self, browser, spring):
        """33,000 won with delivery; the balance is shown."""
        page = browser.get("/checkout/")
        assert figures(page) == (0, 0, 3_000, 33_000)
        assert "5,000" in page.content.decode()

    def test_the_best_of_their_own_coupons_is_suggested(self, browser, spring, shopper):
        """It is marked, not chosen for them."""
        spring.grants.create(user=shopper)
        page = browser.get("/checkout/")
        assert [each.is_best for each in page.context["basket"].choices] == [True]
        assert "badge-best" in page.content.decode()
        assert figures(page)[0] == 0

    def test_the_address_used_last_is_offered(self, browser, shopper):
        """It need not be typed again."""
        kept = {"recipient": "김둘", "phone": "+821087654321", "postcode": "04524"}
        shopper.addresses.create(**kept, line1="서울 중구 세종대로 110")
        shown = browser.get("/checkout/").context["forms"].address.initial
        assert (shown["recipient"], shown["phone"]) == ("김둘", "010-8765-4321")

    def test_without_delivery_no_address_is_asked(self, browser, cart, make_product):
        """A ticket goes by mail."""
        cart.lines.all().delete()
        cart.lines.create(product=make_product(needs_delivery=False), quantity=1)
        page = browser.get("/checkout/")
        assert "address-postcode" not in page.content.decode()
        assert figures(page) == (0, 0, 0, 11_000)

    def test_an_order_that_waits_is_shown_as_it_was_chosen(self, browser, ask, kakaopay, spring):
        """Back from the provider's page nothing need be chosen again, and its points are there."""
        asked = ask(code="spring", points="2000")
        fields = {"seen": seal_on(asked), "coupon": "SPRING", "points": "2000", "consent": "on"}
        assert browser.post(READY, TYPED | fields).status_code == 303
        page = browser.get("/checkout/")
        assert figures(page) == (3_000, 2_000, 3_000, 28_000)
        assert page.context["basket"].balance == 5_000
        assert page.context["forms"].address.initial["recipient"] == "김둘"

    def test_an_order_that_was_given_up_is_remembered(self, browser, ask, kakaopay, spring):
        """Ordering again is not dearer unawares; a day later it is forgotten."""
        fields = {"seen": seal_on(ask(code="spring", points="2000")), "consent": "on"}
        browser.post(READY, TYPED | fields | {"coupon": "SPRING", "points": "2000"})
        payments.abandon(PaymentTransaction.objects.get(), "QUIT", now=timezone.now())
        page = browser.get("/checkout/")
        assert figures(page) == (3_000, 2_000, 3_000, 28_000)
        assert page.context["forms"].address.initial["recipient"] == "김둘"
        Order.objects.update(placed_at=timezone.now() - timedelta(days=1))
        assert figures(browser.get("/checkout/")) == (0, 0, 3_000, 33_000)

    def test_a_paid_order_is_not_a_wish_for_the_next(self, browser, ask, kakaopay, cart):
        """Whoever used points once is not thought to want to again."""
        ask(points="2000")
        Order.objects.create(
            **dict.fromkeys(("consented_at", "placed_at", "deadline_at"), timezone.now()),
            **{"user": cart.user, "cart": cart, "status": "PAID", "phone": "+821012345678"},
            **{"subtotal": 9_000, "points": 2_000, "total": 7_000, "tax_free": 0, "vat": 636},
        )
        assert figures(browser.get("/checkout/")) == (0, 0, 3_000, 33_000)


class TestAsking:
    def test_a_code(self, ask, spring):
        """Every figure follows, and only the parts that change are sent."""
        page = ask(code="spring")
        assert (page.status_code, figures(page)) == (200, (3_000, 0, 3_000, 30_000))
        text = page.content.decode()
        assert "<html" not in text
        for part in ("discounts", "amounts", "lines", "pay"):
            assert f'id="{part}"' in text

    @pytest.mark.parametrize("typed", ["2000", "2,000", " 2 000", "２０００"])
    def test_points_however_they_are_written(self, ask, typed):
        """Commas, blanks and full-width digits are understood."""
        assert figures(ask(points=typed)) == (0, 2_000, 3_000, 31_000)

    def test_all_points(self, ask):
        """One click, whatever was typed."""
        page = ask(use_all="1", points="1")
        assert (page.status_code, figures(page)[1]) == (200, 5_000)

    def test_all_points_are_no_more_than_there_is_to_pay(self, ask, shopper):
        """100,000 points, 33,000 won: the button changes to ordering without paying."""
        points.grant(shopper, 95_000, note="많이", by=None, now=timezone.now())
        page = ask(use_all="1")
        assert (figures(page), page.context["basket"].usable) == ((0, 33_000, 3_000, 0), 33_000)
        assert "kakaopay-button" not in page.content.decode()

    @pytest.mark.parametrize("typed", ["5001", "6,000", "99999999999", "-1", "1.5", "많이", "\0"])
    def test_points_that_cannot_be_used(self, ask, typed):
        """It is said at the field, and what was typed stays."""
        page = ask(points=typed)
        assert page.status_code == 422
        assert "points-error" in page.content.decode()

    def test_too_many_points_become_as_many_as_there_are(self, ask):
        """So that pressing the button orders what the page shows."""
        page = ask(points="7,000")
        assert (figures(page)[1], page.context["points_shown"]) == (5_000, 5_000)
        assert ask(points="많이").context["points_shown"] == "많이"

    @pytest.mark.parametrize("code", ["NOPE", "가" * 60, "\0", "#1"])
    def test_a_wrong_code(self, ask, code):
        """It is said at the field."""
        page = ask(code=code)
        assert page.status_code == 422
        assert figures(page)[0] == 0

    def test_a_wrong_code_leaves_the_coupon_that_was_picked(self, ask, spring):
        """Trying another loses nothing."""
        page = ask(coupon="SPRING", code="NOPE")
        assert (page.status_code, figures(page)[0]) == (422, 3_000)
        assert 'value="NOPE"' in page.content.decode()

    def test_a_code_whose_refusal_was_told_is_tried_again_only_if_asked(self, ask):
        """It stays in its field, and must not stand in the way of everything else."""
        assert ask(code="NOPE").status_code == 422
        assert ask(code="NOPE", refused="NOPE").status_code == 200
        assert ask(code="NOPE", refused="NOPE", apply="1").status_code == 422
        assert ask(code="NOPE2", refused="NOPE").status_code == 422

    def test_without_javascript(self, ask, spring):
        """The whole page, with everything that was typed."""
        page = ask(htmx=False, code="spring", name="김셋", consent="on")
        text = page.content.decode()
        assert "<html" in text
        assert figures(page)[0] == 3_000
        assert 'value="김셋"' in text
        assert 'value="김둘"' in text
        assert re.search(r'name="consent"[^>]*checked', text)

    def test_nothing_is_said_of_what_is_not_filled_in_yet(self, ask):
        """Only what was asked about."""
        page = ask(htmx=False, name="", phone="")
        assert page.status_code == 200
        assert "field-error" not in page.content.decode()

    def test_one_of_the_saved_addresses(self, ask, shopper):
        """It is filled in, and can be changed."""
        kept = {"recipient": "김셋", "phone": "+821011112222", "postcode": "13529"}
        saved = shopper.addresses.create(**kept, line1="성남시 분당구 판교역로 166")
        page = ask(address=str(saved.pk))
        assert page.context["forms"].address.initial["recipient"] == "김셋"
        assert 'value="13529"' in page.content.decode()

    def test_nobody_elses_address(self, ask):
        """There is none of that number."""
        other = User.objects.create_user("other@example.com")
        kept = {"recipient": "남", "phone": "+821011112222", "postcode": "13529", "line1": "길 1"}
        theirs = Address.objects.create(user=other, **kept)
        assert ask(address=str(theirs.pk)).status_code == 404
        for nonsense in ("x", "9" * 5_000, "９" * 30, "²"):
            assert ask(address=nonsense).status_code == 404

    def test_what_changed_meanwhile_is_said(self, ask, cart):
        """A price that rose since the page was drawn; what the buyer changed is not news."""
        cup = cart.lines.first().product
        cup.price = 12_000
        cup.save()
        page = ask(points="1000")
        assert [(each.what, each.now) for each in page.context["changes"]] == [("price", 12_000)]

    def test_an_emptied_cart_leads_to_the_cart(self, ask, cart):
        """Also where htmx asks."""
        cart.lines.all().delete()
        assert ask()["HX-Redirect"] == "/cart/"
        assert ask(htmx=False).url == "/cart/"

    def test_looking_places_nothing(self, ask, spring):
        """No order, no points held, no use counted."""
        ask(code="spring", points="2000")
        spring.refresh_from_db()
        assert (Order.objects.count(), spring.redeemed) == (0, 0)

    def test_reloading_it_leads_to_the_page(self, browser):
        """The address alone has nothing to work out."""
        assert browser.get(QUOTE).url == "/checkout/"
