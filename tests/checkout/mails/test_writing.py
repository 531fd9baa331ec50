"""Mail belongs to the transaction that makes its event true."""

from contextlib import nullcontext

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from checkout import mails
from checkout.models import Mail
from orders.models import Order
from tests.checkout.mails.conftest import Event, jobs_of, written, written_about
from tests.queries import queries_of
from tests.races import at_once
from tests.staff import operator

pytestmark = pytest.mark.django_db(transaction=True)


class TestWriting:
    """The mail and its job belong to the transaction that makes the event true."""

    def test_a_mail_and_its_job(self, charge):
        """One row, and one job for it on the queue for mail."""
        mail = written(Event.PAID, charge)
        assert (mail.sent_at, mail.claimed_at, mail.problem) == (None, None, "")
        assert [job.queue_name for job in jobs_of(mail)] == ["mail"]

    def test_a_rollback_takes_both(self, charge):
        """What did not happen is not told, and nobody looks for it."""
        before = ProcrastinateJob.objects.count()
        with transaction.atomic():
            mails.write(Event.PAID, charge.order, charge)
            assert ProcrastinateJob.objects.count() == before + 1
            transaction.set_rollback(True)
        assert Mail.objects.count() == 0
        assert ProcrastinateJob.objects.count() == before

    def test_in_a_worker(self, charge):
        """It has its own connections to the queue; the job is in the transaction all the same."""
        before = ProcrastinateJob.objects.count()
        with app.replace_connector(app.connector.get_worker_connector()):
            with transaction.atomic():
                mails.write(Event.PAID, charge.order, charge)
                assert ProcrastinateJob.objects.count() == before + 1
                transaction.set_rollback(True)
            assert ProcrastinateJob.objects.count() == before
            mail = written(Event.PAID, charge)
        assert [job.queue_name for job in jobs_of(mail)] == ["mail"]

    def test_the_same_event_again(self, charge):
        """Neither a second row nor a second job; another event of the same charge has its own."""
        mail = written(Event.PAID, charge)
        assert written(Event.PAID, charge) == mail
        assert jobs_of(mail).count() == 1
        assert written(Event.REFUNDED, charge) != mail

    def test_at_once(self, charge):
        """Sixteen at the same time write one."""
        at_once(lambda: written(Event.PAID, charge), times=16)
        assert jobs_of(Mail.objects.get()).count() == 1

    def test_two_queries(self, charge):
        """A buyer is waiting while it is written."""
        assert len(queries_of(lambda: mails.write(Event.PAID, charge.order, charge))) == 2
        assert len(queries_of(lambda: mails.write(Event.SHIPPED, charge.order))) == 2

    def test_no_money_moved(self, order):
        """The order's own mail: one of each event, with one job."""
        mail = written_about(order)
        assert (mail.order, mail.transaction, mail.event) == (order, None, "SHIPPED")
        assert written_about(order) == mail
        assert jobs_of(mail).count() == 1
        assert written_about(order, Event.PAID) != mail

    def test_no_money_moved_at_once(self, order):
        """Sixteen at the same time write one."""
        at_once(lambda: written_about(order), times=16)
        assert jobs_of(Mail.objects.get()).count() == 1


class TestSendingAgain:
    @pytest.mark.parametrize(
        ("status", "is_written"),
        [("PAID", True), ("PARTIALLY_REFUNDED", True), ("REFUNDED", False)],
    )
    def test_a_confirmation(self, charge, status, is_written):
        """Of an order that was refunded nothing is confirmed."""
        mail = written(Event.PAID, charge, sent_at=timezone.now())
        Order.objects.update(status=status)
        refused = nullcontext() if is_written else pytest.raises(mails.NotTrueAnyMore)
        with refused:
            mails.send_again(mail, by=operator(), now=timezone.now())
        assert Mail.objects.count() == 1 + is_written

    def test_the_first_confirmation_is_sent(self, charge):
        """Refunded before it left: the buyer is told of both, as they happened."""
        mail = written(Event.PAID, charge)
        Order.objects.update(status="REFUNDED")
        assert mails.send(mail.pk, now=timezone.now()) is True


class TestAdmin:
    """Staff see what shoppers were told, and cannot write anything."""

    @pytest.mark.parametrize("query", ["number", "hana@example.com"])
    def test_found_by_order_number_and_address(self, admin_client, charge, query):
        """And by nothing else."""
        mail = written(Event.PAID, charge, problem="SMTPServerDisconnected: gone")
        words = charge.order.number if query == "number" else query
        page = admin_client.get(reverse("admin:checkout_mail_changelist"), {"q": words})
        assert list(page.context["cl"].result_list) == [mail]
        assert "SMTPServerDisconnected: gone" in page.content.decode()
        page = admin_client.get(reverse("admin:checkout_mail_changelist"), {"q": "nobody"})
        assert list(page.context["cl"].result_list) == []

    def test_without_money(self, admin_client, order):
        """A mail about an order of 0 won, or about a parcel, is shown like any other."""
        mail = written_about(order)
        url = reverse("admin:checkout_mail_changelist")
        page = admin_client.get(url, {"q": order.number})
        assert list(page.context["cl"].result_list) == [mail]
        assert order.number in page.content.decode()
        change = reverse("admin:checkout_mail_change", args=[mail.pk])
        assert "hana@example.com" in admin_client.get(change).content.decode()

    def test_read_only(self, admin_client, charge):
        """It can be opened, but not changed, deleted or added."""
        mail = written(Event.PAID, charge)
        change = reverse("admin:checkout_mail_change", args=[mail.pk])
        assert charge.order.number in admin_client.get(change).content.decode()
        assert admin_client.post(change, {"event": "REFUNDED"}).status_code == 403
        delete = reverse("admin:checkout_mail_delete", args=[mail.pk])
        assert admin_client.post(delete, {"post": "yes"}).status_code == 403
        assert admin_client.get(reverse("admin:checkout_mail_add")).status_code == 403

    def test_the_list_does_not_ask_once_per_row(self, admin_client, charge, refund):
        """As many queries for three mails as for one."""
        url = reverse("admin:checkout_mail_changelist")
        written(Event.PAID, charge)
        admin_client.get(url)
        for_one = len(queries_of(lambda: admin_client.get(url)))
        written(Event.REFUNDED, refund)
        written(Event.NOT_CHARGED, charge)
        assert len(queries_of(lambda: admin_client.get(url))) == for_one
