"""Two tabs, two sign-ins, a payment meanwhile: nothing fails and nothing is lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.db.models import F

from shop import carts
from shop.models import Cart, CartLine
from tests.shop.visitors import held, request_of


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Run the jobs in threads that start together. Returns results or exceptions, in order."""
    results: list[Any] = [None] * len(jobs)
    start = threading.Barrier(len(jobs))

    def run(index: int, job: Callable[[], Any]) -> None:
        start.wait()
        try:
            results[index] = job()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@contextmanager
def meanwhile(job: Callable[[], Any]) -> Iterator[list[Any]]:
    """
    Run ``job`` while the block's transaction holds its locks; yields where its result will be.

    The block goes first and ``job`` is seen to wait for it, or the test fails.
    """
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.extend(at_once(job)))
    with transaction.atomic():
        yield results
        thread.start()
        wait_until_blocked()
    thread.join()


def wait_until_blocked() -> None:
    """Return as soon as another connection waits for a lock of this one's."""
    deadline = time.monotonic() + 5
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    pytest.fail("nothing waited for the lock")


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_tabs_add_the_first_piece(self, shopper, make_product, fill_cart):
        """The second waits for the first and adds to its line, rather than failing."""
        cup = make_product(slug="cup")
        cart = fill_cart()
        with meanwhile(lambda: carts.add(request_of(shopper), "cup", 1)) as results:
            Cart.objects.select_for_update(no_key=True).get()
            cart.lines.create(product=cup, quantity=2)
        assert isinstance(results[0], CartLine)
        assert held(request_of(shopper)) == {"cup": 3}

    def test_adding_while_a_payment_empties_the_cart(self, shopper, make_product, fill_cart):
        """What was bought leaves the line while one more is added: neither change is lost."""
        cart = fill_cart((make_product(slug="cup"), 5))
        with meanwhile(lambda: carts.add(request_of(shopper), "cup", 1)):
            cart.lines.update(quantity=F("quantity") - 2)
        assert held(request_of(shopper)) == {"cup": 4}

    def test_signing_in_while_a_payment_empties_the_cart(self, shopper, make_product, fill_cart):
        """The merge adds to what the payment left."""
        cart = fill_cart((make_product(slug="cup"), 5))
        visitor = request_of()
        carts.add(visitor, "cup", 1)
        request = request_of(shopper, visitor.session)
        with meanwhile(lambda: carts.merge_at_sign_in(request)):
            cart.lines.update(quantity=F("quantity") - 2)
        assert held(request_of(shopper)) == {"cup": 4}

    def test_signing_in_while_the_other_sign_in_pours(self, shopper, make_product, fill_cart):
        """The second sign-in of one session waits, then finds the visitor's cart gone."""
        cart = fill_cart((make_product(slug="cup"), 1))
        visitor = request_of()
        carts.add(visitor, "cup", 3)
        request = request_of(shopper, visitor.session)
        with meanwhile(lambda: carts.merge_at_sign_in(request)) as results:
            Cart.objects.select_for_update(no_key=True).get(user=None).delete()
            cart.lines.update(quantity=4)
        assert results == [[]]
        assert held(request_of(shopper)) == {"cup": 4}

    def test_signing_in_while_another_tab_adds(self, shopper, make_product):
        """What the visitor's other tab adds just before the merge comes along too."""
        make_product(slug="cup")
        pot = make_product(slug="pot")
        visitor = request_of()
        cart = carts.add(visitor, "cup", 1).cart
        request = request_of(shopper, visitor.session)
        with meanwhile(lambda: carts.merge_at_sign_in(request)):
            Cart.objects.select_for_update(no_key=True).get(pk=cart.pk)
            cart.lines.create(product=pot, quantity=2)
        assert held(request_of(shopper)) == {"cup": 1, "pot": 2}

    def test_adds_at_once_all_count(self, shopper, make_product):
        """Eight tabs add one cup each, before there even is a cart: eight cups, one line."""
        make_product(slug="cup", stock=50)
        results = at_once(*[lambda: carts.add(request_of(shopper), "cup", 1)] * 8)
        assert all(isinstance(result, CartLine) for result in results)
        assert held(request_of(shopper)) == {"cup": 8}
        assert Cart.objects.count() == 1

    def test_adds_at_once_stop_at_the_stock(self, shopper, make_product):
        """Eight tabs add one cup each while five are left: exactly five get in."""
        make_product(slug="cup", stock=5)
        results = at_once(*[lambda: carts.add(request_of(shopper), "cup", 1)] * 8)
        assert sum(isinstance(result, carts.NotEnough) for result in results) == 3
        assert held(request_of(shopper)) == {"cup": 5}

    def test_sign_ins_at_once_pour_once(self, shopper, make_product):
        """The same visitor's session signs in on four connections: the cups come along once."""
        make_product(slug="cup", stock=50)
        visitor = request_of()
        cart_id = carts.add(visitor, "cup", 3).cart_id

        def sign_in() -> Any:
            session = SessionStore()
            session[carts.SESSION_KEY] = cart_id
            return carts.merge_at_sign_in(request_of(shopper, session))

        assert at_once(*[sign_in] * 4) == [[], [], [], []]
        assert held(request_of(shopper)) == {"cup": 3}
        assert Cart.objects.count() == 1

    def test_adding_and_removing_at_once_never_fails(self, shopper, make_product):
        """One tab removes the line while another adds to it: both are answered, nothing breaks."""
        make_product(slug="cup", stock=50)
        line = carts.add(request_of(shopper), "cup", 2)
        added, removed = at_once(
            lambda: carts.add(request_of(shopper), "cup", 1),
            lambda: carts.remove(request_of(shopper), line.pk),
        )
        assert isinstance(added, CartLine)
        assert removed == line.product
        assert held(request_of(shopper)) in ({}, {"cup": 1})
