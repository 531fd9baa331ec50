"""Coupons in the admin: what staff may set, and what their list says."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from shop.models import Coupon
from tests.queries import queries_of

LIST = "/admin/shop/coupon/"
SEOUL = ZoneInfo("Asia/Seoul")
REDEEMED = "It has been redeemed 3 times already: the limit cannot be lower."
BOTH = (
    "It cannot be for everything and for some goods only: turn this off, or take the categories "
    "and products away."
)
NEITHER = "It would be for nothing: choose a category or a product, or turn this on."


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
        "is_for_all": "on",
        "valid_from_0": "2026-01-01",
        "valid_from_1": "00:00:00",
        "valid_until_0": "",
        "valid_until_1": "",
        "limit": "",
        "per_person": "1",
    } | changes


def page_of(coupon):
    return f"{LIST}{coupon.pk}/change/"


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
            is_for_all="",
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
            *(
                "valid_from",
                "valid_until",
                "limit",
                "per_person",
                "redeemed",
                "is_active",
                "is_for_all",
            ),
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
            "is_for_all": False,
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

    @pytest.mark.parametrize(
        ("ticked", "goods", "said"),
        [
            ("on", ["products"], BOTH),
            ("on", ["categories"], BOTH),
            ("", [], NEITHER),
            ("on", [], None),
            ("", ["categories"], None),
        ],
    )
    def test_for_everything_or_for_some(self, staff, make_product, ticked, goods, said):
        """Both or neither is refused at the switch, with what to do; nothing is made."""
        tea = make_product()
        chosen = {"products": [str(tea.pk)], "categories": [str(tea.category_id)]}
        data = form(is_for_all=ticked, **{each: chosen[each] for each in goods})
        answer = staff.post(f"{LIST}add/", data)
        if said:
            assert errors(answer) == {"is_for_all": [said]}
            assert said in answer.content.decode()
        else:
            assert answer.status_code == 302
        assert list(Coupon.objects.values_list("is_for_all", flat=True)) == (
            [] if said else [bool(ticked)]
        )

    def test_a_coupon_for_nothing_can_be_switched_off(self, staff, make_coupon):
        """Its goods were deleted: it need not become one for everything first."""
        coupon = make_coupon(is_for_all=False)
        assert errors(staff.post(page_of(coupon), form(is_for_all=""))) == {"is_for_all": [NEITHER]}
        answer = staff.post(page_of(coupon), form(is_for_all="", is_active=""))
        assert answer.status_code == 302
        assert Coupon.objects.values_list("is_active", "is_for_all").get() == (False, False)

    def test_uses_are_never_written(self, staff, make_coupon):
        """They are counted while the form is saved: it writes the other columns only."""
        coupon = make_coupon()
        asked = queries_of(lambda: staff.post(page_of(coupon), form()))
        (written,) = [sql for sql in asked if 'UPDATE "shop_coupon"' in sql]
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
        cups = [make_product() for _ in range(4)]
        make_coupon(
            name_en="Some",
            kind="PERCENT",
            value=15,
            valid_until=datetime(2026, 12, 31, 18, 30, tzinfo=SEOUL),
            products=cups,
            categories=[cups[0].category],
        )
        make_coupon(name_en="None left", is_for_all=False)
        since = "2026-01-01 00:00"
        assert self.cells(staff) == {
            "None left": ("₩3,000", "nothing any more", f"{since} –", "0 / ∞"),
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
        cup = make_product()
        make_coupon(products=[cup])
        few = len(queries_of(lambda: staff.get(LIST)))
        for _ in range(5):
            make_coupon(products=[cup])
        assert len(queries_of(lambda: staff.get(LIST))) == few
