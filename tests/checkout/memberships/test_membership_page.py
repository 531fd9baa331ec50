"""The page of a membership: what is said there, and what its shopper can do."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts import memberships
from accounts.models import BillingAgreement, Membership, MembershipPeriod, Plan, User
from checkout import mails, members, payments, reconciliation, renewals
from checkout.models import Mail
from orders.models import Order, PaymentTransaction, Refund, Shipment
from tests.checkout.memberships.conftest import membership_of

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/checkout/membership/"
PLAN, METHOD = f"{PAGE}plan/", f"{PAGE}method/"
STOP, AT_ONCE, RESUME = f"{PAGE}stop/", f"{PAGE}stop-at-once/", f"{PAGE}resume/"


@pytest.fixture
def member(buy: Callable[..., Order], monthly: Plan) -> User:
    """Has paid 4,900 won for a month that begins now."""
    return buy(monthly).user


@pytest.fixture
def browser(member: User) -> Client:
    return signed_in(member)


def signed_in(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def let_pass(user: User, *, days: int) -> Membership:
    """As if the user had joined so many days earlier."""
    ago = timedelta(days=days)
    Membership.objects.filter(user=user).update(
        paid_until=F("paid_until") - ago,
        lasts_until=F("lasts_until") - ago,
        charge_at=F("charge_at") - ago,
    )
    periods = MembershipPeriod.objects.filter(membership__user=user)
    periods.update(starts_at=F("starts_at") - ago, ends_at=F("ends_at") - ago)
    BillingAgreement.objects.filter(user=user).update(used_at=F("used_at") - ago)
    return membership_of(user)


def fail_to_renew(user: User, kakaopay, reason: str = "NOT_ENOUGH_BALANCE") -> Membership:
    """The month is over, and the card is declined."""
    membership = let_pass(user, days=33)
    kakaopay.decline_subscription(membership.agreement.sid, reason)
    assert renewals.renew(membership.pk, now=timezone.now()).said == "refused"
    return membership_of(user)


def shown(client: Client, path: str = PAGE, *, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return " ".join(answer.text.split())


def told(client: Client, path: str, **fields: str) -> str:
    """Post, be brought back to the membership's page, and read what it says."""
    answer = client.post(path, fields, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    return " ".join(answer.text.split())


def day(moment) -> str:
    """As an English page writes a day of Korea."""
    return f"{timezone.localtime(moment):%b. }{timezone.localtime(moment).day}"


class TestWhatIsSaid:
    """Each state in plain words."""

    def test_a_visitor_signs_in(self, client):
        """Nobody's membership is shown to nobody."""
        for path in (PAGE, STOP, AT_ONCE, PLAN, METHOD):
            answer = client.get(path)
            assert (answer.status_code, answer["Location"]) == (
                302,
                f"/accounts/login/?next={path}",
            )
            assert client.post(path).status_code in {302, 405}

    def test_no_member(self, shopper):
        """They are shown where to become one, and nothing can be done about nothing."""
        client = signed_in(shopper)
        assert 'class="button" href="/premium/"' in shown(client)
        for path in (STOP, AT_ONCE, RESUME, PLAN, METHOD):
            assert "You are not a member now." in told(client, path)

    def test_it_renews(self, browser, member):
        """Until when it is paid, what is charged next, when and by what; the sid is not told."""
        membership = membership_of(member)
        page = shown(browser)
        assert "Your membership renews" in page
        assert f"On {day(membership.charge_at)}" in page
        assert "we charge ₩4,900 by KakaoPay (card · 신한)" in page
        assert membership.agreement.sid not in page
        assert membership.agreement.sealed_sid not in page
        number = Order.objects.get().number
        assert f'href="/orders/{number}/"' in page

    def test_what_somebody_else_has(self, browser, member, buy, make_plan):
        """Is not on the page."""
        other = buy(make_plan(price=77_000))
        page = shown(browser)
        assert "₩77,000" not in page
        assert other.number not in page

    def test_a_trial(self, buy, make_plan):
        """It is free, and when it will not be any more is said."""
        user = buy(make_plan(trial_days=14)).user
        page = shown(signed_in(user))
        assert "Your free trial lasts until" in page
        assert f"On {day(membership_of(user).charge_at)}" in page
        assert "If you cancel before, you pay nothing." in page

    def test_a_declined_card(self, browser, member, kakaopay):
        """Why, when it is tried again, until when the benefits last, and the way to pay now."""
        membership = fail_to_renew(member, kakaopay)
        page = shown(browser)
        assert "Your membership could not be renewed" in page
        assert PaymentTransaction.objects.latest("pk").buyer_message in page
        assert f"We try to charge ₩4,900 again on {day(membership.charge_at)}" in page
        last = membership.lasts_until - timedelta(seconds=1)
        assert f"You keep your benefits until {day(last)}" in page
        assert f"<dt>Benefits until</dt><dd>{day(last)}" in page
        assert "<dt>Not paid yet</dt><dd>₩4,900</dd>" in page
        assert "Period ends" not in page
        assert f'href="{METHOD}">Pay now with another payment method' in page

    def test_in_doubt(self, browser, member, kakaopay):
        """Nobody is told to pay again while a payment is confirmed."""
        membership = let_pass(member, days=33)
        kakaopay.fault("subscription", after="drop")
        assert renewals.renew(membership.pk, now=timezone.now()).said == "unknown"
        page = shown(browser)
        assert "We are confirming your payment" in page
        for path in (STOP, AT_ONCE, PLAN, METHOD):
            assert path not in page
        for path in (PLAN, METHOD):
            assert "has not told us yet how your last payment" in told(browser, path)
        assert Order.objects.count() == 2

    def test_a_fault_of_ours(self, browser, member):
        """The shopper need not do anything."""
        let_pass(member, days=33)
        Membership.objects.update(refusal="SHOP", charge_at=timezone.now() + timedelta(days=1))
        assert "By a fault of ours the next period was not charged yet." in shown(browser)

    def test_no_method(self, browser, member):
        """It is to be registered, and by when."""
        Membership.objects.update(agreement=None, charge_at=None)
        membership = membership_of(member)
        page = shown(browser)
        assert "Please register how you pay" in page
        assert f"by {day(membership.lasts_until - timedelta(seconds=1))}" in page

    def test_it_has_ended(self, browser, member):
        """With a way to join again; also before anybody noted it."""
        let_pass(member, days=60)
        for _ in renewals.end_overdue(now=timezone.now()), ():
            page = shown(browser)
            assert "Your membership has ended" in page
            assert 'href="/premium/">Join again' in page

    def test_an_announced_price(self, browser, member):
        """From when it costs how much."""
        soon = timezone.now() + timedelta(days=40)
        Membership.objects.update(new_price=5_900, new_price_from=soon)
        assert "a period costs ₩5,900 instead of ₩4,900" in shown(browser)


class TestStopping:
    def test_at_the_end(self, browser, member, kakaopay):
        """The page says until when it is good; sent twice it is stopped once, with one mail."""
        last = membership_of(member).paid_until - timedelta(seconds=1)
        assert day(last) in shown(browser, STOP)
        assert membership_of(member).renews
        assert "Your membership will not renew." in told(browser, STOP)
        assert "does not renew already" in told(browser, STOP)
        membership = membership_of(member)
        assert (membership.renews, membership.charge_at) == (False, None)
        assert membership.is_good(timezone.now())
        assert Mail.objects.filter(event="STOPPED").count() == 1
        page = shown(browser)
        assert f"Your membership ends with {day(last)}" in page
        assert kakaopay.subscription(membership.agreement.sid).status == "ACTIVE"

    def test_going_on(self, browser, member):
        """It renews again; a second click changes nothing."""
        told(browser, STOP)
        assert "Resume the membership" in shown(browser)
        assert browser.get(RESUME)["Location"] == PAGE  # who had to sign in again on the way
        assert not membership_of(member).renews
        assert "Your membership renews again." in told(browser, RESUME)
        assert "Your membership renews already." in told(browser, RESUME)
        assert membership_of(member).charge_at is not None
        assert Mail.objects.filter(event="RESUMED").count() == 1

    def test_going_on_without_a_method(self, browser, member):
        """What was ended at KakaoPay cannot be charged: the way on is to register anew."""
        told(browser, STOP)
        BillingAgreement.objects.update(status="ENDED", ended_at=timezone.now(), ended_by="PAYER")
        page = shown(browser)
        assert RESUME not in page
        assert "You ended the recurring payment at KakaoPay." in page
        assert f'href="{METHOD}"' in page
        assert "register how you pay" in told(browser, RESUME)
        assert not membership_of(member).renews

    def test_at_once(self, browser, member, kakaopay):
        """What goes back is what was shown, to the won: the days that have not begun."""
        membership = let_pass(member, days=10)
        period = membership.periods.get()
        days = (period.ends_at.date() - timezone.localtime(period.starts_at).date()).days + 1
        expected = 4_900 * (days - 11) // days
        page = shown(browser, AT_ONCE)
        assert f"{days - 11} of {days} days are left" in page
        assert f"<dd>₩{expected:,}</dd>" in page
        said = told(browser, AT_ONCE, seen=figures(page))
        assert f"₩{expected:,} went back the way you paid." in said
        order = Order.objects.get()
        assert kakaopay.payments(order.number)[0].canceled_total == expected
        assert Refund.objects.get().kind == "TERM"
        assert not membership_of(member).is_good(timezone.now())
        assert f"₩{expected:,} refunded on" in shown(browser)
        assert "You are not a member now." in told(browser, AT_ONCE, seen=figures(page))
        assert Refund.objects.count() == 1

    def test_a_day_has_passed_since_it_was_shown(self, browser, member, kakaopay):
        """Nothing goes back, and the new figures are shown."""
        page = shown(browser, AT_ONCE)
        let_pass(member, days=1)
        answer = browser.post(AT_ONCE, {"seen": figures(page)})
        assert answer.status_code == 409
        assert "What goes back has changed since you looked." in answer.text
        assert figures(answer.text) != figures(page)
        assert not Refund.objects.exists()
        assert membership_of(member).renews

    def test_without_having_looked(self, browser, member):
        """A form that arrives without figures ends nothing."""
        assert browser.post(AT_ONCE).status_code == 409
        assert membership_of(member).renews

    def test_a_trial_at_once(self, buy, make_plan):
        """Nothing was paid, so nothing goes back, and that is said."""
        user = buy(make_plan(trial_days=14)).user
        client = signed_in(user)
        page = shown(client, AT_ONCE)
        assert "You have paid nothing for your trial" in page
        assert "Your membership has ended." in told(client, AT_ONCE, seen=figures(page))
        assert not Refund.objects.exists()
        assert membership_of(user).ended_at

    def test_what_could_not_be_charged_ends_at_once(self, browser, member, kakaopay):
        """Nothing is paid for any more, so there is no end of a period to wait for."""
        fail_to_renew(member, kakaopay)
        answer = browser.post(STOP)
        assert (answer.status_code, answer["Location"]) == (302, AT_ONCE)
        page = shown(browser, AT_ONCE)
        assert "Nothing is left of what you paid" in page
        assert "Your membership has ended." in told(browser, AT_ONCE, seen=figures(page))
        assert membership_of(member).ended_at

    def test_a_refund_whose_answer_is_lost(self, browser, member, kakaopay):
        """It is said that it is being confirmed; asked again, nothing more goes back."""
        page = shown(browser, AT_ONCE)
        kakaopay.fault("cancel", after="drop")
        assert "has not told us yet whether your money" in told(
            browser, AT_ONCE, seen=figures(page)
        )
        assert "We are confirming your refund of" in shown(browser)
        told(browser, AT_ONCE, seen=figures(page))
        list(reconciliation.settle_stale(reconciliation.unsettled(timezone.now()), now=later()))
        assert Refund.objects.get().status == "SUCCEEDED"
        assert "Your membership has ended" in shown(browser)

    def test_a_declined_refund(self, browser, member, kakaopay):
        """The membership goes on, unrenewed; it is said why, and that nobody has to ask."""
        page = shown(browser, AT_ONCE)
        kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
        said = told(browser, AT_ONCE, seen=figures(page))
        assert "KakaoPay did not give your money back" in said
        membership = membership_of(member)
        assert membership.is_good(timezone.now())
        assert not membership.renews
        assert kakaopay.payments(Order.objects.get().number)[0].canceled_total == 0

    def test_staff_refund_it_at_kakaopay_just_then(self, browser, member, kakaopay):
        """It has ended, and nothing goes back a second time."""
        page = shown(browser, AT_ONCE)
        tid = PaymentTransaction.objects.get().tid
        kakaopay.console_refund(tid, 4_900)
        assert "Your membership has ended." in told(browser, AT_ONCE, seen=figures(page))
        assert kakaopay.payment(tid).canceled_total == 4_900

    def test_a_payment_without_a_name(self, browser, member):
        """What cannot be given back by itself is said beforehand, and nothing is stopped."""
        PaymentTransaction.objects.update(tid="")
        assert "cannot give it back by ourselves" in told(browser, AT_ONCE)
        assert membership_of(member).renews


class TestAnotherPlan:
    def test_from_the_next_period_on(self, browser, member, make_plan):
        """The page says when how much is charged; the choice can be taken back."""
        yearly = make_plan(price=49_000, months=12, discount_percent=10, has_free_delivery=True)
        membership = membership_of(member)
        page = shown(browser, PLAN)
        assert f"₩49,000 are charged on {day(membership.charge_at)}" in page
        assert "10% off all goods" in page
        told(browser, PLAN, plan=str(yearly.pk))
        assert membership_of(member).next_plan == yearly
        assert "we charge ₩49,000" in shown(browser)
        told(browser, PLAN, plan=str(membership.plan_id))
        assert membership_of(member).next_plan is None

    def test_what_the_next_period_would_cost(self, browser, member, make_plan, monthly):
        """The present plan at its announced price, the chosen one as agreed, others as on sale."""
        chosen, other = make_plan(price=9_900), make_plan(price=19_900)
        told(browser, PLAN, plan=str(chosen.pk))
        Plan.objects.filter(pk=chosen.pk).update(price=12_900)
        paid_until = membership_of(member).paid_until
        rows = Membership.objects.filter(user=member)
        rows.update(new_price=5_900, new_price_from=paid_until)
        options = dict(browser.get(PLAN).context["options"])
        assert options == {monthly: 5_900, chosen: 9_900, other: 19_900}
        rows.update(new_price_from=paid_until + timedelta(days=1))
        assert dict(browser.get(PLAN).context["options"])[monthly] == 4_900

    def test_back_to_a_plan_that_is_not_on_sale_any_more(self, browser, member, make_plan, monthly):
        """What somebody has they may keep."""
        told(browser, PLAN, plan=str(make_plan(price=9_900).pk))
        Plan.objects.filter(pk=monthly.pk).update(is_active=False)
        told(browser, PLAN, plan=str(monthly.pk))
        assert membership_of(member).next_plan is None

    @pytest.mark.parametrize("fields", [{"is_active": False}, {"renews": False}])
    def test_what_is_not_for_sale(self, browser, member, make_plan, fields):
        """A pass, or what was taken off the shelf, is not chosen; nor is nonsense."""
        other = make_plan(**fields)
        for wrong in (str(other.pk), "", "x", "999999999999999999999"):
            answer = browser.post(PLAN, {"plan": wrong})
            assert answer.status_code == 422
            assert "This plan is not on sale any more." in answer.text
        assert membership_of(member).next_plan is None

    def test_not_while_something_is_due(self, browser, member, kakaopay, make_plan):
        """First it is paid."""
        other = make_plan(price=9_900)
        fail_to_renew(member, kakaopay)
        assert "What is due must be paid first." in told(browser, PLAN, plan=str(other.pk))


class TestTheMethod:
    def test_it_is_registered_anew(self, browser, member, kakaopay):
        """0 won are charged, the new one is shown, and the old one is let go."""
        old = membership_of(member).agreement
        assert "₩0" in shown(browser, METHOD)
        answer = browser.post(METHOD)
        assert answer.status_code == 303
        back = kakaopay.pay(answer["Location"], method="MONEY")
        receipt = browser.get(back.removeprefix("http://localhost:8000"), follow=True)
        assert "Payment method registered" in receipt.text
        assert "Paid amount" not in receipt.text
        assert "KakaoPay Money" in shown(browser)
        assert membership_of(member).agreement != old
        old.refresh_from_db()
        assert old.status == "ENDING"

    def test_what_is_due_is_paid_with_it(self, browser, member, kakaopay):
        """The page says so; the period is paid, and not charged a second time."""
        fail_to_renew(member, kakaopay)
        assert "<dd>₩4,900</dd>" in shown(browser, METHOD)
        back = kakaopay.pay(browser.post(METHOD)["Location"])
        browser.get(back.removeprefix("http://localhost:8000"))
        membership = membership_of(member)
        assert not membership.is_failing
        assert membership.paid_until > timezone.now()
        assert "Your membership renews" in shown(browser)
        assert renewals.renew(membership.pk, now=timezone.now()).said == "nothing"
        mail = Mail.objects.get(event="REFUSED")
        assert mails.is_overtaken(mail)

    def test_the_card_declines_again(self, browser, member, kakaopay):
        """That it is still to be paid, until when, and the way to try once more."""
        membership = fail_to_renew(member, kakaopay)
        back = kakaopay.pay(browser.post(METHOD)["Location"], decline="NOT_ENOUGH_BALANCE")
        ended = browser.get(back.removeprefix("http://localhost:8000"), follow=True)
        page = " ".join(ended.text.split())
        last = membership.lasts_until - timedelta(seconds=1)
        assert "What is due is not paid yet" in page
        assert f"If it is not paid until {day(last)}" in page
        assert f'href="{METHOD}">Try again' in page

    def test_who_thinks_better_of_it(self, browser, member, kakaopay):
        """They still read why the card was declined."""
        fail_to_renew(member, kakaopay)
        assert "KakaoPay says: 잔액이 부족합니다." in shown(browser)
        browser.post(METHOD)
        charge = PaymentTransaction.objects.get(order__kind="METHOD")
        payments.abandon(charge, Order.CancelReason.QUIT, now=timezone.now())
        assert "KakaoPay says: 잔액이 부족합니다." in shown(browser)

    def test_two_clicks(self, browser, member, kakaopay):
        """Whichever window is paid in, what is due is paid once."""
        fail_to_renew(member, kakaopay)
        first, second = (browser.post(METHOD)["Location"] for _ in range(2))
        back = kakaopay.pay(second)
        browser.get(back.removeprefix("http://localhost:8000"))
        late = kakaopay.pay(first)
        browser.get(late.removeprefix("http://localhost:8000"))
        paid = PaymentTransaction.objects.filter(status="SUCCEEDED", amount=4_900)
        assert [txn.order.kind for txn in paid.order_by("pk")] == ["SALE", "METHOD"]

    def test_kakaopay_does_not_answer(self, browser, member, kakaopay):
        """The membership is as it was, and it can be tried again."""
        kakaopay.fault("ready", before="drop")
        answer = browser.post(METHOD)
        assert answer.status_code == 503
        assert "Nothing was charged, and your membership is as it was." in answer.text
        assert membership_of(member).agreement.status == "ACTIVE"

    def test_a_pass_is_not_charged(self, buy, make_plan):
        """What was bought once does not begin to renew because somebody sent a form."""
        user = buy(make_plan(renews=False)).user
        client = signed_in(user)
        assert METHOD not in shown(client)
        assert "bought once" in told(client, METHOD)
        assert "bought once" in told(client, RESUME)
        with pytest.raises(memberships.NotRenewing):
            members.register(user, now=timezone.now())
        assert Order.objects.count() == 1


class TestOrders:
    """What orders for a membership are called, and what can be done about them."""

    def test_a_renewal(self, browser, member, kakaopay):
        """It says for which time it is; in the list, too."""
        membership = let_pass(member, days=33)
        renewals.renew(membership.pk, now=timezone.now())
        order = Order.objects.get(kind="RENEWAL")
        period = order.period
        last = timezone.localtime(period.ends_at - timedelta(seconds=1))
        span = f"{timezone.localtime(period.starts_at):%Y-%m-%d} – {last:%Y-%m-%d}"
        receipt = shown(browser, f"/orders/{order.number}/")
        assert "Renewal of your membership" in receipt
        assert span in receipt
        assert f'href="{PAGE}"' in receipt
        assert f"Renewal of your membership · {span}" in shown(browser, "/orders/")

    def test_the_shop_charges_a_renewal(self, browser, member):
        """Nobody is asked to pay what will be charged."""
        membership = let_pass(member, days=33)
        order = renewals.take_up(membership.pk, now=timezone.now())
        page = shown(browser, f"/orders/{order.number}/")
        assert "Your membership is being renewed" in page
        assert "/ready/" not in page

    def test_a_declined_renewal(self, browser, member, kakaopay):
        """No cart had a part in it."""
        fail_to_renew(member, kakaopay)
        order = Order.objects.get(kind="RENEWAL")
        page = shown(browser, f"/orders/{order.number}/")
        assert "Your membership could not be renewed" in page
        for word in ("Order again", "Back to the cart", "Your cart"):
            assert word not in page

    def test_goods_with_a_membership_are_not_canceled_whole(self, buy, monthly, make_product):
        """The membership is used from the start: its page stops it; the goods are asked back."""
        order = buy(monthly, make_product(), now=timezone.now())
        order.lines.filter(product__plan=None).update(needs_delivery=True)
        ship(order)
        client = signed_in(order.user)
        page = shown(client, f"/orders/{order.number}/")
        assert "An order with a membership is not canceled as a whole" in page
        assert f"/checkout/orders/{order.number}/cancel/" not in page
        assert f"/checkout/orders/{order.number}/refund/" in page
        client.post(f"/checkout/orders/{order.number}/cancel/", {"reason": "no"})
        assert not Refund.objects.exists()
        line = order.lines.get(product__plan=None)
        form = client.get(f"/checkout/orders/{order.number}/refund/").context["form"]
        name = form.name_of(line)
        client.post(
            f"/checkout/orders/{order.number}/refund/", {name: "1", "reason": "It does not fit."}
        )
        assert order.refund_requests.get().lines.get().line == line

    def test_nothing_is_asked_back_that_cost_nothing(self, buy, make_plan):
        """A trial alone has nothing to refund."""
        order = buy(make_plan(trial_days=14))
        page = shown(signed_in(order.user), f"/orders/{order.number}/")
        assert "/refund/" not in page
        assert "Paid amount" not in page


def figures(page: str) -> str:
    return page.partition('name="seen" value="')[2].partition('"')[0]


def later():
    return timezone.now() + timedelta(minutes=30)


def ship(order: Order) -> Shipment:
    return Shipment.objects.create(
        order=order, recipient="김둘", phone="+821055556666", postcode="06236", line1="서울"
    )
