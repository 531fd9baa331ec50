"""From the cart to a paid order, by a program; KakaoPay's books are asked too."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from checkout import reconciliation
from orders.models import Order, PaymentTransaction, Shipment
from shop.models import Coupon, Product
from tests.api.conftest import ADDRESS, CONTACT, code_of
from tests.staff import refund

pytestmark = pytest.mark.django_db(transaction=True)


def pg_token_of(address):
    return parse_qs(urlsplit(address).query)["pg_token"][0]


def approve(program, begun, pg_token):
    return program.post(f"payments/{begun['payment_id']}/approve/", {"pg_token": pg_token})


def open_link(address):
    """What a browser gets that belongs to nobody: in an app's web view, for instance."""
    parts = urlsplit(address)
    return Client().get(f"{parts.path}?{parts.query}")


class TestReady:
    def test_what_a_client_gets(self, order, kakaopay):
        """All that the contract names; KakaoPay waits for the same amount."""
        answer = order(client="mobile_web")
        begun = answer.json()
        charge = PaymentTransaction.objects.get()
        assert answer.status_code == 201
        assert begun["order_number"] == Order.objects.get().number
        assert begun["payment_id"] == str(charge.public_id)
        assert (begun["tid"], begun["status"], begun["amount"]) == (charge.tid, "PENDING", 22_000)
        assert begun["redirect_url"] == begun["next_redirect_mobile_url"]
        assert begun["next_redirect_pc_url"] == charge.redirect_urls["pc"]
        assert answer["Location"] == f"/api/v1/orders/{begun['order_number']}/"
        assert kakaopay.payment(charge.tid).total == 22_000

    def test_an_app_gets_the_schemes_as_kakaopay_gives_them(self, order, kakaopay):
        """They open KakaoTalk."""
        begun = order(client="app").json()
        assert begun["redirect_url"] == begun["next_redirect_app_url"]
        assert begun["android_app_scheme"].startswith("kakaotalk://kakaopay/pg?url=")
        assert begun["ios_app_scheme"] == begun["android_app_scheme"]

    def test_another_total_than_was_seen(self, order, kakaopay):
        """Nothing is ordered; the new figures are the answer."""
        answer = order(expected_total=21_000)
        assert code_of(answer) == (409, "offer_changed")
        assert answer.json()["quote"]["total"] == 22_000
        assert not Order.objects.exists()

    def test_what_was_sealed_is_ordered_or_nothing(self, program, order, kakaopay):
        """The same total by other goods is another offer: ``changes`` says what."""
        order(expected_total=0)  # fills the cart
        seen = program.post("checkout/quote/", {}).json()["seen"]
        Product.objects.update(price=22_000)
        line = program.get("cart/").json()["items"][0]["id"]
        program.patch(f"cart/items/{line}/", {"quantity": 1})
        answer = order(seen=seen)
        assert code_of(answer) == (409, "offer_changed")
        said = {(each["what"], each["was"], each["now"]) for each in answer.json()["changes"]}
        assert said == {("price", 11_000, 22_000), ("quantity", 2, 1)}
        assert not Order.objects.exists()

    def test_fewer_are_left(self, order, kakaopay):
        """Which the total does not show."""
        order(expected_total=0)
        Product.objects.update(stock=1)
        answer = order()
        assert code_of(answer) == (409, "offer_changed")
        (change,) = answer.json()["changes"]
        assert (change["what"], change["was"], change["now"]) == ("shortage", 2, 1)

    def test_an_address_where_something_is_delivered(self, program, make_product, kakaopay):
        """Without one nothing is ordered; with one it goes there, and may be remembered."""
        cup = make_product(needs_delivery=True)
        program.post("cart/items/", {"product": cup.slug})
        wanted = {"contact": CONTACT, "expected_total": 14_000}
        assert code_of(program.post("checkout/ready/", wanted)) == (409, "address_required")
        answer = program.post(
            "checkout/ready/", wanted | {"address": ADDRESS, "save_address": True}
        )
        assert answer.status_code == 201
        assert Shipment.objects.get().line1 == ADDRESS["line1"]
        assert program.get("me/addresses/").json()[0]["postcode"] == "06236"

    def test_what_is_wrong_is_said_where(self, order, kakaopay):
        """At its field, in the client's language, all at once."""
        wrong = {"name": "", "phone": "123", "email": "hana"}
        answer = order(contact=wrong, address=ADDRESS | {"postcode": "1"})
        assert code_of(answer) == (400, "invalid")
        said = {each["pointer"]: each["detail"] for each in answer.json()["errors"]}
        assert said.keys() == {
            *("#/contact/name", "#/contact/phone", "#/contact/email", "#/address/postcode"),
        }
        assert said["#/contact/name"] == "Enter the name of the person who orders."

    def test_points_and_a_coupon_that_pay_for_all_of_it(self, order, kakaopay):
        """There is nothing to pay, no payment, and the order is paid."""
        Coupon.objects.create(name="전부", code="ALL", value=22_000)
        answer = order(coupon_code="ALL", expected_total=0)
        begun = answer.json()
        assert (answer.status_code, begun["status"], begun["amount"]) == (201, "PAID", 0)
        assert (begun["payment_id"], begun["redirect_url"]) == (None, None)

    def test_a_coupon_that_is_refused(self, order, kakaopay):
        """``why`` is stable, ``detail`` a sentence."""
        answer = order(coupon_code="NONE")
        assert code_of(answer) == (409, "coupon_refused")
        assert answer.json()["why"] == "unknown"
        assert answer.json()["detail"] == "There is no such coupon. Please check the code."

    def test_more_points_than_there_are(self, order, kakaopay):
        """And how many there are."""
        answer = order(points=1, expected_total=21_999)
        assert code_of(answer) == (409, "not_enough_points")
        assert answer.json()["usable"] == 0

    def test_an_empty_cart(self, program, db):
        """Has nothing to order."""
        wanted = {"contact": CONTACT, "expected_total": 0}
        assert code_of(program.post("checkout/ready/", wanted)) == (409, "cart_is_empty")
        assert code_of(program.post("checkout/quote/", {})) == (409, "cart_is_empty")


class TestThroughTheShop:
    """``callback: shop``: the shop takes the payment, and sends the buyer on."""

    def test_the_buyer_pays(self, program, order, front_end, kakaopay):
        """In a browser of nobody's; the program then finds the receipt."""
        begun = order(return_url=f"{front_end}/done").json()
        there = open_link(kakaopay.pay(begun["redirect_url"]))
        assert there.status_code == 303
        assert parse_qs(urlsplit(there["Location"]).query) == {
            "order_number": [begun["order_number"]],
            "status": ["PAID"],
        }
        receipt = program.get(f"orders/{begun['order_number']}/").json()
        assert (receipt["status"], receipt["amounts"]["total"]) == ("PAID", 22_000)
        assert [txn["status"] for txn in receipt["transactions"]] == ["SUCCEEDED"]
        assert kakaopay.payment(begun["tid"]).status == "SUCCESS_PAYMENT"

    def test_a_buyer_without_a_token(self, order, front_end, kakaopay):
        """Is sent on too: the front end sees that the order still waits."""
        begun = order(return_url=f"{front_end}/done").json()
        there = open_link(kakaopay.pay(begun["redirect_url"]).partition("?")[0] + "?")
        assert there["Location"].endswith("&status=PENDING")
        assert kakaopay.payment(begun["tid"]).status == "AUTH_PASSWORD"

    def test_the_answer_is_lost(self, program, order, front_end, kakaopay):
        """The buyer is sent on all the same; the payment says that it is not known yet."""
        begun = order(return_url=f"{front_end}/done").json()
        kakaopay.fault("approve", after="drop")
        there = open_link(kakaopay.pay(begun["redirect_url"]))
        assert there["Location"].endswith("&status=PENDING")
        answer = program.get(f"payments/{begun['payment_id']}/")
        assert (answer.status_code, answer.json()["status"]) == (200, "PROCESSING")
        assert answer["Retry-After"] == "5"
        assert program.get(f"orders/{begun['order_number']}/").json()["is_confirming"] is True
        list(
            reconciliation.settle_stale(
                reconciliation.unsettled(timezone.now()), now=timezone.now()
            )
        )
        assert program.get(f"payments/{begun['payment_id']}/").json()["status"] == "SUCCEEDED"


class TestByTheClient:
    """``callback: client``: the provider sends the buyer to the client, which reports it."""

    @pytest.fixture
    def begun(self, order, front_end, kakaopay):
        return order(return_url="http://localhost:5173/pay?lang=ko", callback="client").json()

    def test_kakaopay_sends_the_buyer_to_the_client(self, begun, kakaopay):
        """With the payment's id, what happened, and the token; the shop is not passed through."""
        there = kakaopay.pay(begun["redirect_url"])
        assert there.startswith("http://localhost:5173/pay?lang=ko&payment_id=")
        said = parse_qs(urlsplit(there).query)
        assert said["payment_id"] == [begun["payment_id"]]
        assert (said["result"], len(said["pg_token"])) == (["approve"], 1)
        assert kakaopay.payment(begun["tid"]).status == "AUTH_PASSWORD"

    def test_approving(self, program, begun, kakaopay):
        """Takes the payment once, however often it is reported."""
        pg_token = pg_token_of(kakaopay.pay(begun["redirect_url"]))
        for _ in range(3):
            answer = approve(program, begun, pg_token)
            assert answer.status_code == 200
            assert answer.json()["status"] == "SUCCEEDED"
            assert answer.json()["order_number"] == begun["order_number"]
        assert [each.type for each in kakaopay.payment(begun["tid"]).actions] == ["PAYMENT"]

    def test_not_known_yet(self, program, begun, kakaopay):
        """202 and when to ask again; asking the same again tells the truth, once it is known."""
        pg_token = pg_token_of(kakaopay.pay(begun["redirect_url"]))
        kakaopay.fault("approve", after="drop")
        answer = approve(program, begun, pg_token)
        assert (answer.status_code, answer.json()["status"]) == (202, "PROCESSING")
        assert answer["Retry-After"] == "5"
        list(
            reconciliation.settle_stale(
                reconciliation.unsettled(timezone.now()), now=timezone.now()
            )
        )
        assert approve(program, begun, pg_token).json()["status"] == "SUCCEEDED"

    def test_a_card_that_refuses(self, program, begun, kakaopay):
        """FAILED, with the sentence for the buyer; the order has ended."""
        pg_token = pg_token_of(kakaopay.pay(begun["redirect_url"]))
        kakaopay.fault("approve", before="error:-780:EXCEED_LIMIT")
        answer = approve(program, begun, pg_token)
        assert (answer.status_code, answer.json()["status"]) == (200, "FAILED")
        assert answer.json()["failure"]
        assert answer.json()["order_status"] == "CANCELED"

    @pytest.mark.parametrize(
        ("result", "reason"),
        [("cancel", Order.CancelReason.QUIT), ("fail", Order.CancelReason.FAILED)],
    )
    def test_quitting_and_failing(self, program, begun, kakaopay, result, reason):
        """End the order; its goods are back, and nothing can be taken any more."""
        there = getattr(kakaopay, {"cancel": "quit"}.get(result, result))(begun["redirect_url"])
        assert parse_qs(urlsplit(there).query)["result"] == [result]
        answer = program.post(f"payments/{begun['payment_id']}/{result}/")
        assert (answer.status_code, answer.json()["status"]) == (200, "CANCELED")
        assert Order.objects.get().cancel_reason == reason
        assert Product.objects.get().stock == 10

    @pytest.mark.parametrize("result", ["cancel", "fail"])
    def test_what_is_paid_stays_paid(self, program, begun, kakaopay, result):
        """Whatever is reported afterwards."""
        approve(program, begun, pg_token_of(kakaopay.pay(begun["redirect_url"])))
        answer = program.post(f"payments/{begun['payment_id']}/{result}/")
        assert (answer.status_code, answer.json()["status"]) == (200, "SUCCEEDED")
        assert Order.objects.get().status == "PAID"

    @pytest.mark.parametrize("result", ["cancel", "fail"])
    def test_what_may_be_paid_stays_so(self, program, begun, kakaopay, result):
        """While the outcome is not known: 202."""
        pg_token = pg_token_of(kakaopay.pay(begun["redirect_url"]))
        kakaopay.fault("approve", after="drop")
        approve(program, begun, pg_token)
        answer = program.post(f"payments/{begun['payment_id']}/{result}/")
        assert (answer.status_code, answer.json()["status"]) == (202, "PROCESSING")
        assert Order.objects.get().status == "PENDING"

    @pytest.mark.parametrize("pg_token", ["", "a b", "x" * 65, "é", None, ["a"]])
    def test_what_is_no_token(self, program, begun, pg_token, kakaopay):
        """Is refused before anybody is asked."""
        answer = approve(program, begun, pg_token)
        assert code_of(answer) == (400, "invalid")
        assert kakaopay.payment(begun["tid"]).status == "READY"

    def test_a_refund_is_not_approved(self, program, begun, kakaopay):
        """Only charges are."""
        approve(program, begun, pg_token_of(kakaopay.pay(begun["redirect_url"])))
        canceled = refund(Order.objects.get(), 1_000)
        back = {"payment_id": str(canceled.public_id)}
        assert code_of(approve(program, back, "0123456789")) == (409, "not_a_charge")
        answer = program.get(f"payments/{back['payment_id']}/").json()
        assert (answer["kind"], answer["status"], answer["amount"]) == (
            "REFUND",
            "SUCCEEDED",
            1_000,
        )


class TestGoingOn:
    def test_an_app_that_was_killed(self, program, order, front_end, kakaopay):
        """While its buyer paid: the payment tells how it went, and before that where to go on."""
        begun = order(client="app", return_url="cornershop://paid").json()
        waiting = program.get(f"payments/{begun['payment_id']}/").json()
        assert waiting["status"] == "READY"
        assert waiting["redirect_urls"]["app"] == begun["redirect_url"]
        assert open_link(kakaopay.pay(begun["redirect_url"]))["Location"] == (
            f"cornershop://paid?order_number={begun['order_number']}&status=PAID"
        )
        paid = program.get(f"payments/{begun['payment_id']}/").json()
        assert (paid["status"], paid["redirect_urls"]) == ("SUCCEEDED", {})

    def test_paying_later(self, program, order, kakaopay):
        """A new window for the same order, whose deadline stays."""
        begun = order().json()
        again = program.post(f"orders/{begun['order_number']}/pay/", {"client": "web"})
        assert again.status_code == 201
        assert again.json()["payment_id"] != begun["payment_id"]
        assert again.json()["expires_at"] == begun["expires_at"]
        pg_token = pg_token_of(kakaopay.pay(again.json()["redirect_url"]))
        assert approve(program, again.json(), pg_token).json()["status"] == "SUCCEEDED"
        late = program.post(f"orders/{begun['order_number']}/pay/", {})
        assert code_of(late) == (409, "not_payable")

    def test_not_while_it_may_be_paid(self, program, order, kakaopay):
        """Neither the order again, nor the cart."""
        begun = order().json()
        pg_token = pg_token_of(kakaopay.pay(begun["redirect_url"]))
        kakaopay.fault("approve", after="drop")
        approve(program, begun, pg_token)
        for answer in (program.post(f"orders/{begun['order_number']}/pay/", {}), order()):
            assert code_of(answer) == (409, "payment_in_progress")
            assert answer.json()["order_number"] == begun["order_number"]
