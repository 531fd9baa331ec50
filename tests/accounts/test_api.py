"""GET /api/v1/me/: who asks, and what they have."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import AnonymousUser
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts import memberships
from accounts.api.me import IsPremium
from accounts.models import BillingAgreement, Membership, Plan
from tests.queries import queries_of

pytestmark = pytest.mark.django_db

KST = ZoneInfo("Asia/Seoul")
JANUARY = datetime(2027, 1, 10, 14, tzinfo=KST)
ME = "/api/v1/me/"


@pytest.fixture(autouse=True)
def in_january(time_machine):
    time_machine.move_to(JANUARY, tick=False)
    return time_machine


@pytest.fixture
def browser(client, shopper):
    client.force_login(shopper)
    return client


@pytest.fixture
def join(shopper):
    """Make the shopper a member, by a plan that renews or by a pass."""

    def buy(*, renews=True):
        plan = Plan.objects.create(
            slug="premium", name_ko="프리미엄", name_en="Premium", price=4_900, renews=renews
        )
        agreement = None
        if renews:
            agreement = BillingAgreement(user=shopper, gateway="kakaopay")
            agreement.sid = "S1"
            agreement.save()
        memberships.join(
            shopper.pk,
            plan,
            price=4_900,
            is_trial=False,
            agreement=agreement,
            language="ko",
            now=JANUARY,
        )
        return Membership.objects.get()

    return buy


def membership_in(answer):
    assert answer.status_code == 200
    return answer.json()["membership"]


class TestMe:
    def test_nobody_is_refused(self, client):
        """In JSON, without a page to sign in on."""
        answer = client.get(ME)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
        assert answer["Content-Type"] == "application/problem+json"

    def test_who_is_no_member(self, browser):
        """The account, and null."""
        assert browser.get(ME).json() == {
            "email": "hana@example.com",
            "name": "김하나",
            "phone": "",
            "membership": None,
        }

    def test_a_membership_that_renews(self, browser, join):
        """Paid for a month, and charged on the morning after."""
        join()
        assert membership_in(browser.get(ME)) == {
            "plan": "premium",
            "status": "ACTIVE",
            "active_until": "2027-02-10T00:00:00+09:00",
            "renews": True,
            "price": 4_900,
            "next_charge_at": "2027-02-10T09:00:00+09:00",
        }

    def test_a_pass(self, browser, join):
        """It ends, and nothing is charged."""
        join(renews=False)
        said = membership_in(browser.get(ME))
        assert (said["status"], said["renews"], said["next_charge_at"]) == ("ENDING", False, None)

    def test_one_that_was_canceled(self, browser, join, shopper):
        """Good until what is paid for is over."""
        join()
        memberships.cancel(shopper.pk, now=JANUARY)
        said = membership_in(browser.get(ME))
        assert (said["status"], said["active_until"]) == ("ENDING", "2027-02-10T00:00:00+09:00")

    def test_one_in_its_grace_period(self, client, shopper, join, in_january):
        """Good for seven days more, and charged again the day after it failed."""
        join()
        in_january.move_to(JANUARY + timedelta(days=31), tick=False)
        failed = {"failing_since": datetime(2027, 2, 10, 9, tzinfo=KST), "attempts": 1}
        again = datetime(2027, 2, 11, 9, tzinfo=KST)
        Membership.objects.update(**failed, refusal="PAYER", charge_at=again)
        client.force_login(shopper)
        said = membership_in(client.get(ME))
        assert said["status"] == "FAILING"
        assert said["active_until"] == "2027-02-17T00:00:00+09:00"
        assert said["next_charge_at"] == "2027-02-11T09:00:00+09:00"

    def test_the_price_is_the_next_one(self, browser, join, shopper):
        """That of the plan which was chosen for then."""
        join()
        yearly = Plan.objects.create(slug="yearly", name_ko="연간", price=49_000, months=12)
        memberships.change_plan(shopper.pk, yearly, now=JANUARY)
        said = membership_in(browser.get(ME))
        assert (said["plan"], said["price"]) == ("premium", 49_000)

    def test_one_that_has_ended(self, browser, join):
        """Is none."""
        join()
        Membership.objects.update(ended_at=JANUARY, renews=False, charge_at=None)
        assert membership_in(browser.get(ME)) is None

    def test_it_only_tells(self, browser):
        """And no cache keeps it."""
        assert browser.post(ME).status_code in {403, 405}
        assert browser.get(ME)["Cache-Control"] == "no-store"

    def test_a_browser_gets_json_too(self, browser):
        """No page of the framework's own is served."""
        answer = browser.get(ME, headers={"accept": "text/html"})
        assert "html" not in answer["Content-Type"]

    def test_three_queries(self, browser, join):
        """Session, account and membership."""
        join()
        assert len(queries_of(lambda: browser.get(ME))) == 3


def test_the_permission_is_for_members(shopper, join):
    """Views of the API ask the same gate."""

    def may_pass(user):
        request = Request(APIRequestFactory().get("/"))
        request.user = user
        return IsPremium().has_permission(request, view=None)

    assert (may_pass(shopper), may_pass(AnonymousUser())) == (False, False)
    join()
    assert may_pass(shopper)
