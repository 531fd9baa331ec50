"""Plans in the admin: each with the product that sells it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Membership, Plan, User
from shop.models import Category, Product
from tests.queries import queries_of
from tests.staff import staff as staff_with

LIST = "/admin/accounts/plan/"


@pytest.fixture
def shelf(db) -> Category:
    return Category.objects.create(slug="memberships", name_ko="멤버십", name_en="Memberships")


def form_of(shelf: Category | None = None, **changes: str) -> dict[str, str]:
    form = {"name_ko": "프리미엄", "name_en": "Premium", "price": "4900", "is_active": "on"}
    form |= {"trial_days": "0", "discount_percent": "10", "has_free_delivery": "on"}
    if shelf:
        form |= {"slug": "premium", "months": "1", "renews": "on", "category": str(shelf.pk)}
        form |= {"description_ko": "매달 할인", "description_en": "Cheaper each month"}
    return form | changes


@pytest.fixture
def plan(staff, shelf) -> Plan:
    """Made in the admin."""
    assert staff.post(f"{LIST}add/", form_of(shelf)).status_code == 302
    return Plan.objects.get()


def page_of(plan: Plan, name: str = "change") -> str:
    return f"{LIST}{plan.pk}/{name}/"


def member_of(plan: Plan, **fields) -> Membership:
    now = timezone.now()
    person = User.objects.create_user(f"m{User.objects.count()}@example.com", "open-sesame-2")
    until = now + timedelta(days=30)
    times = {"started_at": now, "paid_until": until, "lasts_until": until}
    given = {"user": person, "plan": plan, "price": plan.price, "day": 1, "renews": True}
    return Membership.objects.create(**given | times | fields)


def test_a_new_plan_has_a_product(plan, shelf):
    """With its name, price and description in both languages, where it was put."""
    product = plan.product
    assert (product.category, product.price, product.is_active) == (shelf, 4_900, True)
    assert (product.name_ko, product.name_en) == ("프리미엄", "Premium")
    assert (product.description_ko, product.description_en) == ("매달 할인", "Cheaper each month")
    assert (product.needs_delivery, product.slug) == (False, "premium")
    assert (plan.discount_percent, plan.has_free_delivery, plan.months) == (10, True, 1)


def test_a_category_is_asked_for(staff, shelf):
    """Without one there is neither plan nor product."""
    answer = staff.post(f"{LIST}add/", form_of(shelf, category=""))
    assert set(answer.context["adminform"].errors) == {"category"}
    assert not Plan.objects.exists()
    assert not Product.objects.exists()


def test_a_trial_needs_a_plan_that_renews(staff, shelf):
    """A pass with a trial would be free for ever: said in the form."""
    answer = staff.post(f"{LIST}add/", form_of(shelf, renews="", trial_days="14"))
    assert "Only a plan that renews by itself can have a trial." in answer.content.decode()
    assert not Plan.objects.exists()


def test_a_new_price(staff, plan):
    """The product costs the same; members keep theirs, and staff are told when they will not."""
    member = member_of(plan)
    answer = staff.post(page_of(plan), form_of(price="5900"), follow=True)
    plan.refresh_from_db()
    member.refresh_from_db()
    assert (plan.price, plan.product.price, member.price) == (5_900, 5_900, 4_900)
    sentences = [str(message) for message in answer.context["messages"]]
    assert any("told by mail 30 days ahead" in sentence for sentence in sentences)


def test_the_same_price(staff, plan):
    """Nothing is said of it."""
    answer = staff.post(page_of(plan), form_of(name_en="Gold"), follow=True)
    assert not any("told by mail" in str(message) for message in answer.context["messages"])
    plan.product.refresh_from_db()
    assert plan.product.name_en == "Gold"


def test_what_members_agreed_to_stays(staff, plan):
    """How long a period is, and that it renews, is not changed by whatever is sent."""
    staff.post(page_of(plan), form_of(months="12", renews="", slug="other"))
    plan.refresh_from_db()
    assert (plan.months, plan.renews, plan.slug) == (1, True, "premium")


def test_free_is_no_plan(staff, shelf):
    """0 won is refused with a sentence."""
    answer = staff.post(f"{LIST}add/", form_of(shelf, price="0"))
    assert "Enter at least 1 won" in answer.content.decode()


def test_the_list_counts_members(staff, plan, shelf):
    """Those who are members now; in as many queries however many plans there are."""
    member_of(plan)
    gone = member_of(plan)
    Membership.objects.filter(pk=gone.pk).update(ended_at=gone.started_at, renews=False)
    staff.get(LIST)
    before = len(queries_of(lambda: staff.get(LIST)))
    for slug in ("gold", "silver"):
        staff.post(f"{LIST}add/", form_of(shelf, slug=slug))
    assert len(queries_of(lambda: staff.get(LIST))) == before
    rows = staff.get(LIST).context["cl"].result_list
    assert {row.slug: row.good for row in rows} == {"premium": 1, "gold": 0, "silver": 0}


def test_deleting_what_nobody_has(staff, plan):
    """Its product goes with it."""
    assert staff.get(page_of(plan, "delete")).status_code == 200
    staff.post(page_of(plan, "delete"), {"post": "yes"})
    assert not Plan.objects.exists()
    assert not Product.objects.exists()


def test_deleting_without_the_right_to_its_product(client, plan):
    """Refused, as for any product."""
    client.force_login(staff_with("clerk@example.com", "view_plan", "delete_plan"))
    assert client.get(page_of(plan, "delete")).context["perms_lacking"]
    assert client.post(page_of(plan, "delete"), {"post": "yes"}).status_code == 403
    assert Plan.objects.get().product


def test_benefits_count_at_once(staff, plan):
    """The form says so."""
    assert "counts at once for all members of the plan" in staff.get(page_of(plan)).text


def test_deleting_what_somebody_has(staff, plan):
    """A sentence, and nothing is gone."""
    member_of(plan)
    answer = staff.post(page_of(plan, "delete"), {"post": "yes"}, follow=True)
    *_, sentence = [str(message) for message in answer.context["messages"]]
    assert sentence.startswith("This plan cannot be deleted: somebody has bought it")
    assert Plan.objects.get().product


def test_what_somebody_has_is_not_offered_for_deletion(staff, plan):
    """Nobody is asked whether they are sure of what cannot be done."""
    month = {"starts_at": timezone.now(), "ends_at": timezone.now() + timedelta(days=31)}
    member_of(plan).periods.create(plan=plan, number=1, price=4_900, status="DUE", **month)
    answer = staff.get(page_of(plan, "delete"), follow=True)
    assert answer.redirect_chain == [(page_of(plan), 302)]
    *_, sentence = [str(message) for message in answer.context["messages"]]
    assert sentence.startswith("This plan cannot be deleted: somebody has bought it")
    staff.force_login(staff_with("clerk@example.com", "view_plan"))
    assert staff.get(page_of(plan, "delete")).status_code == 403


class TestItsProduct:
    def test_what_is_the_plans(self, staff, plan):
        """Name, price, tax, delivery and sale are read there, with the way to the plan."""
        page = f"/admin/shop/product/{plan.product.pk}/change/"
        text = staff.get(page).content.decode()
        assert page_of(plan) in text
        for name in ("name_ko", "price", "is_tax_free", "needs_delivery", "is_active"):
            assert f'name="{name}"' not in text
        other = Category.objects.create(slug="other", name_ko="다른", name_en="Other")
        form = {"category": str(other.pk), "slug": "premium", "description_ko": "새 설명"}
        form |= {"description_en": "", "delivery": "", "price": "1", "is_tax_free": "on"}
        assert staff.post(page, form).status_code == 302
        product = Product.objects.get()
        assert (product.category, product.description_ko) == (other, "새 설명")
        assert (product.price, product.is_tax_free, product.name_ko) == (4_900, False, "프리미엄")
        assert product.is_active

    def test_it_is_not_deleted_alone(self, staff, plan):
        """It goes with its plan."""
        page = f"/admin/shop/product/{plan.product.pk}/delete/"
        assert staff.post(page, {"post": "yes"}).status_code == 403
        assert Product.objects.exists()
