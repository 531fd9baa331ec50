"""The adapter as the shop makes it, and the running sandbox: an agreement from first to last."""

from dataclasses import replace
from uuid import uuid4

import pytest

from checkout import gateways
from checkout.gateways.base import (
    Agreement,
    Amounts,
    Approved,
    Declined,
    Goods,
    LeftOpen,
    OutcomeUnknown,
    Payment,
    Refund,
    ReturnUrls,
    State,
    Why,
)
from tests.checkout.adapter import no_journal

GOODS = Goods("프리미엄 한 달", 1)
URLS = ReturnUrls(*(f"http://localhost:8000/{end}/" for end in ("approve", "cancel", "fail")))


@pytest.fixture
def adapter(kakaopay):
    return gateways.get("kakaopay", no_journal)


@pytest.fixture
def trial():
    return Payment(uuid4().hex, "u1", 0, 0, 0, is_recurring=True)


@pytest.fixture
def renewal():
    return Payment(uuid4().hex, "u1", 4_900, 0, 445, is_recurring=True)


@pytest.fixture
def agree(adapter, kakaopay):
    """Announce a payment, let the payer agree, and approve it."""

    def agreed(payment, **choices):
        ready = adapter.ready(payment, GOODS, URLS)
        address = kakaopay.pay(ready.redirect_urls["pc"], **choices)
        announced = replace(payment, tid=ready.tid)
        return announced, adapter.approve(announced, address.rpartition("pg_token=")[2])

    return agreed


def test_an_agreement_from_first_to_last(adapter, kakaopay, agree, trial, renewal):
    """Registered for nothing, charged under a new name, given back, ended, refused."""
    announced, first = agree(trial, method="MONEY")
    assert (first.amount, first.sid) == (0, kakaopay.payment(announced.tid).sid)
    found = adapter.lookup(announced)
    assert (found.state, found.status, found.paid) == (State.PAID, "ISSUED_SID", Amounts(0, 0, 0))
    assert found.approved.aid == first.aid

    kakaopay.advance(30 * 24 * 3600)
    charged = adapter.charge(renewal, GOODS, first.sid)
    assert isinstance(charged, Approved)
    held = kakaopay.payment(charged.tid)
    assert (held.cid, held.partner_order_id) == ("TCSUBSCRIP", renewal.order_number)
    assert (held.total, held.vat) == (4_900, 445)
    assert adapter.agreement(first.sid) == Agreement(True, charged.approved_at)
    paid = replace(renewal, tid=charged.tid)
    assert adapter.lookup(paid).approved.aid == charged.aid
    refund = Refund(amount=4_900, tax_free=0, vat=445, refundable=4_900, note="back")
    assert adapter.refund(paid, refund).amount == 4_900

    assert adapter.end_agreement(first.sid) == Agreement(False, charged.approved_at)
    assert adapter.end_agreement(first.sid) == Agreement(False, None)
    assert adapter.agreement(first.sid) == Agreement(False, charged.approved_at)
    refused = adapter.charge(replace(renewal, order_number="late"), GOODS, first.sid)
    assert (refused.code, refused.why) == ("-751", Why.ENDED)
    assert kakaopay.payments("late") == []


def test_a_first_payment_that_is_charged(adapter, agree, renewal):
    """The money and the agreement come in one answer."""
    announced, first = agree(renewal)
    assert (first.amount, len(first.sid)) == (4_900, 20)
    assert adapter.agreement(first.sid) == Agreement(True, first.approved_at)
    assert adapter.lookup(announced).paid == Amounts(4_900, 0, 445)


def test_a_payment_is_not_known_under_the_other_contract(adapter, agree, trial):
    """Whoever forgets that it is recurring is told that there is no such payment."""
    announced, _ = agree(trial)
    found = adapter.lookup(replace(announced, is_recurring=False))
    assert isinstance(found, Declined)
    assert found.is_not_known


def test_another_buyer_is_not_charged(adapter, kakaopay, agree, trial, renewal):
    """The agreement is somebody else's."""
    _, first = agree(trial)
    refused = adapter.charge(replace(renewal, buyer="u2"), GOODS, first.sid)
    assert (refused.code, refused.why) == ("-753", Why.OTHER_BUYER)
    assert kakaopay.payments(renewal.order_number) == []


@pytest.mark.parametrize("fault", ["drop", "truncated", "garbled", "http_500", "wrong_amount"])
def test_a_charge_whose_answer_is_lost(adapter, kakaopay, agree, trial, renewal, fault):
    """Unknown; the agreement's last charge has moved, which is how it can be told."""
    _, first = agree(trial)
    before = adapter.agreement(first.sid)
    kakaopay.advance(3600)
    kakaopay.fault("subscription", after=fault)
    with pytest.raises(OutcomeUnknown):
        adapter.charge(renewal, GOODS, first.sid)
    assert len(kakaopay.payments(renewal.order_number)) == 1
    assert adapter.agreement(first.sid).last_charged_at > before.last_charged_at


def test_a_charge_that_never_arrived(adapter, kakaopay, agree, trial, renewal):
    """As unknown as the others; the agreement's last charge has not moved."""
    _, first = agree(trial)
    before = adapter.agreement(first.sid)
    kakaopay.advance(3600)
    kakaopay.fault("subscription", before="drop")
    with pytest.raises(OutcomeUnknown):
        adapter.charge(renewal, GOODS, first.sid)
    assert kakaopay.payments(renewal.order_number) == []
    assert adapter.agreement(first.sid) == before


def test_a_charge_that_a_bank_leaves_open(adapter, kakaopay, agree, trial, renewal):
    """To be asked about at once, not to be taken for a refusal."""
    _, first = agree(trial)
    kakaopay.fault("subscription", before="error:-782:USER_LOCKED")
    with pytest.raises(LeftOpen):
        adapter.charge(renewal, GOODS, first.sid)
