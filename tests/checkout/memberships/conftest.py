"""A shop that sells memberships, and shoppers who have one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.memberships import terms_of
from accounts.models import Membership, Plan, User
from checkout import payments, reconciliation, renewals
from orders import quoting
from orders.lines import lines_of
from orders.models import Order, PaymentTransaction
from shop import plans
from shop.models import Cart, Category, Product
from tests.conftest import CONTACT
from tests.kakaopay import KakaoPay

KST = ZoneInfo("Asia/Seoul")
JANUARY = datetime(2027, 1, 31, 14, tzinfo=KST)


@pytest.fixture
def make_plan(db: None) -> Callable[..., Plan]:
    """Plans with their products; monthly, for 4,900 won, renewing, unless said otherwise."""

    def make(**fields: Any) -> Plan:
        category, _ = Category.objects.get_or_create(
            slug="memberships", defaults={"name_ko": "멤버십", "name_en": "Memberships"}
        )
        number = Plan.objects.count() + 1
        defaults = {
            "slug": f"premium-{number}",
            "name_ko": f"프리미엄 {number}",
            "name_en": f"Premium {number}",
            "price": 4_900,
        }
        plan = Plan(**(defaults | fields))
        plans.offer(plan, category=category)
        return plan

    return make


@pytest.fixture
def buy(kakaopay: KakaoPay, make_user: Callable[..., User]) -> Callable[..., Order]:
    """
    Buy a plan, and perhaps goods with it, through the checkout: ``buy(plan, cup, user=, now=)``.

    Returns the order as it is once the buyer has agreed and come back.
    """

    def purchase(
        plan: Plan | None,
        *goods: Product,
        user: User | None = None,
        now: datetime | None = None,
        method: str = "CARD",
        before_capture: Callable[[], None] = lambda: None,
    ) -> Order:
        now = now or timezone.now()
        user = user or make_user()
        cart, _ = Cart.objects.get_or_create(user=user)
        bought = [*goods] if plan is None else [plan.product, *goods]
        for product in bought:
            cart.lines.create(product=product, quantity=1)
        terms = terms_of(user.pk, now=now)
        seen = quoting.quote_of(lines_of(cart, terms), terms=terms)
        charge = payments.start(user=user, contact=CONTACT, seen=seen, now=now)
        if isinstance(charge, Order):
            return charge
        back = kakaopay.pay(charge.redirect_urls["pc"], method=method)
        before_capture()
        payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)
        return Order.objects.get(pk=charge.order_id)

    return purchase


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    def make(email: str = "") -> User:
        email = email or f"member{User.objects.count()}@example.com"
        return User.objects.create_user(email, "open-sesame-2", name="김하나")

    return make


@pytest.fixture
def monthly(make_plan: Callable[..., Plan]) -> Plan:
    """4,900 won a month, renewing."""
    return make_plan()


@pytest.fixture
def at(kakaopay: KakaoPay) -> Callable[[datetime], datetime]:
    """Let the provider's clock be at this time; gives it back for ours."""

    def move(moment: datetime) -> datetime:
        kakaopay.reset_clock()
        kakaopay.advance(int((moment - timezone.now()).total_seconds()))
        return moment

    return move


@pytest.fixture
def member(
    buy: Callable[..., Order], monthly: Plan, at: Callable[[datetime], datetime]
) -> Membership:
    """Has paid 4,900 won for the 31st of January to the 27th of February: 28 days."""
    return membership_of(buy(monthly, now=at(JANUARY)).user)


@pytest.fixture
def lost(
    member: Membership, kakaopay: KakaoPay, at: Callable[[datetime], datetime]
) -> PaymentTransaction:
    """The renewal's charge is taken, and the answer is lost: its transaction."""
    kakaopay.fault("subscription", after="drop")
    charge = renewals.renew(member.pk, now=at(member.charge_at)).transaction
    assert charge is not None
    return charge


def membership_of(user: User) -> Membership:
    return Membership.objects.select_related("plan", "agreement").get(user=user)


def settle(now: datetime) -> list[PaymentTransaction]:
    """What recovery asks about at this time."""
    return list(reconciliation.settle_stale(reconciliation.unsettled(now), now=now))


def charges_of(member: Membership, kakaopay: KakaoPay) -> int:
    """By its agreement, in the provider's books."""
    assert member.agreement is not None
    return kakaopay.subscription(member.agreement.sid).charges


def seoul(*when: int) -> datetime:
    return datetime(*when, tzinfo=KST)
