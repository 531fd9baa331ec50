"""A membership, bought and managed by a program."""

import pytest

from accounts.models import Membership, Plan
from shop.models import Category, Product
from tests.api.conftest import CONTACT, code_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plans(db):
    """Monthly for 4,900 won and yearly for 49,000."""
    category = Category.objects.create(slug="memberships", name_ko="멤버십")
    for slug, price, months in (("monthly", 4_900, 1), ("yearly", 49_000, 12)):
        plan = Plan.objects.create(slug=slug, name_ko=slug, price=price, months=months)
        Product.objects.create(
            category=category,
            slug=slug,
            name_ko=slug,
            price=price,
            stock=99,
            needs_delivery=False,
            plan=plan,
        )


@pytest.fixture
def wanted():
    return {"contact": CONTACT, "expected_total": 4_900, "consent": True}


@pytest.fixture
def member(program, plans, wanted, kakaopay):
    """The program's person, who has just joined by the month."""
    program.post("cart/items/", {"product": "monthly"})
    begun = program.post("checkout/ready/", wanted).json()
    pg_token = kakaopay.pay(begun["redirect_url"]).rpartition("pg_token=")[2]
    done = program.post(f"payments/{begun['payment_id']}/approve/", {"pg_token": pg_token})
    assert done.json()["status"] == "SUCCEEDED"
    return program


class TestJoining:
    def test_what_is_on_sale(self, nobody, plans):
        """And which product is put into the cart."""
        found = nobody.get("membership/plans/").json()
        assert [(each["slug"], each["product"], each["price"]) for each in found] == [
            ("monthly", "monthly", 4_900),
            ("yearly", "yearly", 49_000),
        ]

    def test_it_needs_consent(self, program, plans, wanted, kakaopay):
        """The quote has the sentence; without ``consent`` nothing is ordered."""
        program.post("cart/items/", {"product": "monthly"})
        membership = program.post("checkout/quote/", {}).json()["membership"]
        assert (membership["plan"], membership["charge"]) == ("monthly", 4_900)
        assert membership["consent"].startswith("I have checked what I am ordering")
        answer = program.post("checkout/ready/", wanted | {"consent": False})
        assert code_of(answer) == (409, "consent_required")

    def test_a_plan_that_has_changed(self, program, plans, wanted, kakaopay):
        """Means something else than was seen, though its first price is the same."""
        program.post("cart/items/", {"product": "monthly"})
        seen = program.post("checkout/quote/", {}).json()["seen"]
        Plan.objects.filter(slug="monthly").update(months=2)
        answer = program.post("checkout/ready/", wanted | {"seen": seen})
        assert code_of(answer) == (409, "offer_changed")
        assert [each["what"] for each in answer.json()["changes"]] == ["plan"]

    def test_nobody_joins_twice(self, member, wanted):
        """What renews already is not bought again."""
        member.post("cart/items/", {"product": "yearly"})
        answer = member.post("checkout/ready/", wanted | {"expected_total": 49_000})
        assert code_of(answer) == (409, "cannot_join")
        assert answer.json()["why"] == "renews"


class TestManaging:
    def test_how_it_stands(self, member):
        """With its periods."""
        said = member.get("membership/").json()
        assert (said["standing"]["state"], said["standing"]["next_price"]) == ("RENEWS", 4_900)
        assert [(each["status"], each["price"]) for each in said["periods"]] == [("PAID", 4_900)]
        assert member.get("me/").json()["membership"]["status"] == "ACTIVE"

    def test_stopping_and_resuming(self, member):
        """Nothing more is charged; or it is, after all."""
        stopped = member.post("membership/stop/").json()["standing"]
        assert (stopped["state"], stopped["charged_on"], stopped["can_resume"]) == (
            "ENDS",
            None,
            True,
        )
        assert code_of(member.post("membership/stop/")) == (409, "not_renewing")
        assert member.post("membership/resume/").json()["standing"]["state"] == "RENEWS"

    def test_another_plan(self, member):
        """From the next period on."""
        answer = member.post("membership/plan/", {"plan": "yearly"})
        assert answer.json()["standing"]["next_price"] == 49_000
        assert code_of(member.post("membership/plan/", {"plan": "none"})) == (409, "unknown_plan")

    def test_ending_it_at_once(self, member, kakaopay):
        """What was seen goes back; another figure than that is not decided by anybody."""
        parting = member.get("membership/stop-at-once/").json()
        assert 0 < parting["money"] < 4_900
        answer = member.post("membership/stop-at-once/", {"seen": "x"})
        assert code_of(answer) == (409, "refund_changed")
        assert answer.json()["parting"]["money"] == parting["money"]
        done = member.post("membership/stop-at-once/", {"seen": parting["seen"]}).json()
        assert [each["amount"] for each in done["refunds"]] == [parting["money"]]
        assert done["membership"]["standing"]["state"] == "ENDED"
        assert Membership.objects.get().ended_at

    def test_registering_a_method_anew(self, member, kakaopay, front_end):
        """A payment of 0 won that makes a new agreement."""
        back = {"return_url": f"{front_end}/member", "client": "web"}
        begun = member.post("membership/method/", back).json()
        assert (begun["amount"], begun["status"]) == (0, "PENDING")
        pg_token = kakaopay.pay(begun["redirect_url"]).rpartition("pg_token=")[2]
        done = member.post(f"payments/{begun['payment_id']}/approve/", {"pg_token": pg_token})
        assert done.json()["status"] == "SUCCEEDED"

    @pytest.mark.parametrize("what", ["stop/", "resume/", "method/"])
    def test_who_is_no_member(self, program, plans, what):
        """Has nothing to manage."""
        assert code_of(program.post(f"membership/{what}", {})) == (409, "not_a_member")
        assert program.get("membership/").json() == {"standing": None, "periods": []}
