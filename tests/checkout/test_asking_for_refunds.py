"""What was shipped, or has nothing to ship: the buyer asks for a refund, and staff answer."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from checkout import mails, payments, requests
from checkout.models import Mail
from orders import refunding
from orders.models import Order, Refund, RefundRequest, Shipment
from tests.races import all_at_once, at_once
from tests.staff import give_back, operator, staff

pytestmark = pytest.mark.django_db(transaction=True)

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def order(paid, make_product) -> Order:
    """Paid and on its way: two cups, and a book."""
    paid.lines.create(
        product=make_product(), name="산책 <책>", unit_price=9_000, quantity=1, is_tax_free=True
    )
    address = {"recipient": "이두리", "phone": "+821055556666", "postcode": "06236"}
    sent = {"status": "SHIPPED", "carrier": "CJ", "shipped_at": timezone.now()}
    Shipment.objects.create(order=paid, line1="서울 강남구 테헤란로 123", **address, **sent)
    return paid


@pytest.fixture
def browser(client, shopper):
    client.force_login(shopper)
    return client


def page_of(order: Order) -> str:
    return reverse("checkout:ask_for_refund", args=[order.number])


def form(order: Order, *counts: int | str, reason: str = "금이 갔어요 <b>") -> dict[str, str]:
    """What is typed: so many pieces of each line, and why."""
    fields = {
        f"pieces-{line.pk}": str(n) for line, n in zip(order.lines.all(), counts, strict=True)
    }
    return fields | {"reason": reason}


def ask(order: Order, *counts: int) -> RefundRequest:
    lines = order.lines.all()
    pieces = {line.pk: count for line, count in zip(lines, counts, strict=True)}
    given = {"by": order.user, "reason": "금이 갔어요", "now": timezone.now()}
    return requests.ask(order, pieces=pieces, **given)


def decline(request: RefundRequest) -> RefundRequest:
    answer = "7일이 지났습니다 <안내>"
    return requests.decline(request, by=operator(), answer=answer, now=timezone.now())


def withdraw(request: RefundRequest) -> RefundRequest:
    return requests.withdraw(request, by=request.order.user, now=timezone.now())


def receipt(browser: Client, order: Order) -> str:
    return browser.get(order.get_absolute_url(), headers=ENGLISH).content.decode()


def told(answer) -> list[str]:
    """What the next page says first."""
    return [str(message) for message in answer.wsgi_request._messages]


def asked() -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Every request: its status, why, and its pieces."""
    rows = RefundRequest.objects.order_by("pk")
    return [
        (row.status, row.reason, list(row.lines.values_list("line__name", "quantity")))
        for row in rows
    ]


class TestAsking:
    def test_the_page(self, browser, order):
        """Every piece that is kept can be chosen; nothing is chosen beforehand, nor recorded."""
        order.lines.filter(quantity=2).update(refunded=1)
        answer = browser.get(page_of(order), headers=ENGLISH)
        rows = answer.context["form"].rows
        assert [(line.name, field.initial) for line, field in rows] == [("컵", 0), ("산책 <책>", 0)]
        text = answer.content.decode()
        for fact in ("₩11,000 × 1", "산책 &lt;책&gt;", 'min="0" max="1"'):
            assert fact in text
        assert RefundRequest.objects.count() == 0

    def test_only_one_line_is_chosen_beforehand(self, browser, order):
        """There is nothing to choose between."""
        order.lines.filter(quantity=1).delete()
        ((_line, field),) = browser.get(page_of(order)).context["form"].rows
        assert field.initial == 2

    def test_it_is_recorded(self, browser, order):
        """The pieces and the reason; no money moves; the receipt says that we look at it."""
        answer = browser.post(page_of(order), form(order, 1, 0), headers=ENGLISH)
        assert (answer.status_code, answer.url) == (302, order.get_absolute_url())
        assert told(answer) == ["We have your request and will write to you about it."]
        assert asked() == [("OPEN", "금이 갔어요 <b>", [("컵", 1)])]
        assert Refund.objects.count() == 0
        text = receipt(browser, order)
        for fact in ("You have asked for a refund", "컵 × 1", "금이 갔어요 &lt;b&gt;"):
            assert fact in text
        assert page_of(order) not in text

    @pytest.mark.parametrize(
        ("counts", "reason", "wrong"),
        [
            ((0, 0), "…", "__all__"),
            (("", ""), "…", "__all__"),
            ((3, 0), "…", "pieces"),
            ((-1, 0), "…", "pieces"),
            (("1.5", 0), "…", "pieces"),
            (("둘", 0), "…", "pieces"),
            ((1, 0), "", "reason"),
            ((1, 0), "  ", "reason"),
            ((1, 0), "가" * 301, "reason"),
        ],
    )
    def test_what_is_wrong_is_said(self, browser, order, counts, reason, wrong):
        """422, by the field; what was typed stays, and nothing is recorded."""
        answer = browser.post(page_of(order), form(order, *counts, reason=reason))
        assert answer.status_code == 422
        assert [name.partition("-")[0] for name in answer.context["form"].errors] == [wrong]
        assert asked() == []
        if reason.strip():
            assert reason in answer.content.decode()

    def test_pieces_of_another_order(self, order, make_product):
        """Are none of this one's."""
        with pytest.raises(requests.NothingToAskFor):
            requests.ask(order, by=order.user, pieces={10**6: 1}, reason="…", now=timezone.now())

    @pytest.mark.parametrize("is_delivered", [True, False])
    def test_only_what_is_delivered_arrives_broken(self, browser, order, is_delivered):
        """A ticket or a membership does not."""
        order.lines.update(needs_delivery=is_delivered)
        page = browser.get(page_of(order), headers=ENGLISH).content.decode()
        assert "We read it before we answer." in page
        assert ("arrived broken" in page) == is_delivered

    def test_refunded_while_the_page_was_open(self, order):
        """Of the line there are fewer by now; nothing is recorded."""
        order.lines.filter(quantity=2).update(refunded=1)
        with pytest.raises(requests.TooMany) as refused:
            ask(order, 2, 0)
        assert refused.value.line.kept == 1
        assert asked() == []

    def test_somebody_elses_order(self, client, order, django_user_model):
        """Does not exist for them; nor does its request."""
        request = ask(order, 1, 0)
        other = django_user_model.objects.create_user("other@example.com")
        client.force_login(other)
        assert client.get(page_of(order)).status_code == 404
        assert client.post(page_of(order), form(order, 1, 0)).status_code == 404
        assert client.post(withdrawal(request)).status_code == 404
        with pytest.raises(requests.NothingToAskFor):
            requests.ask(order, by=other, pieces={}, reason="…", now=timezone.now())
        assert [status for status, *_ in asked()] == ["OPEN"]

    def test_signing_in_comes_first(self, client, order):
        """And leads back to the page."""
        answer = client.post(page_of(order), form(order, 1, 0))
        assert answer.url == f"{reverse('account_login')}?next={page_of(order)}"
        assert asked() == []

    def test_nothing_to_deliver(self, browser, order):
        """An order of a lesson has no parcel: its buyer asks, too."""
        Shipment.objects.all().delete()
        assert page_of(order) in receipt(browser, order)
        browser.post(page_of(order), form(order, 1, 1))
        assert [status for status, *_ in asked()] == ["OPEN"]


class TestNotNow:
    """Refused with a sentence, on the page and when it is sent."""

    def refused(self, browser, order) -> str:
        for answer in (
            browser.get(page_of(order), headers=ENGLISH),
            browser.post(page_of(order), form(order, 1, 0), headers=ENGLISH),
        ):
            assert (answer.status_code, answer.url) == (302, order.get_absolute_url())
        return told(answer)[-1]

    def test_it_can_be_canceled(self, browser, order):
        """It has not left yet."""
        Shipment.objects.update(status="PREPARING", shipped_at=None, carrier="")
        sentence = "This order has not left yet: you can cancel it."
        assert (self.refused(browser, order), asked()) == (sentence, [])

    @pytest.mark.parametrize("status", ["PENDING", "CANCELED", "REFUNDED"])
    def test_not_paid(self, browser, order, status):
        """There is nothing to refund."""
        Order.objects.update(status=status)
        sentence = "Nothing of this order is left that could be refunded."
        assert (self.refused(browser, order), asked()) == (sentence, [])

    def test_nothing_kept(self, browser, order):
        """All pieces were refunded, and only the delivery fee is left."""
        order.lines.filter(quantity=2).update(refunded=2)
        order.lines.filter(quantity=1).update(refunded=1)
        Order.objects.update(status="PARTIALLY_REFUNDED")
        sentence = "Nothing of this order is left that could be refunded."
        assert (self.refused(browser, order), asked()) == (sentence, [])

    def test_asked_already(self, browser, order):
        """One at a time: a double click, another tab."""
        ask(order, 0, 1)
        sentence = "You have asked for a refund of this order already. We are looking at it."
        assert self.refused(browser, order) == sentence
        assert asked() == [("OPEN", "금이 갔어요", [("산책 <책>", 1)])]

    @pytest.mark.parametrize(
        ("status", "sentence"),
        [
            ("PROCESSING", "A refund of this order is being confirmed."),
            ("WAITING", "We are looking at a refund of this order already."),
        ],
    )
    def test_being_refunded(self, browser, order, status, sentence):
        """Staff were quicker."""
        order.refunds.create(kind="LINES", status=status, points=1)
        assert self.refused(browser, order) == f"{sentence} You need not do anything."
        assert asked() == []

    def test_eight_tabs_at_once(self, order, shopper):
        """One request, and no error."""
        typed, answers = form(order, 1, 0), []

        def press() -> None:
            tab = Client()
            tab.force_login(shopper)
            answers.append(tab.post(page_of(order), typed).status_code)

        at_once(press, times=8)
        assert answers == [302] * 8
        assert [status for status, *_ in asked()] == ["OPEN"]

    def test_the_database_refuses_a_second_one(self, order):
        """Whatever the code does."""
        ask(order, 1, 0)
        with pytest.raises(IntegrityError), transaction.atomic():
            order.refund_requests.create(reason="…")


def withdrawal(request: RefundRequest) -> str:
    return reverse("checkout:withdraw_request", args=[request.order.number, request.pk])


class TestWithdrawing:
    def test_a_changed_mind(self, browser, order, shopper):
        """It is over, the receipt forgets it, and one may ask anew."""
        request = ask(order, 1, 0)
        assert withdrawal(request) in receipt(browser, order)
        answer = browser.post(withdrawal(request), headers=ENGLISH)
        assert told(answer) == ["You have withdrawn your request."]
        request.refresh_from_db()
        assert (request.status, request.decided_by) == ("WITHDRAWN", shopper)
        text = receipt(browser, order)
        assert "You have asked for a refund" not in text
        assert page_of(order) in text
        assert ask(order, 1, 0).status == "OPEN"

    def test_by_get(self, browser, order):
        """Changes nothing."""
        request = ask(order, 1, 0)
        answer = browser.get(withdrawal(request))
        assert answer.headers["Location"] == order.get_absolute_url()
        request.refresh_from_db()
        assert request.status == "OPEN"

    @pytest.mark.parametrize("end", [decline, withdraw])
    def test_too_late(self, browser, order, end):
        """Answered, or withdrawn in another tab: said, and left as it is."""
        request = ask(order, 1, 0)
        ended = end(request)
        answer = browser.post(withdrawal(request), headers=ENGLISH)
        assert told(answer) == ["Your request was answered or withdrawn already."]
        request.refresh_from_db()
        assert (request.status, request.decided_at) == (ended.status, ended.decided_at)

    def test_an_old_tab_does_not_withdraw_a_newer_request(self, browser, order):
        """It names the one that it shows."""
        old = ask(order, 1, 0)
        withdraw(old)
        new = ask(order, 0, 1)
        browser.post(withdrawal(old))
        new.refresh_from_db()
        assert new.status == "OPEN"

    @pytest.mark.parametrize("pk", [0, 10**30])
    def test_no_such_request(self, browser, order, pk):
        """404, not an error."""
        url = reverse("checkout:withdraw_request", args=[order.number, pk])
        assert browser.post(url).status_code == 404

    def test_declined_at_this_moment(self, order):
        """One of the two counts, and the mail goes out only if it was declined."""
        request, ends = ask(order, 1, 0), []
        operator()

        def end(how) -> None:
            try:
                ends.append(how(request).status)
            except requests.AlreadyAnswered:
                ends.append("late")

        all_at_once([lambda: end(withdraw), lambda: end(decline)])
        request.refresh_from_db()
        assert sorted(ends) == sorted([request.status, "late"])
        assert Mail.objects.filter(event="DECLINED").exists() is (request.status == "DECLINED")


class TestDeclining:
    def test_who_when_and_why(self, order):
        """Kept with the request; one mail is written, and nothing is refunded."""
        request = decline(ask(order, 1, 0))
        assert (request.status, request.answer) == ("DECLINED", "7일이 지났습니다 <안내>")
        assert request.decided_by == operator()
        mail = Mail.objects.get(event="DECLINED")
        assert (mail.order, mail.request, mail.refund) == (order, request, None)
        assert Refund.objects.count() == 0

    def test_twice(self, order):
        """Refused: the first answer stays, and no second mail goes out."""
        request = ask(order, 1, 0)
        decline(request)
        with pytest.raises(requests.AlreadyAnswered):
            decline(request)
        assert Mail.objects.filter(event="DECLINED").count() == 1

    def test_what_the_buyer_reads(self, browser, order):
        """The answer, on the receipt; and they may ask again."""
        decline(ask(order, 1, 0))
        text = receipt(browser, order)
        for fact in (
            "We could not accept your refund request",
            "7일이 지났습니다 &lt;안내&gt;",
            "컵 × 1",
        ):
            assert fact in text
        assert page_of(order) in text
        browser.post(page_of(order), form(order, 2, 1, reason="다시 봐 주세요"))
        assert [status for status, *_ in asked()] == ["DECLINED", "OPEN"]
        assert "We could not accept" not in receipt(browser, order)
        decline(RefundRequest.objects.get(status="OPEN"))
        assert Mail.objects.filter(event="DECLINED").count() == 2

    @pytest.mark.parametrize(
        ("status", "is_read"), [("SUCCEEDED", False), ("FAILED", True), ("WAITING", True)]
    )
    def test_refunded_after_all(self, browser, order, status, is_read):
        """Once money went back, the answer from before is not news any more."""
        request = decline(ask(order, 1, 0))
        later = request.decided_at + timedelta(seconds=1)
        order.refunds.create(kind="LINES", status=status, points=1, settled_at=later)
        assert ("We could not accept" in receipt(browser, order)) is is_read

    def test_declined_after_a_refund(self, browser, order):
        """What went back before does not answer it."""
        earlier = timezone.now() - timedelta(seconds=1)
        order.refunds.create(kind="LINES", status="SUCCEEDED", points=1, settled_at=earlier)
        decline(ask(order, 1, 0))
        assert "We could not accept" in receipt(browser, order)

    @pytest.mark.parametrize(
        ("language", "sentences"),
        [("en", ["We could not accept your refund request", "You asked for"]), ("ko", [])],
    )
    def test_the_mail(self, order, mailoutbox, language, sentences):
        """In the order's language, as text and HTML, with the answer and what was asked for."""
        Order.objects.update(language=language)
        decline(ask(order, 1, 1))
        mail = Mail.objects.get(event="DECLINED")
        with translation.override("ko" if language == "en" else "en"):
            assert mails.send(mail.pk, now=timezone.now()) is True
        (message,) = mailoutbox
        ((html, _kind),) = message.alternatives
        assert order.number in message.subject
        assert message.to == ["hana@example.com"]
        for part in (message.body, html):
            for fact in (*sentences, "컵 × 1", "금이 갔어요", order.get_absolute_url()):
                assert fact in part
        assert "7일이 지났습니다 <안내>" in message.body
        assert "7일이 지났습니다 &lt;안내&gt;" in html
        assert ("We could not" in message.body) is (language == "en")

    def test_two_mails_of_one_order_are_two(self, order, mailoutbox):
        """Each request has a Message-ID of its own."""
        for _ in range(2):
            decline(ask(order, 1, 0))
        for mail in Mail.objects.all():
            mails.send(mail.pk, now=timezone.now())
        assert len({sent.message()["Message-ID"] for sent in mailoutbox}) == 2


class TestAccepting:
    """By a refund that answers it; the rest is the refund's."""

    @pytest.fixture
    def bought(self, start, fill_cart, make_product, pay, kakaopay):
        """A lesson for two, really paid through the sandbox; nothing to deliver."""
        fill_cart((make_product(price=15_000), 2))
        charge = start()
        return payments.capture(charge, pg_token=pay(charge), now=timezone.now()).order

    def test_refunded(self, browser, bought):
        """Accepted, and the pieces and the money stand in the receipt."""
        request = ask(bought, 1)
        line = bought.lines.get()
        give_back(bought, refunding.by_line({line.pk: 1}), request=request)
        text = receipt(browser, bought)
        for fact in (
            "We have accepted your refund request",
            "Part of your order was refunded",
            "1 refunded",
            "₩15,000",
        ):
            assert fact in text
        assert page_of(bought) in text

    def test_not_known_yet(self, browser, bought, kakaopay):
        """Accepted, and being confirmed; there is nothing to withdraw any more."""
        kakaopay.fault("cancel", after="drop")
        request = ask(bought, 2)
        give_back(bought, refunding.everything(), request=request)
        text = receipt(browser, bought)
        for fact in ("We have accepted your refund request", "We are confirming your refund"):
            assert fact in text
        for url in (withdrawal(request), page_of(bought)):
            assert url not in text

    def test_declined_by_the_provider(self, browser, bought, kakaopay):
        """It waits for an answer again."""
        kakaopay.fault("cancel", before="error:-781")
        give_back(bought, refunding.everything(), request=ask(bought, 2))
        text = receipt(browser, bought)
        assert "You have asked for a refund" in text
        assert "have accepted" not in text

    def test_waiting_for_approval(self, browser, bought, settings):
        """For the buyer it is still being looked at."""
        settings.REFUND_APPROVAL_ABOVE = 1_000
        by = staff("finance@example.com", "refund_order", "refund_order_above_limit")
        waiting = give_back(bought, refunding.everything(), request=ask(bought, 2), by=by)
        assert waiting.status == Refund.Status.WAITING
        history = reverse("orders:history")
        for text in (
            receipt(browser, bought),
            browser.get(history, headers=ENGLISH).content.decode(),
        ):
            assert "You have asked for a refund" in text
            assert "accepted" not in text
        assert withdrawal(RefundRequest.objects.get()) not in receipt(browser, bought)


def test_the_times_are_kept(order):
    """Asked at, and decided at, as the caller says."""
    now = timezone.now() - timedelta(days=1)
    request = requests.ask(
        order, by=order.user, pieces={order.lines.first().pk: 1}, reason="…", now=now
    )
    ended = requests.withdraw(request, by=order.user, now=now + timedelta(hours=1))
    assert (ended.created_at, ended.decided_at) == (now, now + timedelta(hours=1))
