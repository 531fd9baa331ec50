"""Memberships by themselves: the calendar, what follows a refusal, stopping, changing, and ends."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import memberships
from accounts.memberships import days
from accounts.models import BillingAgreement, Membership, MembershipPeriod, Plan, User

pytestmark = pytest.mark.django_db

KST = ZoneInfo("Asia/Seoul")
Refusal = Membership.Refusal
Status = MembershipPeriod.Status


def seoul(*when):
    return datetime(*when, tzinfo=KST)


JANUARY = seoul(2027, 1, 10, 14)
DUE = seoul(2027, 2, 10, 9)


@pytest.fixture
def make_plan():
    def make(**fields):
        slug = f"plan-{Plan.objects.count()}"
        defaults = {"slug": slug, "name_ko": "프리미엄", "name_en": "Premium", "price": 4_900}
        return Plan.objects.create(**(defaults | fields))

    return make


@pytest.fixture
def monthly(make_plan):
    return make_plan()


@pytest.fixture
def user():
    return User.objects.create_user("hana@example.com", "open-sesame-2", name="김하나")


def agree(user, **fields):
    agreement = BillingAgreement(user=user, gateway="kakaopay", **fields)
    agreement.sid = f"S{BillingAgreement.objects.count()}"
    agreement.save()
    return agreement


def join(user, plan, now=JANUARY, agreement=None, **more):
    """Buy the plan; one that renews makes an agreement."""
    if plan.renews and agreement is None:
        agreement = agree(user)
    given = {"price": plan.price, "is_trial": False, "language": "ko"}
    memberships.join(user.pk, plan, agreement=agreement, now=now, **(given | more))
    return of(user)


def of(user):
    return Membership.objects.select_related("plan", "next_plan", "agreement").get(user=user)


def refuse(user, why, now):
    """The period that is due could not be charged."""
    period = memberships.due_period(of(user))
    memberships.refuse(period, why, agreement=of(user).agreement, now=now)
    return of(user)


def pay(user, now=DUE, agreement=None):
    memberships.pay(memberships.due_period(of(user)), agreement=agreement, now=now)
    return of(user)


class TestTheCalendar:
    """Periods are whole days in Korea, on the same day of each month or the month's last."""

    @pytest.mark.parametrize(
        ("bought", "months", "ends"),
        [
            (seoul(2027, 1, 10, 14), 1, ["2027-02-10", "2027-03-10", "2027-04-10"]),
            (seoul(2027, 1, 31, 14), 1, ["2027-02-28", "2027-03-31", "2027-04-30"]),
            (seoul(2028, 1, 31, 14), 1, ["2028-02-29", "2028-03-31", "2028-04-30"]),
            (seoul(2028, 1, 29, 0), 1, ["2028-02-29", "2028-03-29", "2028-04-29"]),
            (seoul(2027, 2, 28, 23, 59), 1, ["2027-03-28", "2027-04-28", "2027-05-28"]),
            (seoul(2027, 12, 31, 23, 59), 1, ["2028-01-31", "2028-02-29", "2028-03-31"]),
            (seoul(2028, 2, 29, 12), 12, ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
            (seoul(2027, 8, 31, 12), 6, ["2028-02-29", "2028-08-31", "2029-02-28"]),
        ],
    )
    def test_period_after_period(self, user, make_plan, bought, months, ends):
        """A short month does not move the day of those that follow."""
        membership = join(user, make_plan(months=months), bought)
        found = [membership.paid_until]
        while len(found) < len(ends):
            found.append(pay(user, now=found[-1]).paid_until)
        assert [f"{timezone.localtime(end):%Y-%m-%d}" for end in found] == ends
        assert {timezone.localtime(end).hour for end in found} == {0}

    def test_the_day_is_koreas(self, user, monthly):
        """At 15:30 in London it is the next day in Seoul already."""
        membership = join(user, monthly, datetime(2027, 1, 9, 15, 30, tzinfo=ZoneInfo("UTC")))
        assert (membership.day, membership.paid_until) == (10, seoul(2027, 2, 10))

    def test_charged_in_the_morning_and_lasting_as_long_as_grace(self, user, monthly):
        """Due at midnight, charged at nine, and a member for seven days more."""
        membership = join(user, monthly)
        assert membership.charge_at == DUE
        assert membership.lasts_until == seoul(2027, 2, 17)

    def test_a_trial_sets_the_day(self, user, make_plan):
        """Fourteen days from the 20th end on the 3rd, which is when months begin then."""
        plan = make_plan(trial_days=14)
        membership = join(user, plan, seoul(2027, 1, 20, 14), is_trial=True)
        trial = membership.periods.get()
        assert (trial.price, trial.is_trial, trial.ends_at) == (0, True, seoul(2027, 2, 3))
        assert membership.charge_at == seoul(2027, 2, 3, 9)
        due = memberships.due_period(membership)
        assert (due.price, due.starts_at, due.ends_at) == (
            4_900,
            seoul(2027, 2, 3),
            seoul(2027, 3, 3),
        )

    def test_a_trial_that_ends_on_the_31st(self, user, make_plan):
        """It is followed by the last of February, and the 31st of March."""
        join(user, make_plan(trial_days=30), seoul(2027, 1, 1, 14), is_trial=True)
        assert pay(user).paid_until == seoul(2027, 2, 28)
        assert pay(user).paid_until == seoul(2027, 3, 31)

    def test_days_of_adding_months(self):
        """By whole months from the day, at midnight in Korea."""
        assert days.later(seoul(2027, 1, 30, 23), 1, 30) == seoul(2027, 2, 28)
        assert days.later(seoul(2027, 2, 28), 1, 30) == seoul(2027, 3, 30)
        assert days.later(seoul(2027, 1, 15, 0), 36, 15) == seoul(2030, 1, 15)


class TestRefusals:
    def test_a_payers_schedule(self, user, monthly):
        """Once a day, after one, three and five days from the first; then no more."""
        join(user, monthly)
        now, tried = DUE, []
        while now:
            tried.append(timezone.localtime(now).day)
            membership = refuse(user, Refusal.PAYER, now)
            now = membership.charge_at
        assert tried == [10, 11, 13, 15]
        assert (membership.attempts, membership.failing_since) == (4, DUE)
        assert membership.lasts_until == seoul(2027, 2, 17)

    def test_the_schedule_is_set_by_settings(self, user, monthly, settings):
        """Days in any order; those beyond the grace period are left out."""
        settings.MEMBERSHIP_RETRY_DAYS = [9, 4, 2]
        join(user, monthly)
        assert refuse(user, Refusal.PAYER, DUE).charge_at == seoul(2027, 2, 12, 9)
        assert refuse(user, Refusal.PAYER, seoul(2027, 2, 12, 9)).charge_at == seoul(2027, 2, 14, 9)
        assert refuse(user, Refusal.PAYER, seoul(2027, 2, 14, 9)).charge_at is None

    def test_a_refusal_late_in_the_day_counts_by_days(self, user, monthly):
        """Refused at 23:50, tried again at nine."""
        join(user, monthly)
        membership = refuse(user, Refusal.PAYER, seoul(2027, 2, 10, 23, 50))
        assert membership.charge_at == seoul(2027, 2, 11, 9)

    def test_a_day_that_was_missed_is_not_made_up_for(self, user, monthly):
        """Where the shop slept over the 11th and tries on the 13th, the 15th comes next."""
        join(user, monthly)
        refuse(user, Refusal.PAYER, DUE)
        membership = refuse(user, Refusal.PAYER, seoul(2027, 2, 13, 11))
        assert membership.charge_at == seoul(2027, 2, 15, 9)

    def test_used_up_waits_for_the_next_month(self, user, monthly):
        """Until the first at nine, and the grace period is as long as if it were due then."""
        join(user, monthly)
        membership = refuse(user, Refusal.USED_UP, DUE)
        assert membership.charge_at == seoul(2027, 3, 1, 9)
        assert membership.lasts_until == seoul(2027, 3, 8)
        assert (membership.refusal, membership.attempts) == ("USED_UP", 1)

    def test_used_up_again(self, user, monthly):
        """Nobody is a member for nothing month after month: it is moved once."""
        join(user, monthly)
        first = refuse(user, Refusal.USED_UP, DUE)
        second = refuse(user, Refusal.USED_UP, first.charge_at)
        assert (second.charge_at, second.lasts_until) == (None, first.lasts_until)

    def test_used_up_and_declined_in_turn(self, user, monthly):
        """Neither makes room for the other: it comes to an end."""
        join(user, monthly)
        now, tried = DUE, 0
        while now and tried < 9:
            why = Refusal.PAYER if tried % 2 else Refusal.USED_UP
            membership = refuse(user, why, now)
            now, tried = membership.charge_at, tried + 1
        assert tried == 3
        assert membership.lasts_until == seoul(2027, 3, 8)

    def test_declined_after_a_month_that_was_used_up(self, user, monthly):
        """The days of trying again count from the first, a fault of ours between or not."""
        join(user, monthly)
        refuse(user, Refusal.USED_UP, DUE)
        refuse(user, Refusal.SHOP, seoul(2027, 3, 1, 9))
        now, tried = seoul(2027, 3, 2, 9), []
        while now:
            tried.append(timezone.localtime(now).day)
            membership = refuse(user, Refusal.PAYER, now)
            now = membership.charge_at
        assert tried == [2, 3, 5, 7]
        assert membership.lasts_until == seoul(2027, 3, 8)

    def test_an_attempt_does_not_lengthen_the_schedule(self, user, monthly, settings):
        """Taken up, a membership lasts a day longer, in which no further attempt finds room."""
        settings.MEMBERSHIP_RETRY_DAYS = [1, 6, 7, 8]
        join(user, monthly)
        now, tried = DUE, []
        while now:
            tried.append(timezone.localtime(now).day)
            later = now + timedelta(days=1, hours=1)
            Membership.objects.filter(lasts_until__lt=later).update(lasts_until=later)
            now = refuse(user, Refusal.PAYER, now).charge_at
        assert tried == [10, 11, 16]

    def test_our_own_fault_does_not_count(self, user, monthly):
        """The next day again, for as long as it takes, and nobody has failed."""
        join(user, monthly)
        now = DUE
        for _ in range(10):
            membership = refuse(user, Refusal.SHOP, now)
            assert membership.charge_at == now + timedelta(days=1)
            now = membership.charge_at
        assert (membership.attempts, membership.is_failing) == (0, False)
        assert membership.lasts_until == now + timedelta(days=1)

    def test_our_own_fault_does_not_cost_a_day_of_the_schedule(self, user, monthly):
        """Refused by the card on the 10th, by us on the 11th, by the card on the 12th: the 13th."""
        join(user, monthly)
        refuse(user, Refusal.PAYER, DUE)
        refuse(user, Refusal.SHOP, seoul(2027, 2, 11, 9))
        membership = refuse(user, Refusal.PAYER, seoul(2027, 2, 12, 9))
        assert (membership.charge_at, membership.attempts) == (seoul(2027, 2, 13, 9), 2)

    @pytest.mark.parametrize(
        ("why", "status", "by"),
        [(Refusal.ENDED, "ENDED", "PAYER"), (Refusal.OTHER_BUYER, "ENDING", "")],
    )
    def test_for_good(self, user, monthly, why, status, by):
        """Never again by itself; what its shopper did not end is to be ended at the provider."""
        join(user, monthly)
        membership = refuse(user, why, DUE)
        assert membership.charge_at is None
        assert membership.lasts_until == seoul(2027, 2, 17)
        assert (membership.agreement.status, membership.agreement.ended_by) == (status, by)

    def test_of_an_agreement_that_the_shop_is_ending(self, user, monthly):
        """Its shopper did not end it: it is still to be ended at the provider."""
        agreement = join(user, monthly).agreement
        memberships.release(agreement, besides=of(user))
        assert refuse(user, Refusal.ENDED, DUE).charge_at is None
        agreement.refresh_from_db()
        assert (agreement.status, agreement.ended_by) == ("ENDING", "")

    def test_of_an_agreement_that_was_replaced(self, user, monthly):
        """The new one is left alone, and is charged as planned."""
        old = join(user, monthly).agreement
        period = memberships.due_period(of(user))
        new = agree(user)
        memberships.register(user.pk, new, asked_at=DUE)
        told = memberships.refuse(period, Refusal.ENDED, agreement=old, now=DUE)
        membership = of(user)
        assert told is None
        assert (membership.agreement, membership.charge_at) == (new, DUE)
        assert membership.agreement.status == BillingAgreement.Status.ACTIVE
        old.refresh_from_db()
        assert old.status == BillingAgreement.Status.ENDING

    def test_of_a_period_that_is_paid(self, user, monthly):
        """It changes nothing: the next month is charged as planned."""
        join(user, monthly)
        period = memberships.due_period(of(user))
        pay(user)
        assert (
            memberships.refuse(period, Refusal.PAYER, agreement=of(user).agreement, now=DUE) is None
        )
        assert (of(user).charge_at, of(user).attempts) == (seoul(2027, 3, 10, 9), 0)

    def test_being_paid_in_the_end_forgets_them(self, user, monthly):
        """The next period begins with a clean slate, on its usual day."""
        join(user, monthly)
        refuse(user, Refusal.PAYER, DUE)
        membership = pay(user, seoul(2027, 2, 11, 9))
        assert (membership.attempts, membership.failing_since, membership.refusal) == (0, None, "")
        assert membership.paid_until == seoul(2027, 3, 10)


class TestPaying:
    def test_a_period_is_paid_once(self, user, monthly):
        """The second time says so, and adds no month."""
        membership = join(user, monthly)
        period = memberships.due_period(membership)
        assert memberships.pay(period, now=DUE)
        assert not memberships.pay(period, now=DUE)
        assert of(user).paid_until == seoul(2027, 3, 10)

    def test_the_database_has_each_period_once(self, user, monthly):
        """By number, by beginning, and one that is due."""
        membership = join(user, monthly)
        first = membership.periods.get()
        due = memberships.due_period(membership)
        times = {"starts_at": due.ends_at, "ends_at": due.ends_at + timedelta(days=30)}
        common = {"membership": membership, "plan": monthly, "price": 1}
        for wrong, fields in (
            ("one_period_per_number", times | {"number": first.number, "status": "PAID"}),
            (
                "one_period_per_beginning",
                times | {"starts_at": first.starts_at, "number": 9, "status": "PAID"},
            ),
            ("one_due_period", times | {"number": 9, "status": "DUE"}),
        ):
            with pytest.raises(IntegrityError, match=wrong), transaction.atomic():
                MembershipPeriod.objects.create(**common, **fields)

    def test_asking_for_what_is_due_makes_it_once(self, user, monthly):
        """The same period each time, at the price that was agreed on."""
        membership = join(user, monthly)
        Plan.objects.update(price=9_900)
        assert memberships.due_period(membership) == memberships.due_period(of(user))
        assert memberships.due_period(membership).price == 4_900


class TestJoiningMore:
    def test_a_pass_adds_to_what_is_paid(self, user, monthly, make_plan):
        """It begins when the month ends, and renewing goes on after it by the plan that renews."""
        join(user, monthly)
        ticket = make_plan(renews=False, months=3, price=12_000)
        membership = join(user, ticket, seoul(2027, 1, 20))
        assert membership.paid_until == seoul(2027, 5, 10)
        assert membership.charge_at == seoul(2027, 5, 10, 9)
        assert membership.plan == monthly
        assert memberships.due_period(membership).starts_at == seoul(2027, 5, 10)

    def test_a_pass_bought_while_a_period_is_due(self, user, monthly, make_plan):
        """It follows the period that is due, which is charged all the same, and at its time."""
        join(user, monthly)
        memberships.due_period(of(user))
        Membership.objects.update(charge_at=DUE + timedelta(minutes=10))
        membership = join(user, make_plan(renews=False), DUE)
        assert membership.paid_until == seoul(2027, 4, 10)
        assert membership.charge_at == DUE + timedelta(minutes=10)
        membership = pay(user)
        assert membership.paid_until == seoul(2027, 4, 10)
        assert membership.charge_at == seoul(2027, 4, 10, 9)

    def test_a_pass_leaves_a_stopped_plan_to_be_resumed(self, user, monthly, make_plan):
        """Stopped, made longer by a pass, and resumed: it renews by its plan after the pass."""
        join(user, monthly)
        memberships.cancel(user.pk, now=JANUARY)
        join(user, make_plan(renews=False), JANUARY)
        membership = memberships.resume(user.pk, now=JANUARY)
        assert (membership.plan, membership.charge_at) == (monthly, seoul(2027, 3, 10, 9))

    def test_a_pass_alone_is_never_charged(self, user, make_plan):
        """It ends when it is over, without a day of grace."""
        membership = join(user, make_plan(renews=False))
        assert (membership.renews, membership.charge_at) == (False, None)
        assert membership.lasts_until == membership.paid_until == seoul(2027, 2, 10)

    def test_a_plan_that_renews_after_a_pass(self, user, monthly, make_plan):
        """It begins when the pass ends."""
        join(user, make_plan(renews=False))
        membership = join(user, monthly)
        assert membership.paid_until == seoul(2027, 3, 10)
        assert (membership.plan, membership.renews) == (monthly, True)

    def test_coming_back_begins_anew(self, user, monthly):
        """Today is the first day; what was due then is not owed, the numbers go on."""
        join(user, monthly)
        memberships.due_period(of(user))
        back = seoul(2027, 6, 20, 14)
        membership = join(user, monthly, back)
        assert (membership.started_at, membership.day) == (back, 20)
        assert membership.paid_until == seoul(2027, 7, 20)
        statuses = membership.periods.order_by("number").values_list("number", "status")
        assert list(statuses) == [(1, Status.PAID), (2, Status.UNPAID), (3, Status.PAID)]

    def test_without_an_agreement_it_waits_to_be_told_how(self, user, monthly):
        """It renews, but nobody is charged: its shopper has until the end of the grace period."""
        memberships.join(
            user.pk,
            monthly,
            price=4_900,
            is_trial=False,
            agreement=None,
            language="ko",
            now=JANUARY,
        )
        membership = of(user)
        assert (membership.renews, membership.charge_at) == (True, None)
        assert membership.lasts_until == seoul(2027, 2, 17)


class TestStopping:
    def test_it_lasts_until_what_is_paid_ends(self, user, monthly):
        """Without grace, and its agreement is kept in case they think better of it."""
        join(user, monthly)
        membership = memberships.cancel(user.pk, now=JANUARY)
        assert (membership.renews, membership.charge_at) == (False, None)
        assert membership.lasts_until == seoul(2027, 2, 10)
        assert of(user).agreement.status == BillingAgreement.Status.ACTIVE

    def test_stopping_twice(self, user, monthly):
        """There is nothing to stop any more."""
        join(user, monthly)
        memberships.cancel(user.pk, now=JANUARY)
        with pytest.raises(memberships.NotRenewing):
            memberships.cancel(user.pk, now=JANUARY)

    def test_resuming_to_the_last_moment(self, user, monthly):
        """It is charged when it would have been."""
        join(user, monthly)
        memberships.cancel(user.pk, now=JANUARY)
        last = seoul(2027, 2, 10) - timedelta(seconds=1)
        assert memberships.resume(user.pk, now=last).charge_at == DUE

    def test_resuming_too_late(self, user, monthly):
        """At midnight it is over, ended or not."""
        join(user, monthly)
        memberships.cancel(user.pk, now=JANUARY)
        with pytest.raises(memberships.NotAMember):
            memberships.resume(user.pk, now=seoul(2027, 2, 10))

    def test_resuming_needs_somebody_to_charge(self, user, monthly):
        """An agreement that was ended meanwhile cannot be charged."""
        agreement = join(user, monthly).agreement
        memberships.cancel(user.pk, now=JANUARY)
        memberships.ended(agreement, by=BillingAgreement.By.PAYER, now=JANUARY)
        with pytest.raises(memberships.NeedsMethod):
            memberships.resume(user.pk, now=JANUARY)
        assert not of(user).renews

    def test_stopping_while_failing_ends_it_now(self, user, monthly):
        """Nothing is paid for any more."""
        join(user, monthly)
        refuse(user, Refusal.PAYER, DUE)
        memberships.cancel(user.pk, now=DUE)
        assert not memberships.is_member(user.pk, now=DUE)
        assert list(memberships.overdue(now=DUE)) == [of(user)]

    def test_a_charge_in_flight_that_comes_after_it_was_stopped(self, user, monthly):
        """The period is theirs, and after it nothing is charged."""
        join(user, monthly)
        period = memberships.due_period(of(user))
        memberships.cancel(user.pk, now=DUE)
        assert memberships.pay(period, now=DUE)
        membership = of(user)
        assert membership.lasts_until == membership.paid_until == seoul(2027, 3, 10)
        assert membership.charge_at is None

    def test_the_end_lets_go_of_the_agreement(self, user, monthly):
        """And of the period that was due."""
        membership = join(user, monthly)
        memberships.due_period(membership)
        memberships.end(membership, now=DUE)
        membership.save()
        assert of(user).agreement.status == BillingAgreement.Status.ENDING
        assert of(user).periods.get(number=2).status == Status.UNPAID


class TestChanging:
    def test_from_the_next_period_on(self, user, monthly, make_plan):
        """This month stays as it is; the next is a year, for its price."""
        yearly = make_plan(months=12, price=49_000)
        join(user, monthly)
        membership = memberships.change_plan(user.pk, yearly, now=JANUARY)
        assert (membership.plan, membership.next_plan) == (monthly, yearly)
        membership = pay(user)
        assert (membership.plan, membership.price, membership.next_plan) == (yearly, 49_000, None)
        assert membership.paid_until == seoul(2028, 2, 10)

    def test_for_the_price_at_which_it_was_chosen(self, user, monthly, make_plan):
        """What it costs those who choose it later is not asked of who chose it before."""
        yearly = make_plan(months=12, price=49_000)
        join(user, monthly)
        memberships.change_plan(user.pk, yearly, now=JANUARY)
        Plan.objects.filter(pk=yearly.pk).update(price=59_000)
        assert memberships.due_period(of(user)).price == 49_000

    def test_choosing_the_present_one_takes_it_back(self, user, monthly, make_plan):
        """Nothing changes at the next period."""
        join(user, monthly)
        memberships.change_plan(user.pk, make_plan(price=9_900), now=JANUARY)
        membership = memberships.change_plan(user.pk, monthly, now=JANUARY)
        assert membership.next_plan is None
        assert memberships.due_period(membership).price == 4_900

    @pytest.mark.parametrize("fields", [{"renews": False}, {"is_active": False}])
    def test_to_what_does_not_renew_or_is_not_sold(self, user, monthly, make_plan, fields):
        """Refused, and nothing is changed."""
        join(user, monthly)
        with pytest.raises(memberships.NoSuchPlan):
            memberships.change_plan(user.pk, make_plan(**fields), now=JANUARY)
        assert of(user).next_plan is None

    def test_not_while_a_period_is_due(self, user, monthly, make_plan):
        """It costs what was agreed until then; once it is paid, the next one can be another."""
        yearly = make_plan(months=12, price=49_000)
        join(user, monthly)
        period = memberships.due_period(of(user))
        with pytest.raises(memberships.Unpaid):
            memberships.change_plan(user.pk, yearly, now=DUE)
        memberships.pay(period, now=DUE)
        memberships.change_plan(user.pk, yearly, now=DUE)
        membership = of(user)
        assert (membership.plan, membership.next_plan) == (monthly, yearly)
        due = memberships.due_period(membership)
        assert (due.plan, due.price, due.starts_at) == (yearly, 49_000, seoul(2027, 3, 10))

    def test_a_price_is_announced_a_month_ahead(self, user, monthly):
        """Thirty days from the 10th of January are the 9th of February: the period of the 10th."""
        membership = join(user, monthly)
        memberships.announce_price(membership, 5_900, now=JANUARY - timedelta(hours=14))
        membership = of(user)
        assert membership.new_price_from == seoul(2027, 2, 10)
        assert memberships.due_period(membership).price == 5_900
        membership = pay(user)
        assert (membership.price, membership.new_price) == (5_900, None)

    def test_a_price_announced_too_late_for_the_next_period(self, user, monthly):
        """That one is as agreed, the one after it dearer."""
        membership = join(user, monthly)
        memberships.announce_price(membership, 5_900, now=seoul(2027, 1, 12))
        assert of(user).new_price_from == seoul(2027, 3, 10)
        assert memberships.due_period(of(user)).price == 4_900
        pay(user)
        assert memberships.due_period(of(user)).price == 5_900

    def test_announcing_does_not_undo_what_happened_meanwhile(self, user, monthly):
        """The announcement was prepared before the shopper stopped: it stays stopped."""
        before = join(user, monthly)
        memberships.cancel(user.pk, now=JANUARY)
        memberships.announce_price(before, 5_900, now=JANUARY)
        assert (of(user).renews, of(user).charge_at) == (False, None)


class TestCuttingShort:
    def test_the_only_period(self, user, monthly):
        """The membership is over now, and nothing is charged for the days that went back."""
        period = join(user, monthly).periods.get()
        now = seoul(2027, 1, 20, 10)
        memberships.cut_short(period, now=now)
        membership = of(user)
        assert (membership.ended_at, membership.paid_until) == (now, now)
        assert (membership.charge_at, membership.renews) == (None, False)
        assert membership.agreement.status == BillingAgreement.Status.ENDING
        period.refresh_from_db()
        assert (period.status, period.ends_at) == (Status.REFUNDED, now)

    def test_a_renewal(self, user, monthly):
        """It ends where the month before it did, though that is over: no month is due anew."""
        join(user, monthly)
        period = memberships.due_period(of(user))
        pay(user)
        now = seoul(2027, 2, 20)
        memberships.cut_short(period, now=now)
        membership = of(user)
        assert (membership.ended_at, membership.charge_at) == (now, None)
        assert membership.paid_until == seoul(2027, 2, 10)
        assert not membership.periods.filter(status=Status.DUE).exists()

    def test_twice(self, user, monthly):
        """The second time changes nothing: the end stays when it was."""
        period = join(user, monthly).periods.get()
        first = seoul(2027, 1, 20)
        memberships.cut_short(period, now=first)
        memberships.cut_short(period, now=first + timedelta(days=1))
        assert of(user).ended_at == first

    def test_one_that_is_long_over(self, user, monthly):
        """A month of last year goes back: today's membership, and its schedule, stay."""
        period = join(user, monthly).periods.get()
        pay(user)
        refused = refuse(user, Refusal.PAYER, seoul(2027, 3, 10, 9))
        memberships.cut_short(period, now=seoul(2027, 3, 10, 12))
        membership = of(user)
        assert (membership.charge_at, membership.renews) == (refused.charge_at, True)
        assert membership.lasts_until == refused.lasts_until

    def test_a_pass_that_has_not_begun(self, user, monthly, make_plan):
        """The membership renews a pass earlier, as if that had not been bought."""
        join(user, monthly)
        join(user, make_plan(renews=False, months=3))
        memberships.cut_short(of(user).periods.get(number=2), now=seoul(2027, 1, 20))
        membership = of(user)
        assert membership.renews
        assert (membership.paid_until, membership.charge_at) == (seoul(2027, 2, 10), DUE)

    def test_a_plan_that_renews_with_a_pass_left(self, user, monthly, make_plan):
        """What went back does not renew: it ends with the pass."""
        join(user, monthly)
        join(user, make_plan(renews=False, months=3))
        memberships.cut_short(of(user).periods.get(number=1), now=seoul(2027, 1, 20))
        membership = of(user)
        assert (membership.renews, membership.charge_at) == (False, None)
        assert membership.lasts_until == membership.paid_until == seoul(2027, 5, 10)


class TestRegistering:
    def test_it_replaces_the_old_agreement(self, user, monthly):
        """The old one is let go, and what failed is tried by the new one at once."""
        old = join(user, monthly).agreement
        refuse(user, Refusal.ENDED, DUE)
        new = agree(user)
        memberships.register(user.pk, new, asked_at=DUE)
        membership = of(user)
        assert (membership.agreement, membership.charge_at) == (new, DUE)
        assert not membership.is_failing
        old.refresh_from_db()
        assert old.status == BillingAgreement.Status.ENDED

    def test_an_old_agreement_that_lives_is_released(self, user, monthly):
        """Nothing needs it any more."""
        old = join(user, monthly).agreement
        memberships.register(user.pk, agree(user), asked_at=DUE)
        old.refresh_from_db()
        assert old.status == BillingAgreement.Status.ENDING

    def test_it_resumes_what_was_stopped(self, user, monthly):
        """Who says how they pay wants to go on."""
        join(user, monthly)
        memberships.cancel(user.pk, now=JANUARY)
        memberships.register(user.pk, agree(user), asked_at=DUE)
        assert (of(user).renews, of(user).charge_at) == (True, DUE)

    def test_who_stopped_it_since_has_the_last_word(self, user, monthly):
        """Asked for before it was stopped, the new agreement is kept, and charges nothing."""
        old = join(user, monthly).agreement
        memberships.cancel(user.pk, now=JANUARY + timedelta(seconds=1))
        new = agree(user)
        memberships.register(user.pk, new, asked_at=JANUARY)
        membership = of(user)
        assert (membership.renews, membership.charge_at) == (False, None)
        assert (membership.agreement, membership.lasts_until) == (new, membership.paid_until)
        old.refresh_from_db()
        assert old.status == BillingAgreement.Status.ENDING
        assert memberships.resume(user.pk, now=JANUARY + timedelta(days=1)).charge_at == DUE

    def test_paid_by_it_and_stopped_since(self, user, monthly):
        """The period is theirs, and after it nothing is charged."""
        join(user, monthly)
        period = memberships.due_period(of(user))
        memberships.cancel(user.pk, now=DUE + timedelta(seconds=1))
        now = DUE + timedelta(minutes=1)
        assert memberships.pay(period, agreement=agree(user), asked_at=DUE, now=now)
        membership = of(user)
        assert (membership.renews, membership.charge_at) == (False, None)
        assert membership.lasts_until == seoul(2027, 3, 10)

    def test_after_the_end(self, user, monthly):
        """The agreement is released: nobody is charged for what is over."""
        membership = join(user, monthly)
        memberships.end(membership, now=DUE)
        membership.save()
        new = agree(user)
        memberships.register(user.pk, new, asked_at=DUE)
        new.refresh_from_db()
        assert new.status == BillingAgreement.Status.ENDING
        assert of(user).ended_at == DUE

    def test_after_a_pass_was_bought_instead(self, user, make_plan):
        """A pass does not renew, by whatever somebody agreed to in another tab."""
        join(user, make_plan(renews=False))
        new = agree(user)
        memberships.register(user.pk, new, asked_at=JANUARY)
        new.refresh_from_db()
        assert new.status == BillingAgreement.Status.ENDING
        membership = of(user)
        assert (membership.renews, membership.charge_at, membership.agreement) == (
            *(False, None, None),
        )


class TestTerms:
    def test_a_visitor_and_a_stranger(self, user):
        """They pay the full price, and may try a plan."""
        for somebody in (None, user.pk):
            assert memberships.terms_of(somebody, now=JANUARY) == memberships.NO_TERMS

    def test_a_member(self, user, make_plan):
        """By the period that runs, to its last second and through the grace period."""
        join(user, make_plan(discount_percent=10, has_free_delivery=True))
        for now in (JANUARY, DUE, seoul(2027, 2, 17) - timedelta(seconds=1)):
            terms = memberships.terms_of(user.pk, now=now)
            assert (terms.is_member, terms.percent, terms.free_delivery) == (True, 10, True)
        terms = memberships.terms_of(user.pk, now=seoul(2027, 2, 17))
        assert (terms.is_member, terms.percent, terms.may_try) == (False, 0, False)

    def test_the_plan_that_runs_counts_not_the_next(self, user, make_plan):
        """A better pass that has not begun gives nothing yet."""
        join(user, make_plan(discount_percent=5))
        join(user, make_plan(renews=False, discount_percent=20))
        assert memberships.terms_of(user.pk, now=seoul(2027, 2, 1)).percent == 5
        assert memberships.terms_of(user.pk, now=seoul(2027, 2, 11)).percent == 20


class TestTheSid:
    def test_it_is_read_with_an_old_key(self, user, settings):
        """As long as that stands in SECRET_KEY_FALLBACKS."""
        agreement = agree(user)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another key, and long enough to be one"
        assert BillingAgreement.objects.get(pk=agreement.pk).sid == "S0"

    def test_it_is_not_read_without_it(self, user, settings):
        """It says what to do."""
        agreement = agree(user)
        settings.SECRET_KEY = "another key, and long enough to be one"
        with pytest.raises(Exception, match="SECRET_KEY_FALLBACKS"):
            _ = agreement.sid
