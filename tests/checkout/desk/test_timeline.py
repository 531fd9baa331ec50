"""Everything that happened to an order: who did what, when, and why."""

from datetime import timedelta

import pghistory
import pytest
from django.contrib.admin.models import LogEntry
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from accounts.addresses import Destination
from checkout import (
    discrepancies,
    mails,
    notes,
    parcels,
    payments,
    reconciliation,
    requests,
    settling,
    timeline,
)
from checkout.gateways.base import Approved
from checkout.models import Discrepancy, Mail, ProviderCall
from checkout.timeline import Kind
from orders import refunding
from orders.models import Order, OrderEvent, PaymentTransaction, RefundEvent, Shipment
from tests.checkout.parcels.conftest import press
from tests.staff import give_back, operator, refund, staff

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = Destination("이두리", "+821055556666", "06236", "서울 강남구 테헤란로 123", "5층", "")


def told(order, *kinds):
    """Who, what and why in English, oldest first; of these kinds, or of all but the calls."""
    order = Order.objects.select_related("user", "shipment").get(pk=order.pk)
    wanted = kinds or [kind for kind in Kind if kind != Kind.CALL]
    with translation.override("en"):
        entries = [entry for entry in timeline.of(order) if entry.kind in wanted]
    return [(entry.who, entry.what, entry.why) for entry in reversed(entries)]


def at_desk(email="support@example.com", page="admin:orders_order_ask", pk=1):
    """As ``config.audit`` has it while a member of staff presses a button of this page."""
    return pghistory.context(email=email, url=reverse(page, args=[pk]))


class TestPaying:
    def test_from_the_order_to_the_mail(self, order):
        """Placed, sent to KakaoPay, back, approved, paid, mail written and sent."""
        for mail in Mail.objects.all():
            mails.send(mail.pk, now=timezone.now())
        charge = order.transactions.get()
        assert told(order) == [
            ("the buyer", f"Ordered: {order.title}, ₩34,500", ""),
            ("the shop", "Sent the buyer to KakaoPay to pay ₩34,500", charge.tid),
            ("the buyer", "Came back, having agreed to pay ₩34,500", ""),
            ("KakaoPay", "Payment approved: ₩34,500", f"card · 신한 · {charge.aid}"),
            ("the shop", "The order is now: paid", ""),
            ("the shop", "Mail written: order confirmation", ""),
            ("the shop", "Mail sent: order confirmation", "hana@example.com"),
        ]

    def test_newest_first_to_the_microsecond(self, order):
        """By the time at which the database noted each."""
        entries = timeline.of(order)
        times = [entry.at for entry in entries]
        assert times == sorted(times, reverse=True)
        assert entries[-1].at == OrderEvent.objects.earliest("pgh_id").pgh_created_at

    def test_a_decline(self, goods, start, fill_cart, pay):
        """What the provider said, and that the order ended of it."""
        fill_cart((goods["ticket"], 1))
        charge = start()
        token = pay(charge, method="MONEY", decline="NOT_ENOUGH_BALANCE")
        payments.capture(charge, pg_token=token, now=timezone.now())
        failed = PaymentTransaction.objects.get()
        assert told(charge.order)[3:] == [
            ("KakaoPay", "Payment declined: ₩2,000", f"{failed.reason} · {failed.reason_code}"),
            ("the shop", "The order was canceled", "the payment was declined"),
        ]

    def test_quitting(self, goods, start, fill_cart):
        """Whose doing it was."""
        fill_cart((goods["ticket"], 1))
        charge = start()
        payments.abandon(charge, Order.CancelReason.QUIT, now=timezone.now())
        assert told(charge.order)[2:] == [
            ("the shop", "The payment was closed unpaid", "the buyer stopped paying"),
            ("the buyer", "The order was canceled", "the buyer stopped paying"),
        ]

    def test_not_paid_in_time(self, goods, start, fill_cart):
        """Nobody's but the shop's."""
        fill_cart((goods["ticket"], 1))
        charge = start()
        list(payments.close_abandoned(now=timezone.now() + timedelta(minutes=16)))
        assert told(charge.order)[-1] == (
            *("the shop", "The order was canceled"),
            "not paid in time",
        )

    def test_kakaopay_would_not_begin(self, goods, start, fill_cart, kakaopay):
        """The order waits; the attempt is over, and why."""
        fill_cart((goods["ticket"], 1))
        kakaopay.fault("ready", before="error:-798")
        with pytest.raises(payments.ProviderUnavailable) as unavailable:
            start()
        who, what, why = told(unavailable.value.order)[-1]
        assert (who, what) == ("KakaoPay", "The payment could not be begun")
        assert "-798" in why

    def test_an_unknown_outcome_and_its_end(self, goods, start, fill_cart, pay, kakaopay):
        """The call whose answer was lost, the one that found the money, and the money."""
        fill_cart((goods["ticket"], 1))
        charge = start()
        kakaopay.fault("approve", after="drop")
        payments.capture(charge, pg_token=pay(charge), now=timezone.now())
        rows, now = PaymentTransaction.objects.all(), timezone.now()
        list(reconciliation.settle_stale(rows, now=now))
        steps = told(charge.order, Kind.CALL, Kind.PAYMENT)
        whats = [what for _who, what, _why in steps]
        assert whats == [
            "ready · HTTP 200",
            "Sent the buyer to KakaoPay to pay ₩2,000",
            "Came back, having agreed to pay ₩2,000",
            "approve",
            "order · HTTP 200",
            "Payment approved: ₩2,000",
        ]
        assert steps[3][2].startswith("OutcomeUnknown")


class TestWhoDidIt:
    """Staff are named for what they did, not for what KakaoPay did when they asked."""

    @pytest.fixture
    def unknown(self, goods, start, fill_cart, pay, kakaopay):
        """A charge whose answer was lost an hour ago."""
        fill_cart((goods["ticket"], 1))
        charge = start()
        kakaopay.fault("approve", after="drop")
        payments.capture(charge, pg_token=pay(charge), now=timezone.now())
        rows = PaymentTransaction.objects.filter(pk=charge.pk)
        rows.update(sent_at=timezone.now() - timedelta(minutes=61))
        return rows.select_related("order").get()

    def test_asking_is_not_paying(self, client, unknown):
        """Staff asked; KakaoPay had approved."""
        client.force_login(staff("support@example.com", "view_order", "handle_order"))
        client.post(reverse("admin:orders_order_ask", args=[unknown.order_id]))
        who, what, _why = told(unknown.order, Kind.PAYMENT)[-1]
        assert (who, what) == ("KakaoPay", "Payment approved: ₩2,000")
        status = ("support@example.com", "The order is now: paid", "")
        assert told(unknown.order, Kind.ORDER)[-1] == status

    def test_refunding_is_not_declining(self, order, kakaopay):
        """Staff began it; KakaoPay declined."""
        kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
        with at_desk("finance@example.com"):
            refund(order, 1_000)
        assert [who for who, *_ in told(order, Kind.REFUND)] == ["operator@example.com", "KakaoPay"]

    def test_refunding_is_not_giving_back(self, order):
        """Staff began it; the money came from KakaoPay, and the order followed the refund."""
        with at_desk("finance@example.com"):
            refund(order, 1_000)
        assert [who for who, *_ in told(order, Kind.REFUND)] == ["operator@example.com", "KakaoPay"]
        assert told(order, Kind.ORDER)[-1][0] == "finance@example.com"

    def test_found_in_the_partner_site(self, order, kakaopay):
        """Staff asked; it was somebody in KakaoPay's own site."""
        charge = order.transactions.get()
        kakaopay.console_refund(charge.tid, 2_000)
        with at_desk():
            payments.external.look(charge, now=timezone.now())
        assert [who for who, *_ in told(order, Kind.REFUND)] == ["KakaoPay"]

    def test_declined_by_hand(self, client, unknown):
        """Nobody at KakaoPay said so: a person did."""
        found = {"kind": "STATUS", "gateway": "kakaopay", "tid": unknown.tid}
        row = Discrepancy.objects.create(transaction=unknown, **found)
        client.force_login(staff("closer@example.com", "view_discrepancy", "close_discrepancy"))
        said = {"verdict": "not_moved", "evidence": "mail", "explanation": "their support says so"}
        client.post(reverse("admin:checkout_discrepancy_settle", args=[row.pk]), said)
        assert told(unknown.order, Kind.PAYMENT)[-1] == (
            *("closer@example.com", "Payment declined: ₩2,000"),
            "their support says so · settled_by_hand",
        )

    def test_paid_by_hand(self, unknown):
        """A person said that the money moved."""
        with at_desk("closer@example.com", "admin:checkout_discrepancy_settle"):
            settling.settle(unknown, Approved("A1", 2_000, None), now=timezone.now())
        who, what, _why = told(unknown.order, Kind.PAYMENT)[-1]
        assert (who, what) == ("closer@example.com", "Payment approved: ₩2,000")

    def test_refunded_by_hand(self, order, kakaopay):
        """Of a refund, too."""
        kakaopay.fault("cancel", before="drop")
        txn = refund(order, 1_000)
        with at_desk("closer@example.com", "admin:checkout_discrepancy_settle"):
            settling.settle(txn, Approved("A1", 1_000, None), now=timezone.now())
        who, what, _why = told(order, Kind.REFUND)[-1]
        assert (who, what) == ("closer@example.com", "Refunded: ₩1,000")

    def test_staff_who_bought_it(self, order):
        """In the admin they work, and cancel nothing as the buyer."""
        given = {"kind": "AMOUNT", "status": "WAITING", "amount": 1_000, "reason": "깨짐"}
        with at_desk(order.user.email):
            order.refunds.create(**given, requested_by=order.user)
        what = "Asked for a refund that somebody else must approve: ₩1,000"
        assert told(order, Kind.REFUND) == [("hana@example.com", what, "깨짐")]


class TestRefunds:
    def test_one_that_somebody_else_approved(self, order, settings):
        """Asked for by one, with the reason; approved by another; given back by KakaoPay."""
        settings.REFUND_APPROVAL_ABOVE = 1_000
        cup = order.lines.get(unit_price=11_000)
        waiting = give_back(order, refunding.by_line({cup.pk: 1}, restock=True))
        manager = staff("manager@example.com", "approve_refund")
        done = payments.approve_refund(waiting, by=manager, now=timezone.now())
        worth = "₩7,851 + 2,049 points"
        assert told(order, Kind.REFUND) == [
            (
                "operator@example.com",
                f"Asked for a refund that somebody else must approve: {worth}",
                "찻잔이 깨져 왔어요",
            ),
            ("manager@example.com", f"Refund approved: {worth}", ""),
            ("KakaoPay", f"Refunded: {worth}", f"back into stock · {done.transaction.aid}"),
        ]
        assert told(order, Kind.ORDER)[-1][1] == "The order is now: partly refunded"

    @pytest.mark.parametrize(
        ("own", "what"), [(True, "Refund taken back"), (False, "Refund rejected")]
    )
    def test_one_that_was_not_approved(self, order, settings, own, what):
        """By whom, and why; or who asked for it has changed their mind."""
        settings.REFUND_APPROVAL_ABOVE = 1_000
        waiting = give_back(order, refunding.by_amount(5_000))
        by = operator() if own else staff("manager@example.com", "approve_refund")
        payments.reject_refund(waiting, by=by, why="교환하기로 함", now=timezone.now())
        assert told(order, Kind.REFUND)[-1] == (by.email, f"{what}: ₩5,000", "교환하기로 함")

    def test_one_that_kakaopay_declined(self, order, kakaopay):
        """In KakaoPay's words; told once."""
        kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
        txn = refund(order, 1_000)
        assert told(order, Kind.REFUND) == [
            ("operator@example.com", "Refund begun: ₩1,000", "찻잔이 깨져 왔어요"),
            (
                "KakaoPay",
                "Refund declined: ₩1,000; no money moved",
                f"{txn.reason} · {txn.reason_code}",
            ),
        ]

    def test_one_that_was_made_in_the_partner_site(self, order, kakaopay):
        """Told once, as what it is."""
        charge = order.transactions.get()
        kakaopay.console_refund(charge.tid, 2_000)
        found = payments.external.look(charge, now=timezone.now())
        assert len(found) == 1
        what = "Refunded in KakaoPay's own site, and entered here: ₩2,000"
        assert told(order, Kind.REFUND) == [("KakaoPay", what, "")]

    def test_the_buyer_cancels(self, order):
        """It is theirs; the coupon and the goods go back, too."""
        done = payments.cancel(order, by=order.user, reason="마음이 바뀜", now=timezone.now())
        worth = "₩34,500 + 9,000 points"
        aid = done.transaction.aid
        assert told(order, Kind.REFUND) == [
            ("the buyer", f"Canceled the order: {worth}", "마음이 바뀜"),
            ("KakaoPay", f"Refunded: {worth}", f"with the coupon · back into stock · {aid}"),
        ]

    def test_requests(self, order):
        """Asked, declined with an answer, asked again, withdrawn, asked again, accepted."""
        Shipment.objects.update(status="SHIPPED", carrier="OWN", shipped_at=timezone.now())
        cup = order.lines.get(unit_price=11_000)

        def ask(reason):
            asked = {"pieces": {cup.pk: 1}, "reason": reason, "now": timezone.now()}
            return requests.ask(order, by=order.user, **asked)

        no = {"by": operator(), "answer": "사진이 없습니다", "now": timezone.now()}
        requests.decline(ask("깨짐"), **no)
        requests.withdraw(ask("금이 감"), by=order.user, now=timezone.now())
        asked = ask("사진 있음")
        give_back(order, refunding.by_line({cup.pk: 1}), request=asked)
        assert told(order, Kind.REQUEST) == [
            ("the buyer", "Asked for a refund", "깨짐"),
            ("operator@example.com", "Declined the buyer's request", "사진이 없습니다"),
            ("the buyer", "Asked for a refund", "금이 감"),
            ("the buyer", "Withdrew the request", ""),
            ("the buyer", "Asked for a refund", "사진 있음"),
            ("operator@example.com", "Accepted the buyer's request", ""),
        ]


class TestTheDesk:
    def test_the_parcel(self, client, order):
        """Each move with who made it in the admin, the carrier and the number."""
        packer = staff("packer@example.com", "view_shipment", "change_shipment")
        client.force_login(packer)
        parcel = order.shipment
        press(client, parcel, "ship")
        press(client, parcel, "correct", tracking_number="9999-8888-7777")
        press(client, parcel, "deliver")
        press(client, parcel, "undo")
        who = packer.email
        assert told(order, Kind.PARCEL) == [
            (who, "Parcel shipped", "CJ Logistics · 123456789012"),
            (who, "Carrier and number corrected", "CJ Logistics · 999988887777"),
            (who, "Parcel delivered", "CJ Logistics · 999988887777"),
            (who, "Parcel is being prepared again", ""),
        ]
        assert LogEntry.objects.count() == 4

    @pytest.mark.parametrize("language", ["ko", "en"])
    def test_the_address(self, order, language):
        """Before and after, from the log; the parcel's moves in the log are told once."""
        sent = {"carrier": "CJ", "tracking_number": "123456789012", "now": timezone.now()}
        with translation.override(language):
            with at_desk():
                parcels.readdress(order.pk, ELSEWHERE, by=operator())
            with at_desk():
                parcels.ship(order.pk, **sent, by=operator())
        corrected, shipped = told(order, Kind.PARCEL)
        assert corrected[:2] == ("support@example.com", "Address corrected")
        assert "04524 → 06236" in corrected[2]
        assert shipped[1] == "Parcel shipped"

    def test_a_log_that_was_tampered_with(self, order):
        """The admin's log can be altered and emptied; what the database copied of it cannot."""
        with at_desk():
            parcels.readdress(order.pk, ELSEWHERE, by=operator())
        before = told(order, Kind.PARCEL)
        LogEntry.objects.all().delete()
        assert told(order, Kind.PARCEL) == before != []

    def test_a_log_of_other_words(self, order):
        """Whatever a column is called by now, a move is no correction of the address."""
        sent = {"carrier": "CJ", "tracking_number": "123456789012", "now": timezone.now()}
        with at_desk(), translation.override("en"), pytest.MonkeyPatch.context() as patch:
            patch.setattr(Shipment._meta.get_field("status"), "verbose_name", "where it is")
            parcels.ship(order.pk, **sent, by=operator())
        assert LogEntry.objects.get().change_message.startswith("where it is: ")
        assert [what for _who, what, _why in told(order, Kind.PARCEL)] == ["Parcel shipped"]

    def test_notes_and_mails_again(self, order):
        """Who wrote what, and who wanted the mail again."""
        for mail in Mail.objects.all():
            mails.send(mail.pk, now=timezone.now())
        notes.write(order, "전화함", by=operator(), now=timezone.now())
        mails.send_again(Mail.objects.get(), by=operator(), now=timezone.now())
        assert told(order, Kind.NOTE, Kind.MAIL)[2:] == [
            ("operator@example.com", "Note", "전화함"),
            ("operator@example.com", "Asked to send again: order confirmation", ""),
        ]

    def test_a_mail_that_could_not_be_sent(self, order):
        """And what kept it."""
        Mail.objects.update(claimed_at=timezone.now(), problem="SMTPException: 550")
        assert told(order, Kind.MAIL)[-1] == (
            *("the shop", "Mail could not be sent: order confirmation"),
            "SMTPException: 550",
        )

    def test_differences(self, order):
        """Found by the shop, explained by a person."""
        charge = order.transactions.get()
        found = discrepancies.Difference(
            kind=Discrepancy.Kind.AMOUNT,
            gateway="kakaopay",
            tid=charge.tid,
            detail="ours 34,500, theirs 35,500",
            transaction=charge,
        )
        row = discrepancies.report(found, now=timezone.now())
        said = {"evidence": "mail", "explanation": "their test"}
        discrepancies.close(row, by=operator(), **said, now=timezone.now())
        assert told(order, Kind.BOOKS) == [
            *[("the shop", "Our books and KakaoPay's differ: amount differs", found.detail)],
            ("operator@example.com", "Difference explained: amount differs", "their test"),
        ]

    def test_a_call_that_was_never_finished(self, order):
        """It says so, and holds what was sent."""
        ProviderCall.objects.filter(operation="approve").update(
            finished_at=None, http_status=None, response=None
        )
        last = next(entry for entry in timeline.of(order) if entry.call)
        assert last.call.request["pg_token"] == "***"
        assert told(order, Kind.CALL)[-1][1:] == ("approve", "We never saw the end of this call.")

    def test_of_very_many_calls_the_latest(self, order):
        """An order that is asked about for weeks keeps a page that can be read."""
        call = ProviderCall.objects.first()
        ProviderCall.objects.bulk_create(
            ProviderCall(
                transaction_id=call.transaction_id,
                operation="order",
                url=call.url,
                request={},
                started_at=timezone.now() + timedelta(seconds=number),
            )
            for number in range(timeline.CALLS + 5)
        )
        calls = told(order, Kind.CALL)
        assert len(calls) == timeline.CALLS
        assert {what for _who, what, _why in calls} == {"order"}


def test_it_takes_a_fixed_number_of_queries(order):
    """However much happened."""
    timeline.of(order)  # content types are asked for once
    for number in range(4):
        refund(order, 100 + number)
        notes.write(order, "x", by=operator(), now=timezone.now())
    order = Order.objects.select_related("user", "shipment").get()
    with CaptureQueriesContext(connection) as captured:
        assert len(timeline.of(order)) > 20
    assert len(captured) == timeline.QUERIES


@pytest.mark.parametrize("model", [OrderEvent, RefundEvent])
def test_what_happened_cannot_be_rewritten(order, model):
    """The database refuses to alter and to delete it."""
    refund(order, 100)
    for harm in (lambda: model.objects.update(status="PAID"), lambda: model.objects.all().delete()):
        with pytest.raises(ProgrammingError, match="Cannot update or"), transaction.atomic():
            harm()
