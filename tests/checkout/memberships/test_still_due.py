"""A period that is due and was not charged yet, while its shopper does something about it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts import memberships
from checkout import members, payments, renewals, standing
from orders.models import Order
from tests.checkout.memberships.conftest import JANUARY, membership_of, seoul

pytestmark = pytest.mark.django_db(transaction=True)

A_MINUTE = timedelta(minutes=1)


@pytest.fixture
def member(buy, monthly, at, kakaopay):
    """Whose second month is due, and could not be charged: KakaoPay did not answer."""
    member = membership_of(buy(monthly, now=at(JANUARY)).user)
    kakaopay.fault("status", before="http_503")
    assert renewals.renew(member.pk, now=at(member.charge_at)).said == "postponed"
    return membership_of(member.user)


@pytest.fixture
def once(make_plan):
    """A pass for a month."""
    return make_plan(renews=False)


def pay_what_is_due(member, kakaopay, now):
    charge = members.register(member.user, now=now)
    back = kakaopay.pay(charge.redirect_urls["pc"])
    return payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)


def statuses_of(member):
    return list(member.periods.order_by("number").values_list("status", flat=True))


class TestAnotherPlan:
    def test_waits_for_what_is_due(self, member, make_plan, client, kakaopay, at):
        """The page does not offer what would not hold: what is due costs what was agreed."""
        dear = make_plan(price=99_000)
        now = at(member.charge_at)
        with pytest.raises(memberships.Unpaid):
            members.change_plan(member.user, dear, now=now)
        assert not standing.of(member.user.pk, now=now).can_change_plan
        told = renewals.renew(member.pk, now=now)
        assert (told.said, told.transaction.amount) == ("renewed", 4_900)
        assert standing.of(member.user.pk, now=now).can_change_plan

    def test_the_page_says_so(self, member, client):
        """And leads back."""
        client.force_login(member.user)
        answer = client.get(reverse("checkout:membership_plan"), follow=True)
        assert "먼저 미납된 요금을 결제해 주세요." in answer.content.decode()


class TestAPassBeforeItIsCharged:
    def test_what_is_due_is_paid_by_another_card(self, member, once, buy, kakaopay, at):
        """The card declines: registering another charges that month, not nothing."""
        now = at(member.charge_at - 5 * A_MINUTE)
        buy(once, user=member.user, now=now)
        kakaopay.decline_subscription(member.agreement.sid, "NOT_ENOUGH_BALANCE")
        assert renewals.renew(member.pk, now=at(member.charge_at)).said == "refused"
        assert standing.of(member.user.pk, now=member.charge_at).owes
        paid = pay_what_is_due(member, kakaopay, at(member.charge_at + A_MINUTE))
        assert paid.amount == 4_900
        assert statuses_of(member) == ["PAID", "PAID", "PAID"]
        assert membership_of(member.user).charge_at == seoul(2027, 4, 30, 9)

    def test_stopped_and_resumed(self, member, once, buy, kakaopay, at):
        """Nobody is charged for the month in which it was stopped; only from the pass's end on."""
        now = at(member.charge_at - 5 * A_MINUTE)
        buy(once, user=member.user, now=now)
        members.stop(member.user, now=now)
        members.resume(member.user, now=at(now + timedelta(days=40)))
        assert statuses_of(member) == ["PAID", "UNPAID", "PAID"]
        charge_at = membership_of(member.user).charge_at
        assert charge_at == seoul(2027, 4, 30, 9)
        said = [
            renewals.renew(member.pk, now=at(charge_at + n * timedelta(minutes=11))).said
            for n in range(3)
        ]
        assert said == ["renewed", "nothing", "nothing"]
        assert kakaopay.subscription(member.agreement.sid).charges == 2

    def test_another_that_was_begun_before_the_refusal(self, member, once, buy, kakaopay, at):
        """And is paid after it: it follows the first, whose days are not lost."""
        now = at(member.charge_at - 5 * A_MINUTE)
        buy(once, user=member.user, now=now)
        kakaopay.decline_subscription(member.agreement.sid, "NOT_ENOUGH_BALANCE")

        def fails():
            assert renewals.renew(member.pk, now=member.charge_at).said == "refused"

        buy(once, user=member.user, now=at(member.charge_at), before_capture=fails)
        longer = membership_of(member.user)
        assert longer.paid_until == seoul(2027, 5, 31)
        assert longer.is_failing  # the month before is still due
        assert statuses_of(member) == ["PAID", "DUE", "PAID", "PAID"]


class TestItIsOver:
    @pytest.mark.parametrize("end", ["grace", "at once"])
    def test_what_its_shopper_began_to_pay_is_canceled(self, member, kakaopay, at, end):
        """Nothing is taken for a month that is given up."""
        kakaopay.decline_subscription(member.agreement.sid, "NOT_ENOUGH_BALANCE")
        assert renewals.renew(member.pk, now=at(member.charge_at)).said == "refused"
        failing = membership_of(member.user)
        now = at(failing.lasts_until - A_MINUTE)
        charge = members.register(member.user, now=now)
        back = kakaopay.pay(charge.redirect_urls["pc"])
        over = at(now + 2 * A_MINUTE)
        if end == "grace":
            assert list(renewals.end_overdue(now=over)) == [failing]
        else:
            members.stop_at_once(member.user, now=now)
        charge = payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=over)
        assert (charge.status, charge.order.status) == ("CANCELED", Order.Status.CANCELED)
        (payment,) = kakaopay.payments(charge.order.number)
        assert payment.actions == ()
