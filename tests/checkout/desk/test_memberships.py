"""Memberships at the desk: the list, the page of one, and what staff do about it."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts.models import BillingAgreement, Membership
from checkout import trail
from checkout.models import Mail
from orders.models import Order
from orders.templatetags.periods import last_day
from tests.checkout.desk.memberships import (
    LIST,
    address,
    allow,
    clerk,
    fresh,
    make_due,
    membership,
    press,
    text_of,
    told,
)
from tests.checkout.memberships.conftest import (
    at,
    buy,
    make_plan,
    make_user,
    membership_of,
    monthly,
)
from tests.queries import queries_of
from tests.staff import operator, staff

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["at", "buy", "clerk", "make_plan", "make_user", "membership", "monthly"]


EVERYBODY = {
    "due",
    "failing",
    "in_doubt",
    "no_method",
    "postponed",
    "trial",
    "renews",
    "ends",
    "ended",
}


class TestTheList:
    @pytest.fixture
    def everybody(self, buy, make_plan, monthly, make_user) -> dict[str, Membership]:
        """One membership in each state."""
        now = timezone.now()
        trial = make_plan(trial_days=14)
        made = {
            state: membership_of(buy(plan, user=make_user(f"{state}@example.com")).user)
            for state, plan in [
                *(("due", monthly), ("failing", monthly), ("renews", monthly)),
                *(("ends", make_plan(renews=False)), ("trial", trial), ("ended", monthly)),
                *(("no_method", monthly), ("postponed", monthly), ("in_doubt", monthly)),
            ]
        }
        rows = Membership.objects.all()
        rows.filter(pk=made["due"].pk).update(charge_at=now)
        rows.filter(pk=made["failing"].pk).update(failing_since=now, attempts=1, refusal="PAYER")
        rows.filter(pk=made["ended"].pk).update(ended_at=now, renews=False, charge_at=None)
        rows.filter(pk=made["no_method"].pk).update(charge_at=None, agreement=None)
        rows.filter(pk=made["postponed"].pk).update(refusal="SHOP")
        doubtful = made["in_doubt"].periods.get().orders.get()
        doubtful.transactions.update(status="PROCESSING")
        return made

    @pytest.mark.parametrize(
        ("state", "shown"),
        [
            *(("due", {"due"}), ("failing", {"failing"}), ("in_doubt", {"in_doubt"})),
            *(("no_method", {"no_method"}), ("trial", {"trial"}), ("ended", {"ended"})),
            *(("ends", {"ends"}), ("postponed", {"postponed"}), ("none such", EVERYBODY)),
            ("renews", EVERYBODY - {"ends", "ended"}),
        ],
    )
    def test_filters(self, client, clerk, everybody, state, shown):
        """Each shows those in that state, and no other; in few queries."""
        list_of = lambda: client.get(LIST, {"state": state})  # noqa: E731
        list_of()
        assert len(queries_of(list_of)) <= 7  # 3 of them for the session and the permissions
        rows = list_of().context["cl"].result_list
        assert {row.user.email.partition("@")[0] for row in rows} == shown

    def test_the_states(self, client, clerk, everybody):
        """Each in its word; by plan, too."""
        admin = client.get(LIST).context["cl"].model_admin
        rows = client.get(LIST).context["cl"].result_list
        assert {row.user.email.partition("@")[0]: admin.state(row)[0] for row in rows} == {
            state: state.upper() for state in everybody
        }
        plan = everybody["trial"].plan_id
        rows = client.get(LIST, {"plan__id__exact": plan}).context["cl"].result_list
        assert [row.user.email for row in rows] == ["trial@example.com"]

    @pytest.mark.parametrize("words", ["TRIAL@example.com", "number", "name"])
    def test_searching(self, client, clerk, everybody, words):
        """By the account's address, an order's number, or the buyer's name."""
        order = everybody["trial"].periods.get().orders.get()
        typed = {"number": order.number, "name": "강바다"}.get(words, words)
        Order.objects.filter(pk=order.pk).update(name="강바다")
        rows = client.get(LIST, {"q": typed}).context["cl"].result_list
        assert [row.pk for row in rows] == [everybody["trial"].pk]

    def test_nothing_is_edited(self, client, membership):
        """Neither added, nor changed, nor deleted, whoever asks."""
        client.force_login(operator())
        assert client.get(f"{LIST}add/").status_code == 403
        assert client.post(address(membership), {"price": "1"}).status_code == 403
        assert client.post(address(membership, "delete"), {"post": "yes"}).status_code == 403


class TestThePage:
    def test_all_of_it(self, client, membership, clerk):
        """Period, order, charge, agreement, mail and history; the sentence says what comes next."""
        allow(clerk, "view_providercall")
        text = text_of(client, membership)
        order = membership.periods.get().orders.get()
        charge = order.transactions.get()
        for expected in (order.number, charge.tid, "₩4,900", "Order confirmation", "approve"):
            assert expected in text
        assert address(membership.agreement) in text

    def test_last_days(self, client, membership, clerk):
        """As its shopper reads them: what ends at midnight ends with the day before."""
        day = last_day(membership.paid_until)
        first = timezone.localtime(membership.paid_until).date()
        assert day == first - timedelta(days=1)
        text = text_of(client, membership)
        assert f"It is paid until {day}, and renewed at {first} 09:00." in text
        assert f"<dt>Paid until</dt><dd>{day}</dd>" in text
        assert f"<dt>Lasts until</dt><dd>{day + timedelta(days=7)}</dd>" in text
        starts = timezone.localtime(membership.periods.get().starts_at).date()
        assert f"1. {starts} – {day}" in text
        listed = client.get(LIST).context["cl"]
        assert listed.model_admin.paid_to(listed.result_list[0]) == str(day)

    def test_as_many_queries_for_a_long_life(self, client, membership, clerk, at):
        """Ten more periods cost none."""
        text_of(client, membership)
        before = len(queries_of(lambda: text_of(client, membership)))
        first = membership.periods.get()
        for number in range(2, 12):
            start = first.ends_at + timedelta(days=30 * number)
            period = membership.periods.create(
                number=number,
                plan=first.plan,
                price=4_900,
                status="PAID",
                starts_at=start,
                ends_at=start + timedelta(days=30),
            )
            order = first.orders.get()
            order.pk, order.number, order.period, order.cart = (
                None,
                f"2026112{number}",
                period,
                None,
            )
            order.save()
        assert len(queries_of(lambda: text_of(client, membership))) == before

    def test_only_who_may_see_it(self, client, membership):
        """403 without the permission."""
        client.force_login(staff("nobody@example.com", "view_order"))
        assert client.get(LIST).status_code == 403
        assert client.get(address(membership)).status_code == 403

    def test_who_may_look_only(self, client, membership):
        """No button, and 403 at each address; nothing changes."""
        client.force_login(staff("reader@example.com", "view_membership"))
        text = text_of(client, membership)
        for name in ("stop", "resume", "charge", "end"):
            assert address(membership, name) not in text
            assert press(client, membership, name, reason="x").status_code == 403
        assert fresh(membership).renews


class TestStoppingAndResuming:
    def test_with_the_end_of_what_is_paid(self, client, clerk, membership):
        """It does not renew; its shopper is told, and the audit trail says who did it."""
        answer = press(client, membership, "stop")
        assert answer.headers["Location"] == address(membership)
        assert f"ends on {last_day(membership.paid_until)}." in told(answer)[0]
        stopped = fresh(membership)
        assert (stopped.renews, stopped.charge_at, stopped.ended_at) == (False, None, None)
        assert Mail.objects.filter(event="STOPPED").count() == 1
        assert LogEntry.objects.get().user == clerk
        (entry,) = trail.read(trail.Wanted(Membership)).entries
        assert (entry.who, entry.touched[0].name) == (clerk.email, str(membership))
        assert len(entry.touched[0].changes) == 1
        assert address(membership, "stop") not in text_of(client, membership)

    def test_its_history_tells_last_days(self, client, clerk, membership):
        """As the page does: what is paid until midnight is paid for the day before."""
        entries = trail.read(trail.Wanted(Membership, membership.pk, everybody=True)).entries
        changes = [each for entry in entries for row in entry.touched for each in row.changes]
        until = [each.after for each in changes if each.label in ("이용 종료일", "paid until")]
        assert until[0] == str(last_day(membership.paid_until))

    def test_it_renews_after_all(self, client, clerk, membership):
        """As it did before."""
        press(client, membership, "stop")
        assert address(membership, "resume") in text_of(client, membership)
        press(client, membership, "resume")
        resumed = fresh(membership)
        assert (resumed.renews, resumed.charge_at) == (True, membership.charge_at)
        assert Mail.objects.filter(event="RESUMED").count() == 1

    def test_without_an_agreement(self, client, clerk, membership):
        """A sentence says what its shopper has to do."""
        press(client, membership, "stop")
        BillingAgreement.objects.update(status="ENDED", ended_at=timezone.now(), ended_by="PAYER")
        assert address(membership, "resume") not in text_of(client, membership)
        (sentence,) = told(press(client, membership, "resume"))
        assert "has to register a payment method" in sentence
        assert not fresh(membership).renews

    def test_twice(self, client, clerk, membership):
        """The second time changes nothing, and writes no mail."""
        press(client, membership, "stop")
        (*_, sentence) = told(press(client, membership, "stop"))
        assert sentence.startswith("This was done already")
        assert Mail.objects.filter(event="STOPPED").count() == 1

    def test_signed_out_meanwhile(self, client, clerk, membership):
        """A GET leads back to the page, and does nothing."""
        answer = client.get(address(membership, "stop"))
        assert answer.headers["Location"] == address(membership)
        assert fresh(membership).renews


class TestChargingNow:
    @pytest.fixture
    def due(self, membership) -> Membership:
        return make_due(membership, timezone.now() - timedelta(hours=1))

    def test_what_is_due(self, client, clerk, due, kakaopay):
        """One charge at KakaoPay; the period is paid."""
        assert address(due, "charge") in text_of(client, due)
        (sentence,) = told(press(client, due, "charge"))
        assert sentence == "₩4,900 were charged: the period is paid."
        assert fresh(due).paid_until > timezone.now()
        assert kakaopay.subscription(due.agreement.sid).charges == 2
        assert [entry.change_message for entry in LogEntry.objects.all()] == [
            "Charged what was due."
        ]

    def test_what_is_not_due(self, client, clerk, membership, kakaopay):
        """No button; and whoever sends it all the same charges nothing."""
        assert address(membership, "charge") not in text_of(client, membership)
        (sentence,) = told(press(client, membership, "charge"))
        assert sentence.startswith("Nothing was charged")
        assert kakaopay.subscription(membership.agreement.sid).charges == 1

    def test_a_declined_card(self, client, clerk, due, kakaopay):
        """Why is said, and that it is tried again; the page shows it as failing."""
        kakaopay.decline_subscription(due.agreement.sid, "NOT_ENOUGH_BALANCE")
        (sentence,) = told(press(client, due, "charge"))
        assert sentence.startswith("₩4,900 could not be charged: ")
        assert fresh(due).is_failing
        text = text_of(client, due)
        assert "in 1 attempt" in text
        assert "It is tried again at" in text

    def test_a_lost_answer(self, client, clerk, due, kakaopay):
        """Nothing is known, and nothing is charged again; the page says so."""
        kakaopay.fault("subscription", after="drop")
        (sentence,) = told(press(client, due, "charge"))
        assert "did not confirm the charge" in sentence
        (*_, again) = told(press(client, due, "charge"))
        assert again.startswith("Nothing was charged")
        assert kakaopay.subscription(due.agreement.sid).charges == 2
        assert "is not known. KakaoPay is asked until it is" in text_of(client, due)

    def test_kakaopay_does_not_answer(self, client, clerk, due, kakaopay):
        """Nothing is sent."""
        kakaopay.fault("status", before="html_502", times=None)
        (sentence,) = told(press(client, due, "charge"))
        assert "is tried again by itself" in sentence
        assert kakaopay.subscription(due.agreement.sid).charges == 1
