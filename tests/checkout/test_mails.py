"""Mail about money and parcels: once for each event, in the buyer's language, whatever happens."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from socket import create_server, socket
from threading import Thread
from time import sleep
from urllib.parse import quote, urlencode

import pytest
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone, translation
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from checkout import mails
from checkout.models import Mail
from orders import shipping
from orders.locking import locked
from orders.models import Order, PaymentTransaction, Shipment
from tests.processes import ROOT
from tests.queries import queries_of
from tests.races import at_once

Event = Mail.Event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(shopper, make_product) -> Order:
    """Two cups and, tax-free, a book with a name that HTML must escape; 31,000 won in all."""
    cup, book = make_product(), make_product(is_tax_free=True)
    now = timezone.now()
    order = Order.objects.create(
        user=shopper,
        status="PAID",
        name="김하나",
        phone="+821012345678",
        email="hana@example.com",
        subtotal=31_000,
        total=31_000,
        tax_free=9_000,
        vat=2_000,
        consented_at=now,
        placed_at=now,
        deadline_at=now,
    )
    order.lines.create(product=cup, name="컵", unit_price=11_000, quantity=2, is_tax_free=False)
    order.lines.create(
        product=book, name="산책 <책> & 길", unit_price=9_000, quantity=1, is_tax_free=True
    )
    return order


@pytest.fixture
def charge(order) -> PaymentTransaction:
    """Paid by a Shinhan card in three months, at 08:59:58 in Seoul."""
    return order.transactions.create(
        kind="CHARGE",
        status="SUCCEEDED",
        gateway="kakaopay",
        amount=31_000,
        tax_free=9_000,
        vat=2_000,
        tid="T0a1b2c3d4e5f6071829",
        aid="A0a1b2c3d4e5f6071829",
        pg_token="0123456789abcdef0123",
        method="CARD",
        card_issuer="신한",
        installment_months=3,
        approved_at=datetime(2026, 11, 20, 23, 59, 58, tzinfo=UTC),
    )


@pytest.fixture
def refund(order, charge) -> PaymentTransaction:
    """10,000 won of it back, an hour later."""
    return order.transactions.create(
        kind="REFUND",
        status="SUCCEEDED",
        gateway="kakaopay",
        amount=10_000,
        tax_free=2_903,
        vat=645,
        tid=charge.tid,
        aid="A1a1b2c3d4e5f6071829",
        refund_reason="컵 하나가 깨져 있었습니다",
        approved_at=datetime(2026, 11, 21, 0, 59, 58, tzinfo=UTC),
    )


@pytest.fixture
def parcel(order) -> Shipment:
    """On its way since 10:00 in Seoul."""
    return Shipment.objects.create(
        order=order,
        recipient="Duri Lee",
        phone="+821055556666",
        postcode="06236",
        line1="123 Teheran-ro <Gangnam>",
        line2="5F",
        memo="At the door",
        status="SHIPPED",
        carrier="HANJIN",
        tracking_number="123456789012",
        shipped_at=datetime(2026, 11, 21, 1, 0, 0, tzinfo=UTC),
    )


@pytest.fixture
def reduced(order, charge) -> PaymentTransaction:
    """The same for less: a coupon takes 3,100 won, 2,000 points are used, delivery costs 3,000."""
    amounts = {"subtotal": 31_000, "discount": 3_100, "points": 2_000, "shipping": 3_000}
    totals = {"total": 28_900, "tax_free": 7_575, "vat": 1_939, "earns": 259}
    Order.objects.filter(pk=order.pk).update(coupon_name="첫 구매 <10%>", **amounts, **totals)
    PaymentTransaction.objects.filter(pk=charge.pk).update(amount=28_900, tax_free=7_575, vat=1_939)
    return PaymentTransaction.objects.select_related("order").get(pk=charge.pk)


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


def written(event: Mail.Event, txn: PaymentTransaction, **fields) -> Mail:
    with transaction.atomic():
        mails.write(event, txn.order, txn)
    Mail.objects.filter(transaction=txn, event=event).update(**fields)
    return Mail.objects.get(transaction=txn, event=event)


def written_about(order: Order, event: Mail.Event = Event.SHIPPED) -> Mail:
    """A mail that no money moved for."""
    with transaction.atomic():
        mails.write(event, order)
    return Mail.objects.get(order=order, event=event, transaction=None)


def jobs_of(mail: Mail):
    return ProcrastinateJob.objects.filter(
        task_name="checkout.mails.send_mail", args={"pk": mail.pk}
    )


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

    def test_no_more_than_a_run_takes(self, charge, mailoutbox, monkeypatch):
        """What is left waits for the next run."""
        monkeypatch.setattr(mails, "RUN_SECONDS", -1)
        mail = written(Event.PAID, charge)
        assert mails.send_unsent(now=mail.created_at + timedelta(minutes=1)) == 0
        assert mailoutbox == []


class TestWhatItSays:
    """Everything the buyer wants to know, in both parts and both languages."""

    def test_an_order_confirmation(self, charge, settings):
        """Lines, amounts, how and when it was paid (in Korea), and a way back to the order."""
        message = composed(Event.PAID, charge)
        number = charge.order.number
        assert message.subject == f"[모퉁이상점] 주문 {number}: 결제가 완료되었습니다"
        assert (message.to, message.from_email) == (["hana@example.com"], "shop@localhost")
        for part in parts_of(message):
            for fact in (
                *(number, "× 2", "22,000원", "9,000원", "31,000원", "2,000원"),
                *("카드 · 신한 · 3개월", "2026-11-21 08:59:58 (KST)"),
                f"{settings.SITE_URL}/orders/{number}/",
            ):
                assert fact in part
        text, html = parts_of(message)
        assert "산책 <책> & 길" in text
        assert "산책 &lt;책&gt; &amp; 길" in html

    def test_what_was_taken_off(self, reduced, parcel):
        """Coupon with its name, points, delivery fee, total, and what it earned."""
        number = reduced.order.number
        text, html = parts_of(composed(Event.PAID, reduced))
        for part in (text, html):
            for fact in (
                *(number, "31,000원", "−3,100원", "−2,000원", "3,000원", "28,900원"),
                *("7,575원", "1,939원", "259", "Duri Lee", "010-5555-6666", "(06236)", "5F"),
            ):
                assert fact in part
        assert "첫 구매 <10%>" in text
        assert "123 Teheran-ro <Gangnam>" in text
        assert "첫 구매 &lt;10%&gt;" in html
        assert "123 Teheran-ro &lt;Gangnam&gt;" in html

    def test_nothing_was_taken_off(self, charge):
        """No coupon, no points, nothing delivered: no word about any of it."""
        with translation.override("en"):
            charge.order.language = "en"
            for part in parts_of(composed(Event.PAID, charge)):
                for word in ("Coupon", "oints", "Delivery fee", "Delivered to"):
                    assert word not in part

    def test_free_delivery(self, charge, parcel):
        """It says so."""
        charge.order.language = "en"
        text, html = parts_of(composed(Event.PAID, charge))
        assert "Delivery fee: free\n" in text
        assert ">free<" in html

    @pytest.mark.parametrize(
        ("discount", "points", "sentence"),
        [
            (1_000, 30_000, "The coupon and the points covered it all"),
            (0, 31_000, "The points covered it all"),
            (31_000, 0, "The coupon covered it all"),
        ],
    )
    def test_nothing_had_to_be_paid(self, order, discount, points, sentence):
        """An order of 0 won has no charge, so none is mentioned."""
        amounts = {"discount": discount, "points": points, "total": 0, "tax_free": 0, "vat": 0}
        Order.objects.update(language="en", **amounts)
        message = mails.compose(Mail(event=Event.PAID, order=Order.objects.get()))
        assert message.subject.endswith("is confirmed")
        for part in parts_of(message):
            assert f"{sentence}: there was nothing to pay." in part
            for word in ("Paid with", "Paid at", "Paid amount", "KakaoPay"):
                assert word not in part

    def test_a_parcel(self, parcel, settings):
        """Carrier, number, where to look, where it goes, and what is in it."""
        parcel.order.language = "en"
        message = mails.compose(Mail(event=Event.SHIPPED, order=parcel.order))
        text, html = parts_of(message)
        tracking = (
            "https://www.hanjin.com/kor/CMS/DeliveryMgr/WaybillResult.do"
            "?mCode=MN038&schLang=KR&wblnumText2=123456789012"
        )
        assert tracking in text
        assert tracking.replace("&", "&amp;") in html
        for part in (text, html):
            for fact in (
                *("Hanjin", "123456789012", "Duri Lee", "(06236)", "5F", "At the door", "× 2"),
                f"{settings.SITE_URL}/orders/{parcel.order.number}/",
            ):
                assert fact in part

    def test_what_is_not_in_the_parcel(self, parcel):
        """Tickets are not looked for in it."""
        parcel.order.lines.filter(is_tax_free=True).update(needs_delivery=False)
        for part in parts_of(mails.compose(Mail(event=Event.SHIPPED, order=parcel.order))):
            assert "컵" in part
            assert "산책" not in part

    def test_the_shop_brings_it(self, parcel):
        """No number, and no link to nowhere."""
        parcel.order.language = "en"
        parcel.carrier, parcel.tracking_number = "OWN", ""
        parcel.order.shipment = parcel
        for part in parts_of(mails.compose(Mail(event=Event.SHIPPED, order=parcel.order))):
            assert "the shop itself" in part
            for word in ("Tracking number", "See where it is"):
                assert word not in part

    def test_what_a_refund_leaves(self, reduced, refund):
        """The order's amounts, and of the points that it earned those that stay."""
        reduced.order.language = refund.order.language = "en"
        refund.order.refresh_from_db(fields=["earns", "discount", "points", "shipping", "total"])
        text, html = parts_of(composed(Event.REFUNDED, refund))
        for part in (text, html):
            for fact in ("₩10,000", "₩18,900", "−₩3,100", "−₩2,000", "₩28,900", "169 points"):
                assert fact in part
            assert "back in your account" not in part

    def test_what_the_last_refund_gives_back(self, reduced, refund):
        """Points and coupon; and of what was earned nothing stays."""
        PaymentTransaction.objects.filter(pk=refund.pk).update(amount=28_900)
        Order.objects.update(status="REFUNDED", language="en")
        refund = PaymentTransaction.objects.select_related("order").get(pk=refund.pk)
        for part in parts_of(composed(Event.REFUNDED, refund)):
            assert "The points and the coupon that you used are back in your account." in part
            assert "Points earned" not in part

    def test_a_refund(self, refund):
        """How much went back, why, and what remains paid."""
        for part in parts_of(composed(Event.REFUNDED, refund)):
            for fact in (
                "10,000원",
                "21,000원",
                "컵 하나가 깨져 있었습니다",
                "2026-11-21 09:59:58",
            ):
                assert fact in part

    def test_a_refund_made_at_the_provider(self, refund):
        """Nobody gave a reason, so none is mentioned."""
        PaymentTransaction.objects.filter(pk=refund.pk).update(is_external=True, refund_reason="")
        refund.refresh_from_db()
        for part in parts_of(composed(Event.REFUNDED, refund)):
            assert "10,000원" in part
            assert "사유" not in part

    def test_nothing_was_charged(self, charge, settings):
        """The cart is as it was, and where to order again."""
        charge.buyer_message = "카드 한도를 초과했습니다"
        for part in parts_of(composed(Event.NOT_CHARGED, charge)):
            assert "청구된 금액도 없습니다" in part
            assert "장바구니는 그대로" in part
            assert "카드 한도를 초과했습니다" in part
            assert settings.SITE_URL + reverse("checkout:review") in part

    @pytest.mark.parametrize(
        ("event", "subject", "sentence"),
        [
            (Event.PAID, "is confirmed", "Thank you for your order"),
            (Event.REFUNDED, "We refunded your order", "We gave ₩10,000 back to you"),
            (Event.NOT_CHARGED, "was not charged", "Your cart is as you left it."),
            (Event.SHIPPED, "is on its way", "Your parcel is on its way"),
        ],
    )
    def test_in_english(self, refund, parcel, event, subject, sentence):
        """For who ordered in English, whoever sends it; and no word of Korean but names."""
        refund.order.language = "en"
        refund.refund_reason = ""
        with translation.override("ko"):
            message = composed(event, refund)
        assert subject in message.subject
        for part in parts_of(message):
            assert sentence in part
        own = parts_of(message)[0].replace("모퉁이상점", "").replace("컵", "").replace("산책", "")
        assert not any("가" <= letter <= "힣" for letter in own.replace("책", "").replace("길", ""))

    @pytest.mark.parametrize("event", list(Event))
    def test_no_secrets(self, refund, parcel, event):
        """Neither the provider's names for the money nor tokens leave the shop."""
        PaymentTransaction.objects.update(pg_token="0123456789abcdef0123")
        refund.refresh_from_db()
        for part in parts_of(composed(event, refund)):
            for secret in ("T0a1b2c3d4e5", "A1a1b2c3", "0123456789abcdef0123"):
                assert secret not in part

    def test_a_shop_name_of_two_lines(self, charge, settings):
        """The subject stays one header."""
        settings.SHOP_NAME = "모퉁이\nBcc: all@example.com"
        assert "\n" not in composed(Event.PAID, charge).subject
        assert composed(Event.PAID, charge).message()["Bcc"] is None


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


def composed(event: Mail.Event, txn: PaymentTransaction):
    return mails.compose(Mail(pk=1, event=event, order=txn.order, transaction=txn))


def parts_of(message) -> tuple[str, str]:
    """The text and the HTML."""
    ((html, _),) = message.alternatives
    return message.body, html


def this_database() -> str:
    """The tests' database, as an address for another program."""
    params = connection.get_connection_params()
    where = {name: params[name] for name in ("host", "port", "password") if params.get(name)}
    return f"postgres://{quote(params['user'])}@/{params['dbname']}?{urlencode(where)}"
