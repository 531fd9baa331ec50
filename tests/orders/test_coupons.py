"""Coupons: what they take off, why they do not, and how often."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.memberships import NO_TERMS
from accounts.models import User
from orders import coupons, quoting, redemptions
from orders.coupons import CouponRefused, Why
from orders.lines import lines_of
from orders.models import CouponRedemption
from shop.models import Category, Coupon
from tests.queries import queries_of

pytestmark = pytest.mark.django_db
NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.fixture
def make_coupon():
    """Coupons of 3,000 won, for everything unless products or categories are named."""

    def make(*, products=(), categories=(), **fields):
        defaults = {"code": "SPRING", "name_ko": "봄 쿠폰", "kind": "FIXED", "value": 3_000}
        defaults |= {"valid_from": NOW - DAY, "is_for_all": not (products or categories)}
        coupon = Coupon.objects.create(**(defaults | fields))
        coupon.products.set(products)
        coupon.categories.set(categories)
        return coupon

    return make


@pytest.fixture
def cup(make_product):
    return make_product(price=11_000)


@pytest.fixture
def cart(fill_cart, cup):
    return fill_cart((cup, 2))


@pytest.fixture
def apply(shopper, cart):
    """What a key does to the shopper's cart: the discount in won."""

    def discount(key="SPRING", pending=None):
        lines = lines_of(cart, NO_TERMS)
        applied = coupons.apply(key, lines, user_id=shopper.pk, pending=pending, now=NOW)
        return quoting.quote_of(lines, applied, terms=NO_TERMS).discount

    return discount


@pytest.fixture
def redeemed(make_order, shopper):
    """Let somebody, or the shopper, redeem a coupon with an order of theirs."""

    def redeem(coupon, user=None, **fields):
        order = make_order(user=user or shopper, coupon_name=coupon.name, **fields)
        found = coupons.known_to(order.user_id, None).get(pk=coupon.pk)
        redemptions.redeem(order, coupons.Applied(found, None, coupons.next_use(found)))
        return order

    return redeem


class TestWhatItTakesOff:
    @pytest.mark.parametrize(
        ("fields", "discount"),
        [
            ({"value": 3_000}, 3_000),
            ({"value": 30_000}, 22_000),
            ({"kind": "PERCENT", "value": 10}, 2_200),
            ({"kind": "PERCENT", "value": 50, "cap": 5_000}, 5_000),
            ({"minimum": 22_000}, 3_000),
        ],
    )
    def test_off_22000_won(self, make_coupon, apply, fields, discount):
        """Fixed, more than the goods cost, percent, percent with a cap, minimum just reached."""
        make_coupon(**fields)
        assert apply() == discount

    @pytest.mark.parametrize("typed", ["SPRING", "spring", "  Spring ", "ＳＰＲＩＮＧ"])
    def test_a_code_is_known_however_it_is_typed(self, make_coupon, apply, typed):
        """Capitals, blanks and full-width letters do not matter."""
        make_coupon()
        assert apply(typed) == 3_000

    def test_no_coupon_takes_nothing(self, apply):
        """An empty field is no wrong code."""
        assert apply("") == 0

    def test_nothing_is_taken_off_for_a_use(self, make_coupon, apply, cup):
        """One percent of 50 won is nothing: the use is kept for another cart."""
        cup.price = 25
        cup.save()
        make_coupon(kind="PERCENT", value=1)
        with pytest.raises(CouponRefused):
            apply()

    def test_for_one_product(self, make_coupon, apply, cart, make_product, cup):
        """Ten percent of two cups, nothing of the tea."""
        cart.lines.create(product=make_product(price=5_000), quantity=1)
        make_coupon(kind="PERCENT", value=10, products=[cup])
        assert apply() == 2_200

    def test_for_a_category(self, make_coupon, apply, cart, make_product):
        """The cups are in the kitchen, the notebook is not."""
        desk = Category.objects.create(slug="desk", name_ko="문구")
        notebook = make_product(price=5_000)
        notebook.category = desk
        notebook.save()
        cart.lines.create(product=notebook, quantity=1)
        make_coupon(kind="PERCENT", value=10, categories=[desk])
        assert apply() == 500


class TestWhyItDoesNot:
    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"code": "AUTUMN"}, Why.UNKNOWN),
            ({"valid_from": NOW + DAY}, Why.NOT_YET),
            ({"valid_until": NOW}, Why.EXPIRED),
            ({"is_active": False}, Why.EXPIRED),
            ({"limit": 5, "redeemed": 5}, Why.USED_UP),
            ({"minimum": 22_001}, Why.MINIMUM),
        ],
    )
    def test_it_says_so(self, make_coupon, apply, fields, why):
        """Each refusal has its reason, and a sentence."""
        make_coupon(**fields)
        with pytest.raises(CouponRefused) as refusal:
            apply()
        assert refusal.value.why == why
        assert str(refusal.value)

    def test_what_is_missing_is_said(self, make_coupon, apply):
        """So that the shopper can put it into the cart."""
        make_coupon(minimum=30_000)
        with pytest.raises(CouponRefused, match=r"30,000.*8,000"):
            apply()

    def test_for_other_goods(self, make_coupon, apply, make_product):
        """Nothing in the cart is what it is for."""
        make_coupon(products=[make_product()])
        with pytest.raises(CouponRefused) as refusal:
            apply()
        assert refusal.value.why == Why.OTHER_GOODS

    def test_goods_that_were_deleted(self, make_coupon, apply, make_product, admin_client):
        """Staff delete the only product it is for: it is for nothing, not for everything."""
        tea = make_product(price=5_000)
        coupon = make_coupon(products=[tea])
        url = f"/admin/shop/product/{tea.pk}/delete/"
        assert admin_client.post(url, {"post": "yes"}).status_code == 302
        assert not coupon.products.exists()
        with pytest.raises(CouponRefused) as refusal:
            apply()
        assert refusal.value.why == Why.OTHER_GOODS

    def test_the_minimum_counts_the_goods_it_is_for(self, make_coupon, apply, cart, make_product):
        """50,000 won of other goods do not help."""
        tea = make_product(price=5_000)
        cart.lines.create(product=tea, quantity=1)
        make_coupon(minimum=10_000, products=[tea])
        with pytest.raises(CouponRefused) as refusal:
            apply()
        assert refusal.value.why == Why.MINIMUM

    def test_without_a_code_it_must_be_granted(self, make_coupon, apply, shopper):
        """Knowing its number does not help."""
        coupon = make_coupon(code=None)
        with pytest.raises(CouponRefused) as refusal:
            apply(f"#{coupon.pk}")
        assert refusal.value.why == Why.UNKNOWN
        coupon.grants.create(user=shopper)
        assert apply(f"#{coupon.pk}") == 3_000

    def test_a_code_cannot_be_redeemed_by_number(self, make_coupon, apply):
        """Whoever counts up the numbers learns no codes."""
        coupon = make_coupon()
        with pytest.raises(CouponRefused):
            apply(f"#{coupon.pk}")

    @pytest.mark.parametrize("key", ["#", "#x", "#²", "#" + "9" * 30, "가나다", "'; --"])
    def test_nonsense_is_no_coupon(self, apply, key):
        """And no error either."""
        with pytest.raises(CouponRefused) as refusal:
            apply(key)
        assert refusal.value.why == Why.UNKNOWN

    def test_once_per_person(self, make_coupon, apply, redeemed):
        """Given back, it can be used again."""
        order = redeemed(make_coupon())
        with pytest.raises(CouponRefused) as refusal:
            apply()
        assert refusal.value.why == Why.USED_BY_YOU
        redemptions.give_back(order, now=NOW)
        assert apply() == 3_000

    def test_what_the_pending_order_holds_is_free_to_its_shopper(
        self, make_coupon, apply, redeemed
    ):
        """They are ordering the same cart again, with the last use of it."""
        pending = redeemed(make_coupon(limit=1))
        assert apply(pending=pending) == 3_000


class TestUses:
    def test_giving_back_twice_gives_back_once(self, make_coupon, redeemed):
        """The count of uses goes back by one."""
        coupon = make_coupon(limit=5)
        order = redeemed(coupon)
        for _ in range(2):
            redemptions.give_back(order, now=NOW)
        coupon.refresh_from_db()
        assert coupon.redeemed == 0
        assert CouponRedemption.objects.get().given_back_at == NOW

    def test_a_person_with_two_uses(self, make_coupon, redeemed):
        """The first given back is free again, under its own number."""
        coupon = make_coupon(per_person=2)
        first, _second = redeemed(coupon), redeemed(coupon)
        redemptions.give_back(first, now=NOW)
        redeemed(coupon)
        live = CouponRedemption.objects.filter(given_back_at=None)
        assert sorted(live.values_list("nth", flat=True)) == [1, 2]

    def test_the_database_knows_the_limit_per_person(self, make_coupon, redeemed, make_order):
        """Whatever the code does, one use of one person is redeemed once."""
        order = redeemed(make_coupon())
        again = make_order()
        with pytest.raises(IntegrityError, match="one_redemption_per_use"):
            again.redemption = CouponRedemption.objects.create(
                order=again, coupon=order.redemption.coupon, user=order.user, nth=1
            )

    def test_redeeming_again_needs_a_use(self, make_coupon, redeemed):
        """Somebody else took the last one meanwhile."""
        coupon = make_coupon(limit=1)
        order = redeemed(coupon)
        redemptions.give_back(order, now=NOW)
        other = redeemed(coupon, User.objects.create_user("other@example.com"))
        with pytest.raises(CouponRefused) as refusal:
            redemptions.redeem_again(order)
        assert refusal.value.why == Why.USED_UP
        redemptions.give_back(other, now=NOW)
        redemptions.redeem_again(order)
        coupon.refresh_from_db()
        assert (coupon.redeemed, redemptions.held_by(order)) == (1, coupon.pk)

    def test_redeeming_again_keeps_the_limit_per_person(self, make_coupon, redeemed):
        """They used their one use for another order."""
        coupon = make_coupon()
        order = redeemed(coupon)
        redemptions.give_back(order, now=NOW)
        redeemed(coupon)
        with pytest.raises(CouponRefused) as refusal:
            redemptions.redeem_again(order)
        assert refusal.value.why == Why.USED_BY_YOU


class TestOwn:
    @pytest.fixture
    def given(self, make_coupon, shopper):
        """One of each state, and somebody else's."""
        kinds = {
            "끝난": {"valid_until": NOW},
            "올": {"valid_from": NOW + DAY},
            "먼": {"valid_until": NOW + 9 * DAY},
            "곧": {"kind": "PERCENT", "value": 10, "cap": 5_000, "valid_until": NOW + DAY},
        }
        for name, fields in kinds.items():
            make_coupon(code=None, name_ko=name, **fields).grants.create(user=shopper)
        make_coupon(name_ko="남의 것")

    def test_what_can_be_redeemed_comes_first(self, given, shopper):
        """And of that what ends first; the others say why."""
        found = [(c.name, why and why.why) for c, why in coupons.own(shopper.pk, now=NOW)]
        assert found == [("곧", None), ("먼", None), ("끝난", Why.EXPIRED), ("올", Why.NOT_YET)]

    def test_the_page_says_what_each_gives(self, given, shopper, client):
        """In as many queries for one coupon as for many; nobody sees it signed out."""
        assert client.get("/orders/coupons/").status_code == 302
        client.force_login(shopper)
        text = client.get("/orders/coupons/").content.decode()
        assert text.index("10%, 최대 5,000원") < text.index("3,000원")
        assert "남의 것" not in text
        for_many = len(queries_of(lambda: client.get("/orders/coupons/")))
        shopper.coupon_grants.exclude(coupon__name_ko="곧").delete()
        assert len(queries_of(lambda: client.get("/orders/coupons/"))) == for_many


class TestChoices:
    def test_best_first(self, make_coupon, shopper, cart):
        """What saves most is suggested; what cannot be used says why; what is over is not shown."""
        kinds = {
            "작은": {"value": 1_000},
            "큰": {"kind": "PERCENT", "value": 20},
            "비싼": {"value": 9_000, "minimum": 50_000},
            "지난": {"value": 9_000, "valid_until": NOW},
            "다 쓴": {"value": 9_000, "limit": 1, "redeemed": 1},
        }
        for name, fields in kinds.items():
            make_coupon(code=None, name_ko=name, **fields).grants.create(user=shopper)
        make_coupon(name_ko="남의 것", value=9_000)
        found = coupons.choices(lines_of(cart, NO_TERMS), user_id=shopper.pk, pending=None, now=NOW)
        shown = [(c.coupon.name, c.discount, c.is_best, c.refusal and c.refusal.why) for c in found]
        assert shown == [
            ("큰", 4_400, True, None),
            ("작은", 1_000, False, None),
            ("비싼", 0, False, Why.MINIMUM),
        ]

    def test_one_query_for_all(self, make_coupon, shopper, cart, cup):
        """However many coupons, for however many goods."""
        lines = lines_of(cart, NO_TERMS)
        given = {"user_id": shopper.pk, "pending": None, "now": NOW}
        for _ in range(3):
            coupon = make_coupon(code=None, products=[cup], categories=[cup.category])
            coupon.grants.create(user=shopper)
        assert len(queries_of(lambda: coupons.choices(lines, **given))) == 1
