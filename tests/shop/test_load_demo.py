"""The demo shop can be loaded again and again."""

from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Address, Plan, PlanEvent, PointEntry, User
from config.run import BANNER
from shop.demo.catalogue import GOODS, SHELVES
from shop.demo.plans import PLANS, SHELF
from shop.management.commands.load_demo import PASSWORD, PEOPLE
from shop.models import Category, Coupon, CouponGrant, Product

ALL = len(GOODS) + len(PLANS)


@pytest.fixture
def load(db, settings, tmp_path):
    """Run the command with pictures in a directory of its own; returns what it printed."""
    settings.MEDIA_ROOT = tmp_path
    settings.DEBUG = True

    def run(*arguments):
        out = StringIO()
        call_command("load_demo", *arguments, stdout=out)
        return out.getvalue()

    return run


def test_the_catalogue_has_what_a_demo_needs():
    """Tax-free goods, one sold out, one with three left, one that is not delivered; pictures."""
    assert len(GOODS) >= 14
    assert any(goods.is_tax_free for goods in GOODS)
    assert [goods.slug for goods in GOODS if goods.stock == 0] == ["wool-blanket"]
    assert [goods.slug for goods in GOODS if goods.stock == 3] == ["long-umbrella"]
    assert [goods.slug for goods in GOODS if not goods.needs_delivery] == ["drip-coffee-class"]
    assert {goods.shelf for goods in GOODS} | {SHELF} == {shelf.slug for shelf in SHELVES}
    assert all(goods.picture.is_file() for goods in (*GOODS, *PLANS))


def test_loading_twice_changes_nothing(load, tmp_path):
    """The second run makes no second of anything, pictures included."""
    assert load().startswith(f"{ALL} products ({ALL} new) in {len(SHELVES)} cat")
    tables = (Product, Plan, PlanEvent, Coupon, CouponGrant, PointEntry, Address)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    assert load().startswith(f"{ALL} products (0 new)")
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before
    assert (Category.objects.count(), User.objects.count()) == (len(SHELVES), 5)
    assert len(list((tmp_path / "products").iterdir())) == ALL


def test_sold_stock_stays_sold(load):
    """A second run brings texts and prices up to date, and stock only when asked."""
    load()
    Product.objects.filter(slug="long-umbrella").update(stock=1, price=1, name_ko="?")
    load()
    umbrella = Product.objects.get(slug="long-umbrella")
    assert (umbrella.stock, umbrella.price, umbrella.name_ko) == (1, 34_000, "겨자색 장우산")
    load("--restock")
    assert Product.objects.get(slug="long-umbrella").stock == 3


def test_a_lost_or_changed_picture_is_put_back(load, tmp_path):
    """The media storage ends with the drawings of the catalogue, one each."""
    load()
    drawing = tmp_path / "products" / "drip-kettle.svg"
    original = drawing.read_bytes()
    drawing.write_text("scribble")
    (tmp_path / "products" / "desk-lamp.svg").unlink()
    load()
    assert drawing.read_bytes() == original
    assert len(list((tmp_path / "products").iterdir())) == ALL


def test_the_demo_people_can_sign_in(load, client):
    """Each password works, each address is verified, and only one may do everything."""
    for group in ("support", "finance", "manager"):
        Group.objects.get_or_create(name=group)
    load()
    for email in PEOPLE:
        assert client.login(email=email, password="kakaopay-demo")
        assert EmailAddress.objects.get(email=email).verified
    assert User.objects.get(is_superuser=True).email == "staff@example.com"
    assert list(
        User.objects.filter(is_staff=True).order_by("email").values_list("email", "groups__name")
    ) == [
        ("finance@example.com", "finance"),
        ("manager@example.com", "manager"),
        ("staff@example.com", None),
        ("support@example.com", "support"),
    ]


def test_who_can_sign_in_is_said(load):
    """By the command, and by ``make run`` where it says where the shop is."""
    said = load()
    assert [email for email in PEOPLE if email not in said] == []
    assert [email for email in PEOPLE if f"{email:19} / {PASSWORD}" not in BANNER] == []
    assert PASSWORD in said


def test_coupons_to_try(load):
    """One for each rule: percent with a cap, one shelf, a limit, an ended one, a granted one."""
    load()
    rows = Coupon.objects.order_by("pk").values_list(
        *("code", "kind", "value", "cap", "minimum", "limit", "per_person"),
        *("is_for_all", "categories__slug"),
    )
    assert list(rows) == [
        ("WELCOME10", "PERCENT", 10, 5_000, 20_000, None, 1, True, None),
        ("TEA3000", "FIXED", 3_000, None, 10_000, None, 1, False, "pantry"),
        ("FIRST5", "FIXED", 5_000, None, 0, 5, 1, True, None),
        ("SUMMER25", "PERCENT", 25, None, 0, None, 1, True, None),
        (None, "FIXED", 5_000, None, 30_000, None, 1, True, None),
    ]
    now = timezone.now()
    assert [c.code for c in Coupon.objects.filter(valid_until__lt=now)] == ["SUMMER25"]
    assert not Coupon.objects.filter(valid_from__gt=now).exists()
    grant = CouponGrant.objects.get()
    assert (grant.coupon.name_ko, grant.user.email) == ("단골 감사 쿠폰", "shopper@example.com")


def test_plans_to_try(load):
    """A trial to begin with, a year, and a pass; each is a product by the plan's name and price."""
    load()
    rows = Plan.objects.values_list(
        *("slug", "price", "months", "renews", "trial_days"),
        *("discount_percent", "has_free_delivery", "product__price", "product__name_ko"),
    )
    assert list(rows) == [
        ("premium-monthly", 4_900, 1, True, 14, 10, True, 4_900, "프리미엄 월간"),
        ("premium-pass", 13_900, 3, False, 0, 10, True, 13_900, "프리미엄 3개월 이용권"),
        ("premium-yearly", 49_000, 12, True, 0, 10, True, 49_000, "프리미엄 연간"),
    ]
    product = Product.objects.get(slug="premium-pass")
    assert (product.category.name_en, product.name_en) == ("Memberships", "Premium 3-month pass")
    assert "석 달" in product.description_ko
    assert "Three months" in product.description_en


def test_a_plan_is_left_as_it_is(load):
    """Its members would get mail about a price that a second run puts back."""
    load()
    Plan.objects.filter(slug="premium-monthly").update(price=5_900)
    load()
    assert Plan.objects.get(slug="premium-monthly").price == 5_900
    assert Plan.objects.count() == len(PLANS)


def test_points_and_addresses_to_try(load):
    """The shopper has 12,000 points and two addresses, of which one is the default."""
    load()
    shopper = User.objects.get(email="shopper@example.com")
    entry = PointEntry.objects.get()
    assert (entry.user, entry.amount, entry.left, entry.kind) == (
        shopper,
        12_000,
        12_000,
        "GRANTED",
    )
    assert entry.granted_by.email == "staff@example.com"
    assert list(
        Address.objects.values_list("user", "label", "postcode", "recipient", "is_default")
    ) == [
        (shopper.pk, "집", "04524", "김손님", True),
        (shopper.pk, "회사", "13529", "김손님", False),
    ]
    for address in Address.objects.all():
        address.full_clean()


def test_what_was_used_stays_used(load):
    """A second run leaves uses, spent points, and what staff and the shopper changed."""
    load()
    Coupon.objects.filter(code="FIRST5").update(limit=9, redeemed=7, name_ko="바뀐 이름")
    Coupon.objects.filter(code="TEA3000").get().categories.clear()
    PointEntry.objects.update(left=500)
    Address.objects.filter(label="회사").update(line2="8층")
    said = load()
    first = Coupon.objects.get(code="FIRST5")
    assert (first.limit, first.redeemed, first.name_ko) == (9, 7, "바뀐 이름")
    assert not Coupon.objects.get(code="TEA3000").categories.exists()
    assert PointEntry.objects.get().left == 500
    assert list(Address.objects.values_list("line2", flat=True)) == ["3층", "8층"]
    for coupon in Coupon.objects.exclude(code=None):
        assert coupon.code in said


def test_it_refuses_outside_development(load, settings):
    """With DEBUG off nothing is written: the passwords are known to everybody."""
    settings.DEBUG = False
    with pytest.raises(CommandError, match="only runs with DEBUG on"):
        load()
    assert not User.objects.exists()
    assert not Product.objects.exists()
