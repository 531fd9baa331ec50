"""Staff end a membership at once, within their limits; or refund what it cost."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from accounts.memberships import terms_of
from checkout.models import Mail
from orders import refunding
from orders.models import Order, PaymentTransaction, Refund
from orders.templatetags.periods import last_day
from tests.checkout.desk.memberships import (
    CLERK,
    address,
    allow,
    clerk,
    fresh,
    make_due,
    membership,
    press,
    renewal_of,
    text_of,
)
from tests.checkout.memberships.conftest import (
    at,
    buy,
    make_plan,
    make_user,
    membership_of,
    monthly,
)
from tests.staff import form_of, give_back, member, operator

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["at", "buy", "clerk", "make_plan", "make_user", "membership", "monthly"]


class TestEndingAtOnce:
    @pytest.fixture
    def refunder(self, clerk):
        allow(clerk, "refund_order")
        return clerk

    def seen(self, client, membership) -> str:
        answer = client.get(address(membership, "end"), headers={"accept-language": "en"})
        assert answer.status_code == 200
        return answer.context["seen"]

    def end(self, client, membership, **form):
        return press(client, membership, "end", **({"reason": "이사"} | form))

    def test_what_is_left_goes_back(self, client, refunder, membership, kakaopay):
        """By days, as the page showed it beforehand; the membership is over, and it is logged."""
        shown = client.get(address(membership, "end"), headers={"accept-language": "en"})
        (ending,) = shown.context["endings"]
        back = 4_900 * ending.share.left // ending.share.days
        assert 4_000 < back < 4_900
        assert shown.context["money"] == back
        self.end(client, membership, seen=shown.context["seen"])
        refund = Refund.objects.get()
        assert (refund.kind, refund.status, refund.amount) == ("TERM", "SUCCEEDED", back)
        assert refund.requested_by == refunder
        assert fresh(membership).ended_at is not None
        charge = PaymentTransaction.objects.get(kind="CHARGE")
        assert kakaopay.payment(charge.tid).canceled_total == back
        assert Mail.objects.filter(event="ENDED").count() == 1
        assert LogEntry.objects.get(change_message="Ended at once.").user == refunder
        assert not Mail.objects.filter(event="STOPPED").exists()

    def test_the_limit(self, client, refunder, membership, settings, kakaopay):
        """Who may give back less than this ends nothing: not even the renewal."""
        settings.REFUND_LIMIT = 1_000
        shown = client.get(address(membership, "end"), headers={"accept-language": "en"})
        assert "You may give back up to ₩1,000" in shown.context["problem"]
        assert self.end(client, membership, seen="").status_code == 403
        assert fresh(membership).renews
        assert not Refund.objects.exists()

    def test_somebody_else_must_approve(self, client, refunder, membership, settings, kakaopay):
        """Until then it goes on without renewing; approved, the same goes back and it is over."""
        settings.REFUND_APPROVAL_ABOVE = 1_000
        self.end(client, membership, seen=self.seen(client, membership))
        waiting, on = Refund.objects.get(), fresh(membership)
        assert (waiting.status, on.renews, on.ended_at) == ("WAITING", False, None)
        assert Mail.objects.filter(event="STOPPED").count() == 1
        client.force_login(member("finance", "boss@example.com"))
        client.post(reverse("admin:orders_refund_approve", args=[waiting.pk]))
        waiting.refresh_from_db()
        assert waiting.status == "SUCCEEDED"
        charge = PaymentTransaction.objects.get(kind="CHARGE")
        assert kakaopay.payment(charge.tid).canceled_total == waiting.amount
        assert fresh(membership).ended_at is not None

    def test_not_what_was_seen(self, client, refunder, membership):
        """A coffee was refunded of the same order meanwhile: look again."""
        seen = self.seen(client, membership)
        give_back(membership.periods.get().orders.get(), refunding.by_amount(4_800))
        answer = self.end(client, membership, seen=seen)
        assert answer.status_code == 409
        assert "not what you saw" in answer.content.decode()
        assert fresh(membership).renews

    def test_a_trial(self, client, refunder, buy, make_plan):
        """Nothing goes back, and it is over."""
        membership = membership_of(buy(make_plan(trial_days=14)).user)
        self.end(client, membership, seen=self.seen(client, membership))
        assert not Refund.objects.exists()
        assert fresh(membership).ended_at is not None
        assert Mail.objects.filter(event="ENDED").count() == 1

    def test_while_in_doubt(self, client, refunder, membership, kakaopay):
        """Whether the last period was paid must be known first."""
        due = make_due(membership, timezone.now() - timedelta(hours=1))
        kakaopay.fault("subscription", after="drop")
        press(client, due, "charge")
        answer = self.end(client, due, seen="")
        assert answer.status_code == 409
        assert "is not known yet" in answer.content.decode()
        assert fresh(due).renews

    def test_ones_own(self, client, membership):
        """Nobody decides what they get back themselves."""
        person = membership.user
        person.is_staff = True
        person.save()
        allow(person, *CLERK, "refund_order")
        client.force_login(person)
        assert self.end(client, membership, seen="").status_code == 403
        assert fresh(membership).renews

    def test_who_gives_nothing_back(self, client, clerk, membership):
        """Managing memberships is not refunding: no button, and 403."""
        assert address(membership, "end") not in text_of(client, membership)
        assert client.get(address(membership, "end")).status_code == 403
        assert self.end(client, membership, seen="").status_code == 403
        assert fresh(membership).renews

    def test_a_reason_is_asked_for(self, client, refunder, membership):
        """422, and nothing is ended."""
        answer = self.end(client, membership, seen=self.seen(client, membership), reason=" ")
        assert answer.status_code == 422
        assert fresh(membership).renews


class TestRefundingARenewal:
    @pytest.fixture
    def renewal(self, client, membership, clerk) -> Order:
        make_due(membership, timezone.now() - timedelta(hours=1))
        press(client, membership, "charge")
        client.force_login(operator())
        return renewal_of(membership)

    def outlook(self, client, order, **form):
        page = reverse("admin:orders_order_refund", args=[order.pk])
        given = {"preview": "1", "reason": "x"} | form
        answer = client.post(page, given, headers={"accept-language": "en"})
        return answer.context["outlook"].membership

    def test_it_is_said_beforehand(self, client, renewal):
        """All of it ends the membership; a part by amount does not."""
        assert "ends at once" in self.outlook(client, renewal, kind="FULL")
        line = renewal.lines.get()
        pieces = {f"pieces-{line.pk}": "1"}
        assert "ends at once" in self.outlook(client, renewal, kind="LINES", **pieces)
        assert "goes on" in self.outlook(client, renewal, kind="AMOUNT", amount="900")

    def test_all_of_it(self, client, renewal, membership, kakaopay):
        """The money goes back, and the membership is over."""
        give_back(renewal, refunding.everything())
        charge = renewal.transactions.get(kind="CHARGE")
        assert kakaopay.payment(charge.tid).canceled_total == 4_900
        assert fresh(membership).ended_at is not None

    def test_nothing_goes_back_into_stock(self, client, renewal):
        """It took nothing from the shelf, whatever the form says."""
        before = renewal.lines.get().product.stock
        form = form_of(renewal, refunding.everything(restock=True))
        client.post(reverse("admin:orders_order_refund", args=[renewal.pk]), form)
        assert Refund.objects.get().status == "SUCCEEDED"
        assert renewal.lines.get().product.stock == before

    def test_a_part(self, client, renewal, membership):
        """The membership goes on."""
        give_back(renewal, refunding.by_amount(900))
        assert fresh(membership).ended_at is None

    @pytest.fixture
    def with_a_pass(self, client, membership, buy, make_plan) -> tuple[Order, Order]:
        """The orders of a period that renews, and of a pass that follows it."""
        buy(make_plan(renews=False), user=membership.user)
        client.force_login(operator())
        first, second = Order.objects.order_by("pk")
        return first, second

    def test_what_renews_before_a_pass(self, client, membership, with_a_pass):
        """It is said that it stops, when it ends, and that the pass is not moved forward."""
        first, second = with_a_pass
        begins, ends = second.period.starts_at, second.period.ends_at
        assert self.outlook(client, first, kind="FULL").partition("is over: ")[2] == (
            f"it does not renew, and ends on {last_day(ends)}. The next one that is paid begins "
            f"on {timezone.localtime(begins):%Y-%m-%d} as before; the days until then bring no "
            "benefits."
        )
        give_back(first, refunding.everything())
        stopped = fresh(membership)
        assert (stopped.renews, stopped.ended_at, stopped.paid_until) == (False, None, ends)
        assert stopped.periods.get(status="PAID").starts_at == begins
        assert terms_of(membership.user_id, now=timezone.now()).percent == 0

    def test_a_pass_after_what_renews(self, client, membership, with_a_pass):
        """It goes on and renews; the period is named by its last day."""
        first, second = with_a_pass
        starts, ends = second.period.starts_at, second.period.ends_at
        assert self.outlook(client, second, kind="FULL") == (
            f"The period {timezone.localtime(starts):%Y-%m-%d} – {last_day(ends)} is over; the "
            f"membership goes on until {last_day(first.period.ends_at)}."
        )
        give_back(second, refunding.everything())
        assert fresh(membership).renews

    def test_days_between_two_paid_periods(self, client, membership, with_a_pass, buy, make_plan):
        """They bring what the period before them brought."""
        buy(make_plan(renews=False), user=membership.user)
        said = self.outlook(client, with_a_pass[1], kind="FULL")
        assert "the days until then bring the benefits of the last one that was paid." in said

    def test_a_period_long_over(self, client, renewal, membership):
        """Nothing of the membership changes, and that is said."""
        first = membership.periods.get(number=1).orders.get()
        assert "its membership stays as it is" in self.outlook(client, first, kind="FULL")
        before = fresh(membership).paid_until
        give_back(first, refunding.everything())
        assert (fresh(membership).renews, fresh(membership).paid_until) == (True, before)

    def test_the_orders_page(self, client, renewal, membership):
        """Says what kind of order it is, and leads to the membership; so does the list."""
        page = reverse("admin:orders_order_change", args=[renewal.pk])
        text = client.get(page, headers={"accept-language": "en"}).content.decode()
        assert "renewal of a membership" in text
        assert "Ordered for the next period" in text
        assert address(membership) in text
        rows = client.get("/admin/orders/order/", headers={"accept-language": "en"})
        assert ">renewal<" in re.sub(r"\s", "", rows.content.decode())
        assert 'name="restock"' not in client.get(page.replace("change", "refund")).content.decode()
