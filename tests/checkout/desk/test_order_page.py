"""The page about one order: all that staff need to know of it, and what they may do."""

from datetime import timedelta

import pghistory
import pytest
from django.db import ProgrammingError, transaction
from django.urls import reverse
from django.utils import timezone

from checkout import mails, parcels, payments, requests
from checkout.models import GIVE_UP_AFTER, Discrepancy, Mail, ProviderCall
from orders import refunding
from orders.models import Order, OrderLine, Shipment, StaffNote
from tests.checkout.mails.conftest import jobs_of
from tests.queries import queries_of
from tests.staff import give_back, operator, staff

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING_ELSE = ("view_refund", "view_refundrequest", "view_shipment", "view_paymenttransaction")


@pytest.fixture
def reader(db):
    """May look at orders, and at nothing else."""
    return staff("reader@example.com", "view_order")


@pytest.fixture
def clerk(db):
    """May handle orders."""
    return staff("clerk@example.com", "view_order", "handle_order")


def address(order, name="change", *more):
    return reverse(f"admin:orders_order_{name}", args=[order.pk, *more])


def text_of(client, order):
    answer = client.get(address(order))
    assert answer.status_code == 200
    return answer.content.decode()


def told(answer):
    return [str(message) for message in answer.wsgi_request._messages]


def send_all():
    for mail in Mail.objects.filter(sent_at=None):
        mails.send(mail.pk, now=timezone.now())


class TestWhatItShows:
    def test_every_amount(self, client, reader, order):
        """Of the order and of each line its share; what was paid by whom; where it goes."""
        client.force_login(reader)
        text = text_of(client, order)
        charge = order.transactions.get()
        for fact in (
            *(order.number, "김하나", "hana@example.com", "010-1234-5678"),
            *("45,000원", "4,500원", "9,000원", "3,000원", "34,500원", "7,138원", "2,487원"),
            *("33,000원", "3,300원", "6,145원", "23,555원", "2,141원", "621원", "2,379원", "216원"),
            *(charge.tid, charge.aid, "신한", "(04524) 서울 중구 세종대로 110", "문 앞"),
        ):
            assert fact in text
        assert charge.pg_token not in text

    def test_what_went_back_and_what_remains(self, client, reader, order):
        """Pieces, money, points; the reason; who decided it."""
        cup = order.lines.get(unit_price=11_000)
        give_back(order, refunding.by_line({cup.pk: 1}, restock=True))
        client.force_login(reader)
        answer = client.get(address(order))
        balance = answer.context["balance"]
        assert (balance.charged, balance.refunded, balance.left) == (34_500, 7_851, 26_649)
        text = answer.content.decode()
        for fact in ("7,851원", "26,649원", "2,049", "찻잔이 깨져 왔어요", "operator@example.com"):
            assert fact in text

    def test_a_refund_that_waits_comes_first(self, client, order, settings):
        """With a link for those who may look at refunds, and no second refund is offered."""
        settings.REFUND_APPROVAL_ABOVE = 1_000
        refund = give_back(order, refunding.by_amount(5_000))
        client.force_login(staff("s@example.com", "view_order", "view_refund", "refund_order"))
        answer = client.get(address(order))
        assert answer.context["open_refund"] == refund
        text = answer.content.decode()
        assert reverse("admin:orders_refund_change", args=[refund.pk]) in text
        assert address(order, "refund") not in text

    @pytest.mark.parametrize(
        ("amount", "points", "worth"),
        [(0, 2_000, "2,000 points"), (5_000, 0, "₩5,000"), (5_000, 2_000, "₩5,000 + 2,000 points")],
    )
    def test_it_says_what_goes_back(self, client, order, amount, points, worth):
        """Where only points do, not a word of 0 won: above the page, and beside the request."""
        given = {"kind": "AMOUNT", "status": "WAITING", "requested_by": operator()}
        refund = order.refunds.create(**given, amount=amount, points=points)
        answered = {"reason": "깨짐", "status": "ACCEPTED", "refund": refund}
        asked = order.refund_requests.create(**answered, decided_at=timezone.now())
        client.force_login(operator())
        text = client.get(address(order), headers={"Accept-Language": "en"}).content.decode()
        assert f"A refund of {worth} waits for approval." in text
        assert f">{worth}</p>" in text
        page = reverse("admin:orders_refundrequest_change", args=[asked.pk])
        text = client.get(page, headers={"Accept-Language": "en"}).content.decode()
        assert f">{worth}</a>" in text

    def test_staff_refund_what_they_bought(self, client, reader, order):
        """It is not told as the buyer's cancellation."""
        with pghistory.context(email=order.user.email, url=address(order, "refund")):
            order.refunds.create(
                kind="AMOUNT", status="WAITING", amount=1_000, requested_by=order.user
            )
        client.force_login(reader)
        text = client.get(address(order), headers={"Accept-Language": "en"}).content.decode()
        refunds = text.partition('id="refunds"')[2].partition("</section>")[0]
        assert "hana@example.com" in refunds
        assert "the buyer" not in refunds

    def test_the_buyer_cancels(self, client, reader, order):
        """It is told as theirs."""
        payments.cancel(order, by=order.user, reason="변심", now=timezone.now())
        client.force_login(reader)
        text = client.get(address(order), headers={"Accept-Language": "en"}).content.decode()
        refunds = text.partition('id="refunds"')[2].partition("</section>")[0]
        assert "the buyer" in refunds
        assert "hana@example.com" not in refunds

    def test_what_the_buyer_asks_for_comes_first(self, client, order):
        """With what they wrote, and a link for those who may look at requests."""
        Shipment.objects.update(
            status="SHIPPED", carrier="OWN", shipped_at=timezone.now(), delivered_at=None
        )
        cup = order.lines.get(unit_price=11_000)
        asked = requests.ask(
            order, by=order.user, pieces={cup.pk: 1}, reason="<b>금이 갔어요", now=timezone.now()
        )
        client.force_login(staff("s@example.com", "view_order", "view_refundrequest"))
        text = text_of(client, order)
        assert "&lt;b&gt;금이 갔어요" in text
        assert reverse("admin:orders_refundrequest_change", args=[asked.pk]) in text

    def test_an_order_that_was_never_paid(self, client, reader, make_order):
        """Canceled, without payments, parcel or mails: the page stands."""
        order = make_order(status="CANCELED", cancel_reason="EXPIRED")
        client.force_login(reader)
        text = text_of(client, order)
        assert str(Order.CancelReason.EXPIRED.label) in text
        assert address(order, "packing") not in text
        assert address(order, "receipt") not in text

    def test_what_is_no_order_is_not_found(self, client, reader):
        """A number that is none, and letters."""
        client.force_login(reader)
        for pk in ("999999", "x", "9" * 30):
            assert client.get(f"/admin/orders/order/{pk}/change/").status_code == 404

    def test_it_takes_as_many_queries_however_much_happened(self, client, order):
        """Refunds, notes, mails, requests and calls do not add any."""
        client.force_login(operator())
        client.get(address(order))  # content types and the like are asked for once
        before = queries_of(lambda: client.get(address(order)))
        cup = order.lines.get(unit_price=11_000)
        for number in range(3):
            give_back(order, refunding.by_line({cup.pk: 1}), reason=f"{number}")
            order.notes.create(author=operator(), text=f"{number}")
        send_all()
        after = queries_of(lambda: client.get(address(order)))
        grown = len(after) - len(before)
        assert grown == 1  # the pieces of refunds: there were none
        give_back(order, refunding.by_amount(100))
        order.notes.create(author=operator(), text="4")
        assert len(queries_of(lambda: client.get(address(order)))) == len(after)
        assert len(after) <= 35


class TestWhoMay:
    """Who may not sees no button, and gets 403 at the address."""

    WAYS = ("note", "ask", "refund")

    def test_reading_is_not_handling(self, client, reader, order):
        """No button but those for paper, and nothing is done."""
        send_all()
        client.force_login(reader)
        text = text_of(client, order)
        mail = Mail.objects.get()
        ways = [address(order, way) for way in self.WAYS]
        ways.append(address(order, "send_again", mail.pk))
        for way in ways:
            assert way not in text
            assert client.post(way, {"text": "x"}).status_code == 403
        for name in ("refund", "refundrequest", "shipment", "paymenttransaction"):
            assert f"/admin/orders/{name}/" not in text.partition("content-main")[2]
        assert (StaffNote.objects.count(), Mail.objects.count()) == (0, 1)
        assert address(order, "receipt") in text

    def test_handling_is_not_refunding(self, client, clerk, order):
        """Notes, mails and asking; but no refund."""
        send_all()
        client.force_login(clerk)
        text = text_of(client, order)
        for way in ("note", "ask"):
            assert address(order, way) in text
        assert address(order, "send_again", Mail.objects.get().pk) in text
        assert address(order, "refund") not in text

    @pytest.mark.parametrize("permission", ["refund_order", "refund_order_above_limit"])
    def test_refunding_is_not_handling(self, client, order, permission):
        """A refund, but no notes."""
        client.force_login(staff("s@example.com", "view_order", permission))
        text = text_of(client, order)
        assert address(order, "refund") in text
        assert address(order, "note") not in text

    def test_what_was_sent_to_kakaopay(self, client, reader, order):
        """That it was asked, all see; the bodies, who may look at provider calls."""
        client.force_login(reader)
        text = text_of(client, order)
        call = ProviderCall.objects.get(operation="approve")
        assert "approve · HTTP 200" in text
        for secret in ("<pre>", "partner_user_id", call.url):
            assert secret not in text
        client.force_login(staff("s@example.com", "view_order", "view_providercall"))
        text = text_of(client, order)
        for shown in ("<pre>", "partner_user_id", call.url):
            assert shown in text

    def test_where_the_books_differ(self, client, reader, order):
        """Above the page and in what happened: for who may look at discrepancies."""
        charge = order.transactions.get()
        found = {"kind": "AMOUNT", "gateway": "kakaopay", "tid": charge.tid}
        Discrepancy.objects.create(transaction=charge, detail="theirs are 35,500", **found)
        client.force_login(reader)
        assert "theirs are 35,500" not in text_of(client, order)
        client.force_login(staff("s@example.com", "view_order", "view_discrepancy"))
        assert text_of(client, order).count("theirs are 35,500") == 2

    def test_handling_without_looking(self, client, order):
        """Who may not look at orders gets nothing at all."""
        client.force_login(staff("s@example.com", "handle_order"))
        assert client.get(address(order)).status_code == 403
        for way in ("note", "ask"):
            assert client.post(address(order, way), {"text": "x"}).status_code == 403
        for way in ("receipt", "packing"):
            assert client.get(address(order, way)).status_code == 403

    @pytest.mark.parametrize("way", ["note", "ask"])
    def test_looking_does_nothing(self, client, clerk, order, way):
        """A link that somebody is sent to is no button."""
        client.force_login(clerk)
        answer = client.get(address(order, way))
        assert (answer.status_code, answer.url) == (302, address(order))
        told = [str(each) for each in answer.wsgi_request._messages]
        assert len(told) == 1
        assert (
            StaffNote.objects.count(),
            ProviderCall.objects.filter(operation="order").count(),
        ) == (0, 0)

    def test_the_page_itself_takes_nothing(self, client, order):
        """Not even from a superuser."""
        client.force_login(operator())
        assert client.post(address(order), {"status": "REFUNDED"}).status_code == 403

    def test_links_for_those_who_may_follow_them(self, client, order):
        """The parcel, the payment, the account."""
        user = staff("s@example.com", "view_order", "view_user", *EVERYTHING_ELSE)
        client.force_login(user)
        text = text_of(client, order)
        for name, pk in (
            ("orders_shipment", order.shipment.pk),
            ("orders_paymenttransaction", order.transactions.get().pk),
            ("accounts_user", order.user_id),
        ):
            assert reverse(f"admin:{name}_change", args=[pk]) in text


class TestNotes:
    def test_a_note_is_kept(self, client, clerk, order):
        """With its author; the others read it on the page as text."""
        client.force_login(clerk)
        answer = client.post(address(order, "note"), {"text": "  전화함 <b>\n다시 걸 것 "})
        assert answer.headers["Location"] == address(order)
        note = StaffNote.objects.get()
        assert (note.author, note.text) == (clerk, "전화함 <b>\n다시 걸 것")
        assert "전화함 &lt;b&gt;" in text_of(client, order)

    @pytest.mark.parametrize("text", ["", "   ", "가" * 1001])
    def test_nothing_or_too_much_is_not_kept(self, client, clerk, order, text):
        """The page says so, and what was typed is still there."""
        client.force_login(clerk)
        answer = client.post(address(order, "note"), {"text": text})
        assert answer.status_code == 422
        assert set(answer.context["form"].errors) == {"text"}
        assert text.strip() in answer.content.decode()
        assert StaffNote.objects.count() == 0

    def test_nobody_changes_or_deletes_a_note(self, order):
        """The database refuses."""
        note = order.notes.create(author=operator(), text="so it was")
        for harm in (
            lambda: StaffNote.objects.update(text="so it was not"),
            lambda: StaffNote.objects.all()._raw_delete("default"),
        ):
            with (
                pytest.raises(ProgrammingError, match="Cannot update or delete"),
                transaction.atomic(),
            ):
                harm()
        note.refresh_from_db()
        assert note.text == "so it was"


class TestSendingAgain:
    def press(self, client, order, mail):
        return client.post(address(order, "send_again", mail.pk))

    def test_a_second_mail_is_written(self, client, clerk, order, mailoutbox):
        """With its job, its number, and who wanted it; its Message-ID is another."""
        send_all()
        client.force_login(clerk)
        assert self.press(client, order, Mail.objects.get()).status_code == 302
        first, again = Mail.objects.order_by("pk")
        assert (again.nth, again.requested_by, again.sent_at) == (2, clerk, None)
        assert (again.event, again.transaction) == (first.event, first.transaction)
        assert jobs_of(again).count() == 1
        send_all()
        ids = [sent.extra_headers["Message-ID"] for sent in mailoutbox]
        assert len(set(ids)) == len(ids) == 2
        assert [sent.to for sent in mailoutbox] == [["hana@example.com"]] * 2

    def test_what_still_waits_needs_no_second_one(self, client, clerk, order):
        """Pressed twice, or before the first was sent: nothing more is written."""
        client.force_login(clerk)
        answer = self.press(client, order, Mail.objects.get())
        assert len(told(answer)) == 1
        assert Mail.objects.count() == 1
        send_all()
        for _ in range(2):
            self.press(client, order, Mail.objects.order_by("pk").first())
        assert Mail.objects.count() == 2

    def test_what_was_given_up_is_sent_anew(self, order):
        """Nobody tries the old one any more."""
        Mail.objects.update(
            created_at=timezone.now() - GIVE_UP_AFTER - timedelta(hours=1), problem="550"
        )
        (given_up,) = Mail.objects.all()
        assert given_up.is_given_up
        again = mails.send_again(given_up, by=operator(), now=timezone.now())
        assert (again.nth, again.is_given_up) == (2, False)

    def test_what_is_no_longer_true_is_not_sent(self, client, clerk, order):
        """The parcel came back: a mail that it is on its way would be wrong."""
        now = timezone.now()
        parcels.ship(order.pk, carrier="CJ", tracking_number="123456789012", by=operator(), now=now)
        send_all()
        parcels.undo(order.pk, by=operator())
        client.force_login(clerk)
        mail = Mail.objects.get(event="SHIPPED")
        assert len(told(self.press(client, order, mail))) == 1
        assert Mail.objects.filter(event="SHIPPED").count() == 1

    def test_only_mails_of_this_order(self, client, clerk, order, make_order):
        """Another order's mail is not found here."""
        client.force_login(clerk)
        assert self.press(client, make_order(), Mail.objects.get()).status_code == 404

    def test_from_the_mails_own_page(self, client, order):
        """There is a button for those who handle orders, and none for others."""
        send_all()
        mail = Mail.objects.get()
        page = reverse("admin:checkout_mail_change", args=[mail.pk])
        way = address(order, "send_again", mail.pk)
        for names, is_there in (((), False), (("handle_order",), True)):
            person = staff(f"{is_there}@example.com", "view_mail", "view_order", *names)
            client.force_login(person)
            assert (way in client.get(page).content.decode()) is is_there


def test_the_parcel_page_asks_for_what_is_kept(client, order):
    """Two cups of three are packed after one was refunded; of the tea, nothing."""
    cup, tea = order.lines.get(unit_price=11_000), order.lines.get(unit_price=5_000)
    OrderLine.objects.filter(pk=cup.pk).update(refunded=1)
    OrderLine.objects.filter(pk=tea.pk).update(refunded=2)
    client.force_login(operator())
    page = client.get(reverse("admin:orders_shipment_change", args=[order.shipment.pk]))
    packed = page.content.decode().partition('id="packing"')[2].partition("</table>")[0]
    assert "× 2" in packed
    assert "× 3" not in packed
    assert tea.name not in packed
