"""Coupons in the admin: what staff may set, and giving one to people."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.models import User
from shop import granting
from shop.models import Coupon, CouponGrant
from tests.queries import queries_of
from tests.races import at_once

LIST = "/admin/shop/coupon/"
SEOUL = ZoneInfo("Asia/Seoul")
REDEEMED = "It has been redeemed 3 times already: the limit cannot be lower."


@pytest.fixture
def staff(client, db):
    """A browser in which a superuser is signed in, in English."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    client.force_login(User.objects.create_superuser("staff@example.com", "open-sesame-2"))
    return client


@pytest.fixture
def make_coupon(db):
    """Coupons of 3,000 won, valid since the beginning of 2026."""

    def make(**fields):
        number = Coupon.objects.count() + 1
        defaults = {
            "name_ko": f"쿠폰 {number}",
            "name_en": f"Coupon {number}",
            "value": 3_000,
            "valid_from": datetime(2026, 1, 1, tzinfo=SEOUL),
        }
        return Coupon.objects.create(**(defaults | fields))

    return make


def form(**changes):
    """What the form of a coupon of 3,000 won sends."""
    return {
        "name_ko": "차 쿠폰",
        "name_en": "Tea coupon",
        "code": "",
        "is_active": "on",
        "kind": "FIXED",
        "value": "3000",
        "cap": "",
        "minimum": "0",
        "valid_from_0": "2026-01-01",
        "valid_from_1": "00:00:00",
        "valid_until_0": "",
        "valid_until_1": "",
        "limit": "",
        "per_person": "1",
    } | changes


def page_of(coupon):
    return f"{LIST}{coupon.pk}/change/"


def grant_page(coupon):
    return f"{LIST}{coupon.pk}/grant/"


def errors(answer):
    """What the answered form says is wrong, field by field."""
    return {name: list(said) for name, said in answer.context["adminform"].form.errors.items()}


class TestForm:
    def test_a_coupon_is_made(self, staff, make_product):
        """Every field of the form ends in the row; nobody has redeemed it."""
        tea = make_product()
        data = form(
            code="  tea-3000 ",
            kind="PERCENT",
            value="10",
            cap="5000",
            minimum="20000",
            valid_until_0="2026-12-31",
            valid_until_1="18:30:00",
            categories=[str(tea.category_id)],
            products=[str(tea.pk)],
            limit="5",
            per_person="2",
        )
        assert staff.post(f"{LIST}add/", data).status_code == 302
        coupon = Coupon.objects.get()
        assert Coupon.objects.values(
            *("name_ko", "name_en", "code", "kind", "value", "cap", "minimum"),
            *("valid_from", "valid_until", "limit", "per_person", "redeemed", "is_active"),
        ).get() == {
            "name_ko": "차 쿠폰",
            "name_en": "Tea coupon",
            "code": "TEA-3000",
            "kind": "PERCENT",
            "value": 10,
            "cap": 5_000,
            "minimum": 20_000,
            "valid_from": datetime(2026, 1, 1, tzinfo=SEOUL),
            "valid_until": datetime(2026, 12, 31, 18, 30, tzinfo=SEOUL),
            "limit": 5,
            "per_person": 2,
            "redeemed": 0,
            "is_active": True,
        }
        assert list(coupon.products.all()) == [tea]
        assert list(coupon.categories.all()) == [tea.category]

    def test_coupons_without_a_code_do_not_collide(self, staff):
        """An empty code is none at all, so there may be two."""
        for _ in range(2):
            assert staff.post(f"{LIST}add/", form(code="  ")).status_code == 302
        assert list(Coupon.objects.values_list("code", flat=True)) == [None, None]

    def test_full_width_letters_are_understood(self, staff):
        """A Korean keyboard may type them."""
        assert staff.post(f"{LIST}add/", form(code="ｔｅａ３０００")).status_code == 302
        assert Coupon.objects.get().code == "TEA3000"

    @pytest.mark.parametrize(
        ("changes", "field", "said"),
        [
            ({"code": "TE"}, "code", "Use capital letters, digits and hyphens."),
            ({"code": "차 쿠폰"}, "code", "Use capital letters, digits and hyphens."),
            ({"code": "taken"}, "code", "Coupon with this Code already exists."),
            (
                {"value": "0"},
                "__all__",
                "A fixed amount is at least 1 won and has no “at most”; a percentage is from "
                "1 to 100.",
            ),
            (
                {"cap": "5000"},
                "__all__",
                "A fixed amount is at least 1 won and has no “at most”; a percentage is from "
                "1 to 100.",
            ),
            (
                {"kind": "PERCENT", "value": "101"},
                "__all__",
                "A fixed amount is at least 1 won and has no “at most”; a percentage is from "
                "1 to 100.",
            ),
            (
                {"valid_until_0": "2026-01-01", "valid_until_1": "00:00:00"},
                "__all__",
                "It must end after it begins.",
            ),
            (
                {"kind": "PERCENT", "cap": "0"},
                "cap",
                "With 0 nobody could use the coupon. Leave it empty for no limit.",
            ),
            (
                {"limit": "0"},
                "limit",
                "With 0 nobody could use the coupon. Leave it empty for no limit.",
            ),
            (
                {"per_person": "0"},
                "per_person",
                "With 0 nobody could use the coupon. Leave it empty for no limit.",
            ),
        ],
    )
    def test_a_refusal_is_a_sentence(self, staff, make_coupon, changes, field, said):
        """What is wrong stands in the form, and no coupon is made."""
        make_coupon(code="TAKEN")
        answer = staff.post(f"{LIST}add/", form(**changes))
        assert said in errors(answer)[field]
        assert Coupon.objects.count() == 1

    @pytest.mark.parametrize(
        ("limit", "refused"), [("2", {"limit": [REDEEMED]}), ("3", None), ("", None)]
    )
    def test_the_limit_is_not_below_what_is_redeemed(self, staff, make_coupon, limit, refused):
        """Three uses were counted after the form was opened: three or none, but not two."""
        coupon = make_coupon(limit=5)
        assert staff.get(page_of(coupon)).status_code == 200
        Coupon.objects.update(redeemed=3)
        answer = staff.post(page_of(coupon), form(limit=limit))
        coupon.refresh_from_db()
        if refused:
            assert errors(answer) == refused
            assert (coupon.limit, coupon.redeemed) == (5, 3)
        else:
            assert answer.status_code == 302
            assert (coupon.limit, coupon.redeemed) == (int(limit) if limit else None, 3)

    def test_uses_are_never_written(self, staff, make_coupon):
        """They are counted while the form is saved: it writes the other columns only."""
        coupon = make_coupon()
        asked = queries_of(lambda: staff.post(page_of(coupon), form()))
        (written,) = [sql for sql in asked if sql.startswith('UPDATE "shop_coupon"')]
        assert "\"name_en\" = 'Tea coupon'" in written
        assert '"redeemed"' not in written


class TestList:
    def cells(self, staff, **query):
        """The rows of the list: gives, for what, valid and redeemed of each coupon."""
        changelist = staff.get(LIST, query).context["cl"]
        admin = changelist.model_admin
        return {
            coupon.name: (
                admin.gives(coupon),
                str(admin.for_what(coupon)),
                admin.validity(coupon),
                admin.uses(coupon),
            )
            for coupon in changelist.result_list
        }

    def test_a_row_says_what_matters(self, staff, make_coupon, make_product):
        """What it gives, for what, when, and how many of its uses are left."""
        make_coupon(name_en="Fixed", limit=5, redeemed=3)
        make_coupon(name_en="Capped", kind="PERCENT", value=10, cap=5_000, minimum=20_000)
        some = make_coupon(
            name_en="Some",
            kind="PERCENT",
            value=15,
            valid_until=datetime(2026, 12, 31, 18, 30, tzinfo=SEOUL),
        )
        cups = [make_product() for _ in range(4)]
        some.products.set(cups)
        some.categories.set([cups[0].category])
        since = "2026-01-01 00:00"
        assert self.cells(staff) == {
            "Some": ("15%", "Kitchen, Cup 1, Cup 2 +2", f"{since} – 2026-12-31 18:30", "0 / ∞"),
            "Capped": ("10%, at most ₩5,000, from ₩20,000", "everything", f"{since} –", "0 / ∞"),
            "Fixed": ("₩3,000", "everything", f"{since} –", "3 / 5"),
        }

    @pytest.mark.parametrize(
        ("state", "names"),
        [
            ("valid", {"valid", "last", "unlimited"}),
            ("coming", {"coming"}),
            ("ended", {"ended"}),
            ("used_up", {"used up"}),
            ("nonsense", {"valid", "last", "unlimited", "coming", "ended", "used up", "off"}),
        ],
    )
    def test_filters(self, staff, make_coupon, state, names):
        """Each state shows its coupons and no others; what is off cannot be redeemed."""
        now = timezone.now()
        hour = timezone.timedelta(hours=1)
        make_coupon(name_en="valid", valid_until=now + hour, limit=5)
        make_coupon(name_en="last", limit=5, redeemed=4)
        make_coupon(name_en="unlimited", redeemed=9)
        make_coupon(name_en="coming", valid_from=now + hour)
        make_coupon(name_en="ended", valid_until=now - hour)
        make_coupon(name_en="used up", limit=5, redeemed=5)
        make_coupon(name_en="off", is_active=False)
        assert set(self.cells(staff, state=state)) == names

    def test_search(self, staff, make_coupon):
        """By code and by name in both languages."""
        make_coupon(name_ko="차", name_en="Tea", code="TEA3000")
        make_coupon(name_en="Other")
        for words in ("tea3", "차", "TEA"):
            assert list(self.cells(staff, q=words)) == ["Tea"]

    def test_no_query_per_row(self, staff, make_coupon, make_product):
        """Six coupons cost as many queries as one."""
        product = make_product()

        def add():
            make_coupon().products.add(product)

        add()
        few = len(queries_of(lambda: staff.get(LIST)))
        for _ in range(5):
            add()
        assert len(queries_of(lambda: staff.get(LIST))) == few


class TestGranting:
    @pytest.fixture
    def coupon(self, make_coupon):
        return make_coupon(name_en="Thank you")

    @pytest.fixture
    def people(self, db):
        """Three accounts, of which the second writes its address in capitals."""
        for address in ("a@example.com", "B@example.com", "c@example.com"):
            User.objects.create_user(address)

    def holders(self, coupon):
        return sorted(coupon.grants.values_list("user__email", flat=True))

    def test_to_many_at_once(self, staff, coupon, people):
        """It says who got it, who had it, who is unknown; only the unknown are left to correct."""
        granting.grant(coupon, ["c@example.com"], now=timezone.now())
        typed = (
            "A@example.com, nobody@example.com;\r\nBee Kim <b@example.com>\r\n"
            "c@example.com bee a@EXAMPLE.com"
        )
        answer = staff.post(grant_page(coupon), {"people": typed})
        granted = answer.context["granted"]
        assert answer.status_code == 200
        assert granted.new == ["A@example.com", "b@example.com"]
        assert granted.already == ["c@example.com"]
        assert granted.unknown == ["nobody@example.com", "bee"]
        page = answer.content.decode()
        assert "Granted to 2 people." in page
        assert "1 person had it already." in page
        assert "2 addresses belong to no account." in page
        assert "nobody@example.com\nbee</textarea>" in page
        assert self.holders(coupon) == ["B@example.com", "a@example.com", "c@example.com"]

    def test_it_is_logged(self, staff, coupon, people):
        """Who gave it to whom stands in the coupon's history; a repetition gives nothing."""
        for _ in range(2):
            staff.post(grant_page(coupon), {"people": "a@example.com"})
        entry = LogEntry.objects.get(object_id=str(coupon.pk))
        assert entry.change_message == "Granted to a@example.com."
        assert entry.user.email == "staff@example.com"

    @pytest.mark.parametrize("typed", ["", " \n ", ",;", "a@example.com\0"])
    def test_nothing_to_read_is_refused(self, staff, coupon, people, typed):
        """422, a sentence, what was typed is still there, and nobody gets anything."""
        answer = staff.post(grant_page(coupon), {"people": typed})
        assert answer.status_code == 422
        assert answer.context["form"].errors["people"]
        assert answer.context["form"]["people"].value() == typed
        assert not CouponGrant.objects.exists()

    def test_five_hundred_at_once(self, staff, coupon, db):
        """As many queries as for one."""
        addresses = [f"person-{number}@example.com" for number in range(500)]
        User.objects.bulk_create(
            User(email=each, public_id=f"{number:032}") for number, each in enumerate(addresses)
        )
        one = queries_of(lambda: staff.post(grant_page(coupon), {"people": addresses[0]}))
        all_ = queries_of(lambda: staff.post(grant_page(coupon), {"people": "\n".join(addresses)}))
        assert coupon.grants.count() == 500
        assert len(all_) == len(one)

    def test_permission(self, client, coupon, people):
        """Who may change coupons but not grant them sees no button and gets 403."""
        clerk = User.objects.create_user("clerk@example.com", is_staff=True)
        may = Permission.objects.filter(codename__in=["view_coupon", "change_coupon"])
        clerk.user_permissions.set(may)
        client.force_login(clerk)
        assert grant_page(coupon) not in client.get(page_of(coupon)).content.decode()
        answer = client.post(grant_page(coupon), {"people": "a@example.com"})
        assert answer.status_code == 403
        assert not CouponGrant.objects.exists()

    def test_a_coupon_that_never_was(self, staff):
        """404, not an error."""
        assert staff.get(f"{LIST}99/grant/").status_code == 404

    def test_the_coupon_leads_to_its_people(self, staff, coupon, make_coupon, people):
        """Its page counts them; the list shows those of this coupon, and a grant is taken back."""
        granting.grant(coupon, ["a@example.com", "c@example.com"], now=timezone.now())
        granting.grant(make_coupon(), ["b@example.com"], now=timezone.now())
        url = f"/admin/shop/coupongrant/?coupon__id__exact={coupon.pk}"
        page = staff.get(page_of(coupon)).content.decode()
        assert grant_page(coupon) in page
        assert f'<a href="{url}" class="underline">2 people</a>' in page
        page = staff.get(url).content.decode()
        assert "a@example.com" in page
        assert "B@example.com" not in page
        grant = coupon.grants.get(user__email="a@example.com")
        gone = staff.post(f"/admin/shop/coupongrant/{grant.pk}/delete/", {"post": "yes"})
        assert gone.status_code == 302
        assert self.holders(coupon) == ["c@example.com"]


@pytest.mark.django_db(transaction=True)
def test_the_same_list_from_two_tabs(make_coupon):
    """Each person is reported as new once, and nobody sees an error."""
    coupon = make_coupon()
    addresses = [f"person-{number}@example.com" for number in range(20)]
    for address in addresses:
        User.objects.create_user(address)
    new = []

    def give():
        new.append(len(granting.grant(coupon, addresses, now=timezone.now()).new))

    at_once(give, times=4)
    assert sorted(new) == [0, 0, 0, 20]
    assert coupon.grants.count() == 20
