"""Payment agreements at the desk; and that what charges them stands nowhere."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import BillingAgreement, Membership
from checkout.models import Mail
from orders.models import PaymentTransaction
from tests.checkout.desk.memberships import (
    LIST,
    address,
    allow,
    clerk,
    fresh,
    lose_the_answer,
    membership,
    press,
    renewal_of,
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


class TestAgreements:
    def test_the_page(self, client, clerk, membership):
        """Its charges, who has it, and that a membership needs it: it cannot be ended."""
        allow(clerk, "view_providercall")
        text = text_of(client, membership.agreement)
        order = membership.periods.get().orders.get()
        assert order.number in text
        assert membership.user.email in text
        assert address(membership.agreement, "ask") in text
        assert address(membership.agreement, "end") not in text
        (sentence,) = told(press(client, membership.agreement, "end"))
        assert "A membership is charged by it" in sentence
        membership.agreement.refresh_from_db()
        assert membership.agreement.status == "ACTIVE"

    def test_asking(self, client, clerk, membership):
        """What KakaoPay says is kept with the time, and the call is in the agreement's journal."""
        BillingAgreement.objects.update(checked_at=None)
        (sentence,) = told(press(client, membership.agreement, "ask"))
        assert sentence == "KakaoPay says that it can be charged."
        membership.agreement.refresh_from_db()
        assert membership.agreement.checked_at is not None
        call = membership.agreement.calls.get()
        assert (call.operation, call.transaction) == ("status", None)
        allow(clerk, "view_providercall")
        journal = reverse("admin:checkout_providercall_changelist")
        number = membership.periods.get().orders.get().number
        rows = client.get(journal, {"q": number}).context["cl"].result_list
        assert call in rows
        page = reverse("admin:checkout_providercall_change", args=[call.pk])
        assert client.get(page).status_code == 200

    def test_ended_by_the_payer(self, client, clerk, membership, kakaopay):
        """The membership does not renew any more, and its shopper is told."""
        kakaopay.end_subscription(membership.agreement.sid)
        (sentence,) = told(press(client, membership.agreement, "ask"))
        assert "Its shopper has ended it at KakaoPay" in sentence
        ended = fresh(membership)
        assert (ended.renews, ended.agreement.ended_by) == (False, "PAYER")
        assert Mail.objects.filter(event="METHOD").count() == 1
        assert "the shopper, at the provider" in text_of(client, membership.agreement)

    def test_ending_what_nothing_needs(self, client, clerk, membership, kakaopay):
        """At KakaoPay first; then here."""
        Membership.objects.update(ended_at=timezone.now(), renews=False, charge_at=None)
        assert address(membership.agreement, "end") in text_of(client, membership.agreement)
        kakaopay.fault("inactive", before="html_502")
        (sentence,) = told(press(client, membership.agreement, "end"))
        assert "did not end it now" in sentence
        press(client, membership.agreement, "end")
        assert kakaopay.subscription(membership.agreement.sid).status == "INACTIVE"
        membership.agreement.refresh_from_db()
        assert (membership.agreement.status, membership.agreement.ended_by) == ("ENDED", "SHOP")

    def test_who_may_not(self, client, membership):
        """No button, and 403."""
        client.force_login(staff("reader@example.com", "view_billingagreement"))
        text = text_of(client, membership.agreement)
        for name in ("ask", "end"):
            assert address(membership.agreement, name) not in text
            assert press(client, membership.agreement, name).status_code == 403

    def test_the_list(self, client, clerk, membership, make_user, buy, monthly):
        """By status, and by person; in few queries."""
        other = membership_of(buy(monthly, user=make_user("other@example.com")).user)
        BillingAgreement.objects.filter(pk=other.agreement.pk).update(status="ENDING")
        page = "/admin/accounts/billingagreement/"
        client.get(page)
        assert len(queries_of(lambda: client.get(page))) <= 7
        for part in ({"status__exact": "ENDING"}, {"q": "OTHER@example.com"}):
            rows = client.get(page, part).context["cl"].result_list
            assert [row.pk for row in rows] == [other.agreement.pk]


class TestTheSid:
    def test_it_stands_nowhere(self, client, membership, kakaopay, at, caplog):
        """No page, export, journal row or log has what charges the agreement, not even sealed."""
        caplog.set_level("DEBUG")
        lose_the_answer(membership, kakaopay, at)
        client.force_login(operator())
        press(client, membership.agreement, "ask")
        press(client, membership, "charge")
        agreement = BillingAgreement.objects.get()
        order = renewal_of(membership)
        pages = [
            *(address(membership), address(agreement), LIST, "/admin/accounts/billingagreement/"),
            *(address(membership, "history") + "?all=1", address(agreement, "history") + "?all=1"),
            reverse("admin:orders_order_change", args=[order.pk]),
            *("/admin/admin/logentry/", "/admin/checkout/providercall/"),
            *("/admin/checkout/discrepancy/", "/admin/orders/paymenttransaction/"),
        ]
        for call in agreement.calls.all():
            pages.append(reverse("admin:checkout_providercall_change", args=[call.pk]))
        for txn in PaymentTransaction.objects.all():
            pages.append(reverse("admin:orders_paymenttransaction_change", args=[txn.pk]))
            pages += [
                reverse("admin:checkout_providercall_change", args=[call.pk])
                for call in txn.calls.all()
            ]
        texts = []
        for page in pages:
            answer = client.get(page)
            assert answer.status_code == 200, page
            texts.append(answer.content.decode())
        days = {"first": "2026-01-01", "last": "2026-12-31", "format": "csv"}
        for content in ("orders", "transactions", "refunds"):
            taken = client.post(reverse("admin:orders_order_export"), days | {"content": content})
            texts.append(b"".join(taken.streaming_content).decode())
        texts.append(caplog.text)
        assert len(agreement.sid) == 20
        for text in texts:
            assert agreement.sid not in text
            assert agreement.sealed_sid not in text
        assert '"sid": "***"' in "".join(texts).replace("&quot;", '"')
