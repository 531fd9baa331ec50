"""Memberships on the shelf: what a plan costs, brings and means, and putting it into the cart."""

import pytest
from django.utils import timezone

from accounts.models import Membership
from shop.models import CartLine, Product

pytestmark = pytest.mark.django_db

ADD, CART, PREMIUM = "/cart/items/", "/cart/", "/premium/"


@pytest.fixture
def signed_in(english, shopper):
    english.force_login(shopper)
    return english


@pytest.fixture
def on_the_20th(time_machine):
    time_machine.move_to("2026-11-20T12:00:00+09:00", tick=False)


def page_of(client, url):
    return client.get(url).content.decode()


class TestThePlan:
    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({}, "₩4,900 a month"),
            ({"price": 49_000, "months": 12}, "₩49,000 a year"),
            ({"price": 27_000, "months": 6}, "₩27,000 every 6 months"),
            ({"price": 13_900, "months": 3, "renews": False}, "₩13,900 for 3 months"),
        ],
    )
    def test_the_price_has_its_period(self, english, make_plan, fields, said):
        """On the shelf, on its page and beside the others."""
        plan = make_plan(**fields)
        for url in ("/", f"/products/{plan.slug}/", PREMIUM):
            assert said in page_of(english, url)

    def test_what_it_brings(self, english, make_plan):
        """Only what the plan has."""
        both, plain = make_plan(), make_plan(discount_percent=0, has_free_delivery=False)
        assert "10% off all goods" in page_of(english, f"/products/{both.slug}/")
        assert "% off" not in page_of(english, f"/products/{plain.slug}/")
        assert "Free delivery" not in page_of(english, f"/products/{plain.slug}/")

    def test_it_is_no_ticket_and_not_counted(self, english, monthly):
        """Neither a stock nor a number to choose, and no ticket by mail."""
        page = page_of(english, "/products/monthly/")
        for absent in ("stepper", "In stock", "ticket", 'type="number"'):
            assert absent not in page

    def test_a_trial_says_when_it_is_charged(self, english, monthly, on_the_20th):
        """Free today and for fourteen days; the fifteenth is charged, unless canceled."""
        page = page_of(english, "/products/monthly/")
        assert "14 days free, then ₩4,900 a month until you cancel" in page
        assert "Today you pay <strong>₩0</strong>." in page
        assert "The first 14 days are free, until Dec. 3, 2026." in page
        assert "From Dec. 4, 2026 on KakaoPay charges <strong>₩4,900 a month</strong>" in page
        assert "Try for free" in page

    def test_without_a_trial(self, english, make_plan, on_the_20th):
        """Paid today, and on the same day of the next month."""
        page = page_of(english, f"/products/{make_plan().slug}/")
        assert "Today you pay <strong>₩4,900</strong>." in page
        assert "You are a member at once, until Dec. 19, 2026." in page
        assert "From Dec. 20, 2026 on KakaoPay charges <strong>₩4,900 a month</strong>" in page
        assert "days free" not in page

    def test_a_pass_is_not_charged_again(self, english, make_plan, on_the_20th):
        """And says so."""
        page = page_of(english, f"/products/{make_plan(renews=False, months=3).slug}/")
        assert "until Feb. 19, 2027" in page
        assert "nothing more is charged, and it ends by itself" in page
        assert "KakaoPay charges" not in page

    def test_a_trial_is_for_who_never_was_a_member(self, signed_in, monthly, join):
        """Whoever was one pays from the first day, and is told before."""
        join(monthly)
        ended = {"ended_at": timezone.now(), "renews": False, "charge_at": None}
        Membership.objects.update(**ended)
        page = page_of(signed_in, "/products/monthly/")
        assert "Today you pay <strong>₩4,900</strong>." in page
        assert "days free" not in page
        assert "Try for free" not in page_of(signed_in, PREMIUM)


class TestMembers:
    def test_what_renews_is_not_sold_again(self, signed_in, monthly, make_plan, join, on_the_20th):
        """They are told until when they are members, and where to change or to stay longer."""
        yearly = make_plan(months=12, price=49_000)
        join(monthly)
        for plan in (monthly, yearly):
            page = page_of(signed_in, f"/products/{plan.slug}/")
            assert "You are a member (Premium 1) until Dec. 19, 2026." in page
            assert "It renews by itself on Dec. 20, 2026." in page
            assert 'href="/checkout/membership/' in page or 'href="/accounts/membership/' in page
            assert ADD not in page

    def test_a_pass_makes_it_longer(self, signed_in, monthly, make_plan, join, on_the_20th):
        """From when to when, and when the next payment is then."""
        join(monthly)
        extra = make_plan(renews=False, months=3, price=13_900)
        page = page_of(signed_in, f"/products/{extra.slug}/")
        assert "It follows what you have: from Dec. 20, 2026 to March 19, 2027." in page
        assert "₩4,900 a month, charged next on March 20, 2027." in page
        assert "Stay longer" in page

    def test_what_is_due_comes_first(self, signed_in, monthly, make_plan, join):
        """Whoever's last payment failed buys no plan and no pass before it is paid."""
        join(monthly)
        Membership.objects.update(failing_since=timezone.now(), attempts=1, refusal="PAYER")
        for plan in (monthly, make_plan(renews=False)):
            page = page_of(signed_in, f"/products/{plan.slug}/")
            assert "the last payment did not go through" in page
            assert "Pay what is due" in page
            assert ADD not in page

    def test_the_plans_beside_each_other(self, signed_in, monthly, make_plan, join):
        """Theirs is marked, another one is changed to, and only a pass can be bought."""
        make_plan(months=12, price=49_000)
        make_plan(renews=False, months=3, price=13_900)
        assert page_of(signed_in, PREMIUM).count(f'action="{ADD}"') == 3
        join(monthly)
        page = page_of(signed_in, PREMIUM)
        assert page.count(f'action="{ADD}"') == 1
        assert page.count("Your plan") == 1
        assert page.count("Change to it on your membership page.") == 1

    def test_without_plans(self, english):
        """The page says so, and leads back to the goods."""
        assert "There are no memberships on sale" in page_of(english, PREMIUM)
        assert english.head(PREMIUM).status_code == 200


class TestIntoTheCart:
    def test_once(self, english, monthly):
        """A trial costs nothing yet, and its line has nothing to count."""
        answer = english.post(ADD, {"product": "monthly", "quantity": "1"})
        assert (answer.status_code, answer["Location"]) == (303, CART)
        page = page_of(english, CART)
        assert "14 days free, then ₩4,900 a month until you cancel" in page
        assert "<dt>Total</dt><dd>₩0</dd>" in page
        assert 'type="number"' not in page

    def test_twice_is_answered_kindly(self, english, htmx, monthly):
        """Told that it is there, with the way to it; it is there once."""
        english.post(ADD, {"product": "monthly", "quantity": "1"})
        for answer in (
            english.post(ADD, {"product": "monthly", "quantity": "1"}),
            htmx(ADD, {"product": "monthly", "quantity": "1"}),
        ):
            page = answer.content.decode()
            assert answer.status_code == 409
            assert "it is in your cart. <a" in page
            assert "field-error" not in page
        assert CartLine.objects.get().quantity == 1

    def test_another_takes_its_place(self, htmx, monthly, make_plan):
        """And the answer says that a cart holds one."""
        htmx(ADD, {"product": "monthly", "quantity": "1"})
        page = htmx(ADD, {"product": make_plan(slug="yearly").slug, "quantity": "1"})
        assert "A cart holds one membership at a time." in page.content.decode()
        assert CartLine.objects.get().product.slug == "yearly"

    def test_no_more_than_there_are(self, english, monthly):
        """Where staff let only so many have it, the button says that it is sold out."""
        Product.objects.update(stock=0)
        for url in ("/products/monthly/", PREMIUM):
            assert "disabled>Sold out" in page_of(english, url)
