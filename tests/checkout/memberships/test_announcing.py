"""Telling members of another price and of the end of a trial: once, and in time."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import Membership
from checkout import announcing, mails, members, renewals
from checkout.models import Mail
from shop import plans
from tests.checkout.memberships.conftest import membership_of
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

KST = ZoneInfo("Asia/Seoul")
JANUARY = datetime(2027, 1, 10, 14, tzinfo=KST)
DAY = timedelta(days=1)


def seoul(*when: int) -> datetime:
    return datetime(*when, tzinfo=KST)


def mails_about(event):
    return Mail.objects.filter(event=event).count()


def reprice(plan, price):
    plan.price = price
    plans.offer(plan, category=plan.product.category)


def announced(now):
    return list(announcing.announce_prices(now=now))


@pytest.fixture
def member(buy, monthly, at):
    """Pays 4,900 won a month since the 10th of January."""
    return membership_of(buy(monthly, now=at(JANUARY)).user)


class TestPrices:
    def test_members_are_told_a_month_ahead(self, member, monthly):
        """The price counts from the first period that begins 30 days later; nobody else is told."""
        reprice(monthly, 5_900)
        assert announced(JANUARY + DAY) == [member]
        member.refresh_from_db()
        assert (member.price, member.new_price) == (4_900, 5_900)
        assert member.new_price_from == seoul(2027, 3, 10)
        assert mails_about("PRICE") == 1

    def test_it_is_charged_from_then_on(self, member, monthly, kakaopay, at):
        """February costs what was agreed, March what was announced."""
        reprice(monthly, 5_900)
        announced(JANUARY + DAY)
        won = []
        for _ in range(2):
            done = renewals.renew(member.pk, now=at(member.charge_at))
            won.append(done.transaction.amount)
            assert announced(member.charge_at) == []
            member.refresh_from_db()
        assert won == [4_900, 5_900]
        assert (member.price, member.new_price, member.new_price_from) == (5_900, None, None)
        assert announced(member.charge_at) == []

    def test_nobody_is_told_twice(self, member, monthly):
        """However often it runs."""
        reprice(monthly, 5_900)
        announced(JANUARY + DAY)
        assert announced(JANUARY + 2 * DAY) == []
        assert mails_about("PRICE") == 1

    def test_two_workers_tell_once(self, member, monthly, buy, make_user):
        """Also where they look at the same moment."""
        others = [membership_of(buy(monthly, now=JANUARY).user) for _ in range(5)]
        reprice(monthly, 5_900)
        at_once(lambda: announced(JANUARY + DAY), times=4)
        assert mails_about("PRICE") == 1 + len(others)

    def test_another_price_before_it_counts(self, member, monthly):
        """Is told again, with a month from then."""
        reprice(monthly, 5_900)
        announced(JANUARY + DAY)
        reprice(monthly, 6_900)
        assert announced(JANUARY + 20 * DAY) == [member]
        member.refresh_from_db()
        assert (member.new_price, member.new_price_from) == (6_900, seoul(2027, 3, 10))
        assert announced(JANUARY + 21 * DAY) == []
        assert mails_about("PRICE") == 2

    def test_the_old_price_again(self, member, monthly, at):
        """Takes the announcement back, and says so; the old price is charged."""
        reprice(monthly, 5_900)
        announced(JANUARY + DAY)
        reprice(monthly, 4_900)
        assert announced(JANUARY + 2 * DAY) == [member]
        withdrawn = Mail.objects.filter(event="PRICE").latest("nth")
        mails.send(withdrawn.pk, now=timezone.now())
        assert "4,900" in mail.outbox[-1].body
        member.refresh_from_db()
        assert (member.price, member.new_price, member.new_price_from) == (4_900, None, None)
        assert mails_about("PRICE") == 2
        assert announced(JANUARY + 3 * DAY) == []
        for _ in range(2):
            done = renewals.renew(member.pk, now=at(member.charge_at))
            assert done.transaction.amount == 4_900
            member.refresh_from_db()

    def test_who_does_not_go_on_with_the_plan(self, buy, monthly, make_plan, make_user, at):
        """Who has stopped, ended, or chosen another plan is not told."""
        stopped, ended, leaving = (
            membership_of(buy(monthly, now=at(JANUARY)).user) for _ in range(3)
        )
        yearly = make_plan(months=12, price=49_000)
        members.stop(stopped.user, now=JANUARY)
        members.change_plan(leaving.user, yearly, now=JANUARY)
        Membership.objects.filter(pk=ended.pk).update(lasts_until=JANUARY, paid_until=JANUARY)
        list(renewals.end_overdue(now=JANUARY))
        reprice(monthly, 5_900)
        assert announced(JANUARY + DAY) == []
        assert mails_about("PRICE") == 0

    def test_a_switch_forgets_what_was_announced(self, member, monthly, make_plan, at):
        """The other plan's price is charged, month after month."""
        other = make_plan(price=9_900)
        reprice(monthly, 5_900)
        announced(JANUARY + DAY)
        members.change_plan(member.user, other, now=JANUARY + 2 * DAY)
        won = []
        for _ in range(3):
            done = renewals.renew(member.pk, now=at(member.charge_at))
            won.append(done.transaction.amount)
            member.refresh_from_db()
        assert won == [9_900, 9_900, 9_900]
        assert announced(member.charge_at) == []

    def test_one_that_cannot_be_told_does_not_stop_the_others(self, member, buy, monthly, caplog):
        """It is logged; the others are told, and it stays to be told."""
        other = membership_of(buy(monthly, now=JANUARY).user)
        member.user.orders.update(period=None)
        reprice(monthly, 5_900)
        assert announced(JANUARY + DAY) == [other]
        assert f"membership {member.pk} could not be told" in caplog.text
        assert list(announcing.to_tell_the_price()) == [member]

    def test_more_than_one_batch(self, buy, monthly, make_user, at, monkeypatch):
        """All are told, each once."""
        monkeypatch.setattr(announcing, "BATCH", 2)
        now = at(JANUARY)
        made = [membership_of(buy(monthly, now=now).user) for _ in range(5)]
        reprice(monthly, 5_900)
        assert announced(JANUARY + DAY) == made
        assert mails_about("PRICE") == 5


class TestTrials:
    @pytest.fixture
    def trying(self, buy, make_plan, at):
        """Tries for fourteen days from the 10th of January; the first payment is on the 24th."""
        return membership_of(buy(make_plan(trial_days=14), now=at(JANUARY)).user)

    def reminded(self, now):
        return list(announcing.remind_of_trials(now=now))

    def test_three_days_before(self, trying):
        """Not sooner, and once."""
        assert trying.charge_at == seoul(2027, 1, 24, 9)
        assert self.reminded(seoul(2027, 1, 21, 8, 59)) == []
        assert self.reminded(seoul(2027, 1, 21, 9)) == [trying]
        assert self.reminded(seoul(2027, 1, 22)) == []
        assert mails_about("TRIAL_ENDS") == 1

    def test_two_workers_remind_once(self, trying):
        """Also where they look at the same moment: nothing but the mail tells that it was done."""
        at_once(lambda: self.reminded(seoul(2027, 1, 22)), times=4)
        assert mails_about("TRIAL_ENDS") == 1

    def test_who_has_stopped(self, trying):
        """Is not charged, so there is nothing to say; who resumes is told."""
        user = trying.user
        members.stop(user, now=JANUARY)
        assert self.reminded(seoul(2027, 1, 22)) == []
        members.resume(user, now=JANUARY)
        assert self.reminded(seoul(2027, 1, 22)) == [trying]

    def test_only_of_trials(self, member):
        """Who pays already is not reminded of each renewal, nor after the trial."""
        assert self.reminded(member.charge_at - DAY) == []

    def test_not_after_the_trial(self, trying, at):
        """The second payment is none that ends a trial."""
        assert renewals.renew(trying.pk, now=at(trying.charge_at)).said == "renewed"
        trying.refresh_from_db()
        assert self.reminded(trying.charge_at - DAY) == []
