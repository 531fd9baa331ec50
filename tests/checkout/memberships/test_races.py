"""Races on purpose: whoever comes first, a period is charged once, and the books agree."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import memberships
from accounts.models import BillingAgreement, Membership
from checkout import (
    charging,
    members,
    payments,
    reconciliation,
    refunds,
    renewals,
    stopping_by_staff,
)
from checkout.models import Mail, ProviderCall
from orders import placing, renewing
from orders.locking import locked
from orders.models import IllegalMove, Order, PaymentTransaction, Refund
from tests.checkout.memberships.conftest import JANUARY, membership_of, seoul
from tests.races import all_at_once, at_once
from tests.staff import operator

pytestmark = pytest.mark.django_db(transaction=True)

Status = PaymentTransaction.Status


@pytest.fixture
def member(buy, monthly, at):
    membership = membership_of(buy(monthly, now=at(JANUARY)).user)
    at(membership.charge_at)
    return membership


def fresh(txn):
    return PaymentTransaction.objects.select_related("order__user", "agreement").get(pk=txn.pk)


def charged(kakaopay, agreement):
    """How often a renewal was taken by it, by the provider's books."""
    return kakaopay.subscription(agreement.sid).charges - 1


def test_eight_workers_renew_one_membership(member, kakaopay):
    """One order, one request, one movement; the others find nothing to do."""
    told = Counter()

    def renew():
        told[renewals.renew(member.pk, now=member.charge_at).said] += 1

    at_once(renew, times=8)
    assert told == {"renewed": 1, "nothing": 7}
    assert ProviderCall.objects.filter(operation="subscription").count() == 1
    assert Order.objects.filter(kind="RENEWAL").count() == 1
    assert charged(kakaopay, member.agreement) == 1
    assert membership_of(member.user).paid_until == seoul(2027, 3, 31)


def test_eight_workers_charge_one_order(member, kakaopay):
    """Though each of them was given it, and its agreement's books were slow to answer."""
    order = renewals.take_up(member.pk, now=member.charge_at)
    kakaopay.fault("status", before="stall:0.3", times=None)

    def charge():
        with suppress(charging.Busy):
            payments.charge(order, now=member.charge_at)

    at_once(charge, times=8)
    assert ProviderCall.objects.filter(operation="subscription").count() == 1
    assert charged(kakaopay, member.agreement) == 1
    assert membership_of(member.user).paid_until == seoul(2027, 3, 31)


def test_two_orders_of_one_agreement(member, kakaopay, monthly):
    """Looked at in the same moment by two workers: one charge goes out, the other waits."""
    order = renewals.take_up(member.pk, now=member.charge_at)
    with locked(order.pk) as waiting:
        other = waiting.transactions.get()
    now = member.charge_at
    first, second = (charging.look(fresh(other), now=now) for _ in range(2))
    with locked(order.pk) as current:
        charging.record(current, fresh(other), first, now=now)
    PaymentTransaction.objects.filter(pk=other.pk).update(status="CREATED")  # as if another order's
    with pytest.raises(IllegalMove, match="used meanwhile"), locked(order.pk) as current:
        charging.record(current, fresh(other), second, now=now)


def test_the_shopper_pays_with_another_card_while_the_worker_charges(member, kakaopay):
    """One of them does: the period has one order, and is paid once."""
    now = member.charge_at

    def register():
        try:
            charge = members.register(member.user, now=now)
        except placing.PaymentInProgress:
            return
        back = kakaopay.pay(charge.redirect_urls["pc"])
        payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)

    all_at_once([register, lambda: renewals.renew(member.pk, now=now)])
    paid = membership_of(member.user)
    for order in Order.objects.filter(period=member.periods.get(number=2)):
        taken = sum(payment.total for payment in kakaopay.payments(order.number))
        assert taken == (4_900 if order.status == Order.Status.PAID else 0)
    assert Order.objects.filter(period__number=2, status="PAID").count() == 1
    assert paid.paid_until == seoul(2027, 3, 31)


@pytest.mark.parametrize("delay", ["stall:0", "stall:0.1"])
def test_the_shopper_stops_while_the_worker_charges(member, kakaopay, delay):
    """Either nothing was charged and it is over, or a month was, which they have."""
    now = member.charge_at
    kakaopay.fault("status", before=delay)
    all_at_once(
        [lambda: members.stop(member.user, now=now), lambda: renewals.renew(member.pk, now=now)]
    )
    membership = membership_of(member.user)
    months = charged(kakaopay, member.agreement)
    assert (membership.renews, membership.charge_at) == (False, None)
    assert membership.paid_until == (seoul(2027, 3, 31) if months else seoul(2027, 2, 28))


def test_it_was_stopped_between_question_and_charge(member, kakaopay):
    """Nothing is sent."""
    order = renewals.take_up(member.pk, now=member.charge_at)
    kakaopay.fault("status", after="stall:0.6")
    all_at_once(
        [
            lambda: payments.charge(order, now=member.charge_at),
            lambda: members.stop(member.user, now=member.charge_at),
        ]
    )
    assert ProviderCall.objects.filter(operation="subscription").count() == 0
    assert not PaymentTransaction.objects.filter(status=Status.PROCESSING).exists()


def test_it_was_stopped_while_its_agreement_was_asked_about(member, kakaopay):
    """Nobody refused anything, and no fault is told: there was nothing to charge any more."""
    kakaopay.fault("status", after="stall:1")
    told = []

    def stop():
        deadline = time.monotonic() + 30
        while not Order.objects.filter(kind="RENEWAL").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        members.stop(member.user, now=member.charge_at)

    all_at_once([lambda: told.append(renewals.renew(member.pk, now=member.charge_at)), stop])
    assert [each.said for each in told] == ["nothing"]
    assert Order.objects.get(kind="RENEWAL").cancel_reason == "STOPPED"


def test_a_double_click_on_stopping_at_once(member, kakaopay, at):
    """The second reads the days that are left before the first has settled: they go back once."""
    now = at(seoul(2027, 2, 10, 12))
    kakaopay.fault("cancel", after="stall:0.2", times=None)

    def leave():
        with suppress(memberships.NotAMember, members.InDoubt, refunds.AlreadyOpen):
            members.stop_at_once(member.user, now=now)

    at_once(leave, times=4)
    (payment,) = kakaopay.payments(Order.objects.get().number)
    assert payment.canceled_total == 2_975
    assert Refund.objects.filter(status="SUCCEEDED").count() == 1
    assert Mail.objects.filter(event="ENDED").count() == 1


def test_many_settle_one_renewal(member, kakaopay):
    """The live answer and eight reconcilers: one month, one mail."""
    kakaopay.fault("subscription", after="stall:0.5")
    now = member.charge_at
    later = now + timedelta(minutes=1)

    def settle():
        rows = reconciliation.unsettled(later)
        for _ in range(8):
            list(reconciliation.settle_stale(rows, now=timezone.now() + timedelta(days=400)))

    all_at_once([lambda: renewals.renew(member.pk, now=now), *[settle] * 7])
    settle()
    renewal = Order.objects.get(kind="RENEWAL")
    assert membership_of(member.user).paid_until == seoul(2027, 3, 31)
    assert charged(kakaopay, member.agreement) == 1
    assert Mail.objects.filter(order=renewal, event="PAID").count() == 1


def test_ending_while_the_worker_charges(member, kakaopay):
    """It has all but run out: it is charged and goes on, or ends and is not charged."""
    now = member.lasts_until - timedelta(seconds=1)
    late = member.lasts_until
    all_at_once(
        [lambda: renewals.renew(member.pk, now=now), lambda: list(renewals.end_overdue(now=late))]
    )
    membership = membership_of(member.user)
    months = charged(kakaopay, member.agreement)
    assert (membership.ended_at is None) == (months == 1)


def test_the_abandoned_are_closed_while_the_worker_charges(member, kakaopay):
    """An order past its deadline is closed or charged, never both."""
    order = renewals.take_up(member.pk, now=member.charge_at)
    late = order.deadline_at

    def close():
        list(payments.close_abandoned(now=late))

    with suppress(charging.Busy):
        all_at_once([close, lambda: payments.charge(order, now=member.charge_at)])
    order.refresh_from_db()
    months = charged(kakaopay, member.agreement)
    assert (order.status, months) in {("PAID", 1), ("CANCELED", 0)}


class TestTheDatabaseItself:
    """The locks give the polite refusal; these make it true."""

    def test_one_live_order_per_period(self, member):
        """A second order for the period is refused while the first lives."""
        order = renewals.take_up(member.pk, now=member.charge_at)
        with (
            pytest.raises(IntegrityError, match="one_live_order_per_period"),
            transaction.atomic(),
        ):
            renewing.place(memberships.lock(member.user_id), order.period, now=member.charge_at)

    def test_one_charge_in_flight_per_agreement(self, member):
        """Two charges in flight could not be told from each other."""
        order = renewals.take_up(member.pk, now=member.charge_at)
        charge = order.transactions.get()
        charge.move_to(Status.PROCESSING, agreement_charged_at=JANUARY, sent_at=member.charge_at)
        first = PaymentTransaction.objects.exclude(pk=charge.pk).get()
        with (
            pytest.raises(IntegrityError, match="one_charge_in_flight_per_agreement"),
            transaction.atomic(),
        ):
            PaymentTransaction.objects.filter(pk=first.pk).update(status="PROCESSING")

    def test_a_sent_charge_can_be_looked_up(self, member):
        """None is sent without knowing how its agreement stood before."""
        charge = renewals.take_up(member.pk, now=member.charge_at).transactions.get()
        with (
            pytest.raises(IntegrityError, match="sent_charge_can_be_looked_up"),
            transaction.atomic(),
        ):
            charge.move_to(Status.PROCESSING, sent_at=member.charge_at)

    def test_a_membership_somebody_is_at_is_left_to_them(self, member):
        """SKIP LOCKED: the second worker does not wait for the first."""
        said = []

        def other():
            said.append(renewals.renew(member.pk, now=member.charge_at).said)

        with transaction.atomic():
            memberships.lock(member.user_id)
            all_at_once([other])
        assert said == ["nothing"]
        assert Order.objects.filter(kind="RENEWAL").count() == 0

    def test_who_took_it_up_and_died_leaves_it_for_the_lease(self, member, kakaopay):
        """Ten minutes nobody else gets it; then the same order is charged."""
        order = renewals.take_up(member.pk, now=member.charge_at)
        soon = member.charge_at + renewals.LEASE - timedelta(seconds=1)
        assert renewals.renew(member.pk, now=soon).said == "nothing"
        told = renewals.renew(member.pk, now=member.charge_at + renewals.LEASE)
        assert (told.said, told.transaction.order) == ("renewed", order)
        assert Membership.objects.get().charge_at == seoul(2027, 3, 31, 9)
        assert BillingAgreement.objects.count() == 1
        assert charged(kakaopay, member.agreement) == 1


def test_staff_end_it_while_something_of_it_goes_back(member):
    """They are refused, and it goes on; that it does not renew any more its shopper is told."""
    (order,) = Order.objects.filter(user=member.user)
    by, now = operator(), member.paid_until - timedelta(days=9)
    seen = stopping_by_staff.figures(stopping_by_staff.look(member, by=by, now=now))

    def end():
        try:
            stopping_by_staff.stop_at_once(member.user, by=by, reason="이사", seen=seen, now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with locked(order.pk) as held:
            ending = pool.submit(end)
            deadline = time.monotonic() + 30
            while membership_of(member.user).renews:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            refunds.open_by_shop(held, list(held.transactions.all()), reason="두 번", now=now)
        with pytest.raises(refunds.AlreadyOpen):
            ending.result()
    assert membership_of(member.user).ended_at is None
    assert Mail.objects.filter(event="STOPPED").count() == 1
