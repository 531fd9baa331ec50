"""What orders do to a membership when they are paid, and when their money goes back."""

from datetime import timedelta

import pytest

from accounts.models import BillingAgreement, Membership, MembershipPeriod, User
from checkout import payments, renewals
from orders import joining, refunding
from orders.models import Order
from tests.checkout.memberships.conftest import (  # noqa: F401
    JANUARY,
    at,
    buy,
    make_plan,
    make_user,
    membership_of,
    monthly,
    seoul,
)

pytestmark = pytest.mark.django_db(transaction=True)

Status = MembershipPeriod.Status


@pytest.fixture
def boss(db):
    return User.objects.create_superuser("boss@example.com", "open-sesame-2")


@pytest.fixture
def refund(boss):
    def give_back(order, scope, now):
        return payments.refund(order, scope, reason="…", by=boss, now=now)

    return give_back


@pytest.fixture
def cup(make_product):
    return make_product(price=11_000, needs_delivery=False)


class TestABasketOfBoth:
    @pytest.fixture
    def both(self, buy, monthly, cup, at):  # noqa: F811
        return buy(monthly, cup, now=at(JANUARY))

    def test_one_payment_for_all(self, both, kakaopay):
        """Goods and membership at once, by the contract that makes an agreement."""
        (payment,) = kakaopay.payments(both.number)
        assert (payment.total, both.period.price) == (15_900, 4_900)
        assert payment.sid == membership_of(both.user).agreement.sid

    def test_the_goods_go_back(self, both, refund, cup):
        """The membership goes on, and is renewed for its own price."""
        line = both.lines.get(product=cup)
        done = refund(both, refunding.by_line({line.pk: 1}), JANUARY + timedelta(days=1))
        membership = membership_of(both.user)
        assert (done.status, done.amount, done.vat) == ("SUCCEEDED", 11_000, 1_000)
        assert (membership.renews, membership.ended_at) == (True, None)

    def test_the_membership_goes_back(self, both, refund, kakaopay, at):  # noqa: F811
        """It is over at once and is never charged; the goods stay sold."""
        now = at(JANUARY + timedelta(days=1))
        line = joining.plan_line(both)
        done = refund(both, refunding.by_line({line.pk: 1}), now)
        membership = membership_of(both.user)
        assert (done.amount, done.vat) == (4_900, 445)
        assert (membership.ended_at, membership.charge_at) == (now, None)
        assert membership.agreement.status == BillingAgreement.Status.ENDING
        both.refresh_from_db()
        assert both.status == Order.Status.PARTIALLY_REFUNDED
        assert renewals.renew(membership.pk, now=at(seoul(2027, 2, 28, 9))).said == "nothing"
        assert kakaopay.subscription(membership.agreement.sid).charges == 1

    def test_some_money_goes_back(self, both, refund):
        """A goodwill of 1,000 won ends nothing."""
        refund(both, refunding.by_amount(1_000), JANUARY + timedelta(days=1))
        assert membership_of(both.user).renews

    def test_all_of_it_goes_back(self, both, refund):
        """The membership with it."""
        now = JANUARY + timedelta(days=1)
        refund(both, refunding.everything(), now)
        assert membership_of(both.user).ended_at == now


class TestARenewal:
    def test_refunded_by_staff(self, buy, monthly, refund, kakaopay, at):  # noqa: F811
        """The membership is over, and the same days are not charged anew; not now and not later."""
        membership = membership_of(buy(monthly, now=at(JANUARY)).user)
        renewals.renew(membership.pk, now=at(membership.charge_at))
        now = at(seoul(2027, 3, 2, 12))
        refund(Order.objects.get(kind="RENEWAL"), refunding.everything(), now)
        ended = membership_of(membership.user)
        assert (ended.ended_at, ended.charge_at, ended.paid_until) == (
            now,
            None,
            seoul(2027, 2, 28),
        )
        assert renewals.renew(membership.pk, now=at(seoul(2027, 3, 31, 9))).said == "nothing"
        assert kakaopay.subscription(ended.agreement.sid).charges == 2
        assert list(ended.periods.order_by("number").values_list("status", flat=True)) == [
            Status.PAID,
            Status.REFUNDED,
        ]

    def test_coming_back_after_a_refund(self, buy, monthly, refund, at):  # noqa: F811
        """The same days can be bought again, by whoever wants them."""
        first = buy(monthly, now=at(JANUARY))
        refund(first, refunding.everything(), JANUARY)
        again = buy(monthly, user=first.user, now=at(JANUARY + timedelta(minutes=1)))
        membership = membership_of(first.user)
        assert again.period.number == 2
        assert (membership.renews, membership.paid_until) == (True, seoul(2027, 2, 28))


class TestATrial:
    @pytest.fixture
    def plan(self, make_plan):  # noqa: F811
        return make_plan(trial_days=14)

    def test_it_costs_nothing_and_is_renewed_for_money(self, buy, plan, kakaopay, at):  # noqa: F811
        """0 won make the agreement; fourteen days later the month is charged by it."""
        order = buy(plan, now=at(JANUARY))
        membership = membership_of(order.user)
        sid = membership.agreement.sid
        assert (order.total, order.status) == (0, Order.Status.PAID)
        assert (membership.paid_until, membership.price) == (seoul(2027, 2, 14), 4_900)
        assert kakaopay.subscription(sid).charges == 0
        assert renewals.renew(membership.pk, now=at(seoul(2027, 2, 14, 9))).said == "renewed"
        assert membership_of(order.user).paid_until == seoul(2027, 3, 14)
        assert kakaopay.subscription(sid).charges == 1

    def test_once_for_each_person(self, buy, plan, at):  # noqa: F811
        """The second time it costs what it costs."""
        first = buy(plan, now=at(JANUARY))
        Membership.objects.update(renews=False, charge_at=None, ended_at=JANUARY)
        assert buy(plan, user=first.user, now=at(JANUARY + timedelta(hours=1))).total == 4_900

    def test_with_goods(self, buy, plan, cup, kakaopay, at):  # noqa: F811
        """Only the goods are paid, and the agreement is made all the same."""
        order = buy(plan, cup, now=at(JANUARY))
        assert kakaopay.payments(order.number)[0].total == 11_000
        assert membership_of(order.user).agreement is not None


def test_a_pass_makes_no_agreement(buy, make_plan, kakaopay, at):  # noqa: F811
    """It is paid by the contract for payments made once."""
    order = buy(make_plan(renews=False), now=at(JANUARY))
    (payment,) = kakaopay.payments(order.number)
    assert (payment.sid, payment.cid) == (None, "TC0ONETIME")
    assert not BillingAgreement.objects.exists()


def test_a_refund_of_one_order_and_the_payment_of_another(buy, monthly, cup, refund, at):  # noqa: F811
    """Goods bought while the membership goes back: both take their locks in one order."""
    first = buy(monthly, now=at(JANUARY))
    refund(first, refunding.everything(), JANUARY)
    later = buy(None, cup, user=first.user, now=at(JANUARY + timedelta(minutes=1)))
    assert (later.status, later.period) == (Order.Status.PAID, None)
    assert membership_of(first.user).ended_at == JANUARY
