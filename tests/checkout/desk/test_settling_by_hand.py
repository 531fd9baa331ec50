"""Two states that recovery cannot end: a person says what happened, with evidence."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from checkout import discrepancies, payments, reconciliation, settling, settling_by_hand
from checkout.gateways.base import Approved, Declined, Movement
from checkout.models import Discrepancy, Mail
from checkout.settling_by_hand import Books
from orders.models import Order, PaymentTransaction, PaymentTransactionEvent, Refund
from tests.kakaopay import sandbox_process
from tests.staff import refund, staff

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentTransaction.Status

SAID = {"evidence": "mail of 21 November", "explanation": "KakaoPay's support says so."}


@pytest.fixture
def lost(goods, start, fill_cart, pay, kakaopay):
    """A charge of 2,000 won that was paid, and whose answer was lost."""
    fill_cart((goods["ticket"], 1))
    charge = start()
    kakaopay.fault("approve", after="drop")
    payments.capture(charge, pg_token=pay(charge), now=timezone.now())
    return charge


@pytest.fixture
def stuck(lost, kakaopay):
    """KakaoPay's books tell of 3,000 won."""
    kakaopay.alter(lost.tid, total=3_000)
    return found_stuck()


@pytest.fixture
def right_again(stuck, kakaopay):
    """Recovery found other figures, and by now KakaoPay's books tell of our 2,000 won."""
    kakaopay.alter(stuck.tid, total=2_000)
    return stuck


def found_stuck():
    """Recovery has asked in vain; an hour and a minute have passed since it was sent."""
    now = timezone.now()
    rows = PaymentTransaction.objects.filter(status=Status.PROCESSING)
    assert [txn.status for txn in reconciliation.settle_stale(rows, now=now)] == [Status.PROCESSING]
    rows.update(sent_at=now - timedelta(minutes=61))
    return Discrepancy.objects.get(closed_at=None)


@pytest.fixture
def closer(client, db):
    person = staff("closer@example.com", "view_discrepancy", "close_discrepancy")
    client.force_login(person)
    return person


@pytest.fixture
def approver(client, closer):
    """Whoever closes may approve refunds too."""
    closer.user_permissions.add(Permission.objects.get(codename="approve_refund"))
    return closer


def address(row, name="settle"):
    return reverse(f"admin:checkout_discrepancy_{name}", args=[row.pk])


def press(client, row, verdict, **more):
    return client.post(address(row), SAID | {"verdict": verdict} | more)


def told(answer):
    return [str(message) for message in answer.wsgi_request._messages]


def now_of(row):
    return Discrepancy.objects.select_related("transaction__order").get(pk=row.pk)


class TestACharge:
    def test_the_page_shows_both_sides(self, client, closer, stuck, kakaopay):
        """Our amount, theirs now, and that it cannot be settled as paid."""
        text = client.get(address(stuck)).content.decode()
        aid = kakaopay.payment(stuck.tid).actions[0].aid
        for fact in ("2,000원", "3,000원", "SUCCESS_PAYMENT", stuck.order_number, aid):
            assert fact in text

    def test_an_amount_that_did_not_move(self, client, approver, stuck, kakaopay):
        """Where the books tell of 3,000 won nobody enters 2,000, and it is said why."""
        (action,) = kakaopay.payment(stuck.tid).actions
        shown = client.get(address(stuck), headers={"accept-language": "en"})
        assert shown.context["refused"] == [
            f"KakaoPay took ₩3,000 ({action.aid}) and the order is ₩2,000, so it cannot be settled "
            "as paid: our books would hold an amount that never moved. Refund it in KakaoPay's "
            "partner site, then come back and choose “No money moved”; until then leave it open."
        ]
        assert f"moved:{action.aid}" not in shown.content.decode()
        assert "aid" not in shown.context["form"].fields
        for verdict, more in ((f"moved:{action.aid}", {}), ("moved", {"aid": action.aid})):
            answer = press(client, stuck, verdict, **more)
            assert answer.status_code == 422
            assert set(answer.context["form"].errors) == {"verdict"}
        assert now_of(stuck).transaction.status == "PROCESSING"
        books = settling_by_hand.look(stuck.transaction)
        with pytest.raises(settling_by_hand.OtherAmount):
            settling_by_hand.moved(stuck.transaction, action.aid, books, by=approver)

    def test_an_invented_number(self, client, approver, right_again):
        """Where the books can be read only what they show counts, whoever says so."""
        answer = press(client, right_again, "moved", aid="A0000000000000000001")
        assert answer.status_code == 422
        answer = press(client, right_again, "moved:A0000000000000000001")
        assert answer.status_code == 422
        txn = right_again.transaction
        books = settling_by_hand.look(txn)
        with pytest.raises(settling_by_hand.NotInBooks):
            settling_by_hand.moved(txn, "A0000000000000000001", books, by=approver)
        assert now_of(right_again).transaction.status == "PROCESSING"

    def test_books_that_do_not_know_it(self, client, approver, stuck, kakaopay):
        """That is an answer too: all that can be said is that no money moved."""
        kakaopay.forget(stuck.tid)
        shown = client.get(address(stuck), headers={"accept-language": "en"})
        assert shown.context["refused"] == [
            "KakaoPay's books show no movement that could be this one, so it cannot be said that "
            "the money moved."
        ]
        answer = press(client, stuck, "moved", aid="A0000000000000000001")
        assert answer.status_code == 422
        press(client, stuck, "not_moved")
        assert now_of(stuck).transaction.status == "FAILED"

    def test_the_money_moved(self, client, closer, right_again, kakaopay):
        """Paid as recovery would have settled it: order, mail, method; closed, and logged."""
        stuck = right_again
        (action,) = kakaopay.payment(stuck.tid).actions
        answer = press(client, stuck, f"moved:{action.aid}")
        assert answer.headers["Location"] == address(stuck, "change")
        row = now_of(stuck)
        txn = row.transaction
        assert (txn.status, txn.aid, txn.amount) == ("SUCCEEDED", action.aid, 2_000)
        assert (txn.method, txn.card_issuer) == ("CARD", "신한")
        assert timezone.localtime(txn.approved_at).isoformat()[:19] == action.at[:19]
        assert txn.order.status == Order.Status.PAID
        assert Mail.objects.filter(event="PAID").count() == 1
        assert (row.closed_by, row.evidence, row.explanation) == (closer, *SAID.values())
        log = LogEntry.objects.get()
        assert (log.user, log.object_id, "SUCCEEDED" in log.change_message) == (
            *(closer, str(row.pk)),
            True,
        )
        event = PaymentTransactionEvent.objects.latest("pgh_id")
        assert (event.status, event.pgh_context["email"]) == ("SUCCEEDED", closer.email)
        assert kakaopay.payment(stuck.tid).actions == (action,)

    def test_no_money_moved(self, client, closer, stuck, goods):
        """The order ends: stock back, the buyer told."""
        press(client, stuck, "not_moved")
        row = now_of(stuck)
        assert (row.transaction.status, row.transaction.reason_code) == (
            *("FAILED", settling_by_hand.BY_HAND),
        )
        assert row.transaction.order.status == Order.Status.CANCELED
        assert row.closed_by == closer
        goods["ticket"].refresh_from_db()
        assert goods["ticket"].stock == 50
        assert list(Mail.objects.values_list("event", flat=True)) == ["NOT_CHARGED"]

    def test_an_aid_from_the_partner_site(self, client, approver, stuck, kakaopay):
        """KakaoPay does not answer: the page stands, and the number can be typed."""
        kakaopay.fault("order", before="html_502", times=None)
        assert "502" in client.get(address(stuck)).content.decode()
        press(client, stuck, "moved", aid=" A0000000000000000001 ")
        txn = now_of(stuck).transaction
        assert (txn.status, txn.aid) == ("SUCCEEDED", "A0000000000000000001")

    def test_a_number_that_nobody_can_look_up(self, client, closer, stuck, kakaopay):
        """To vouch for it takes somebody who approves refunds; others may still say no."""
        kakaopay.fault("order", before="html_502", times=None)
        shown = client.get(address(stuck), headers={"accept-language": "en"})
        assert shown.context["refused"] == [
            "KakaoPay's books cannot be read now. Come back later, or ask somebody who may approve "
            "refunds: they may enter the approval number from the partner site."
        ]
        assert 'name="aid"' not in shown.content.decode()
        answer = press(client, stuck, "moved", aid="A0000000000000000001")
        assert answer.status_code == 422
        with pytest.raises(settling_by_hand.NotSeen):
            settling_by_hand.moved(stuck.transaction, "A0000000000000000001", None, by=closer)
        assert now_of(stuck).transaction.status == "PROCESSING"
        press(client, stuck, "not_moved")
        assert now_of(stuck).transaction.status == "FAILED"

    def test_a_movement_that_is_another_ones(self, client, approver, order, stuck, kakaopay):
        """One movement is entered once: nothing is changed."""
        kakaopay.fault("order", before="html_502", times=None)
        taken = order.transactions.get().aid
        answer = press(client, stuck, "moved", aid=taken)
        assert answer.status_code == 409
        assert order.number in answer.content.decode()
        assert now_of(stuck).transaction.status == "PROCESSING"
        assert now_of(stuck).closed_at is None

    @pytest.mark.parametrize(
        ("missing", "verdict"),
        [
            *(("evidence", "not_moved"), ("explanation", "not_moved")),
            *(("aid", "moved"), ("verdict", ""), ("verdict", "moved:A9")),
        ],
    )
    def test_what_is_missing_is_said(self, client, approver, stuck, kakaopay, missing, verdict):
        """Nothing is settled, and what was typed stays."""
        kakaopay.fault("order", before="html_502", times=None)
        answer = press(client, stuck, verdict, **({missing: " "} if missing in SAID else {}))
        assert answer.status_code == 422
        assert set(answer.context["form"].errors) == {missing}
        kept = next(value for name, value in SAID.items() if name != missing)
        assert kept.partition("'")[0] in answer.content.decode()
        assert now_of(stuck).transaction.status == "PROCESSING"


class TestARefund:
    @pytest.fixture
    def kakaopay(self, tmp_path, settings):
        """A KakaoPay whose lookups tell neither the amounts of movements nor their notes."""
        process, kakaopay = sandbox_process(tmp_path, SANDBOX_MINIMAL_DETAILS="true")
        with process:
            settings.KAKAOPAY_API_URL = kakaopay.url
            yield kakaopay

    @pytest.fixture
    def ambiguous(self, order, kakaopay):
        """A refund of 2,000 won whose answer was lost, beside one that was made by hand."""
        kakaopay.fault("cancel", after="drop")
        txn = refund(order, 2_000)
        kakaopay.console_refund(txn.tid, 1_500)
        return found_stuck()

    def test_another_amount(self, approver, order, kakaopay):
        """A movement of 1,500 won is not our refund of 2,000, whoever says so."""
        kakaopay.fault("cancel", before="drop")
        txn = refund(order, 2_000)
        other = Movement("A0000000000000000001", is_refund=True, at=None, amount=1_500)
        books = Books("PART_CANCEL_PAYMENT", movements=(other,))
        with pytest.raises(settling_by_hand.OtherAmount):
            settling_by_hand.moved(txn, other.aid, books, by=approver)

    def test_an_amount_that_is_not_told(self, client, closer, ambiguous, kakaopay):
        """These books prove it to nobody: only who approves refunds says which one it is."""
        _paid, ours, by_hand = kakaopay.payment(ambiguous.tid).actions
        shown = client.get(address(ambiguous), headers={"accept-language": "en"})
        assert shown.context["refused"] == [
            f"KakaoPay's books do not tell the amount of {aid}: only somebody who may approve "
            "refunds may say that it is this one."
            for aid in (ours.aid, by_hand.aid)
        ]
        assert press(client, ambiguous, f"moved:{ours.aid}").status_code == 422
        assert now_of(ambiguous).transaction.status == "PROCESSING"

    def test_the_money_moved(self, client, approver, ambiguous, kakaopay):
        """Chosen from the two; the other is entered as what it is by whoever looks next."""
        _paid, ours, by_hand = kakaopay.payment(ambiguous.tid).actions
        text = client.get(address(ambiguous)).content.decode()
        assert f"moved:{ours.aid}" in text
        assert f"moved:{by_hand.aid}" in text
        press(client, ambiguous, f"moved:{ours.aid}")
        row = now_of(ambiguous)
        assert (row.transaction.status, row.transaction.aid) == ("SUCCEEDED", ours.aid)
        assert Refund.objects.get().status == Refund.Status.SUCCEEDED
        assert row.transaction.order.status == Order.Status.PARTIALLY_REFUNDED
        payments.external.look(row.transaction, now=timezone.now())
        entered = PaymentTransaction.objects.get(is_external=True)
        assert (entered.aid, entered.amount) == (by_hand.aid, 1_500)

    def test_no_money_moved(self, client, closer, order, kakaopay):
        """Nothing goes back, and it can be refunded anew."""
        kakaopay.fault("cancel", before="drop")
        txn = refund(order, 2_000)
        kakaopay.alter(txn.tid, total=99_000)  # their books are not about our payment
        row = found_stuck()
        press(client, row, "not_moved")
        assert now_of(row).transaction.status == "FAILED"
        assert Refund.objects.get().status == Refund.Status.FAILED
        assert Order.objects.get().status == Order.Status.PAID
        assert now_of(row).closed_by == closer


class TestWhen:
    def test_not_within_the_hour(self, client, closer, stuck):
        """KakaoPay may still tell: no button, and nothing happens."""
        PaymentTransaction.objects.update(sent_at=timezone.now() - timedelta(minutes=59))
        self.refused(client, stuck)

    def test_not_what_is_settled(self, client, closer, stuck):
        """Recovery was quicker."""
        settling.settle(stuck.transaction, Declined("x", ""), now=timezone.now())
        self.refused(client, stuck)

    def test_not_what_is_closed(self, client, closer, stuck):
        """Somebody has explained it; if it comes up again it is found again."""
        discrepancies.close(stuck, by=closer, **SAID, now=timezone.now())
        self.refused(client, stuck)

    def refused(self, client, row):
        before = list(PaymentTransaction.objects.values())
        assert address(row) not in client.get(address(row, "change")).content.decode()
        answer = press(client, row, "not_moved")
        assert len(told(answer)) == 1
        assert list(PaymentTransaction.objects.values()) == before

    def test_whoever_comes_second_changes_nothing(self, closer, stuck):
        """Between looking and settling, recovery found the money."""
        stale = now_of(stuck)
        found = Approved("A0000000000000000001", stuck.transaction.amount, None)
        settling.settle(stuck.transaction, found, now=timezone.now())
        with pytest.raises(settling_by_hand.NotStuck):
            settling_by_hand.settle(
                *(stale, settling_by_hand.not_moved("no")),
                **SAID,
                by=closer,
                now=timezone.now(),
            )
        assert now_of(stuck).transaction.status == "SUCCEEDED"
        assert now_of(stuck).closed_at is None


class TestWhoMay:
    def test_with_the_permission_there_is_a_button(self, client, closer, stuck):
        """Beside that for closing."""
        text = client.get(address(stuck, "change")).content.decode()
        assert address(stuck) in text
        assert address(stuck, "close") in text

    def test_without_it_there_is_none_and_no_way(self, client, stuck):
        """403, looking or sending; nothing is settled."""
        client.force_login(staff("reader@example.com", "view_discrepancy"))
        assert address(stuck) not in client.get(address(stuck, "change")).content.decode()
        assert client.get(address(stuck)).status_code == 403
        assert press(client, stuck, "not_moved").status_code == 403
        assert now_of(stuck).transaction.status == "PROCESSING"
