"""Changing the cart through its pages, with and without htmx."""

import re

import pytest
from django.urls import reverse

from accounts.models import User
from shop.models import Cart, CartLine

CART = "/cart/"
ADD = "/cart/items/"

RULE = "Enter a whole number from 1 to 99."
REFUSED = [
    ("0", 422, RULE),
    ("-3", 422, RULE),
    ("100", 422, RULE),
    ("1" + "0" * 30, 422, RULE),
    ("two", 422, RULE),
    ("1.5", 422, RULE),
    ("", 422, RULE),
    ("4", 409, "Only 3 are left."),
]


def pieces() -> dict[str, int]:
    """Everything in anybody's cart."""
    return dict(CartLine.objects.values_list("product__slug", "quantity"))


def amounts(page: str) -> dict[str, str]:
    """What the side bar of the cart says, by label."""
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page))


@pytest.mark.django_db
class TestAdding:
    def test_without_javascript(self, english, make_product):
        """The form posts, a 303 leads to the cart, and the cart says what was added."""
        make_product(slug="cup", name_en="Cup")
        answer = english.post(ADD, {"product": "cup", "quantity": "2"})
        assert (answer.status_code, answer["Location"]) == (303, CART)
        page = english.get(CART).content.decode()
        assert "Cup is in your cart." in page
        assert 'value="2"' in page
        assert pieces() == {"cup": 2}

    def test_with_htmx(self, htmx, make_product):
        """Only the form comes back, with the new count for the header."""
        make_product(slug="cup", name_en="Cup")
        answer = htmx(ADD, {"product": "cup", "quantity": "2"})
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "<html" not in page
        assert "Cup is in your cart (2)." in page
        assert 'hx-swap-oob="true"' in page
        assert "2 items" in page

    @pytest.mark.parametrize(("quantity", "status", "said"), REFUSED)
    def test_a_bad_quantity_is_refused_at_the_field(
        self, english, htmx, make_product, quantity, status, said
    ):
        """With the right status, the reason at the field, what was typed kept, nothing added."""
        make_product(slug="cup", stock=3)
        for post in (english.post, htmx):
            answer = post(ADD, {"product": "cup", "quantity": quantity})
            page = answer.content.decode()
            assert answer.status_code == status
            assert f'id="add-quantity-error" role="alert">{said}<' in page
            assert f'value="{quantity}"' in page
            assert 'aria-describedby="add-quantity-error"' in page
        assert pieces() == {}

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"product": "none", "quantity": "1"},
            {"product": "\0", "quantity": "1"},
            {"quantity": "x"},
        ],
    )
    def test_an_unknown_product_is_not_found(self, english, data):
        """Whatever else was posted: 404, and no cart is made."""
        assert english.post(ADD, data).status_code == 404
        assert not Cart.objects.exists()

    def test_a_cart_keeps_what_it_had_when_more_is_refused(self, english, make_product):
        """The refusal counts what is in the cart, and the cart stays."""
        make_product(slug="cup", stock=3)
        english.post(ADD, {"product": "cup", "quantity": "2"})
        answer = english.post(ADD, {"product": "cup", "quantity": "2"})
        assert answer.status_code == 409
        assert "Only 3 are left. Your cart already holds 2." in answer.content.decode()
        assert pieces() == {"cup": 2}

    def test_reloading_a_refusal_leads_to_the_cart(self, client):
        """The addresses that take posts send a plain visit to the cart."""
        for url in (ADD, "/cart/items/1/", "/cart/items/1/remove/"):
            assert client.get(url)["Location"] == CART


@pytest.mark.django_db
class TestChanging:
    @pytest.fixture
    def line(self, english, make_product) -> CartLine:
        """Two cups in the visitor's cart; three are in stock."""
        make_product(slug="cup", name_en="Cup", price=1_000, stock=3, needs_delivery=True)
        english.post(ADD, {"product": "cup", "quantity": "2"})
        return CartLine.objects.get()

    def test_without_javascript(self, english, line):
        """A typed number, and the − and + buttons, are each a post and a 303."""
        url = reverse("shop:set_quantity", args=[line.pk])
        for data, then in (
            ({"quantity": "1"}, 1),
            ({"quantity": "1", "step": "1"}, 2),
            ({"quantity": "2", "step": "-1"}, 1),
        ):
            answer = english.post(url, data)
            assert (answer.status_code, answer["Location"]) == (303, CART)
            assert pieces() == {"cup": then}
        assert "The quantity was changed." in english.get(CART).content.decode()

    def test_with_htmx(self, htmx, line):
        """The line, the totals, the count and the message come back; nothing else of the page."""
        answer = htmx(reverse("shop:set_quantity", args=[line.pk]), {"quantity": "3"})
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "<html" not in page
        assert page.count("<dd>₩3,000</dd>") == 2  # of goods, and the delivery fee
        assert '<p class="cart-line-amount">₩3,000</p>' in page
        assert "<dt>Total</dt><dd>₩6,000</dd>" in page
        assert "3 items" in page
        assert '<p class="notice notice-success visually-hidden">The quantity was changed.' in page
        assert page.count("hx-swap-oob=") == 3
        assert 'id="cart"' not in page
        assert "HX-Retarget" not in answer

    @pytest.mark.parametrize(("quantity", "status", "said"), REFUSED)
    def test_a_bad_quantity_is_refused_at_the_line(
        self, english, htmx, line, quantity, status, said
    ):
        """With the right status, the reason at the line, and the line as it was."""
        for post in (english.post, htmx):
            url = reverse("shop:set_quantity", args=[line.pk])
            answer = post(url, {"quantity": quantity})
            page = answer.content.decode()
            assert answer.status_code == status
            assert f'id="quantity-{line.pk}-error" role="alert">{said}<' in page
            assert f'value="{quantity}"' in page
        assert pieces() == {"cup": 2}

    def test_removing(self, english, htmx, line, make_product):
        """Without JavaScript by 303, with htmx in place; the empty cart shows a way on."""
        make_product(slug="pot", name_en="Pot")
        english.post(ADD, {"product": "pot", "quantity": "1"})
        answer = english.post(reverse("shop:remove", args=[line.pk]))
        assert answer.status_code == 303
        assert "Cup was removed." in english.get(CART).content.decode()
        answer = htmx(reverse("shop:remove", args=[CartLine.objects.get().pk]), {})
        page = answer.content.decode()
        assert answer["HX-Retarget"] == "#cart"
        assert "Your cart is empty." in page
        assert 'id="cart-count" class="cart-count" hx-swap-oob="true" hidden' in page

    @pytest.mark.parametrize("line_id", [0, 2**31, 10**30])
    def test_a_line_that_never_was_is_not_found(self, english, line, line_id):
        """Whatever number is in the address."""
        for name in ("shop:set_quantity", "shop:remove"):
            url = reverse(name, args=[line_id])
            assert english.post(url, {"quantity": "1"}).status_code == 404
        assert pieces() == {"cup": 2}

    def test_somebody_elses_line_is_not_found(self, english, htmx, shopper, line):
        """Another account gets 404 and a sentence, with htmx too; the line stays."""
        english.force_login(User.objects.create_user("other@example.com", "open-sesame-2"))
        for url in (
            reverse("shop:set_quantity", args=[line.pk]),
            reverse("shop:remove", args=[line.pk]),
        ):
            for post in (english.post, htmx):
                answer = post(url, {"quantity": "1"})
                assert answer.status_code == 404
                assert "This is no longer in your cart." in answer.content.decode()
        assert pieces() == {"cup": 2}


@pytest.mark.django_db
class TestCartPage:
    @pytest.fixture
    def page(self, english, shopper, make_product, fill_cart):
        """The cart page with one line of a product, as text: ``page(quantity, stock=…)``."""

        def show(quantity, **fields):
            product = make_product(price=1_000, needs_delivery=True, **fields)
            book = make_product(price=500, is_tax_free=True, needs_delivery=True)
            cart = fill_cart((book, 1), (product, quantity))
            english.force_login(shopper)
            return english.get(CART).content.decode(), cart

        return show

    def test_totals(self, page):
        """Taxed and tax-free goods, delivery and total, and the way to checkout."""
        text, _ = page(2)
        assert amounts(text) == {
            "Goods with VAT": "₩2,000",
            "Tax-free goods": "₩500",
            "Delivery fee": "₩3,000",
            "Total": "₩5,500",
        }
        assert "₩47,500 more of delivered goods, and delivery is free." in text
        assert 'href="/checkout/"' in text

    @pytest.mark.parametrize(
        ("fee", "free_from", "shown", "total", "missing"),
        [
            (2_500, 2_501, "₩2,500", "₩5,000", "₩1 more of delivered goods, and delivery is free."),
            (2_500, 2_500, "free", "₩2,500", None),
            (2_500, 0, "₩2,500", "₩5,000", None),
            (0, 50_000, "free", "₩2,500", None),
        ],
    )
    def test_delivery(self, page, settings, fee, free_from, shown, total, missing):
        """What it costs by the shop's rule, and how much more makes it free."""
        settings.DELIVERY_FEE, settings.DELIVERY_FREE_FROM = fee, free_from
        text, _ = page(2)
        assert amounts(text)["Delivery fee"] == shown
        assert amounts(text)["Total"] == total
        assert re.findall(r"₩\S+ more of delivered goods, and delivery is free\.", text) == (
            [missing] if missing else []
        )

    def test_nothing_to_deliver(self, english, shopper, make_product, fill_cart):
        """A ticket alone costs no delivery, and says how it comes."""
        fill_cart((make_product(needs_delivery=False), 2))
        english.force_login(shopper)
        text = english.get(CART).content.decode()
        assert amounts(text) == {"Goods with VAT": "₩22,000", "Total": "₩22,000"}
        assert "delivery is free" not in text
        assert '<span class="badge">ticket by e-mail</span>' in text

    @pytest.mark.parametrize(
        ("stock", "said"),
        [
            (1, "Only 1 is left now. Please order fewer."),
            (0, "Sold out since you put it into the cart. Please remove it."),
        ],
    )
    def test_a_shortage_is_said_and_stops_the_order(self, page, stock, said):
        """A line whose stock shrank says so, and there is no way on until it is changed."""
        text, _ = page(2, stock=stock)
        assert said in text
        assert 'href="/checkout/"' not in text

    def test_what_is_no_longer_sold_is_left_out(self, page):
        """It is said, is not in the total, and does not stop the rest."""
        text, _ = page(2, is_active=False)
        assert "No longer sold. It is not part of the total." in text
        assert amounts(text) == {
            "Tax-free goods": "₩500",
            "Delivery fee": "₩3,000",
            "Total": "₩3,500",
        }
        assert 'href="/checkout/"' in text

    def test_an_empty_cart_shows_a_way_on(self, english):
        """A visitor without a cart sees a page, not an error, and no cart is made."""
        text = english.get(CART).content.decode()
        assert "Your cart is empty." in text
        assert not Cart.objects.exists()


@pytest.mark.django_db
def test_what_is_not_delivered_says_so(english, make_product):
    """On its page and in the list; what is delivered says nothing."""
    make_product(slug="ticket", needs_delivery=False)
    make_product(slug="cup", needs_delivery=True)
    said = "Not delivered: the e-mail that confirms your order is your ticket."
    assert said in english.get("/products/ticket/").content.decode()
    assert said not in english.get("/products/cup/").content.decode()
    badge = '<span class="badge">ticket by e-mail</span>'
    assert english.get("/").content.decode().count(badge) == 1
