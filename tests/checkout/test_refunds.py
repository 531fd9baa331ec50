"""Money goes back once, by record → call → settle; the sandbox's books are asserted too."""

from datetime import timedelta

import pytest
from django.utils import timezone

from checkout import payments, reconciliation, refunds, sending, settling
from checkout.calls import gateway_for
from checkout.gateways.base import Approved, OutcomeUnknown
from checkout.models import Discrepancy, Mail
from orders import refunding
from orders.models import Order, PaymentTransaction, Refund
from tests.races import at_once
from tests.staff import operator, refund

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentTransaction.Status


@pytest.fixture
def order(start, fill_cart, make_product, pay):
    """Paid: 27,000 won, 5,000 of them tax-free, 2,000 of them VAT."""
    fill_cart((make_product(price=11_000), 2), (make_product(price=5_000, is_tax_free=True), 1))
    charge = start()
    return payments.capture(charge, pg_token=pay(charge), now=timezone.now()).order


def theirs(order, kakaopay):
    return kakaopay.payments(order.number)[0]


def settle_all(minutes=1):
    now = timezone.now() + timedelta(minutes=minutes)
    rows = reconciliation.unsettled(now)
    return [txn.status for txn in reconciliation.settle_stale(rows, now=now)]


def test_all_of_it_goes_back(order, kakaopay):
    """Both books agree on total, tax-free part and VAT; the order is refunded; who and why stay."""
    txn = refund(order, 27_000)
    books = theirs(order, kakaopay)
    assert (txn.status, txn.aid) == (Status.SUCCEEDED, books.actions[1].aid)
    assert (books.status, books.available_total) == ("CANCEL_PAYMENT", 0)
    assert (txn.amount, txn.tax_free, txn.vat) == (27_000, 5_000, 2_000)
    assert (books.canceled_tax_free, books.canceled_vat) == (5_000, 2_000)
    assert (txn.refund.requested_by, txn.refund.reason) == (operator(), "찻잔이 깨져 왔어요")
    assert Order.objects.get().status == Order.Status.REFUNDED
    assert Mail.objects.filter(transaction=txn, event="REFUNDED").count() == 1


def test_in_parts_until_nothing_is_left(order, kakaopay):
    """Whatever the parts, total, tax-free and VAT end at nothing, in both books at every step."""
    for amount, status in ((1, "PARTIALLY_REFUNDED"), (13_333, "PARTIALLY_REFUNDED")):
        assert refund(order, amount).status == Status.SUCCEEDED
        assert Order.objects.get().status == status
    assert refund(order, 27_000 - 13_334).status == Status.SUCCEEDED
    books = theirs(order, kakaopay)
    left = (books.available_total, books.available_tax_free, books.available_vat)
    assert (left, Order.objects.get().status) == ((0, 0, 0), "REFUNDED")


@pytest.mark.parametrize("amount", [0, -1, 27_001])
def test_more_than_there_is_does_not_go_back(order, kakaopay, amount):
    """Nothing is sent, and the error says what is left."""
    with pytest.raises(refunding.TooMuch) as refused:
        refund(order, amount)
    assert refused.value.left == 27_000
    assert len(theirs(order, kakaopay).actions) == 1


def test_what_somebody_saw_must_still_be_true(order):
    """Sent twice, or after somebody else's refund: not what was meant."""
    lines, transactions = list(order.lines.all()), list(order.transactions.all())
    seen = refunding.plan(order, lines, transactions, refunding.by_amount(5_000)).figures
    assert refund(order, 5_000, seen=seen).status == Status.SUCCEEDED
    with pytest.raises(refunds.NotAsSeen) as refused:
        refund(order, 5_000, seen=seen)
    assert refused.value.plan.left.total == 17_000


def test_an_unpaid_order_has_nothing_to_give_back(start, fill_cart, make_product):
    """There is no money yet."""
    fill_cart((make_product(), 1))
    with pytest.raises(refunding.NothingLeft):
        refund(start().order, 1)


@pytest.mark.parametrize("fault", ["drop", "html_502", "http_500", "garbled"])
def test_a_lost_answer_is_found_by_its_note(order, kakaopay, fault):
    """The money went back without our hearing it: not sent twice, entered once."""
    kakaopay.fault("cancel", after=fault)
    txn = refund(order, 5_000)
    assert txn.status == Status.PROCESSING
    with pytest.raises(refunds.AlreadyOpen):
        refund(order, 5_000)
    assert settle_all() == [Status.SUCCEEDED]
    books = theirs(order, kakaopay)
    txn.refresh_from_db()
    assert [action.amount for action in books.actions[1:]] == [5_000]
    assert txn.aid == books.actions[1].aid
    assert Order.objects.get().status == Order.Status.PARTIALLY_REFUNDED


@pytest.mark.parametrize("fault", ["drop", "html_502", "error:-1", "error:-785"])
def test_a_request_that_did_nothing_is_sent_again(order, kakaopay, fault):
    """Their books have no such movement: asked once more, it goes back once."""
    kakaopay.fault("cancel", before=fault)
    assert refund(order, 5_000).status == Status.PROCESSING
    assert settle_all() == [Status.SUCCEEDED]
    assert [action.amount for action in theirs(order, kakaopay).actions[1:]] == [5_000]


@pytest.mark.parametrize("fault", ["error:-785", "error:-781:USER_LOCKED", "error:-1"])
def test_an_answer_that_leaves_it_open_is_looked_up_at_once(order, kakaopay, fault):
    """The money went back, and yet the answer is an error: the books are asked, not the answer."""
    kakaopay.fault("cancel", after=fault)
    assert refund(order, 5_000).status == Status.SUCCEEDED
    assert theirs(order, kakaopay).canceled_total == 5_000


def test_a_refusal_counts_only_if_their_books_agree(order, kakaopay):
    """An error that should mean "nothing happened", after something did."""
    kakaopay.fault("cancel", after="error:-710")
    assert refund(order, 5_000).status == Status.SUCCEEDED


def test_a_refused_refund_fails_and_may_be_tried_again(order, kakaopay):
    """The account refuses to take it back; the order is as it was."""
    kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
    txn = refund(order, 5_000)
    assert (txn.status, txn.reason_code) == (Status.FAILED, "-781 BANK_ACCOUNT_BLOCKED")
    assert Order.objects.get().status == Order.Status.PAID
    assert refund(order, 5_000).status == Status.SUCCEEDED


def test_an_unreachable_provider_was_sent_nothing(order, settings):
    """A definite no."""
    settings.KAKAOPAY_API_URL = "http://127.0.0.1:9"
    txn = refund(order, 5_000)
    assert (txn.status, txn.reason_code) == (Status.FAILED, "not_sent")


def test_a_refusal_of_the_second_request_waits_for_the_first(order, kakaopay):
    """The bank is at work on the first one: that the second is refused concludes nothing."""
    kakaopay.fault("cancel", before="error:-781:BANK_FIRM_UNKNOWN")
    assert refund(order, 5_000).status == Status.PROCESSING
    kakaopay.fault("cancel", before="error:-784", times=2)
    assert settle_all() == [Status.PROCESSING]
    assert settle_all(minutes=26) == [Status.FAILED]


def test_a_refusal_to_tell_concludes_nothing(order, kakaopay):
    """The second request is refused, and so is the question what became of the first."""
    kakaopay.fault("cancel", before="error:-781:BANK_FIRM_UNKNOWN")
    txn = refund(order, 5_000)
    txn.asks = 1
    kakaopay.fault("cancel", before="error:-10")
    kakaopay.fault("order", before="error:-10")
    with pytest.raises(OutcomeUnknown):
        sending.send(gateway_for(txn), txn)


def test_two_operators_give_everything_back_at_once(order, kakaopay):
    """One refund goes out; the other is told why not."""
    told = []
    operator()

    def press():
        try:
            told.append(refund(order, 27_000).status)
        except (refunds.AlreadyOpen, refunding.NothingLeft) as error:
            told.append(type(error).__name__)

    at_once(press, times=8)
    assert told.count(Status.SUCCEEDED) == 1
    assert [action.amount for action in theirs(order, kakaopay).actions[1:]] == [27_000]
    assert PaymentTransaction.objects.filter(kind="REFUND").count() == 1


def by_hand(order, kakaopay, amount):
    tid = theirs(order, kakaopay).tid
    kakaopay.http.post(f"{kakaopay.url}/ledger/{tid}/refund/", data={"amount": amount})


def test_a_refund_made_by_hand_meanwhile_is_noticed(order, kakaopay):
    """Ours is refused for being out of date; theirs is entered; what is left is right again."""
    by_hand(order, kakaopay, 20_000)
    assert refund(order, 5_000).status == Status.FAILED
    external = PaymentTransaction.objects.get(is_external=True)
    assert (external.amount, external.aid) == (20_000, theirs(order, kakaopay).actions[1].aid)
    assert Order.objects.get().status == Order.Status.PARTIALLY_REFUNDED
    assert refund(order, 7_000).status == Status.SUCCEEDED
    books = theirs(order, kakaopay)
    assert (books.available_total, books.available_tax_free, books.available_vat) == (0, 0, 0)
    assert Mail.objects.filter(event="REFUNDED").count() == 2


def test_ours_and_one_made_by_hand_are_told_apart_by_the_note(order, kakaopay):
    """Our answer is lost and somebody refunds the same amount by hand: both are entered."""
    kakaopay.fault("cancel", after="drop")
    ours = refund(order, 5_000)
    by_hand(order, kakaopay, 5_000)
    assert settle_all() == [Status.SUCCEEDED]
    ours.refresh_from_db()
    external = PaymentTransaction.objects.get(is_external=True)
    movements = theirs(order, kakaopay).actions[1:]
    assert [ours.aid, external.aid] == [action.aid for action in movements]


def test_a_refund_that_never_arrived_is_not_taken_for_one_made_by_hand(order, kakaopay):
    """Ours is sent again with what it believed, refused, and fails; theirs is entered."""
    kakaopay.fault("cancel", before="drop")
    refund(order, 5_000)
    by_hand(order, kakaopay, 5_000)
    assert settle_all() == [Status.PROCESSING]  # it might still be on its way
    assert settle_all(minutes=26) == [Status.FAILED]
    rows = PaymentTransaction.objects.filter(kind="REFUND", status="SUCCEEDED")
    assert [(row.amount, row.is_external) for row in rows] == [(5_000, True)]
    assert theirs(order, kakaopay).canceled_total == 5_000


def test_while_ours_is_not_known_none_is_taken_for_one_made_by_hand(order, kakaopay):
    """Its movement is in their books and not in ours yet: that is ours, not somebody's."""
    kakaopay.fault("cancel", after="drop")
    refund(order, 5_000)
    charge = order.transactions.get(kind="CHARGE")
    found = gateway_for(charge).lookup(sending.payment_of(charge))
    assert reconciliation.put_right(charge, found, now=timezone.now()) == []
    assert not PaymentTransaction.objects.filter(is_external=True).exists()


def test_an_answer_that_comes_after_its_movement_was_entered(order, kakaopay):
    """Taken for one made by hand meanwhile: the late answer enters it no second time."""
    kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
    given_up = refund(order, 5_000)
    by_hand(order, kakaopay, 5_000)
    aid = theirs(order, kakaopay).actions[1].aid
    refund(order, 1)
    late = settling.settle(given_up, Approved(aid, 5_000, None), now=timezone.now())
    assert late.status == Status.FAILED
    assert PaymentTransaction.objects.filter(aid=aid).get().is_external


def test_a_refund_that_was_given_up_is_known_by_its_note(order, kakaopay):
    """The money went back after all: entered as ours, the buyer has mail, staff are told."""
    kakaopay.fault("cancel", after="drop")
    txn = refund(order, 5_000)
    PaymentTransaction.objects.filter(pk=txn.pk).update(status="FAILED")
    Refund.objects.filter(transaction=txn).update(status="FAILED")
    charge = order.transactions.get(kind="CHARGE")
    found = gateway_for(charge).lookup(sending.payment_of(charge))
    assert len(reconciliation.put_right(charge, found, now=timezone.now())) == 1
    txn.refresh_from_db()
    assert (txn.status, txn.aid) == (Status.SUCCEEDED, theirs(order, kakaopay).actions[1].aid)
    assert PaymentTransaction.objects.filter(kind="REFUND").count() == 1
    assert Mail.objects.filter(transaction=txn, event="REFUNDED").count() == 1
    assert Discrepancy.objects.get().transaction == txn


def test_two_made_by_hand_at_once_are_entered_and_shown_to_a_person(order, kakaopay):
    """Their amounts are known, so the books agree; why there were two is for somebody to say."""
    by_hand(order, kakaopay, 2_000)
    by_hand(order, kakaopay, 3_000)
    refund(order, 1)
    rows = PaymentTransaction.objects.filter(is_external=True).order_by("pk")
    assert [row.amount for row in rows] == [2_000, 3_000]
    books = theirs(order, kakaopay)
    assert sum(row.vat for row in rows) == books.canceled_vat
    found = Discrepancy.objects.filter(kind="MISSING_HERE", closed_at=None)
    assert {each.aid for each in found} == {row.aid for row in rows}


def test_the_payment_to_be_refunded_is_gone(order, kakaopay):
    """Their books do not know it: nothing is concluded, and a person must look."""
    kakaopay.fault("cancel", before="drop")
    txn = refund(order, 5_000)
    kakaopay.fault("order", before="error:-721")
    assert settle_all() == [Status.PROCESSING]
    assert Discrepancy.objects.get().transaction == txn
