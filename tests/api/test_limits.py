"""How often somebody may do a thing, counted in the database for all processes together."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import memberships
from accounts.models import Plan
from api.limits import COUPON, READY, Limit, TooOften, forget_old
from api.models import Usage
from orders.models import Order
from shop.models import Coupon
from tests.api.conftest import CONTACT, code_of

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()


@pytest.fixture
def three_a_minute(settings):
    settings.RATE_LIMITS = {"test": (3, 60)}
    return Limit("test")


class TestCounting:
    def test_so_often_and_no_more(self, three_a_minute):
        """The fourth is told how many seconds are left of the minute."""
        for seconds in range(3):
            three_a_minute.spend("hana", now=NOW + timedelta(seconds=seconds))
        with pytest.raises(TooOften) as refused:
            three_a_minute.spend("hana", now=NOW + timedelta(seconds=20.5))
        assert refused.value.seconds == 40

    def test_it_begins_anew(self, three_a_minute):
        """A minute after the first."""
        for _ in range(3):
            three_a_minute.spend("hana", now=NOW)
        three_a_minute.spend("hana", now=NOW + timedelta(seconds=60))
        assert Usage.objects.get().count == 1

    def test_each_for_themselves(self, three_a_minute):
        """Nobody is kept waiting by somebody else."""
        for _ in range(3):
            three_a_minute.spend("hana", now=NOW)
        three_a_minute.spend("duri", now=NOW)

    def test_what_is_given_back(self, three_a_minute):
        """Counts no more."""
        for _ in range(9):
            three_a_minute.spend("hana", now=NOW)
            three_a_minute.give_back("hana")
        assert Usage.objects.get().count == 0

    def test_many_at_once(self, three_a_minute):
        """Of twenty, each with a connection of its own, three pass: none is counted as one."""

        def spend(_):
            try:
                three_a_minute.spend("hana", now=NOW)
            except TooOften:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(20) as pool:
            assert sum(pool.map(spend, range(20))) == 3
        assert Usage.objects.get().count == 20

    def test_old_rows_are_deleted(self, three_a_minute):
        """A day after they began, by the periodic job."""
        three_a_minute.spend("hana", now=NOW - timedelta(days=1, seconds=1))
        three_a_minute.spend("duri", now=NOW)
        assert forget_old(now=NOW) == 1
        assert Usage.objects.get().who == "duri"


def use_up(limit, user, *, most):
    for _ in range(most):
        limit.spend(user.pk, now=timezone.now())


class TestReady:
    def test_the_api(self, order, shopper, settings, kakaopay):
        """429 with Retry-After; nothing is ordered."""
        use_up(READY, shopper, most=settings.RATE_LIMITS["ready"][0])
        answer = order()
        assert code_of(answer) == (429, "too_many_requests")
        assert 1 <= int(answer["Retry-After"]) <= 300
        assert not Order.objects.exists()

    def test_the_page(self, client, order, shopper, settings, kakaopay):
        """Says it at the form, keeps what was typed, and does not order."""
        number = order().json()["order_number"]
        client.force_login(shopper)
        use_up(READY, shopper, most=settings.RATE_LIMITS["ready"][0] - 1)
        seen = client.get("/checkout/").context["seen"]
        sent = {**CONTACT, "name": "박하나", "consent": "on", "seen": seen}
        answer = client.post("/checkout/ready/", sent)
        assert (answer.status_code, answer["Retry-After"].isdigit()) == (429, True)
        assert "박하나" in answer.content.decode()
        assert "너무 자주" in answer.content.decode()
        assert Order.objects.get().name == "김하나"
        again = client.post(f"/checkout/orders/{number}/ready/")
        assert (again.status_code, again["Location"]) == (302, f"/orders/{number}/")
        assert Order.objects.get().transactions.count() == 1


class TestMethod:
    def test_the_page(self, client, shopper, settings, kakaopay):
        """A member who registers a payment method begins a payment too."""
        plan = Plan.objects.create(slug="p", name_ko="p", price=4_900)
        with transaction.atomic():
            terms = {"price": 4_900, "is_trial": False, "agreement": None, "language": "ko"}
            memberships.join(shopper.pk, plan, **terms, now=timezone.now())
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"ready": (0, 300)}
        client.force_login(shopper)
        answer = client.post("/checkout/membership/method/")
        assert (answer.status_code, answer["Location"]) == (302, "/checkout/membership/")
        assert not Order.objects.exists()


class TestApprove:
    def test_the_api(self, program, order, settings, kakaopay):
        """429 with Retry-After; the payment is as it was and can be taken later."""
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"approve": (2, 300)}
        begun = order().json()
        pg_token = kakaopay.pay(begun["redirect_url"]).rpartition("pg_token=")[2]
        where = f"payments/{begun['payment_id']}/approve/"
        for _ in range(2):
            assert code_of(program.post(where, {})) == (400, "invalid")
        answer = program.post(where, {"pg_token": pg_token})
        assert code_of(answer) == (429, "too_many_requests")
        assert 1 <= int(answer["Retry-After"]) <= 300
        assert kakaopay.payment(begun["tid"]).status == "AUTH_PASSWORD"

    def test_coming_back_to_the_shop_is_never_refused(self, client, order, settings, kakaopay):
        """A buyer who has agreed to pay is not sent away, however often they reload."""
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"approve": (0, 300)}
        begun = order().json()
        back = kakaopay.pay(begun["redirect_url"]).removeprefix("http://localhost:8000")
        assert client.get(back).status_code == 200
        assert kakaopay.payment(begun["tid"]).status == "SUCCESS_PAYMENT"


class TestCoupons:
    """Codes that do not exist are counted, so that nobody finds one by trying."""

    @pytest.fixture
    def few(self, settings):
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"coupon": (3, 600)}

    @pytest.fixture
    def cart(self, program, make_product):
        program.post("cart/items/", {"product": make_product().slug})

    @pytest.fixture
    def welcome(self, db):
        return Coupon.objects.create(name="환영", code="WELCOME", value=1_000)

    def test_the_api(self, program, few, cart, welcome):
        """After three wrong ones no code is looked up, a right one neither."""
        for number in range(3):
            answer = program.post("checkout/quote/", {"coupon_code": f"GUESS{number}"})
            assert answer.json()["refusal"]["why"] == "unknown"
        for code in ("GUESS4", "WELCOME"):
            answer = program.post("checkout/quote/", {"coupon_code": code})
            assert code_of(answer) == (429, "too_many_requests")
            assert 1 <= int(answer["Retry-After"]) <= 600
        wanted = {"contact": CONTACT, "expected_total": 10_000, "coupon_code": "WELCOME"}
        answer = program.post("checkout/ready/", wanted)
        assert code_of(answer) == (429, "too_many_requests")
        assert not Order.objects.exists()

    def test_a_code_that_exists_counts_nothing(self, program, few, cart, welcome):
        """However often the figures are asked for with it."""
        for _ in range(9):
            answer = program.post("checkout/quote/", {"coupon_code": "WELCOME"})
            assert answer.json()["quote"]["discount"] == 1_000
        assert Usage.objects.get(limit=COUPON.name).count == 0

    def test_the_page(self, client, shopper, few, cart, welcome):
        """Says it at the field, with 429; the rest of the page is as it was."""
        client.force_login(shopper)
        for number in range(3):
            assert client.post("/checkout/quote/", {"code": f"GUESS{number}"}).status_code == 422
        answer = client.post("/checkout/quote/", {"code": "WELCOME", "name": "박하나"})
        assert (answer.status_code, answer["Retry-After"].isdigit()) == (429, True)
        assert "너무 많이" in answer.content.decode()
        assert "박하나" in answer.content.decode()
        assert answer.context["quote"].discount == 0

    @pytest.mark.parametrize("code", ["#999999", "GUESS9"])
    def test_the_page_by_its_other_field(self, client, shopper, few, cart, welcome, code):
        """A coupon that was picked before is a code as well."""
        client.force_login(shopper)
        for number in range(3):
            client.post("/checkout/quote/", {"coupon": f"GUESS{number}"})
        answer = client.post("/checkout/quote/", {"code": code, "coupon": "WELCOME"})
        assert answer.context["quote"].discount == 0
        assert answer.context["coupon_name"] == ""
