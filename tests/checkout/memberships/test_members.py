"""What members do: stopping at the end or at once, going on, and what goes back."""

from datetime import timedelta

import pytest

from accounts import memberships, points
from accounts.models import BillingAgreement
from checkout import external, members, payments, reconciliation, renewals
from checkout.models import Mail
from orders import placing, quoting, refunding
from orders.models import Order, PaymentTransaction
from orders.quoting import Wish
from shop.models import Cart
from tests.checkout.memberships.conftest import JANUARY, membership_of, seoul
from tests.conftest import CONTACT

pytestmark = pytest.mark.django_db(transaction=True)


def fresh(txn):
    return PaymentTransaction.objects.select_related("order").get(pk=txn.pk)


def mails():
    return list(Mail.objects.exclude(event="PAID").order_by("pk").values_list("event", flat=True))


class TestAtOnce:
    @pytest.mark.parametrize(
        ("now", "left", "won", "vat"),
        [
            (seoul(2027, 1, 31, 15), 27, 4_725, 429),
            (seoul(2027, 2, 10, 12), 17, 2_975, 270),
            (seoul(2027, 2, 26, 23, 59), 1, 175, 15),
        ],
    )
    def test_days_that_have_not_begun_go_back(self, member, kakaopay, at, now, left, won, vat):
        """By days, rounded down, and their VAT with them; the membership is over."""
        (refund,) = members.stop_at_once(member.user, now=at(now))
        (payment,) = kakaopay.payments(Order.objects.get().number)
        assert (refund.status, refund.kind) == ("SUCCEEDED", "TERM")
        assert won == 4_900 * left // 28
        assert (refund.amount, refund.vat, refund.tax_free) == (won, vat, 0)
        assert (payment.canceled_total, payment.canceled_vat) == (won, vat)
        membership = membership_of(member.user)
        assert (membership.ended_at, membership.charge_at) == (now, None)
        assert membership.agreement.status == BillingAgreement.Status.ENDING
        assert mails() == ["REFUNDED", "ENDED"]

    def test_on_the_last_day(self, member, kakaopay, at):
        """Nothing is left to give back: it is over all the same."""
        now = at(seoul(2027, 2, 27, 12))
        assert members.stop_at_once(member.user, now=now) == []
        assert membership_of(member.user).ended_at == now
        assert kakaopay.payments(Order.objects.get().number)[0].canceled_total == 0

    def test_twice(self, member, kakaopay, at):
        """The second time there is no membership, and nothing more goes back."""
        now = at(seoul(2027, 2, 10, 12))
        members.stop_at_once(member.user, now=now)
        with pytest.raises(memberships.NotAMember):
            members.stop_at_once(member.user, now=now)
        assert kakaopay.payments(Order.objects.get().number)[0].canceled_total == 2_975

    def test_staff_give_all_of_it_back(self, member, at):
        """The membership is over, and its shopper is told that, too."""
        boss = type(member.user).objects.create_superuser("boss@example.com", "open-sesame-2")
        now = at(seoul(2027, 2, 1, 12))
        order = Order.objects.get()
        payments.refund(order, refunding.everything(), reason="…", by=boss, now=now)
        assert membership_of(member.user).ended_at == now
        assert mails() == ["REFUNDED", "ENDED"]

    def test_it_went_back_in_the_providers_site(self, member, kakaopay, at):
        """Found by asking: the membership is over, and its shopper is told that, too."""
        charge = PaymentTransaction.objects.select_related("order__user").get()
        kakaopay.console_refund(charge.tid, 4_900)
        now = at(seoul(2027, 2, 1, 12))
        assert len(external.look(charge, now=now)) == 1
        assert membership_of(member.user).ended_at == now
        assert mails() == ["REFUNDED", "ENDED"]

    def test_with_a_pass_that_has_not_begun(self, member, buy, make_plan, kakaopay, at):
        """Each goes back as far as it is left: the pass whole."""
        ticket = buy(make_plan(renews=False, price=4_000), user=member.user, now=JANUARY)
        refunds = members.stop_at_once(member.user, now=at(seoul(2027, 2, 10, 12)))
        assert sorted(each.amount for each in refunds) == [2_975, 4_000]
        assert Order.objects.get(pk=ticket.pk).status == Order.Status.REFUNDED
        assert membership_of(member.user).ended_at is not None

    def test_after_a_part_went_back(self, member, at):
        """Never more than is left of what was paid."""
        order = Order.objects.get()
        boss = type(member.user).objects.create_superuser("boss@example.com", "open-sesame-2")
        now = at(seoul(2027, 2, 1, 12))
        payments.refund(order, refunding.by_amount(4_000), reason="…", by=boss, now=now)
        (refund,) = members.stop_at_once(member.user, now=now)
        assert refund.amount == 900

    def test_its_refund_is_not_answered(self, member, kakaopay, at):
        """It goes on, without renewing, until the money has gone back."""
        kakaopay.fault("cancel", after="drop")
        now = at(seoul(2027, 2, 10, 12))
        (refund,) = members.stop_at_once(member.user, now=now)
        membership = membership_of(member.user)
        assert (refund.status, membership.renews, membership.ended_at) == (
            "PROCESSING",
            False,
            None,
        )
        assert mails() == ["STOPPED"]
        later = at(now + timedelta(minutes=1))
        list(reconciliation.settle_stale(reconciliation.unsettled(later), now=later))
        assert membership_of(member.user).ended_at == later
        assert kakaopay.payments(Order.objects.get().number)[0].canceled_total == 2_975
        assert mails() == ["STOPPED", "REFUNDED", "ENDED"]

    def test_a_payment_without_a_name(self, member, kakaopay, at):
        """It cannot go back until a person has found its tid: it stops, and goes on to its end."""
        kakaopay.fault("subscription", after="drop")
        now = at(member.charge_at)
        renewals.renew(member.pk, now=now)
        later = at(now + timedelta(minutes=1))
        list(reconciliation.settle_stale(reconciliation.unsettled(later), now=later))
        with pytest.raises(refunding.NotNamed):
            members.stop_at_once(member.user, now=at(seoul(2027, 3, 10)))
        membership = membership_of(member.user)
        assert (membership.renews, membership.ended_at) == (False, None)
        assert membership.lasts_until == seoul(2027, 3, 31)
        assert mails()[-1] == "STOPPED"

    def test_its_refund_is_declined(self, member, kakaopay, at):
        """It goes on without renewing, which is said; and to stop at once can be tried again."""
        now = at(seoul(2027, 2, 10, 12))
        kakaopay.fault("cancel", before="error:-780", times=1)
        (refund,) = members.stop_at_once(member.user, now=now)
        assert (refund.status, mails()) == ("FAILED", ["STOPPED"])
        (again,) = members.stop_at_once(member.user, now=now)
        assert (again.status, again.amount) == ("SUCCEEDED", 2_975)
        assert mails() == ["STOPPED", "REFUNDED", "ENDED"]

    def test_a_period_that_went_back_meanwhile(self, member, kakaopay, at):
        """Looked at before the first answer came: nothing more goes back."""
        now = at(seoul(2027, 2, 10, 12))
        (share,) = members.shares_left(member, now=now)
        members.stop_at_once(member.user, now=now)
        assert members.give_back(share, by=member.user, now=now) is None
        assert kakaopay.payments(share.order.number)[0].canceled_total == 2_975

    def test_points_go_back_by_days_too(self, buy_with_points, at):
        """4,900 won, of which 900 were points: of each as many as days are left."""
        order = buy_with_points(900)
        (refund,) = members.stop_at_once(order.user, now=at(seoul(2027, 2, 10, 12)))
        assert (refund.amount, refund.points) == (4_000 * 17 // 28, 900 * 17 // 28)
        order.refresh_from_db()
        assert (order.points_refunded, order.status) == (546, Order.Status.PARTIALLY_REFUNDED)

    @pytest.fixture
    def buy_with_points(self, monthly, make_user, kakaopay, at):
        def purchase(amount):
            now = at(JANUARY)
            user = make_user()
            until = now + timedelta(days=365)
            points.grant(user, amount, note="가입", by=None, now=now, expires_at=until)
            cart = Cart.objects.create(user=user)
            cart.lines.create(product=monthly.product, quantity=1)
            wish = Wish("", amount)
            seen = quoting.look(cart, wish, user_id=user.pk, now=now).quote
            charge = payments.start(user=user, contact=CONTACT, seen=seen, wish=wish, now=now)
            back = kakaopay.pay(charge.redirect_urls["pc"])
            payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)
            return Order.objects.get(pk=charge.order_id)

        return purchase


class TestAtTheEnd:
    def test_stop_and_resume(self, member, kakaopay, at):
        """Each is told by mail, and the next month is charged once."""
        members.stop(member.user, now=JANUARY)
        members.resume(member.user, now=JANUARY)
        assert mails() == ["STOPPED", "RESUMED"]
        assert renewals.renew(member.pk, now=at(member.charge_at)).said == "renewed"
        assert kakaopay.subscription(member.agreement.sid).charges == 2

    def test_it_ends(self, member, kakaopay, at):
        """Without a charge, at the midnight that was said, and once."""
        members.stop(member.user, now=JANUARY)
        now = at(member.paid_until)
        assert renewals.renew(member.pk, now=now).said == "nothing"
        assert [each.pk for each in renewals.end_overdue(now=now)] == [member.pk]
        assert list(renewals.end_overdue(now=now)) == []
        assert mails() == ["STOPPED", "ENDED"]
        assert kakaopay.subscription(member.agreement.sid).charges == 1


class TestWhatWaits:
    """An order that the shop has placed for the period and not charged yet."""

    @pytest.fixture
    def waiting(self, member, kakaopay, at):
        kakaopay.fault("status", before="http_503")
        renewals.renew(member.pk, now=at(member.charge_at))
        return Order.objects.get(kind="RENEWAL", status="PENDING")

    @pytest.mark.parametrize("leave", [members.stop, members.stop_at_once])
    def test_it_is_canceled(self, member, waiting, leave):
        """Who stopped is not told that they will be charged, and why is kept."""
        leave(member.user, now=member.charge_at)
        waiting.refresh_from_db()
        assert (waiting.status, waiting.cancel_reason) == ("CANCELED", "STOPPED")
        assert waiting.transactions.get().status == "CANCELED"

    def test_one_in_flight_is_left(self, member, kakaopay, at):
        """Its money may have moved: only the provider's word ends it."""
        kakaopay.fault("subscription", after="drop")
        renewals.renew(member.pk, now=at(member.charge_at))
        members.stop(member.user, now=member.charge_at)
        assert Order.objects.get(kind="RENEWAL").status == "PENDING"


class TestRegistering:
    def test_stopped_while_the_answer_is_lost(self, member, kakaopay, at):
        """Recovery keeps what was registered, and does not take back that it was stopped."""
        now = at(seoul(2027, 2, 1))
        tab = members.register(member.user, now=now)
        kakaopay.fault("approve", after="drop")
        back = kakaopay.pay(tab.redirect_urls["pc"])
        payments.capture(tab, pg_token=back.rpartition("pg_token=")[2], now=now)
        members.stop(member.user, now=at(now + timedelta(seconds=5)))
        later = at(now + timedelta(minutes=2))
        list(reconciliation.settle_stale(reconciliation.unsettled(later), now=later))
        membership = membership_of(member.user)
        assert PaymentTransaction.objects.get(pk=tab.pk).status == "SUCCEEDED"
        assert (membership.renews, membership.charge_at) == (False, None)

    @pytest.mark.parametrize("day", [seoul(2027, 2, 1), seoul(2027, 2, 28, 1)])
    def test_stopped_in_another_tab(self, member, kakaopay, at, day):
        """Agreed to at KakaoPay after it was stopped here: it does not renew."""
        now = at(day)
        tab = members.register(member.user, now=now)
        members.stop(member.user, now=at(now + timedelta(seconds=5)))
        back = kakaopay.pay(tab.redirect_urls["pc"])
        payments.capture(tab, pg_token=back.rpartition("pg_token=")[2], now=now)
        membership = membership_of(member.user)
        assert PaymentTransaction.objects.get(pk=tab.pk).status == "SUCCEEDED"
        assert (membership.renews, membership.charge_at) == (False, None)

    def test_while_the_last_is_in_doubt(self, member, kakaopay, at):
        """It is waited for."""
        now = at(seoul(2027, 2, 1))
        tab = members.register(member.user, now=now)
        kakaopay.fault("approve", after="drop")
        back = kakaopay.pay(tab.redirect_urls["pc"])
        payments.capture(tab, pg_token=back.rpartition("pg_token=")[2], now=now)
        with pytest.raises(placing.PaymentInProgress):
            members.register(member.user, now=now)

    def test_two_tabs(self, member, kakaopay, at):
        """The newer takes the older one's place: that can make no agreement any more."""
        now = at(seoul(2027, 2, 1))
        tabs = [members.register(member.user, now=now) for _ in range(2)]
        for tab in tabs:
            back = kakaopay.pay(tab.redirect_urls["pc"])
            payments.capture(tab, pg_token=back.rpartition("pg_token=")[2], now=now)
        membership = membership_of(member.user)
        active = BillingAgreement.objects.filter(status="ACTIVE")
        assert list(active) == [membership.agreement]
        assert membership.charge_at == seoul(2027, 2, 28, 9)
        ended = [(tab.order.status, tab.order.cancel_reason) for tab in map(fresh, tabs)]
        assert ended == [("CANCELED", "SUPERSEDED"), ("PAID", "")]
        assert BillingAgreement.objects.count() == 2

    def test_two_tabs_for_a_period_that_is_due(self, member, kakaopay, at):
        """The newer takes the older one's place: the month is paid once."""
        now = at(seoul(2027, 2, 28, 1))
        tabs = [members.register(member.user, now=now) for _ in range(2)]
        for tab in tabs:
            back = kakaopay.pay(tab.redirect_urls["pc"])
            txn = PaymentTransaction.objects.get(pk=tab.pk)
            payments.capture(txn, pg_token=back.rpartition("pg_token=")[2], now=now)
        taken = [sum(len(p.actions) for p in kakaopay.payments(t.order.number)) for t in tabs]
        assert taken == [0, 1]
        assert membership_of(member.user).paid_until == seoul(2027, 3, 31)

    def test_it_was_left_unpaid(self, member, kakaopay, at):
        """The shop charges as ever, once the shopper's own attempt has run out."""
        now = at(member.charge_at)
        members.register(member.user, now=now)
        assert renewals.renew(member.pk, now=now).said == "nothing"
        later = at(now + renewals.LATER)
        list(payments.close_abandoned(now=later))
        assert renewals.renew(member.pk, now=later).said == "renewed"
        assert kakaopay.subscription(member.agreement.sid).charges == 2
