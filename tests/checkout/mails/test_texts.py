"""What mail says, in the buyer's language, as text and as HTML."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape

from checkout import mails, membership_mails
from checkout.models import Mail
from orders.models import Order, PaymentTransaction, Refund
from tests.checkout.mails.conftest import Event

pytestmark = pytest.mark.django_db(transaction=True)


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
        Order.objects.update(language="en", coupon_name="봄" if discount else "", **amounts)
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
            assert "The points that you used are back in your account" in part
            assert "you can use the coupon again while it is valid." in part
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
        PaymentTransaction.objects.filter(pk=refund.pk).update(is_external=True)
        Refund.objects.update(reason="")
        for part in parts_of(composed(Event.REFUNDED, refund)):
            assert "10,000원" in part
            assert "사유" not in part

    def test_pieces_and_points_that_went_back(self, reduced, refund):
        """Of which lines, with the delivery fee; which points, and which stay used; the coupon."""
        decided = Refund.objects.get()
        decided.lines.create(line=refund.order.lines.first(), quantity=1)
        Refund.objects.update(kind="LINES", points=600, with_delivery=True)
        Order.objects.update(status="PARTIALLY_REFUNDED", language="en", points_refunded=600)
        message = sent_about(refund)
        assert message.subject.endswith(f"We refunded a part of your order {refund.order.number}")
        for part in parts_of(message):
            plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part)).replace(": ", " ")
            for fact in (
                "Refund for 컵 × 1, Delivery fee",
                "Points given back 600 points",
                "Points that stay used 1,400 points",
                "Remains paid ₩18,900",
                "The coupon stays used, because a part of the order does.",
            ):
                assert fact in plain
            assert "back in your account" not in plain

    def test_only_points_went_back_for_a_part(self, reduced, refund):
        """A piece that points had paid for: no word of money, nor of cards and accounts."""
        Refund.objects.update(
            transaction=None, kind="LINES", amount=0, tax_free=0, vat=0, points=600
        )
        Order.objects.update(status="PARTIALLY_REFUNDED", language="en", points_refunded=600)
        decided = Refund.objects.get()
        order = Order.objects.get()
        mail = Mail(event=Event.REFUNDED, order=order, refund=decided)
        for part in parts_of(mails.compose(mail)):
            for fact in (
                *("Part of your order was refunded", "600 points", "1,400 points"),
                "Points had paid for it, so no money goes back.",
            ):
                assert fact in part
            for word in ("the way you paid", "Refunded amount", "Remains paid", "Refunded at"):
                assert word not in part

    def test_the_last_refund_of_what_went_back_in_parts(self, reduced, refund):
        """Points that went back before are not said to come with it."""
        PaymentTransaction.objects.filter(pk=refund.pk).update(amount=28_900)
        Order.objects.update(status="REFUNDED", language="en", points_refunded=2_000)
        for part in parts_of(sent_about(refund)):
            assert "Points given back" not in part
            assert "Points that stay used" not in part
            assert "The points that you used are back in your account" in part

    def test_all_that_was_left(self, refund):
        """No list of pieces: it is everything."""
        Refund.objects.update(kind="FULL")
        Order.objects.update(status="REFUNDED", language="en")
        message = sent_about(refund)
        assert message.subject.endswith(f"We refunded your order {refund.order.number}")
        for part in parts_of(message):
            assert "Refund for" not in part

    def test_a_part_stays_a_part(self, refund):
        """Sent again after the rest went back, it is still about a part; the other about all."""
        rest = refund.order.refunds.create(
            kind="FULL",
            status="SUCCEEDED",
            points=1,
            settled_at=refund.approved_at + timedelta(hours=1),
        )
        Order.objects.update(status="REFUNDED", language="en")
        number = refund.order.number
        assert sent_about(refund).subject.endswith(f"We refunded a part of your order {number}")
        last = mails.compose(Mail(event=Event.REFUNDED, order=Order.objects.get(), refund=rest))
        assert last.subject.endswith(f"We refunded your order {number}")

    def test_what_is_not_shipped_because_it_was_refunded(self, parcel):
        """Of two cups one was refunded; the parcel has the other."""
        parcel.order.lines.filter(quantity=2).update(refunded=1)
        parcel.order.lines.filter(is_tax_free=True).update(refunded=1)
        for part in parts_of(mails.compose(Mail(event=Event.SHIPPED, order=parcel.order))):
            assert "× 1" in part
            assert "× 2" not in part
            assert "산책" not in part

    def test_a_declined_request(self, order, settings):
        """Answer, pieces and reason, escaped where it is HTML, and a way back to the order."""
        request = order.refund_requests.create(
            status="DECLINED", reason="금이 <갔>어요", answer="7일이 <지났>습니다"
        )
        request.lines.create(line=order.lines.last(), quantity=1)
        order.language = "en"
        message = mails.compose(Mail(event=Event.DECLINED, order=order, request=request))
        assert message.subject.endswith(f"About your refund request for order {order.number}")
        text, html = parts_of(message)
        for fact in ("금이 <갔>어요", "7일이 <지났>습니다", "산책 <책> & 길 × 1"):
            assert fact in text
            assert escape(fact) in html
        for part in (text, html):
            assert "Nothing was refunded for it." in part
            assert f"{settings.SITE_URL}/orders/{order.number}/" in part

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
        Refund.objects.update(reason="")
        with translation.override("ko"):
            message = composed(event, refund)
        assert subject in message.subject
        for part in parts_of(message):
            assert sentence in part
        own = parts_of(message)[0].replace("모퉁이상점", "").replace("컵", "").replace("산책", "")
        assert not any("가" <= letter <= "힣" for letter in own.replace("책", "").replace("길", ""))

    @pytest.mark.parametrize("event", sorted(set(Event) - membership_mails.EVENTS))
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


def sent_about(refund: PaymentTransaction):
    """The mail about money that went back, from the rows as they are now."""
    refund = PaymentTransaction.objects.select_related("order").get(pk=refund.pk)
    return composed(Event.REFUNDED, refund)


def composed(event: Mail.Event, txn: PaymentTransaction):
    refund = Refund.objects.filter(transaction=txn).first()
    return mails.compose(Mail(pk=1, event=event, order=txn.order, transaction=txn, refund=refund))


def parts_of(message) -> tuple[str, str]:
    """The text and the HTML."""
    ((html, _),) = message.alternatives
    return message.body, html
