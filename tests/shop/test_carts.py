"""Filling a cart, as a visitor and as a shopper."""

import pytest
from django.contrib.messages import get_messages
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.utils import translation

from accounts.models import User
from shop import carts
from shop.models import MAX_LINE_QUANTITY, Cart, CartLine
from tests.shop.visitors import held, request_of


@pytest.mark.django_db
class TestFilling:
    def test_looking_makes_no_rows(self):
        """A visitor who only looks has no cart and leaves nothing behind."""
        request = request_of()
        assert carts.for_request(request) is None
        assert carts.count(request) == 0
        assert list(carts.lines_of(None)) == []
        assert not Cart.objects.exists()

    def test_a_visitor_fills_a_cart(self, make_product):
        """What a visitor adds is found again through the session, and adds up."""
        cup = make_product(slug="cup")
        request = request_of()
        carts.add(request, "cup", 2)
        carts.add(request, "cup", 1)
        again = request_of(session=request.session)
        assert held(again) == {"cup": 3}
        assert carts.count(again) == 3
        assert CartLine.objects.get().product == cup

    def test_another_visitor_sees_nothing_of_it(self, make_product):
        """A cart belongs to one session."""
        make_product(slug="cup")
        carts.add(request_of(), "cup", 2)
        assert carts.for_request(request_of()) is None

    def test_a_shoppers_cart_is_not_reached_through_a_session(self, shopper, fill_cart):
        """A session that names an account's cart gets nothing: only visitors' carts are found."""
        cart = fill_cart()
        session = SessionStore()
        session[carts.SESSION_KEY] = cart.pk
        assert carts.for_request(request_of(session=session)) is None

    def test_a_shopper_has_one_cart(self, shopper, make_product):
        """The account's cart is made once and then used again."""
        make_product(slug="cup")
        carts.add(request_of(shopper), "cup", 1)
        carts.add(request_of(shopper), "cup", 1)
        assert Cart.objects.get().user == shopper
        assert held(request_of(shopper)) == {"cup": 2}

    @pytest.mark.parametrize("slug", ["no-such-thing", "gone", ""])
    def test_what_is_not_sold_is_refused(self, make_product, slug):
        """An unknown product and one taken off sale are refused, and no cart is made."""
        make_product(slug="gone", is_active=False)
        request = request_of()
        with pytest.raises(carts.UnknownProduct):
            carts.add(request, slug, 1)
        assert not Cart.objects.exists()
        assert request.session.is_empty()

    @pytest.mark.parametrize("quantity", [0, -1, MAX_LINE_QUANTITY + 1, 2**70])
    def test_impossible_quantities_are_refused(self, make_product, quantity):
        """Nothing, less than nothing and absurdly many are no quantity."""
        make_product(slug="cup", stock=1000)
        with pytest.raises(carts.NotAQuantity) as refused:
            carts.add(request_of(), "cup", quantity)
        with translation.override("en"):
            assert carts.quantity_rule() == "Enter a whole number from 1 to 99."
        assert str(refused.value)

    def test_more_than_stock_is_refused_with_what_is_left(self, make_product):
        """The refusal counts what the cart already holds, and the cart keeps it."""
        make_product(slug="cup", stock=3)
        request = request_of()
        carts.add(request, "cup", 2)
        with translation.override("en"), pytest.raises(carts.NotEnough) as refused:
            carts.add(request, "cup", 2)
        assert refused.value.left == 3
        assert str(refused.value) == "Only 3 are left. Your cart already holds 2."
        assert held(request) == {"cup": 2}

    def test_sold_out_is_refused(self, make_product):
        """What is sold out cannot be added."""
        make_product(slug="cup", stock=0)
        with translation.override("en"), pytest.raises(carts.NotEnough) as refused:
            carts.add(request_of(), "cup", 1)
        assert (refused.value.left, str(refused.value)) == (0, "This product is sold out.")

    def test_a_line_never_holds_more_than_the_most(self, make_product):
        """Adding to a line stops at what one line may hold, however much is in stock."""
        make_product(slug="cup", stock=1000)
        request = request_of()
        carts.add(request, "cup", MAX_LINE_QUANTITY)
        with pytest.raises(carts.NotAQuantity):
            carts.add(request, "cup", 1)
        assert held(request) == {"cup": MAX_LINE_QUANTITY}

    def test_what_a_pending_order_holds_can_still_be_in_the_cart(
        self, shopper, make_product, fill_cart
    ):
        """Pieces the cart's own order took from stock count as available to it."""
        cup = make_product(slug="cup", stock=1)
        cart = fill_cart((cup, 2))
        cart.lines.update(held=2)
        carts.add(request_of(shopper), "cup", 1)
        assert held(request_of(shopper)) == {"cup": 3}
        with pytest.raises(carts.NotEnough):
            carts.add(request_of(shopper), "cup", 1)


@pytest.mark.django_db
class TestChanging:
    def test_set_and_remove(self, shopper, make_product, fill_cart):
        """A quantity is replaced, and a removed line is gone."""
        cup, pot = make_product(slug="cup"), make_product(slug="pot")
        cart = fill_cart((cup, 2), (pot, 1))
        first, second = cart.lines.all()
        carts.set_quantity(request_of(shopper), first.pk, 7)
        assert carts.remove(request_of(shopper), second.pk) == pot
        assert held(request_of(shopper)) == {"cup": 7}

    def test_somebody_elses_line_is_unknown(self, shopper, make_product, fill_cart):
        """Neither another account nor a visitor can touch a line, and it stays as it is."""
        cart = fill_cart((make_product(slug="cup"), 2))
        line = cart.lines.get()
        other = User.objects.create_user("other@example.com", "open-sesame-2")
        for request in (request_of(other), request_of()):
            with pytest.raises(carts.UnknownLine):
                carts.set_quantity(request, line.pk, 1)
            with pytest.raises(carts.UnknownLine):
                carts.remove(request, line.pk)
        assert held(request_of(shopper)) == {"cup": 2}

    def test_more_than_stock_is_refused(self, shopper, make_product, fill_cart):
        """The line keeps its quantity when more is wanted than is left."""
        line = fill_cart((make_product(slug="cup", stock=3), 2)).lines.get()
        with translation.override("en"), pytest.raises(carts.NotEnough) as refused:
            carts.set_quantity(request_of(shopper), line.pk, 4)
        assert str(refused.value) == "Only 3 are left."
        assert held(request_of(shopper)) == {"cup": 2}

    def test_fewer_is_always_allowed(self, shopper, make_product, fill_cart):
        """When stock shrank below the line, going down step by step is not refused."""
        line = fill_cart((make_product(slug="cup", stock=1), 5)).lines.get()
        carts.set_quantity(request_of(shopper), line.pk, 4)
        assert held(request_of(shopper)) == {"cup": 4}

    def test_what_is_no_longer_sold_cannot_change(self, shopper, make_product, fill_cart):
        """A line whose product went off sale can only be removed."""
        cup = make_product(slug="cup", is_active=False)
        line = fill_cart((cup, 2)).lines.get()
        with pytest.raises(carts.UnknownProduct):
            carts.set_quantity(request_of(shopper), line.pk, 1)
        assert carts.remove(request_of(shopper), line.pk) == cup


@pytest.mark.django_db
class TestMerging:
    def merge(self, shopper: User, visitor: HttpRequest) -> tuple[list[carts.Capped], list[str]]:
        """What was capped, and what the shopper was told, in English."""
        request = request_of(shopper, visitor.session)
        with translation.override("en"):
            capped = carts.merge_at_sign_in(request)
            return capped, [str(message) for message in get_messages(request)]

    def test_quantities_add_up(self, shopper, make_product, fill_cart):
        """Lines of both carts are there afterwards; the visitor's cart and its key are gone."""
        cup, pot = make_product(slug="cup"), make_product(slug="pot")
        fill_cart((cup, 2))
        visitor = request_of()
        carts.add(visitor, "cup", 3)
        carts.add(visitor, "pot", 1)
        assert self.merge(shopper, visitor) == ([], [])
        assert held(request_of(shopper)) == {"cup": 5, pot.slug: 1}
        assert Cart.objects.get().user == shopper
        assert carts.SESSION_KEY not in visitor.session

    def test_what_does_not_fit_is_capped_and_told(self, shopper, make_product, fill_cart):
        """Stock and the most of one line cap the sum; the shopper reads exactly what."""
        cup = make_product(slug="cup", name_en="Cup", stock=4)
        sand = make_product(slug="sand", name_en="Sand", stock=1000)
        gone = make_product(slug="gone", name_en="Gone", stock=5)
        fill_cart((cup, 3), (sand, 60))
        visitor = request_of()
        for product, quantity in ((cup, 2), (sand, 50), (gone, 1)):
            carts.add(visitor, product.slug, quantity)
        gone.is_active = False
        gone.save()
        _, told = self.merge(shopper, visitor)
        assert held(request_of(shopper)) == {"cup": 4, "sand": MAX_LINE_QUANTITY}
        assert told == [
            "Cup: 5 were in your carts together; 4 can be ordered.",
            "Sand: 110 were in your carts together; 99 can be ordered.",
            "Gone can no longer be ordered and was left out of your cart.",
        ]

    def test_the_accounts_own_line_is_never_cut(self, shopper, make_product, fill_cart):
        """A line that already holds more than the stock keeps it: the cart page says so."""
        cup = make_product(slug="cup", stock=9)
        visitor = request_of()
        carts.add(visitor, "cup", 1)
        fill_cart((cup, 5))
        cup.stock = 2
        cup.save()
        capped, _ = self.merge(shopper, visitor)
        assert capped == [carts.Capped(cup, wanted=6, kept=5)]
        assert held(request_of(shopper)) == {"cup": 5}

    def test_signing_in_twice_adds_nothing_twice(self, shopper, make_product):
        """A session whose cart was poured already is told nothing and gets nothing."""
        make_product(slug="cup")
        visitor = request_of()
        carts.add(visitor, "cup", 3)
        copy = SessionStore()
        copy[carts.SESSION_KEY] = visitor.session[carts.SESSION_KEY]
        self.merge(shopper, visitor)
        assert self.merge(shopper, request_of(session=copy)) == ([], [])
        assert held(request_of(shopper)) == {"cup": 3}
