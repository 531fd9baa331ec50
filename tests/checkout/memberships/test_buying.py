"""Buying a membership: what is said before, what is refused, and what comes of it."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import memberships
from accounts.memberships.prospects import Hindrance, hindrance, prospect
from accounts.memberships.terms import terms_of
from accounts.models import Membership
from checkout import members, offers
from orders import placing, pricing, refunding
from orders.models import Order, PaymentTransaction
from shop import plans
from shop.models import Cart, Coupon
from tests.checkout.memberships.conftest import membership_of
from tests.checkout.review.page import QUOTE, READY, TYPED, seal_on
from tests.staff import give_back

pytestmark = pytest.mark.django_db(transaction=True)

KST = ZoneInfo("Asia/Seoul")
NOVEMBER = datetime(2026, 11, 20, 12, tzinfo=KST)
REVIEW = "/checkout/"


@pytest.fixture
def in_november(kakaopay, at, time_machine):
    """Noon on the 20th of November, for the shop and the provider."""
    at(NOVEMBER)
    time_machine.move_to(NOVEMBER)


@pytest.fixture
def trial(make_plan):
    return make_plan(trial_days=14, discount_percent=10, has_free_delivery=True)


@pytest.fixture
def quarter(make_plan):
    """A pass for three months."""
    return make_plan(price=13_900, months=3, renews=False)


@pytest.fixture
def browser(client, shopper):
    """The shopper's browser, signed in, in English."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    client.force_login(shopper)
    return client


@pytest.fixture
def put(shopper):
    """Put things into the shopper's cart, and nothing else."""

    def fill(*products):
        cart, _ = Cart.objects.get_or_create(user=shopper)
        cart.lines.all().delete()
        for product in products:
            cart.lines.create(product=product, quantity=1)

    return fill


@pytest.fixture
def order(browser):
    """Look at the review page and press its button: ``order()``; ``page`` is an older look."""

    def press(*, page=None, **changed):
        page = page or browser.get(REVIEW)
        promise = re.search(r'name="promise" value="([^"]*)"', page.content.decode())
        sent = {"seen": seal_on(page), "promise": promise[1] if promise else "", "consent": "on"}
        return browser.post(READY, TYPED | sent | changed)

    return press


@pytest.fixture
def come_back(browser, kakaopay):
    """Agree on the provider's page, and come back to the shop. Returns the order."""

    def agree(answer):
        assert answer.status_code == 303
        back = kakaopay.pay(answer["Location"])
        url = re.sub(r"^https?://[^/]+", "", back)
        assert browser.get(url).status_code == 302
        return Order.objects.latest("pk")

    return agree


def text(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def changed(page):
    return [(each.what, each.was, each.now) for each in page.context["changes"]]


def end_membership():
    Membership.objects.update(ended_at=timezone.now(), renews=False, charge_at=None)


@pytest.mark.usefixtures("in_november")
class TestATrial:
    def test_it_is_said_what_is_charged_and_when(self, browser, put, trial):
        """Nothing today, from when on how much, until when, and how to stop; agreed to in words."""
        put(trial.product)
        page = browser.get(REVIEW)
        said = text(page)
        assert "Today you pay ₩0 ." in said
        assert "The first 14 days are free, until Dec. 3, 2026." in said
        assert "From Dec. 4, 2026 on KakaoPay charges ₩4,900 a month , without" in said
        assert "You can cancel at any time in your account, under Membership." in said
        assert "agree to the purchase and to the payments that follow until I cancel" in said
        assert "Register a payment method and begin" in said
        assert page.context["quote"].total == 0

    def test_it_registers_how_to_pay(self, put, trial, order, come_back, kakaopay):
        """0 won at the provider; a member for fourteen days, and charged when it was said."""
        put(trial.product)
        bought = come_back(order())
        membership = membership_of(bought.user)
        payment = kakaopay.payments(bought.number)[0]
        assert (bought.status, bought.total, payment.total, payment.cid) == (
            *("PAID", 0, 0),
            "TCSUBSCRIP",
        )
        assert membership.agreement.sid == payment.sid
        assert membership.paid_until == datetime(2026, 12, 4, tzinfo=KST)
        assert membership.charge_at == datetime(2026, 12, 4, 9, tzinfo=KST)
        assert (membership.price, membership.periods.get().price) == (4_900, 0)

    def test_its_line_says_what_it_costs_others(self, browser, put, trial, order, come_back):
        """The receipt has 0 won instead of 4,900, as a trial and not as a members' price."""
        put(trial.product)
        receipt = browser.get(come_back(order()).get_absolute_url())
        assert "Free trial ₩0 instead of ₩4,900" in text(receipt)
        assert "less than others pay" not in text(receipt)

    def test_with_goods(self, browser, put, trial, order, come_back, kakaopay, make_product):
        """The goods are paid today, at the price for everybody, and the membership is not."""
        put(trial.product, make_product(price=10_000, needs_delivery=True))
        said = text(browser.get(REVIEW))
        assert "Today you pay ₩13,000 for everything in this order." in said
        assert "Pay ₩13,000 with KakaoPay" in said
        assert "with your next order" in said
        bought = come_back(order())
        payment = kakaopay.payments(bought.number)[0]
        assert (payment.total, payment.cid, payment.vat) == (13_000, "TCSUBSCRIP", 1_182)
        assert membership_of(bought.user).periods.get().is_trial

    @pytest.mark.parametrize(
        "terms", [{"price": 9_900}, {"trial_days": 7}, {"months": 12}, {"discount_percent": 5}]
    )
    def test_other_terms_are_agreed_to_first(self, browser, put, trial, order, terms):
        """What is free today is not dearer later than was said; once it is shown it can be had."""
        put(trial.product)
        seen = browser.get(REVIEW)
        for name, value in terms.items():
            setattr(trial, name, value)
        plans.offer(trial, category=trial.product.category)
        page = order(page=seen)
        assert (page.status_code, changed(page)) == (409, [("plan", 0, 0)])
        assert "Premium 1 is not what it was any more." in text(page)
        assert Order.objects.count() == 0
        assert order(page=page).status_code == 303

    def test_consent_is_needed(self, put, trial, order):
        """Without the tick nothing is placed, and what is agreed to is still said."""
        put(trial.product)
        page = order(consent="")
        assert (page.status_code, Order.objects.count()) == (422, 0)
        assert "payments that follow until I cancel" in text(page)

    def test_a_coupon_changes_what_is_paid_today(self, browser, put, monthly, spring):
        """With htmx the terms follow the amount; what is charged later stays."""
        put(monthly.product)
        typed = TYPED | {"seen": seal_on(browser.get(REVIEW)), "code": "SPRING", "apply": "1"}
        part = text(browser.post(QUOTE, typed, headers={"HX-Request": "true"}))
        assert "Today you pay ₩1,900 ." in part
        assert "charges ₩4,900 a month ," in part
        assert "Pay ₩1,900 with KakaoPay" in part

    @pytest.fixture
    def spring(self):
        return Coupon.objects.create(code="SPRING", name_ko="봄 쿠폰", value=3_000)


@pytest.mark.usefixtures("in_november")
class TestMembers:
    @pytest.fixture
    def member(self, put, monthly, order, come_back):
        """4,900 won a month since the 20th of November."""
        put(monthly.product)
        return membership_of(come_back(order()).user)

    def test_a_pass_follows_what_they_have(
        self, browser, member, put, quarter, order, come_back, kakaopay
    ):
        """It is said before from when to when and when is charged next; so it comes."""
        put(quarter.product)
        said = text(browser.get(REVIEW))
        assert "until Dec. 19, 2026. It renews by itself on Dec. 20, 2026." in said
        assert "It follows what you have: from Dec. 20, 2026 to March 19, 2027." in said
        assert "as before: ₩4,900 a month, charged next on March 20, 2027." in said
        assert "payments that follow" not in said
        bought = come_back(order())
        assert kakaopay.payments(bought.number)[0].cid == "TC0ONETIME"
        member.refresh_from_db()
        assert member.paid_until == datetime(2027, 3, 20, tzinfo=KST)
        assert member.charge_at == datetime(2027, 3, 20, 9, tzinfo=KST)
        assert (member.plan.months, member.renews) == (1, True)

    def test_what_renews_is_refused_at_once(self, browser, member, put, make_plan, order):
        """On the first look, and when the button is pressed all the same: nothing is placed."""
        yearly = make_plan(price=49_000, months=12)
        put(yearly.product)
        for page, status in ((browser.get(REVIEW), 200), (order(name="김둘"), 409)):
            said = text(page)
            assert page.status_code == status
            assert "Premium 2 cannot be bought now" in said
            assert "So you need not buy it again." in said
            assert "Something has changed" not in said
            assert 'type="submit" disabled>Pay with KakaoPay' in page.content.decode()
        assert 'value="김둘"' in page.content.decode()
        assert Order.objects.count() == 1

    def test_what_is_due_comes_first(self, browser, member, put, monthly, quarter, order):
        """Neither a plan nor a pass; the way to pay what is due is shown."""
        Membership.objects.update(failing_since=timezone.now(), attempts=1, refusal="PAYER")
        for plan in (monthly, quarter):
            put(plan.product)
            for page, status in ((browser.get(REVIEW), 200), (order(), 409)):
                said = text(page)
                assert (page.status_code, "Pay what is due" in said) == (status, True)
                assert "the last payment did not go through" in said
                assert "agree to the purchase." in said  # and to nothing that follows
        assert Order.objects.count() == 1

    def test_the_goods_can_be_bought_without_it(self, browser, member, put, monthly, make_product):
        """One press takes the membership out of the cart."""
        put(monthly.product, make_product())
        page = browser.get(REVIEW)
        line = page.context["joins"].line
        assert f'action="/cart/items/{line.pk}/remove/"' in page.content.decode()
        assert browser.post(f"/cart/items/{line.pk}/remove/")["Location"] == "/cart/"
        assert "cannot be bought" not in text(browser.get(REVIEW))

    def test_who_canceled_is_told_to_resume(self, browser, member, put, make_plan):
        """A plan that renews can be bought again, but going on as before costs nothing today."""
        members.stop(member.user, now=timezone.now())
        yearly = make_plan(price=49_000, months=12).product
        put(yearly)
        for page in (yearly.get_absolute_url(), REVIEW):
            said = text(browser.get(page))
            assert "until Dec. 19, 2026. It ends then." in said
            assert "resume it instead: that costs nothing today." in said
        assert "It follows what you have: from Dec. 20, 2026 to Dec. 19, 2027." in said

    def test_who_ended_the_agreement_is_not_told_to_resume(self, browser, member, make_plan):
        """They cannot: they would have to register how they pay."""
        members.stop(member.user, now=timezone.now())
        ended = {"status": "ENDED", "ended_at": timezone.now(), "ended_by": "PAYER"}
        type(member.agreement).objects.update(**ended)
        said = text(browser.get(make_plan(price=49_000, months=12).product.get_absolute_url()))
        assert "It ends then." in said
        assert "resume it instead" not in said

    def test_other_goods_are_not_disturbed(self, browser, member, put, make_product):
        """Without a membership in the cart nothing is said of one, but the price."""
        put(make_product())
        page = browser.get(REVIEW)
        assert page.context["joins"] is None
        assert "agree to the purchase. " in text(page) + " "
        assert 'id="joining"' not in page.content.decode()


@pytest.mark.usefixtures("in_november")
class TestMembersPrices:
    @pytest.fixture
    def member(self, put, make_plan, order, come_back):
        """10% off and free delivery, for three months."""
        put(make_plan(renews=False, months=3, discount_percent=10, has_free_delivery=True).product)
        return membership_of(come_back(order()).user)

    def test_an_order(self, browser, member, put, order, come_back, kakaopay, make_product):
        """What was shown is ordered and charged, and both prices stay on the receipt."""
        put(make_product(price=11_990, needs_delivery=True), make_product(price=7_000))
        page = browser.get(REVIEW)
        assert "Members' price ₩10,791 instead of ₩11,990" in text(page)
        assert "Delivery is free for you as a member." in text(page)
        bought = come_back(order())
        assert (bought.subtotal, bought.shipping, bought.total) == (17_091, 0, 17_091)
        rows = bought.lines.order_by("pk").values_list("unit_price", "list_price")
        assert list(rows) == [(10_791, 11_990), (6_300, 7_000)]
        assert kakaopay.payments(bought.number)[0].total == 17_091
        receipt = text(browser.get(bought.get_absolute_url()))
        assert "Members' price ₩10,791 instead of ₩11,990" in receipt
        assert "₩1,899 less than others pay, as you are a member." in receipt

    def test_a_line_goes_back_at_what_it_cost(
        self, member, put, order, come_back, kakaopay, make_product
    ):
        """The members' price, not the list price; in both books."""
        put(make_product(price=11_990), make_product(price=7_000))
        bought = come_back(order())
        line = bought.lines.get(unit_price=10_791)
        txn = give_back(bought, refunding.by_line({line.pk: 1})).transaction
        payment = kakaopay.payments(bought.number)[0]
        assert (txn.status, txn.amount) == (PaymentTransaction.Status.SUCCEEDED, 10_791)
        assert (payment.canceled_total, payment.available_total) == (10_791, 6_300)

    def test_it_ended_between_look_and_payment(self, browser, member, put, order, make_product):
        """Nothing is charged; the page says why the price and the delivery are others."""
        put(make_product(price=11_990, needs_delivery=True))
        seen = browser.get(REVIEW)
        end_membership()
        page = order(page=seen)
        assert (page.status_code, Order.objects.count()) == (409, 1)
        assert changed(page) == [("ended", 10_791, 11_990), ("shipping", 0, 3_000)]
        assert "Your membership has ended: Cup 2 is ₩11,990 again, not ₩10,791" in text(page)
        assert order(page=page).status_code == 303

    def test_it_began_between_look_and_payment(
        self, browser, put, order, shopper, make_plan, make_product
    ):
        """Bought in another window: the cheaper price is shown first, too."""
        put(make_product(price=11_990, needs_delivery=True))
        seen = browser.get(REVIEW)
        plan = make_plan(renews=False, discount_percent=10, has_free_delivery=True)
        given = {"price": 4_900, "is_trial": False, "agreement": None, "language": "ko"}
        with transaction.atomic():
            memberships.join(shopper.pk, plan, now=timezone.now(), **given)
        page = order(page=seen)
        assert page.status_code == 409
        assert changed(page) == [("began", 11_990, 10_791), ("shipping", 3_000, 0)]
        assert "You are a member now: Cup 1 costs you ₩10,791 instead of ₩11,990." in text(page)

    def test_the_shop_changed_its_price(self, browser, member, put, order, make_product):
        """That is not laid to the membership."""
        cup = make_product(price=11_990)
        put(cup)
        seen = browser.get(REVIEW)
        cup.price = 12_990
        cup.save()
        assert changed(order(page=seen)) == [("price", 10_791, 11_691)]

    def test_a_trial_that_was_used_meanwhile(self, browser, put, order, trial, member):
        """Whoever was a member meanwhile pays from the first day, and is told first."""
        put(trial.product)
        page = order(seen=sealed_as_a_trial(trial))
        assert page.status_code == 409
        assert changed(page) == [("tried", 0, 4_900)]
        assert "The free trial is for first-time members" in text(page)


def sealed_as_a_trial(plan):
    """What somebody saw who had never been a member."""
    item = pricing.Item(plan.product.pk, 0, 1, is_tax_free=False, needs_delivery=False)
    return offers.sealed(pricing.quote([item]))


@pytest.mark.usefixtures("in_november")
class TestWhatIsSaidComesTrue:
    """``prospect`` and ``hindrance`` say beforehand what joining does, and whether it may be."""

    @pytest.mark.parametrize(
        "before", ["nothing", "a month", "a pass", "canceled", "ended", "a period is due"]
    )
    @pytest.mark.parametrize("then", ["monthly", "trial", "quarter"])
    def test_period_and_charge(self, request, buy, make_user, make_plan, quarter, at, before, then):
        """Whatever somebody has, and whatever they buy then."""
        user, plan = make_user(), request.getfixturevalue(then)
        now = NOVEMBER + timedelta(days=5)
        if before != "nothing":
            buy(quarter if before == "a pass" else make_plan(), user=user, now=NOVEMBER)
        if before == "canceled":
            members.stop(user, now=NOVEMBER)
        if before == "ended":
            end_membership()
        if before == "a period is due":
            now = membership_of(user).paid_until + timedelta(hours=1)
            with transaction.atomic():
                memberships.due_period(memberships.lock(user.pk))
        terms = terms_of(user.pk, now=now)
        assert placing.can_join(plan, terms) == (hindrance(plan, terms) is None)
        if not placing.can_join(plan, terms):
            assert hindrance(plan, terms) == Hindrance.RENEWS
            return
        said = prospect(plan, terms, now=now)
        bought = buy(plan, user=user, now=at(now))
        membership = membership_of(user)
        period = membership.periods.get(orders=bought)
        assert (said.starts_at, said.ends_at) == (period.starts_at, period.ends_at)
        assert (said.is_trial, said.charge_at) == (period.is_trial, membership.charge_at)
        assert said.charge == (memberships.next_price(membership) if membership.renews else None)
