"""Mail is sent once for each event, whatever happens on the way."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from socket import create_server, socket
from threading import Thread
from time import sleep
from urllib.parse import quote, urlencode

import pytest
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from checkout import mails
from checkout.models import Mail
from orders import shipping
from orders.locking import locked
from orders.models import Order, PaymentTransaction, Shipment
from tests.checkout.mails.conftest import Event, jobs_of, written, written_about
from tests.processes import ROOT
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def down(settings) -> None:
    """A mail server that refuses connections: nobody listens on port 9."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9


@pytest.fixture
def deaf() -> Iterator[socket]:
    """A mail server that takes connections and never says a word."""
    with create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


class TestSending:
    """One mail, however many want to send it and whoever is killed meanwhile."""

    def test_sent_once(self, charge, mailoutbox):
        """Whoever comes second has nothing to do."""
        mail, now = written(Event.PAID, charge), timezone.now()
        assert mails.send(mail.pk, now=now) is True
        assert mails.send(mail.pk, now=now + timedelta(days=1)) is False
        mail.refresh_from_db()
        assert (mail.sent_at, mail.problem) == (now, "")
        assert [sent.to for sent in mailoutbox] == [["hana@example.com"]]

    def test_the_worker_sends_it(self, charge, mailoutbox):
        """The job that was deferred is one that the worker knows."""
        mail = written(Event.PAID, charge)
        task = app.tasks[jobs_of(mail).get().task_name]
        assert task(**jobs_of(mail).get().args) is True
        assert len(mailoutbox) == 1

    def test_sixteen_at_once(self, charge, mailoutbox):
        """Sixteen workers, one mail."""
        mail = written(Event.PAID, charge)
        answers = []
        at_once(lambda: answers.append(mails.send(mail.pk, now=timezone.now())), times=16)
        assert sorted(answers) == [False] * 15 + [True]
        assert len(mailoutbox) == 1

    def test_no_transaction_is_open(self, charge):
        """Inside one, nothing is sent at all."""
        mail = written(Event.PAID, charge)
        with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
            mails.send(mail.pk, now=timezone.now())

    def test_down_then_up(self, charge, mailoutbox, settings, down):
        """The mail says what is wrong, the job is told to come again, and then it is sent."""
        mail, now = written(Event.PAID, charge), timezone.now()
        with pytest.raises(mails.CannotSend, match="refused"):
            mails.send(mail.pk, now=now)
        mail.refresh_from_db()
        assert mail.sent_at is None
        assert mail.problem == "ConnectionRefusedError: [Errno 111] Connection refused"
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        assert mails.send(mail.pk, now=now + timedelta(seconds=4)) is True
        mail.refresh_from_db()
        assert mail.problem == ""
        assert len(mailoutbox) == 1

    def test_the_job_comes_again_and_again(self):
        """At growing intervals; then ``send_unsent`` alone goes on."""
        waits = []
        for attempts in range(9):
            job = mails.send_mail.configure().make_new_job(pk=1).evolve(attempts=attempts)
            error = mails.CannotSend("refused")
            again = mails.send_mail.retry_strategy.get_retry_decision(exception=error, job=job)
            if again:
                waits.append(round((again.retry_at - timezone.now()).total_seconds()))
        assert waits == [4, 16, 64, 256, 1_024, 4_096, 16_384]

    def test_killed_in_the_middle(self, charge, mailoutbox, deaf):
        """A worker dies while the mail server makes it wait; five minutes later another sends."""
        mail = written(Event.PAID, charge)
        worker = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "shell", "--no-imports", "-c"),
                f"from checkout import mails; mails.send_mail(pk={mail.pk})",
            ],
            cwd=ROOT,
            env=os.environ
            | {
                "DATABASE_URL": this_database(),
                "EMAIL_URL": f"smtp://127.0.0.1:{deaf.getsockname()[1]}",
            },
        )
        try:
            peer, _ = deaf.accept()
        finally:
            worker.kill()
            worker.wait()
        peer.close()
        mail.refresh_from_db()
        assert (mail.sent_at, mail.problem) == (None, "")
        claimed_at = mail.claimed_at
        assert mails.send(mail.pk, now=claimed_at + timedelta(minutes=4, seconds=59)) is False
        assert mails.send(mail.pk, now=claimed_at + timedelta(minutes=5)) is True
        assert len(mailoutbox) == 1

    def test_sent_a_second_time_it_is_the_same_mail(self, charge, mailoutbox):
        """Killed before ``sent_at`` was committed: both carry one Message-ID, made of no secret."""
        mail = written(Event.PAID, charge)
        mails.send(mail.pk, now=timezone.now())
        Mail.objects.update(sent_at=None)
        mails.send(mail.pk, now=timezone.now() + timedelta(minutes=6))
        first, second = (sent.message()["Message-ID"] for sent in mailoutbox)
        assert first == second == f"<paid.{charge.public_id.hex}@localhost>"

    def test_money_came_after_all(self, charge, mailoutbox):
        """That nothing was charged is no longer true: nobody is told so."""
        PaymentTransaction.objects.update(status="FAILED")
        mail = written(Event.NOT_CHARGED, charge)
        PaymentTransaction.objects.update(status="SUCCEEDED")
        assert mails.send(mail.pk, now=timezone.now()) is False
        assert mailoutbox == []
        assert not Mail.objects.exists()

    def test_a_parcel_that_never_left(self, parcel, mailoutbox):
        """Back to preparing before the mail went out: nobody is told, and the row is gone."""
        mail = written_about(parcel.order)
        with locked(parcel.order_id) as order:
            shipping.undo(shipping.parcel_of(order))
        assert mails.send(mail.pk, now=timezone.now()) is False
        assert (mailoutbox, Mail.objects.count()) == ([], 0)

    def test_a_parcel_that_has_arrived(self, parcel, mailoutbox):
        """The number is still worth knowing."""
        mail = written_about(parcel.order)
        with locked(parcel.order_id) as order:
            shipping.deliver(shipping.parcel_of(order), now=timezone.now())
        assert mails.send(mail.pk, now=timezone.now()) is True
        assert len(mailoutbox) == 1

    def test_shipped_again_while_the_mail_is_withdrawn(self, parcel, mailoutbox):
        """The worker waits for whoever moves the parcel, so that no parcel leaves untold."""
        mail = written_about(parcel.order)
        with locked(parcel.order_id) as order:
            shipping.undo(shipping.parcel_of(order))
        answers = []

        def send() -> None:
            answers.append(mails.send(mail.pk, now=timezone.now()))
            connection.close()

        worker = Thread(target=send)
        with locked(parcel.order_id) as order:
            worker.start()
            sleep(0.3)
            shipping.ship(
                shipping.parcel_of(order),
                carrier=Shipment.Carrier.CJ,
                tracking_number="444455556666",
                now=timezone.now(),
            )
            mails.write(Event.SHIPPED, order)
        worker.join()
        assert answers == [True]
        assert "444455556666" in mailoutbox[0].body

    def test_the_same_parcel_a_second_time(self, parcel, mailoutbox):
        """One Message-ID, made from the order's number."""
        mail = written_about(parcel.order)
        mails.send(mail.pk, now=timezone.now())
        Mail.objects.update(sent_at=None)
        mails.send(mail.pk, now=timezone.now() + timedelta(minutes=6))
        ids = {sent.message()["Message-ID"] for sent in mailoutbox}
        assert ids == {f"<shipped.{parcel.order.number}@localhost>"}


class TestLeftOver:
    """What no job sends is sent within minutes."""

    def test_a_lost_job(self, charge, mailoutbox):
        """Not in the first minute, which belongs to the job; then once."""
        mail = written(Event.PAID, charge)
        assert mails.send_unsent(now=mail.created_at + timedelta(seconds=59)) == 0
        assert mails.send_unsent(now=mail.created_at + timedelta(seconds=60)) == 1
        assert mails.send_unsent(now=mail.created_at + timedelta(seconds=120)) == 0
        assert len(mailoutbox) == 1

    def test_one_that_cannot_be_sent_does_not_keep_the_others(self, charge, refund, mailoutbox):
        """An address that no mail server takes fails; the rest goes out."""
        Order.objects.update(email="hana@example.com\nBcc: all@example.com")
        broken = written(Event.PAID, charge, created_at=timezone.now() - timedelta(minutes=3))
        good = refund.order
        good.pk, good.number, good.cart, good.email = None, "20261121-2", None, "duri@example.com"
        good.save()
        PaymentTransaction.objects.filter(pk=refund.pk).update(order=good)
        written(Event.REFUNDED, refund, created_at=timezone.now() - timedelta(minutes=2))
        assert mails.send_unsent(now=timezone.now()) == 1
        assert [sent.to for sent in mailoutbox] == [["duri@example.com"]]
        broken.refresh_from_db()
        assert broken.problem.startswith("BadHeaderError: ")

    def test_less_and_less_often(self, charge, down):
        """While the mail server is down: twice as old each time, and given up after three days."""
        mail = written(Event.PAID, charge)
        tried = []
        for minute in (*range(1, 600), *range(600, 6 * 24 * 60, 8)):
            now = mail.created_at + timedelta(minutes=minute)
            if mails.left_over(now=now).exists():
                mails.send_unsent(now=now)
                tried.append(minute)
        assert tried == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]

    @pytest.mark.parametrize(("event", "days"), [(Event.PAID, 3), (Event.PRICE, 30)])
    def test_what_is_too_late(self, charge, event, days):
        """Another price is news until it may be charged."""
        mail = written(event, charge)
        for later, is_left in ((days - 0.1, True), (days + 0.1, False)):
            now = mail.created_at + timedelta(days=later)
            assert mails.left_over(now=now).exists() == is_left
            Mail.objects.update(created_at=timezone.now() - timedelta(days=later))
            assert Mail.objects.get().is_given_up != is_left
            Mail.objects.update(created_at=mail.created_at)

    def test_no_more_than_a_run_takes(self, charge, mailoutbox, monkeypatch):
        """What is left waits for the next run."""
        monkeypatch.setattr(mails, "RUN_SECONDS", -1)
        mail = written(Event.PAID, charge)
        assert mails.send_unsent(now=mail.created_at + timedelta(minutes=1)) == 0
        assert mailoutbox == []


def this_database() -> str:
    """The tests' database, as an address for another program."""
    params = connection.get_connection_params()
    where = {name: params[name] for name in ("host", "port", "password") if params.get(name)}
    return f"postgres://{quote(params['user'])}@/{params['dbname']}?{urlencode(where)}"
