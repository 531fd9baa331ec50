"""What a program does about a paid order: cancel it, or ask for a refund and withdraw that."""

import pytest
from django.utils import timezone

from api.models import IdempotentRequest
from checkout import reconciliation
from orders.models import Order, Refund, Shipment
from shop.models import Product
from tests.api.conftest import ADDRESS, CONTACT, code_of
from tests.queries import queries_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(program, make_product, kakaopay):
    """Two cups to be delivered, for 25,000 won with delivery."""
    cup = make_product(stock=10, needs_delivery=True)
    program.post("cart/items/", {"product": cup.slug, "quantity": 2})
    wanted = {"contact": CONTACT, "address": ADDRESS, "expected_total": 25_000}
    begun = program.post("checkout/ready/", wanted).json()
    pg_token = kakaopay.pay(begun["redirect_url"]).rpartition("pg_token=")[2]
    program.post(f"payments/{begun['payment_id']}/approve/", {"pg_token": pg_token})
    return f"orders/{begun['order_number']}/"


@pytest.fixture
def shipped(paid):
    now = timezone.now()
    Shipment.objects.update(status="SHIPPED", carrier="CJ", shipped_at=now, has_left=True)
    return paid


def line_of(program, paid):
    return program.get(paid).json()["lines"][0]["id"]


def ask(program, paid, quantity=1, **headers):
    body = {
        "reason": "깨졌어요",
        "pieces": [{"line": line_of(program, paid), "quantity": quantity}],
    }
    return program.post(f"{paid}refund-requests/", body, **headers)


class TestCanceling:
    def test_all_of_it_goes_back(self, program, paid, kakaopay):
        """The money at KakaoPay, the goods into stock; the order says what can be done now."""
        assert program.get(paid).json()["can_cancel"] is True
        answer = program.post(f"{paid}cancel/", {"reason": "변심"})
        assert (answer.status_code, answer.json()["status"]) == (200, "SUCCEEDED")
        assert answer.json()["amount"] == 25_000
        order = program.get(paid).json()
        assert (order["status"], order["can_cancel"]) == ("REFUNDED", False)
        assert [each["amount"] for each in order["refunds"]] == [25_000]
        assert Product.objects.get().stock == 10
        tid = order["transactions"][0]["tid"]
        assert kakaopay.payment(tid).canceled_total == 25_000

    def test_twice_gives_back_once(self, program, paid, kakaopay):
        """And the second answer is the first refund."""
        first = program.post(f"{paid}cancel/", {}).json()
        second = program.post(f"{paid}cancel/", {})
        assert (second.status_code, second.json()["id"]) == (200, first["id"])
        assert Refund.objects.count() == 1

    def test_not_known_yet(self, program, paid, kakaopay):
        """202 until it is: the same refund, never a second."""
        kakaopay.fault("cancel", after="drop")
        answer = program.post(f"{paid}cancel/", {}, idempotency_key="k")
        assert (answer.status_code, answer.json()["status"]) == (202, "PROCESSING")
        now = timezone.now()
        list(reconciliation.settle_stale(reconciliation.unsettled(now), now=now))
        again = program.post(f"{paid}cancel/", {}, idempotency_key="k")
        assert (again.status_code, again.json()["status"]) == (200, "SUCCEEDED")
        assert Refund.objects.count() == 1

    def test_what_was_shipped_is_not_canceled(self, program, shipped):
        """Its buyer asks for a refund."""
        assert code_of(program.post(f"{shipped}cancel/", {})) == (409, "not_cancelable")
        order = program.get(shipped).json()
        assert (order["can_cancel"], order["can_ask_for_refund"]) == (False, True)


class TestAsking:
    def test_one_piece(self, program, shipped):
        """It waits for staff, and stands in the order."""
        answer = ask(program, shipped)
        assert (answer.status_code, answer.json()["status"]) == (201, "OPEN")
        assert answer.json()["pieces"] == [{"line": line_of(program, shipped), "quantity": 1}]
        assert program.get(shipped).json()["refund_request"]["reason"] == "깨졌어요"
        assert len(program.get(f"{shipped}refund-requests/").json()) == 1

    def test_asked_once_with_a_key(self, program, shipped):
        """However often the request is sent."""
        first = ask(program, shipped, idempotency_key="k")
        again = ask(program, shipped, idempotency_key="k")
        assert (again.status_code, again.json()) == (201, first.json())

    def test_asked_twice_after_a_crash(self, program, shipped):
        """The answer was not stored, but the request was: that one is told."""
        first = ask(program, shipped, idempotency_key="k")
        IdempotentRequest.objects.update(status=None, headers={}, body="")
        again = ask(program, shipped, idempotency_key="k")
        assert (again.status_code, again.json()) == (201, first.json())

    def test_only_one_at_a_time(self, program, shipped):
        """Until it is answered or withdrawn."""
        asked = ask(program, shipped).json()
        assert code_of(ask(program, shipped)) == (409, "asked_already")
        withdraw = f"{shipped}refund-requests/{asked['id']}/withdraw/"
        assert program.post(withdraw).json()["status"] == "WITHDRAWN"
        assert code_of(program.post(withdraw)) == (409, "answered_already")
        assert ask(program, shipped).status_code == 201

    def test_what_is_still_here_is_canceled_instead(self, program, paid):
        """Without staff."""
        assert code_of(ask(program, paid)) == (409, "cancel_instead")

    def test_more_than_there_is(self, program, shipped):
        """And how many there are."""
        answer = ask(program, shipped, 3)
        assert code_of(answer) == (409, "too_many_pieces")
        assert answer.json()["left"] == 2

    def test_lines_of_another_order(self, program, shipped):
        """Are none of this one's; and each is named once."""
        body = {"reason": "x", "pieces": [{"line": 999_999, "quantity": 1}]}
        assert code_of(program.post(f"{shipped}refund-requests/", body)) == (400, "invalid")
        twice = [{"line": line_of(program, shipped), "quantity": 1}] * 2
        answer = program.post(f"{shipped}refund-requests/", {"reason": "x", "pieces": twice})
        assert code_of(answer) == (400, "invalid")

    def test_what_is_not_paid(self, program, make_product, kakaopay):
        """Has nothing to give back, and is not canceled this way."""
        program.post("cart/items/", {"product": make_product().slug})
        wanted = {"contact": CONTACT, "expected_total": 11_000}
        number = program.post("checkout/ready/", wanted).json()["order_number"]
        assert code_of(ask(program, f"orders/{number}/")) == (409, "nothing_to_refund")
        assert code_of(program.post(f"orders/{number}/cancel/", {})) == (409, "not_cancelable")


class TestHistory:
    def test_pages_and_filters(self, program, paid, make_product, kakaopay):
        """Newest first; of one status or several."""
        program.post("cart/items/", {"product": make_product().slug})
        program.post("checkout/ready/", {"contact": CONTACT, "expected_total": 11_000})
        page = program.get("orders/?page_size=1").json()
        assert [each["status"] for each in page["results"]] == ["PENDING"]
        older = program.get(page["next"].removeprefix("http://testserver")).json()
        assert [each["status"] for each in older["results"]] == ["PAID"]
        found = program.get("orders/?status=PAID&status=REFUNDED").json()["results"]
        assert [each["status"] for each in found] == ["PAID"]
        assert code_of(program.get("orders/?status=EATEN")) == (400, "invalid")

    def test_a_fixed_number_of_queries(self, program, paid, make_order, shopper):
        """However many orders, lines and payments there are."""
        few = len(queries_of(lambda: program.get("orders/")))
        for _ in range(5):
            make_order(status="PAID").transactions.create(
                kind="CHARGE", gateway="kakaopay", amount=1, tax_free=0, vat=0
            )
        assert len(queries_of(lambda: program.get("orders/"))) == few
        assert Order.objects.count() == 6
