"""``Idempotency-Key``: what is asked for twice is done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.response import Response

from api import idempotency
from api.models import IdempotentRequest
from checkout import payments
from orders.models import Order, PaymentTransaction
from shop.models import CartLine
from tests.api.conftest import CONTACT, code_of
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cup(make_product):
    return make_product(stock=50)


def add(program, cup, quantity=1, **headers):
    return program.post("cart/items/", {"product": cup.slug, "quantity": quantity}, **headers)


class TestReplay:
    def test_the_stored_answer_comes_again(self, program, cup):
        """Byte for byte, and says that it is one; the cart holds one cup."""
        first = add(program, cup, idempotency_key="k")
        again = add(program, cup, idempotency_key="k")
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert "Idempotency-Replayed" not in first
        assert again["Idempotency-Replayed"] == "true"
        assert CartLine.objects.get().quantity == 1

    def test_without_a_key_it_is_done_again(self, program, cup):
        """As two clicks do."""
        add(program, cup)
        add(program, cup)
        assert CartLine.objects.get().quantity == 2

    def test_another_body_is_refused(self, program, cup):
        """With 422, and nothing is done."""
        add(program, cup, idempotency_key="k")
        answer = add(program, cup, 2, idempotency_key="k")
        assert code_of(answer) == (422, "idempotency_key_reused")
        assert CartLine.objects.get().quantity == 1

    def test_another_address_is_refused(self, program, cup):
        """The key belongs to what was asked for first."""
        add(program, cup, idempotency_key="k")
        answer = program.post("checkout/ready/", {}, idempotency_key="k")
        assert code_of(answer) == (422, "idempotency_key_reused")

    def test_the_same_json_written_otherwise_is_the_same(self, program, cup):
        """The order of its members says nothing."""
        program.post("cart/items/", {"product": cup.slug, "quantity": 1}, idempotency_key="k")
        again = program.post(
            "cart/items/", {"quantity": 1, "product": cup.slug}, idempotency_key="k"
        )
        assert again["Idempotency-Replayed"] == "true"

    def test_quoted_or_bare(self, program, cup):
        """The draft has it quoted; most clients do not."""
        add(program, cup, idempotency_key='"k"')
        assert add(program, cup, idempotency_key="k")["Idempotency-Replayed"] == "true"

    def test_a_refusal_is_stored_too(self, program, cup):
        """What did not work the first time is not suddenly done."""
        first = add(program, cup, 60, idempotency_key="k")
        cup.stock = 99
        cup.save()
        again = add(program, cup, 60, idempotency_key="k")
        assert code_of(first) == (409, "not_enough_stock")
        assert (code_of(again), again["Idempotency-Replayed"]) == (code_of(first), "true")
        assert not CartLine.objects.exists()

    def test_keys_of_two_people_do_not_meet(self, program, other, cup):
        """Nobody gets another's answer."""
        add(program, cup, idempotency_key="k")
        theirs = add(other, cup, 3, idempotency_key="k")
        assert theirs.status_code == 201
        assert theirs.json()["items"][0]["quantity"] == 3

    def test_a_visitors_key(self, nobody, cup):
        """Belongs to their session."""
        add(nobody, cup, idempotency_key="k")
        token = nobody.get("csrf/").json()["csrf_token"]
        again = add(nobody, cup, idempotency_key="k", x_csrftoken=token)
        assert again["Idempotency-Replayed"] == "true"

    @pytest.mark.parametrize("key", ["", '""', "a" * 256, "ä", "a\tb"])
    def test_what_is_no_key(self, program, cup, key):
        """Is refused, and nothing is done without its protection."""
        assert code_of(add(program, cup, idempotency_key=key)) == (400, "idempotency_key_invalid")
        assert not CartLine.objects.exists()


class TestWhatIsNotKept:
    def test_who_must_sign_in_first(self, nobody, cup):
        """Keys of nobody are not even looked at."""
        answer = nobody.post("checkout/ready/", {}, idempotency_key="k")
        assert code_of(answer) == (401, "not_signed_in")
        assert not IdempotentRequest.objects.exists()

    def test_an_error_of_the_providers(self, order, kakaopay):
        """503 is no answer: with the same key the same order goes on."""
        kakaopay.fault("ready", after="html_502", times=1)
        first = order(idempotency_key="k")
        assert code_of(first) == (503, "provider_unavailable")
        assert first["Retry-After"] == "5"
        again = order(idempotency_key="k")
        assert again.status_code == 201
        assert again.json()["order_number"] == first.json()["order_number"]
        assert Order.objects.count() == 1

    @pytest.mark.parametrize(
        ("status", "headers", "is_kept"),
        [
            (200, {}, True),
            (409, {}, True),
            (409, {"Retry-After": "5"}, False),
            (202, {"Retry-After": "5"}, False),
            (401, {}, False),
            (403, {}, False),
            (500, {}, False),
            (503, {}, False),
        ],
    )
    def test_which_answers_are_kept(self, shopper, status, headers, is_kept):
        """Those that are the last word."""
        row = IdempotentRequest.objects.create(owner="x", key="k", fingerprint="f")
        idempotency.Attempt(row).keep(Response({}, status=status, headers=headers))
        assert IdempotentRequest.objects.get().status == (status if is_kept else None)

    def test_an_outcome_that_is_not_known(self, program, order, kakaopay):
        """202 is not the last word: asked again, the truth is told."""
        begun = order().json()
        pg_token = kakaopay.pay(begun["redirect_url"]).rpartition("pg_token=")[2]
        kakaopay.fault("approve", after="html_502", times=1)
        where = f"payments/{begun['payment_id']}/approve/"
        first = program.post(where, {"pg_token": pg_token}, idempotency_key="k")
        assert (first.status_code, first.json()["status"]) == (202, "PROCESSING")
        PaymentTransaction.objects.update(status="SUCCEEDED")  # as reconciliation finds it
        again = program.post(where, {"pg_token": pg_token}, idempotency_key="k")
        assert (again.status_code, again.json()["status"]) == (200, "SUCCEEDED")

    def test_expired_keys_are_forgotten(self, program, cup, settings):
        """After a day the same key is a new one; the periodic job deletes the rest."""
        add(program, cup, idempotency_key="old")
        add(program, cup, idempotency_key="new")
        old = timezone.now() - timedelta(hours=settings.IDEMPOTENCY_KEEP_HOURS, seconds=1)
        IdempotentRequest.objects.filter(key="old").update(created_at=old)
        assert "Idempotency-Replayed" not in add(program, cup, idempotency_key="old")
        assert CartLine.objects.get().quantity == 3
        IdempotentRequest.objects.filter(key="old").update(created_at=old)
        assert idempotency.forget_expired(now=timezone.now()) == 1
        assert IdempotentRequest.objects.get().key == "new"


class TestAtTheSameTime:
    def test_the_second_waits(self, program, cup, shopper):
        """While the first is at work, in whatever process: 409, and when to ask again."""
        begun, is_done = Event(), Event()

        def first():
            with idempotency.locked(f"account {shopper.pk}", "k"):
                begun.set()
                is_done.wait(timeout=10)
            connection.close()

        with ThreadPoolExecutor(1) as elsewhere:
            working = elsewhere.submit(first)
            assert begun.wait(timeout=10)
            answer = add(program, cup, idempotency_key="k")
            is_done.set()
            working.result()
        assert code_of(answer) == (409, "request_in_progress")
        assert answer["Retry-After"] == "1"
        assert add(program, cup, idempotency_key="k").status_code == 201
        assert CartLine.objects.get().quantity == 1

    def test_many_at_once_do_it_once(self, program, cup):
        """Eight with one key: one cup, one answer; who comes meanwhile is told to wait."""
        answers = []
        at_once(lambda: answers.append(add(program, cup, idempotency_key="k")), times=8)
        done = [answer for answer in answers if answer.status_code == 201]
        told = [code_of(answer) for answer in answers if answer not in done]
        assert done
        assert set(told) <= {(409, "request_in_progress")}
        assert CartLine.objects.get().quantity == 1
        assert len({answer.content for answer in done}) == 1


class TestAfterACrash:
    """A row without an answer, and nobody at work: the process died."""

    def died(self):
        IdempotentRequest.objects.update(status=None, headers={}, body="")

    def test_the_cart_is_not_filled_twice(self, program, cup):
        """What was committed is known by the row that was committed with it."""
        add(program, cup, idempotency_key="k")
        self.died()
        again = add(program, cup, idempotency_key="k")
        assert again.status_code == 201
        assert again.json()["items"][0]["quantity"] == CartLine.objects.get().quantity == 1

    def test_an_address_is_saved_once(self, program):
        """And the one that was saved is the answer."""
        address = {
            "recipient": "김둘",
            "phone": "010-8765-4321",
            "postcode": "06236",
            "line1": "테헤란로 152",
        }
        first = program.post("me/addresses/", address, idempotency_key="k")
        self.died()
        again = program.post("me/addresses/", address, idempotency_key="k")
        assert (again.status_code, again.json()) == (201, first.json())

    def test_the_order_is_the_same(self, order, kakaopay):
        """With a new payment of it, because the address of the first may be lost."""
        first = order(idempotency_key="k").json()
        self.died()
        again = order(idempotency_key="k")
        assert again.status_code == 201
        assert again.json()["order_number"] == first["order_number"]
        assert again.json()["expires_at"] == first["expires_at"]
        assert Order.objects.count() == 1

    def test_an_order_that_has_ended_meanwhile_is_told(self, order, kakaopay):
        """It cannot be paid any more: the buyer orders anew, with a new key."""
        order(idempotency_key="k")
        self.died()
        past = timezone.now() - timedelta(minutes=1)
        Order.objects.update(deadline_at=past)
        assert code_of(order(idempotency_key="k")) == (409, "not_payable")
        self.died()
        assert len(list(payments.close_abandoned(now=timezone.now()))) == 1
        assert code_of(order(idempotency_key="k")) == (409, "not_payable")

    def test_an_order_that_was_paid_meanwhile_is_told(self, program, order, kakaopay):
        """Through the window that the first request had opened: nothing is paid again."""
        first = order(idempotency_key="k").json()
        pg_token = kakaopay.pay(first["redirect_url"]).rpartition("pg_token=")[2]
        program.post(f"payments/{first['payment_id']}/approve/", {"pg_token": pg_token})
        self.died()
        again = program.post(
            "checkout/ready/",
            {"contact": CONTACT, "expected_total": 22_000},
            idempotency_key="k",
        )
        said = again.json()
        assert (again.status_code, said["order_number"]) == (201, first["order_number"])
        assert (said["status"], said["payment_id"], said["redirect_url"]) == ("PAID", None, None)
        assert PaymentTransaction.objects.count() == 1
