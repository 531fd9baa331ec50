"""What members pay: on the shelf, on a product's page, and in the cart."""

import re

import pytest

from accounts.models import Membership

pytestmark = pytest.mark.django_db

CART = "/cart/"


@pytest.fixture
def browser(english, shopper):
    english.force_login(shopper)
    return english


@pytest.fixture
def member(browser, join, make_plan):
    """10% off, and delivery for nothing."""
    return join(make_plan(renews=False))


def text(page):
    """What a screen reader would say, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


@pytest.mark.usefixtures("member")
class TestMembers:
    @pytest.mark.parametrize("url", ["/", "/products/cup/"])
    def test_both_prices_are_shown(self, browser, make_product, url):
        """Theirs, and struck through what others pay; in words for who does not see the line."""
        make_product(slug="cup", price=11_990)
        page = browser.get(url)
        assert "Members' price ₩10,791 instead of ₩11,990" in text(page)
        assert '<s class="price-before">₩11,990</s>' in page.content.decode()

    def test_the_cart(self, browser, make_product, fill_cart):
        """Each line, the sum, what it saves, and why delivery is free."""
        cup = make_product(price=11_990, needs_delivery=True)
        fill_cart((cup, 2), (make_product(price=999, is_tax_free=True), 1))
        page = browser.get(CART)
        said = text(page)
        assert "Members' price ₩10,791 instead of ₩11,990" in said
        assert page.context["total"] == 2 * 10_791 + 900
        assert (page.context["saved"], page.context["delivery_saved"]) == (2 * 1_199 + 99, 3_000)
        assert "₩2,497 less than others pay, as you are a member." in said
        assert "Delivery is free for you as a member." in said
        assert "Members would pay" not in said

    def test_delivery_that_is_free_for_all(self, browser, make_product, fill_cart):
        """From 50,000 won on is no benefit of theirs, nor where nothing is delivered."""
        fill_cart((make_product(price=60_000, needs_delivery=True), 1))
        assert "as a member" not in text(browser.get(CART)).replace("as you are a member", "")

    def test_a_plan_is_not_cheaper(self, browser, make_plan, fill_cart):
        """The reduction is for goods."""
        fill_cart((make_plan(renews=False, price=13_900).product, 1))
        page = browser.get(CART)
        assert (page.context["total"], page.context["saved"]) == (13_900, 0)


class TestOthers:
    def test_they_see_one_price(self, browser, make_product, make_plan):
        """Nothing is struck through."""
        make_plan()
        make_product(slug="cup")
        for url in ("/", "/products/cup/"):
            assert "price-before" not in browser.get(url).content.decode()

    def test_the_cart_says_what_members_save(self, browser, make_product, make_plan, fill_cart):
        """By the best plan on sale, delivery among it; in one line."""
        make_plan(discount_percent=5), make_plan(discount_percent=10)
        make_plan(discount_percent=50, is_active=False)
        fill_cart((make_product(price=11_990, needs_delivery=True), 2))
        page = browser.get(CART)
        assert page.context["possible"] == 2 * 1_199 + 3_000
        assert text(page).count("Members would pay ₩5,398 less.") == 1
        assert page.context["delivery_saved"] == 0
        assert "Delivery is free" not in text(page)

    @pytest.mark.parametrize("plans", [[], [{"discount_percent": 0, "has_free_delivery": False}]])
    def test_nothing_is_said_where_nothing_is_saved(
        self, browser, make_product, make_plan, fill_cart, plans
    ):
        """Without a plan, or by one that brings no won."""
        for fields in plans:
            make_plan(**fields)
        fill_cart((make_product(), 1))
        assert "Members would pay" not in text(browser.get(CART))

    def test_who_is_about_to_join(self, browser, make_product, monthly, fill_cart):
        """The goods beside the membership cost as ever, and the cart says when that changes."""
        fill_cart((make_product(price=10_000, needs_delivery=True), 1), (monthly.product, 1))
        page = browser.get(CART)
        assert (page.context["total"], page.context["possible"]) == (13_000, 0)
        assert "with your next order" in text(page)

    def test_who_was_a_member(self, browser, member, make_product):
        """Pays what everybody does once it is over."""
        make_product(price=11_990)
        Membership.objects.update(paid_until=member.started_at, lasts_until=member.started_at)
        assert "price-before" not in browser.get("/").content.decode()
