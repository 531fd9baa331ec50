"""What mail about memberships says, and when it is not sent any more."""

from datetime import timedelta

import pytest
from django.utils import timezone, translation
from django.utils.formats import date_format

from accounts.models import BillingAgreement, Membership, MembershipPeriod, Plan
from checkout import mails, members
from checkout.models import Mail
from orders.models import Order, PaymentTransaction
from shop import plans
from shop.models import Category
from tests.checkout.mails.conftest import Event

pytestmark = pytest.mark.django_db(transaction=True)

ABOUT = [
    *(Event.REFUSED, Event.METHOD, Event.UNPAID, Event.ENDED),
    *(Event.STOPPED, Event.RESUMED, Event.PRICE, Event.TRIAL_ENDS),
]


@pytest.fixture
def membership(order: Order, plan, agreement) -> Membership:
    """4,900 won a month, paid until the end of the 20th of December, charged on the 21st."""
    now = timezone.now()
    until = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    until += timedelta(days=29)
    membership = Membership.objects.create(
        user=order.user,
        plan=plan,
        price=4_900,
        agreement=agreement,
        renews=True,
        day=until.day,
        started_at=now,
        paid_until=until,
        lasts_until=until + timedelta(days=7),
        charge_at=until + timedelta(hours=9),
    )
    period = period_of(membership, 1, "PAID", ends_at=until, starts_at=now)
    Order.objects.filter(pk=order.pk).update(plan=plan, period=period, is_recurring=True)
    order.refresh_from_db()
    return membership


@pytest.fixture
def plan() -> Plan:
    shelf = Category.objects.create(slug="memberships", name_ko="멤버십", name_en="Memberships")
    plan = Plan(slug="premium", name_ko="프리미엄", name_en="Premium", price=4_900)
    return plans.offer(plan, category=shelf).plan


@pytest.fixture
def agreement(order: Order) -> BillingAgreement:
    made = BillingAgreement(
        user=order.user, gateway="kakaopay", method="CARD", card_issuer="신한 <개인>"
    )
    made.sid = "S0a1b2c3d4e5f6071829"
    made.save()
    return made


@pytest.fixture
def refused(order: Order, membership: Membership) -> PaymentTransaction:
    """The renewal was declined; it is tried again in two days."""
    Membership.objects.update(
        paid_until=timezone.now() - timedelta(hours=1),
        charge_at=timezone.now() + timedelta(days=2),
        lasts_until=timezone.now() + timedelta(days=6),
        failing_since=timezone.now(),
        attempts=1,
        refusal="PAYER",
    )
    due = period_of(membership, 2, "DUE", starts_at=membership.paid_until)
    renewal = Order.objects.get(pk=order.pk)
    renewal.pk = None
    renewal.number = "20261221-RENEWAL2"
    renewal.kind, renewal.status, renewal.period = "RENEWAL", "CANCELED", due
    renewal.subtotal = renewal.total = 4_900
    renewal.tax_free, renewal.vat = 0, 445
    renewal.save()
    return renewal.transactions.create(
        kind="CHARGE",
        status="FAILED",
        gateway="kakaopay",
        amount=4_900,
        tax_free=0,
        vat=445,
        buyer_message="잔액이 부족합니다 <0원>",
        reason_code="-782",
    )


def period_of(membership: Membership, number: int, status: str, **times) -> MembershipPeriod:
    ends = {"ends_at": times["starts_at"] + timedelta(days=30)} | times
    return membership.periods.create(
        number=number, plan=membership.plan, price=4_900, status=status, **ends
    )


def composed(event: Mail.Event, order: Order, txn: PaymentTransaction | None = None):
    return mails.compose(Mail(event=event, order=order, transaction=txn))


def parts_of(message) -> tuple[str, str]:
    """The text and the HTML, in one line each."""
    ((html, _),) = message.alternatives
    return " ".join(message.body.split()), " ".join(html.split())


def in_english(order: Order) -> Order:
    Order.objects.filter(pk=order.pk).update(language="en")
    return Order.objects.get(pk=order.pk)


def day(moment) -> str:
    moment = timezone.localtime(moment - timedelta(microseconds=1))
    with translation.override("en"):
        return date_format(moment, "DATE_FORMAT")


class TestWhatItSays:
    def test_the_first_purchase(self, membership, charge, settings):
        """Until when, when charged next and how much, by what, and where to stop it."""
        charge.order = in_english(charge.order)
        for part in parts_of(composed(Event.PAID, charge.order, charge)):
            assert f"Your membership is paid until {day(membership.paid_until)}." in part
            assert "we charge ₩4,900 by KakaoPay (card · 신한" in part
            assert "You can cancel at any time before" in part
            assert f"{settings.SITE_URL}/checkout/membership/" in part

    def test_a_trial(self, membership, charge):
        """It is free until a day."""
        MembershipPeriod.objects.update(is_trial=True, price=0)
        order = in_english(charge.order)
        for part in parts_of(composed(Event.PAID, order, charge)):
            assert f"Your free trial lasts until {day(membership.paid_until)}." in part

    def test_a_pass(self, membership, charge):
        """No word of further charges but that there are none."""
        Membership.objects.update(renews=False, charge_at=None, agreement=None)
        for part in parts_of(composed(Event.PAID, in_english(charge.order), charge)):
            assert "It does not renew, and nothing more is charged." in part
            assert "we charge" not in part

    def test_a_renewal(self, refused, membership):
        """A receipt: period, price with VAT, method, and the next charge."""
        paid_at = timezone.now()
        PaymentTransaction.objects.filter(pk=refused.pk).update(
            status="SUCCEEDED", method="CARD", card_issuer="신한", approved_at=paid_at
        )
        Membership.objects.update(
            failing_since=None,
            refusal="",
            paid_until=membership.paid_until,
            lasts_until=membership.lasts_until,
            charge_at=membership.charge_at,
        )
        order = in_english(refused.order)
        txn = order.transactions.get()
        message = composed(Event.PAID, order, txn)
        assert message.subject == "[모퉁이상점] Your membership is renewed"
        period = order.period
        first = f"{timezone.localtime(period.starts_at):%Y-%m-%d}"
        for part in parts_of(message):
            for fact in (first, "₩4,900", "₩445", "card · 신한", "You can cancel at any time"):
                assert fact in part
            assert "paid at once" not in part

    def test_a_registration(self, membership, charge):
        """Nothing was charged, and nothing is said to have been paid."""
        PaymentTransaction.objects.filter(pk=charge.pk).update(amount=0, tax_free=0, vat=0)
        Order.objects.update(
            kind="METHOD", period=None, total=0, subtotal=0, tax_free=0, vat=0, language="en"
        )
        order = Order.objects.get()
        message = composed(Event.PAID, order, order.transactions.get())
        assert message.subject == "[모퉁이상점] Your payment method is registered"
        for part in parts_of(message):
            assert "Nothing was charged." in part
            for word in ("Paid amount", "Paid at", "₩0", "Total"):
                assert word not in part

    def test_a_declined_renewal(self, refused, settings):
        """Why, when it is tried again, until when the benefits last, and where to pay now."""
        order = in_english(refused.order)
        message = composed(Event.REFUSED, order, refused)
        assert message.subject == "[모퉁이상점] Your membership could not be renewed"
        now = Membership.objects.get()
        text, html = parts_of(message)
        assert "KakaoPay says: 잔액이 부족합니다 <0원>" in text
        assert "잔액이 부족합니다 &lt;0원&gt;" in html
        again = day(now.charge_at + timedelta(seconds=1))
        for part in (text, html):
            assert f"We try to charge ₩4,900 again on {again}." in part
            assert f"You keep your benefits until {day(now.lasts_until)}" in part
            assert f"{settings.SITE_URL}/checkout/membership/method/" in part

    def test_the_last_attempt(self, refused):
        """That nothing is tried again is said, too."""
        Membership.objects.update(charge_at=None)
        for part in parts_of(composed(Event.REFUSED, in_english(refused.order), refused)):
            assert "We do not try again by ourselves: ₩4,900 are due." in part

    def test_used_up(self, refused):
        """Not the payer's fault: the month is."""
        Membership.objects.update(refusal="USED_UP")
        for part in parts_of(composed(Event.REFUSED, in_english(refused.order), refused)):
            assert "KakaoPay charges this recurring payment no more this month." in part
            assert "was declined" not in part

    def test_ended_at_kakaopay_while_due(self, refused, settings):
        """Register anew, and by when."""
        end_agreement()
        Membership.objects.update(refusal="ENDED", charge_at=None)
        for part in parts_of(composed(Event.METHOD, in_english(refused.order), refused)):
            assert "The recurring payment was ended at KakaoPay." in part
            assert "We do not try again by ourselves" in part
            assert f"{settings.SITE_URL}/checkout/membership/method/" in part

    def test_ended_at_kakaopay_before_it_was_due(self, membership, order):
        """It does not renew; the way to go on is named."""
        end_agreement()
        Membership.objects.update(renews=False, charge_at=None)
        for part in parts_of(composed(Event.METHOD, in_english(order))):
            assert "so it does not renew and nothing more is charged." in part
            assert f"You keep your benefits until {day(membership.paid_until)}." in part

    def test_the_sid_was_lost(self, membership, order):
        """Nobody ended anything: there is just nothing to charge by."""
        Membership.objects.update(agreement=None, charge_at=None)
        for part in parts_of(composed(Event.METHOD, in_english(order))):
            assert "we know no payment method to renew it with." in part
            assert f"Register one by {day(membership.lasts_until)}" in part

    @pytest.mark.parametrize("event", [Event.UNPAID, Event.ENDED])
    def test_it_has_ended(self, membership, order, settings, event):
        """Nothing is due, nothing more is charged, and one may join again."""
        Membership.objects.update(renews=False, charge_at=None, ended_at=timezone.now())
        for part in parts_of(composed(event, in_english(order))):
            assert "nothing more is charged" in part
            assert f"{settings.SITE_URL}/premium/" in part
            assert "Next payment" not in part

    def test_the_last_day(self, membership, order):
        """Ended by a worker at midnight, or a little later: the day before was the last."""
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        over = {"paid_until": midnight, "lasts_until": midnight, "charge_at": None}
        ended_at = midnight + timedelta(minutes=4)
        Membership.objects.update(renews=False, ended_at=ended_at, **over)
        for part in parts_of(composed(Event.ENDED, in_english(order))):
            assert day(midnight) in part
            assert day(midnight + timedelta(days=1)) not in part

    def test_another_price(self, membership, order):
        """The old, the new, from when, and until when to cancel."""
        starts = membership.paid_until
        Membership.objects.update(new_price=5_900, new_price_from=starts)
        for part in parts_of(composed(Event.PRICE, in_english(order))):
            assert "a period costs ₩5,900 instead of ₩4,900." in part
            assert f"cancel the membership on its page until {day(starts)}." in part

    def test_the_old_price_again(self, membership, order):
        """What was announced does not come, the subject says so; nothing is said of a day."""
        assert "stays as it is" in composed(Event.PRICE, in_english(order)).subject
        for part in parts_of(composed(Event.PRICE, in_english(order))):
            assert "The announced price does not come: a period goes on costing ₩4,900." in part
            assert "instead of" not in part
            assert "None" not in part

    def test_the_trial_ends(self, membership, order):
        """What is charged when, and that it can still be canceled for nothing."""
        MembershipPeriod.objects.update(is_trial=True, price=0)
        for part in parts_of(composed(Event.TRIAL_ENDS, in_english(order))):
            assert f"Your free trial lasts until {day(membership.paid_until)}." in part
            assert "If you cancel before, you pay nothing." in part
            assert "₩4,900" in part

    @pytest.mark.parametrize("event", ABOUT)
    @pytest.mark.parametrize("language", ["ko", "en"])
    def test_no_secrets(self, refused, event, language):
        """Neither the sid nor its seal leaves the shop; and every sentence is complete."""
        Order.objects.update(language=language)
        Membership.objects.update(new_price=5_900, new_price_from=timezone.now())
        order = Order.objects.get(pk=refused.order_id)
        sealed = BillingAgreement.objects.get().sealed_sid
        for part in parts_of(composed(event, order, refused)):
            for word in ("S0a1b2c3d4e5f6071829", sealed, "None", "()", "%("):
                assert word not in part

    def test_the_rest_of_a_membership(self, refund):
        """What went back is named."""
        order = in_english(refund.order)
        refund.refund.kind = "TERM"
        mail = Mail(event=Event.REFUNDED, order=order, transaction=refund, refund=refund.refund)
        for part in parts_of(mails.compose(mail)):
            assert "the rest of your membership" in part


class TestWhatIsOvertaken:
    """News that are none any more are not sent."""

    def test_a_refusal_that_was_paid_since(self, refused):
        """Whoever paid meanwhile is not told that they did not."""
        mail = Mail(event=Event.REFUSED, order=refused.order, transaction=refused)
        assert not mails.is_overtaken(mail)
        MembershipPeriod.objects.filter(number=2).update(status="PAID")
        assert mails.is_overtaken(fresh(mail))

    def test_a_refusal_of_what_was_stopped_since(self, refused):
        """Nobody tries to charge it again, so nobody says so."""
        Membership.objects.update(renews=False, charge_at=None)
        assert mails.is_overtaken(Mail(event=Event.REFUSED, order=refused.order))

    def test_a_method_that_was_registered_since(self, membership, order):
        """Asked for only while there is none."""
        mail = Mail(event=Event.METHOD, order=order)
        assert mails.is_overtaken(mail)
        end_agreement()
        assert not mails.is_overtaken(mail)

    @pytest.mark.parametrize(
        ("event", "true", "false"),
        [
            (Event.STOPPED, {"renews": False, "charge_at": None}, {"renews": True}),
            (Event.RESUMED, {"renews": True}, {"renews": False, "charge_at": None}),
            (Event.TRIAL_ENDS, {"renews": True}, {"renews": False, "charge_at": None}),
            (Event.PRICE, {"renews": True}, {"renews": False, "charge_at": None}),
            (Event.ENDED, {"renews": False, "charge_at": None, "ended_at": True}, {}),
            (Event.UNPAID, {"renews": False, "charge_at": None, "ended_at": True}, {}),
        ],
    )
    def test_the_others(self, membership, order, event, true, false):
        """Each is true of a membership that is as it says, and of no other."""
        mail = Mail(event=event, order=order)
        changed = true | ({"ended_at": timezone.now()} if "ended_at" in true else {})
        Membership.objects.update(**changed)
        assert not mails.is_overtaken(mail)
        Membership.objects.update(**({"ended_at": None} | false))
        assert mails.is_overtaken(mail)

    def test_stopped_resumed_and_stopped_again(self, membership, order):
        """A mail that was overtaken, and is gone, keeps no later one from being written."""
        for _ in range(2):
            members.stop(order.user, now=timezone.now())
            members.resume(order.user, now=timezone.now())
        Mail.objects.filter(event="STOPPED", nth=1).delete()
        members.stop(order.user, now=timezone.now())
        kept = Mail.objects.filter(event="STOPPED").order_by("nth")
        assert list(kept.values_list("nth", flat=True)) == [2, 3]


def fresh(mail: Mail) -> Mail:
    return Mail(
        event=mail.event,
        order=Order.objects.get(pk=mail.order_id),
        transaction=mail.transaction,
    )


def end_agreement() -> None:
    BillingAgreement.objects.update(status="ENDED", ended_at=timezone.now(), ended_by="PAYER")
