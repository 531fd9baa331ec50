"""Staff send parcels, and the shopper is told once."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from checkout import mails
from checkout.models import Mail
from orders import refunding
from orders.models import Shipment
from tests.checkout.parcels.conftest import address_of, log, page_of, press, row, told
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


class TestMoving:
    """One press, one change, one line in the log."""

    def test_shipped(self, desk, parcel, packer):
        """The number is stored as carriers write it, a mail is written, the log says what was."""
        answer = press(desk, parcel, "ship")
        assert (answer.status_code, answer.url) == (302, page_of(parcel))
        assert row(parcel) == ("SHIPPED", "CJ", "123456789012")
        (mail,) = Mail.objects.all()
        assert (mail.order, mail.event, mail.transaction) == (parcel.order, "SHIPPED", None)
        (entry,) = LogEntry.objects.all()
        assert (entry.user, entry.get_edited_object()) == (packer, parcel)
        before, _, after = entry.change_message.partition("; ")[0].partition(" → ")
        assert before.endswith(str(Shipment.Status.PREPARING.label))
        assert after == str(Shipment.Status.SHIPPED.label)
        assert entry.change_message.endswith(": – → 123456789012")

    def test_the_shop_itself(self, desk, parcel):
        """Needs no number."""
        press(desk, parcel, "ship", carrier="OWN", tracking_number="")
        assert row(parcel) == ("SHIPPED", "OWN", "")

    @pytest.mark.parametrize("number", ["", "123", "송장을 나중에"])
    def test_a_number_that_is_none(self, desk, parcel, number):
        """422, what was typed stays, nothing moves, nobody is told."""
        answer = press(desk, parcel, "ship", carrier="HANJIN", tracking_number=number)
        assert answer.status_code == 422
        assert answer.context["form"].errors["tracking_number"] == [
            str(answer.context["form"].BAD_NUMBER)
        ]
        assert '<option value="HANJIN" selected' in answer.content.decode()
        assert row(parcel) == ("PREPARING", "", "")
        assert (Mail.objects.count(), log()) == (0, [])

    @pytest.mark.parametrize(
        "changed", [{"carrier": "DHL"}, {"carrier": ""}, {"tracking_number": "1" * 31}]
    )
    def test_not_what_the_form_offers(self, desk, parcel, changed):
        """422, and nothing moves."""
        assert press(desk, parcel, "ship", **changed).status_code == 422
        assert row(parcel) == ("PREPARING", "", "")

    @pytest.mark.parametrize("move", ["", "burn"])
    def test_no_such_button(self, desk, parcel, move):
        """422, and nothing moves."""
        assert press(desk, parcel, move).status_code == 422
        assert row(parcel) == ("PREPARING", "", "")

    @pytest.mark.parametrize("status", ["PENDING", "CANCELED", "REFUNDED"])
    def test_not_paid(self, desk, make_parcel, status):
        """The page offers nothing and says why; a form from before is refused in a sentence."""
        parcel = make_parcel(status)
        text = desk.get(page_of(parcel)).content.decode()
        assert 'value="ship"' not in text
        answer = press(desk, parcel, "ship")
        assert len(told(answer)) == 1
        assert told(answer)[0] in text
        assert row(parcel) == ("PREPARING", "", "")
        assert (Mail.objects.count(), log()) == (0, [])

    def test_while_it_is_being_refunded(self, desk, parcel):
        """The page offers nothing; a form from before is refused in a sentence. Then it is not."""
        amounts = {"amount": 22_000, "tax_free": 0, "vat": 2_000}
        txn = parcel.order.transactions.create(
            kind="REFUND", status="PROCESSING", gateway="kakaopay", **amounts
        )
        refund = parcel.order.refunds.create(
            kind="FULL", status="PROCESSING", transaction=txn, **amounts
        )
        text = desk.get(page_of(parcel), headers={"accept-language": "en"}).content.decode()
        assert 'value="ship"' not in text
        assert "A refund of the order has not been answered yet" in text
        answer = press(desk, parcel, "ship", headers={"accept-language": "en"})
        assert told(answer) == [
            "A refund of the order has not been answered yet: wait until it is, then ship."
        ]
        assert row(parcel) == ("PREPARING", "", "")
        assert (Mail.objects.count(), log()) == (0, [])
        refunding.fail(refund, now=timezone.now())
        assert 'value="ship"' in desk.get(page_of(parcel)).content.decode()
        press(desk, parcel, "ship")
        assert row(parcel)[0] == "SHIPPED"

    def test_two_at_once(self, desk, parcel, packer):
        """Eight people press at once: one ships it, one mail, one line in the log."""
        answers = []

        def ship_it(number: str) -> None:
            client = Client()
            client.force_login(packer)
            answers.append(told(press(client, parcel, "ship", tracking_number=number)))

        at_once(lambda: ship_it("555566667777"), times=8)
        assert row(parcel) == ("SHIPPED", "CJ", "555566667777")
        assert (Mail.objects.count(), len(log())) == (1, 1)
        assert len({sentence for (sentence,) in answers}) == 2

    def test_a_corrected_number(self, desk, parcel):
        """Is logged, before and after; the shopper gets no second mail."""
        press(desk, parcel, "ship")
        press(desk, parcel, "correct", carrier="LOTTE", tracking_number="444455556666")
        assert row(parcel) == ("SHIPPED", "LOTTE", "444455556666")
        assert Mail.objects.count() == 1
        assert log()[1].endswith(": 123456789012 → 444455556666")

    def test_nothing_was_changed(self, desk, parcel):
        """So the log says nothing."""
        press(desk, parcel, "ship")
        press(desk, parcel, "correct")
        assert len(log()) == 1

    def test_delivered(self, desk, parcel):
        """Without a carrier in the form."""
        press(desk, parcel, "ship")
        desk.post(page_of(parcel), {"move": "deliver"})
        assert row(parcel) == ("DELIVERED", "CJ", "123456789012")
        text = desk.get(page_of(parcel)).content.decode()
        assert 'value="deliver"' not in text
        assert 'value="undo"' in text

    def test_back_before_the_mail_went_out(self, desk, parcel, mailoutbox):
        """The parcel never left, so the mail that says so is not sent."""
        press(desk, parcel, "ship")
        desk.post(page_of(parcel), {"move": "undo"})
        assert row(parcel) == ("PREPARING", "", "")
        assert mails.send(Mail.objects.get().pk, now=timezone.now()) is False
        assert (mailoutbox, Mail.objects.count()) == ([], 0)

    def test_shipped_again(self, desk, parcel, mailoutbox):
        """Who was told before is not told twice, and staff know; else there is a mail."""
        first = told(press(desk, parcel, "ship"))
        desk.post(page_of(parcel), {"move": "undo"})
        again = told(press(desk, parcel, "ship", tracking_number="444455556666"))
        assert first == again[-1:]
        mails.send(Mail.objects.get().pk, now=timezone.now())
        assert "444455556666" in mailoutbox[0].body
        desk.post(page_of(parcel), {"move": "undo"})
        once_more = told(press(desk, parcel, "ship"))
        assert once_more[-1] != first[0]
        assert Mail.objects.count() == 1

    @pytest.mark.parametrize("move", ["correct", "deliver", "undo"])
    def test_not_yet_shipped(self, desk, parcel, move):
        """A sentence, and nothing else."""
        answer = press(desk, parcel, move)
        assert len(told(answer)) == 1
        assert (row(parcel), log()) == (("PREPARING", "", ""), [])

    def test_the_carrier_of_the_last_parcel_is_offered(self, desk, make_parcel):
        """Most shops use one."""
        press(desk, make_parcel(), "ship", carrier="LOGEN")
        page = desk.get(page_of(make_parcel()))
        assert '<option value="LOGEN" selected' in page.content.decode()


class TestAddress:
    """Buyers call about typos."""

    FIELDS = {
        "recipient": "이두리",
        "phone": "02-123-4567",
        "postcode": "04524",
        "line1": "서울 중구 세종대로 110",
        "line2": "",
        "memo": "경비실",
    }

    def test_it_is_filled_in(self, desk, parcel):
        """With what is there."""
        text = desk.get(address_of(parcel)).content.decode()
        for value in ("이두리", "010-5555-6666", "06236", "서울 강남구 테헤란로 123", "5층"):
            assert f'value="{value}"' in text

    def test_corrected(self, desk, parcel):
        """Every line, and the log tells what was there before."""
        answer = desk.post(address_of(parcel), self.FIELDS)
        assert answer.url == page_of(parcel)
        parcel.refresh_from_db()
        assert (parcel.phone.as_e164, parcel.postcode, parcel.line2) == ("+8221234567", "04524", "")
        (message,) = log()
        assert "06236 → 04524" in message
        assert "5층 → –" in message
        assert "010-5555-6666 → 02-123-4567" in message
        assert "이두리" not in message

    def test_not_an_address(self, desk, parcel):
        """422, what was typed stays, nothing changes."""
        answer = desk.post(address_of(parcel), self.FIELDS | {"postcode": "4524"})
        assert answer.status_code == 422
        assert 'value="서울 중구 세종대로 110"' in answer.content.decode()
        assert list(answer.context["form"].errors) == ["postcode"]
        parcel.refresh_from_db()
        assert (parcel.postcode, log()) == ("06236", [])

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_it_has_left(self, desk, parcel, method):
        """A sentence, and where it went stays."""
        press(desk, parcel, "ship")
        answer = getattr(desk, method)(address_of(parcel), self.FIELDS)
        assert answer.url == page_of(parcel)
        parcel.refresh_from_db()
        assert (parcel.postcode, len(log())) == ("06236", 1)

    def test_shipped_while_it_was_typed(self, parcel, packer):
        """Whichever comes first: the address never changes once the parcel has left."""
        moves = [
            lambda client: press(client, parcel, "ship"),
            lambda client: client.post(address_of(parcel), self.FIELDS),
        ]

        def move() -> None:
            client = Client()
            client.force_login(packer)
            moves.pop()(client)

        at_once(move, times=2)
        parcel.refresh_from_db()
        assert parcel.status == "SHIPPED"
        assert [": – → 123456789012" in message for message in log()] == (
            [True] if parcel.postcode == "06236" else [False, True]
        )
