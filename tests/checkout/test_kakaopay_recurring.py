"""The KakaoPay adapter alone: payments under the contract for recurring ones, and agreements."""

import json
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import requests
import responses
from responses import matchers

from checkout.calls import masked
from checkout.gateways.base import (
    Agreement,
    Amounts,
    Approved,
    Declined,
    Goods,
    LeftOpen,
    Movement,
    NotSent,
    OutcomeUnknown,
    Paid,
    State,
    Why,
)
from tests.checkout.adapter import (
    API,
    APPROVED,
    FOUND,
    PAYMENT,
    REFUND,
    REFUNDED,
    TID,
    URLS,
    answer,
    make_adapter,
    no_journal,
)

SEOUL = ZoneInfo("Asia/Seoul")
SID = "S0a1b2c3d4e5f6071829"
CHARGE_TID = "T0a1b2c3d4e5f6071900"
GOODS = Goods("프리미엄 한 달", 1)
RECURRING = replace(PAYMENT, is_recurring=True)
TRIAL = replace(RECURRING, amount=0, vat=0)
RENEWAL = replace(RECURRING, tid="")
STATUS = "manage/subscription/status"
INACTIVE = "manage/subscription/inactive"

#: With every null that a real answer has.
CHARGED = APPROVED | {
    "tid": CHARGE_TID,
    "cid": "TCSUBSCRIP",
    "sid": SID,
    "item_name": GOODS.name,
    "item_code": None,
    "quantity": 1,
    "payload": None,
    "sequential_payment_methods": None,
    "created_at": "2026-11-20T14:13:20",
}
#: Without one, and with the smallest amount that the samples show.
CHARGED_SHORT = {
    name: value for name, value in CHARGED.items() if value is not None and name != "card_info"
} | {"payment_method_type": "MONEY", "amount": {"total": 11000, "tax_free": 0, "vat": 1000}}
STANDING = {
    "available": True,
    "cid": "TCSUBSCRIP",
    "sid": SID,
    "status": "ACTIVE",
    "payment_method_type": "CARD",
    "item_name": GOODS.name,
    "created_at": "2026-10-20T14:13:20",
    "last_approved_at": "2026-11-20T14:13:20",
    "inactivated_at": None,
    "use_point_status": None,
}
ENDED = {
    "cid": "TCSUBSCRIP",
    "sid": SID,
    "status": "INACTIVE",
    "created_at": "2026-10-20T14:13:20",
    "last_approved_at": "2026-11-20T14:13:20",
    "inactivated_at": "2026-11-21T09:00:00",
}
LAST = datetime(2026, 11, 20, 14, 13, 20, tzinfo=SEOUL)
CALLS = {
    "ready": lambda kakaopay: kakaopay.ready(RECURRING, GOODS, URLS),
    "approve": lambda kakaopay: kakaopay.approve(RECURRING, "good"),
    "cancel": lambda kakaopay: kakaopay.refund(RECURRING, REFUND),
    "order": lambda kakaopay: kakaopay.lookup(RECURRING),
    "subscription": lambda kakaopay: kakaopay.charge(RENEWAL, GOODS, SID),
    STATUS: lambda kakaopay: kakaopay.agreement(SID),
    INACTIVE: lambda kakaopay: kakaopay.end_agreement(SID),
}
GRANTED = {
    "ready": {"tid": TID}
    | {f"next_redirect_{d}_url": f"https://pay.example/{d}" for d in ("pc", "mobile", "app")},
    "approve": APPROVED,
    "cancel": REFUNDED,
    "order": FOUND,
    "subscription": CHARGED,
    STATUS: STANDING,
    INACTIVE: ENDED,
}


@pytest.fixture
def kakaopay():
    return make_adapter()


@pytest.fixture
def provider():
    with responses.RequestsMock() as mock:
        yield mock


def sent(provider):
    return json.loads(provider.calls[0].request.body)


# -- under which contract ------------------------------------------------------------------------


@pytest.mark.parametrize("path", CALLS)
def test_a_recurring_call_names_the_recurring_contract(provider, path):
    """Its own CID with its own secret, never the other's."""
    answer(provider, path, GRANTED[path])
    CALLS[path](make_adapter(cid_secret="one-time", subscription_cid_secret="recurring"))
    body = sent(provider)
    assert (body["cid"], body["cid_secret"]) == ("TCSUBSCRIP", "recurring")


@pytest.mark.parametrize("path", CALLS)
def test_the_secret_of_one_contract_is_not_told_to_the_other(provider, path):
    """A recurring CID without a secret goes without one."""
    answer(provider, path, GRANTED[path])
    CALLS[path](make_adapter(cid_secret="one-time"))
    assert "cid_secret" not in sent(provider)


def test_a_payment_made_once_stays_under_its_own_contract(provider):
    """Though the shop has the other one too."""
    answer(provider, "order", FOUND)
    make_adapter(cid_secret="one-time", subscription_cid_secret="recurring").lookup(PAYMENT)
    assert sent(provider) == {"cid": "TC0ONETIME", "cid_secret": "one-time", "tid": TID}


@pytest.mark.parametrize("path", CALLS)
def test_without_a_recurring_contract_nothing_is_sent(provider, path):
    """It is said which setting is missing, and the other CID is not used in its place."""
    with pytest.raises(NotSent, match="no CID is set for recurring payments"):
        CALLS[path](make_adapter(subscription_cid=""))
    assert len(provider.calls) == 0


# -- the first payment ---------------------------------------------------------------------------


def test_a_trial_is_announced_for_nothing(kakaopay, provider):
    """An amount of 0 is sent as it is."""
    answer(provider, "ready", GRANTED["ready"])
    kakaopay.ready(TRIAL, GOODS, URLS)
    body = sent(provider)
    assert (body["total_amount"], body["tax_free_amount"], body["vat_amount"]) == (0, 0, 0)


def test_the_approval_tells_the_agreement(kakaopay, provider):
    """The money moved, and the buyer may be charged again by ``sid``."""
    answer(provider, "approve", APPROVED | {"cid": "TCSUBSCRIP", "sid": SID})
    assert kakaopay.approve(RECURRING, "good") == Approved(
        "A0a1b2c3d4e5f6071829", 11_000, LAST, Paid("CARD", "신한", 3), sid=SID
    )


def test_the_approval_of_a_trial(kakaopay, provider):
    """Nothing was paid, and the agreement is there."""
    free = {"sid": SID, "amount": {"total": 0, "tax_free": 0, "vat": 0}}
    answer(provider, "approve", APPROVED | free)
    approved = kakaopay.approve(TRIAL, "good")
    assert (approved.amount, approved.sid) == (0, SID)


@pytest.mark.parametrize("sid", [None, "", 7, "S" * 41])
def test_an_approval_without_an_agreement(kakaopay, provider, sid):
    """The money moved all the same: it is not put in doubt."""
    answer(provider, "approve", APPROVED | {"sid": sid})
    approved = kakaopay.approve(RECURRING, "good")
    assert (approved.aid, approved.amount, approved.sid) == ("A0a1b2c3d4e5f6071829", 11_000, "")


def test_an_approval_that_lacks_the_field(kakaopay, provider):
    """The samples leave out what is null in reality."""
    answer(provider, "approve", {k: v for k, v in APPROVED.items() if k != "sid"})
    assert kakaopay.approve(RECURRING, "good").sid == ""


def test_a_payment_made_once_gives_no_agreement(kakaopay, provider):
    """Whatever the answer says: the buyer has not agreed to be charged again."""
    answer(provider, "approve", APPROVED | {"sid": SID})
    assert kakaopay.approve(PAYMENT, "good").sid == ""


ISSUED = FOUND | {
    "status": "ISSUED_SID",
    "amount": {"total": 0, "tax_free": 0, "vat": 0},
    "payment_action_details": [
        {"aid": "A1", "payment_action_type": "ISSUED_SID", "approved_at": "2026-11-20T14:13:20"}
    ],
}


@pytest.mark.parametrize("amount", [ISSUED["amount"], None])
def test_lookup_of_a_trial(kakaopay, provider, amount):
    """Paid, with 0 won; the ``sid`` is not in these books."""
    answer(provider, "order", ISSUED | {"amount": amount, "canceled_amount": None})
    found = kakaopay.lookup(TRIAL)
    assert (found.state, found.status, found.paid) == (State.PAID, "ISSUED_SID", Amounts(0, 0, 0))
    assert found.approved == Approved("A1", 0, LAST, Paid("MONEY"))
    assert found.returned == Amounts(0, 0, 0)
    assert found.movements == (Movement("A1", False, LAST),)


def test_lookup_of_a_trial_that_cost_something(kakaopay, provider):
    """It contradicts itself: nothing was charged, and yet there is an amount."""
    answer(provider, "order", ISSUED | {"amount": FOUND["amount"]})
    with pytest.raises(OutcomeUnknown, match="another amount"):
        kakaopay.lookup(RECURRING)


def test_the_agreement_is_no_movement_of_money(kakaopay, provider):
    """Where money was paid too, that movement names the approval."""
    details = [
        {"aid": "A1", "payment_action_type": "ISSUED_SID"},
        {"aid": "A2", "payment_action_type": "PAYMENT"},
    ]
    answer(provider, "order", FOUND | {"payment_action_details": details})
    found = kakaopay.lookup(RECURRING)
    assert (found.approved.aid, found.movements) == ("A2", (Movement("A2", False, None),))


# -- charging again ------------------------------------------------------------------------------


def test_a_charge_sends_what_kakaopay_asks_for(kakaopay, provider):
    """The name of the goods is cut at 100 characters, as in ``ready``; there is no tid yet."""
    body = {
        "cid": "TCSUBSCRIP",
        "sid": SID,
        "partner_order_id": PAYMENT.order_number,
        "partner_user_id": "u1",
        "item_name": "가" * 100,
        "quantity": 1,
        "total_amount": 11000,
        "tax_free_amount": 0,
        "vat_amount": 1000,
    }
    answer(provider, "subscription", CHARGED, match=[matchers.json_params_matcher(body)])
    charged = kakaopay.charge(RENEWAL, Goods("가" * 101, 1), SID)
    assert charged == Approved(
        "A0a1b2c3d4e5f6071829", 11_000, LAST, Paid("CARD", "신한", 3), tid=CHARGE_TID
    )


def test_a_charge_by_money_in_the_shortest_answer(kakaopay, provider):
    """No nulls, no card, three figures."""
    answer(provider, "subscription", CHARGED_SHORT)
    assert kakaopay.charge(RENEWAL, GOODS, SID) == Approved(
        "A0a1b2c3d4e5f6071829", 11_000, LAST, Paid("MONEY"), tid=CHARGE_TID
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sid": "S" + "0" * 19}, "another agreement"),
        ({"sid": None}, "another agreement"),
        ({"partner_order_id": "another"}, "another payment"),
        ({"partner_user_id": "another"}, "another payment"),
        ({"amount": {"total": 10_999}}, "another amount"),
        ({"tid": None}, "lacks a field"),
        ({"tid": "T" * 41}, "lacks a field"),
        ({"aid": None}, "lacks a field"),
    ],
    ids=repr,
)
def test_a_charge_of_something_else_is_not_trusted(kakaopay, provider, wrong, told):
    """Another agreement, order, buyer or amount, or a payment without a name."""
    answer(provider, "subscription", CHARGED | wrong)
    with pytest.raises(OutcomeUnknown, match=told):
        kakaopay.charge(RENEWAL, GOODS, SID)


@pytest.mark.parametrize(
    "lost",
    [
        {"body": requests.ConnectionError("Connection aborted.")},
        {"body": requests.ReadTimeout()},
        {"body": b'{"aid":'},
        {"json": {"error_code": -751}, "status": 502},
        {"json": {"error_code": -785}, "status": 400},
    ],
    ids=["dropped", "late", "garbled", "server error", "already asked"],
)
def test_a_charge_whose_answer_is_lost(kakaopay, provider, lost):
    """It is not known whether the money moved."""
    provider.post(f"{API}/online/v1/payment/subscription", **lost)
    with pytest.raises(OutcomeUnknown):
        kakaopay.charge(RENEWAL, GOODS, SID)


def test_a_charge_that_the_bank_leaves_open(kakaopay, provider):
    """−782 is no refusal where its reason does not prove one."""
    body = {"error_code": -782, "extras": {"method_result_code": "BANK_FIRM_UNKNOWN"}}
    answer(provider, "subscription", body, status=400)
    with pytest.raises(LeftOpen):
        kakaopay.charge(RENEWAL, GOODS, SID)


def test_a_charge_that_the_card_refuses(kakaopay, provider):
    """The buyer is told what the card company said."""
    body = {
        "error_code": -782,
        "error_message": "failed",
        "extras": {"method_result_code": "3538", "method_result_message": "한도초과"},
    }
    answer(provider, "subscription", body, status=400)
    expected = Declined("-782 3538", "failed", "한도초과", why=Why.PAYER)
    assert kakaopay.charge(RENEWAL, GOODS, SID) == expected


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (-750, Why.OTHER_BUYER),
        (-751, Why.ENDED),
        (-752, Why.USED_UP),
        (-753, Why.OTHER_BUYER),
        (-731, Why.SHOP),
        (-429, Why.SHOP),
        (-4, Why.PAYER),
    ],
)
def test_a_refused_charge_says_whom_it_is_about(kakaopay, provider, code, why):
    """Each has its own way on."""
    answer(provider, "subscription", {"error_code": code, "error_message": "no"}, status=400)
    assert kakaopay.charge(RENEWAL, GOODS, SID) == Declined(str(code), "no", why=why)


# -- agreements ----------------------------------------------------------------------------------

ASK = {STATUS: "agreement", INACTIVE: "end_agreement"}


@pytest.mark.parametrize("path", ASK)
@pytest.mark.parametrize(("books", "is_active"), [(STANDING, True), (ENDED, False)])
def test_how_an_agreement_stands(kakaopay, provider, path, books, is_active):
    """Active or not, and when it was charged last, in Korean time."""
    body = {"cid": "TCSUBSCRIP", "sid": SID}
    answer(provider, path, books, match=[matchers.json_params_matcher(body)])
    assert getattr(kakaopay, ASK[path])(SID) == Agreement(is_active, LAST)


@pytest.mark.parametrize("gone", [{"last_approved_at": None}, {}], ids=["null", "missing"])
def test_an_agreement_that_was_never_charged(kakaopay, provider, gone):
    """There is no time to tell, as null or as no field at all."""
    books = {name: value for name, value in STANDING.items() if name != "last_approved_at"}
    answer(provider, STATUS, books | gone)
    assert kakaopay.agreement(SID) == Agreement(True, None)


@pytest.mark.parametrize("path", ASK)
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sid": "S" + "0" * 19}, "another agreement"),
        ({"sid": None}, "another agreement"),
        ({"status": "PAUSED"}, "the status is not a known one"),
        ({"status": None}, "lacks a field"),
        ({"last_approved_at": "yesterday"}, "lacks a field"),
    ],
    ids=repr,
)
def test_an_agreement_that_cannot_be_read(kakaopay, provider, path, wrong, told):
    """An unreadable time above all: it must not pass for "never charged"."""
    answer(provider, path, STANDING | wrong)
    with pytest.raises(OutcomeUnknown, match=told):
        getattr(kakaopay, ASK[path])(SID)


@pytest.mark.parametrize("path", ASK)
def test_an_agreement_that_has_ended_already(kakaopay, provider, path):
    """−751 is an answer: it is inactive."""
    answer(provider, path, {"error_code": -751, "error_message": "no"}, status=400)
    assert getattr(kakaopay, ASK[path])(SID) == Agreement(False, None)


@pytest.mark.parametrize("path", ASK)
def test_an_agreement_that_nobody_knows(kakaopay, provider, path):
    """Refused: our books are wrong, or our CID is. It proves nothing of the buyer."""
    answer(provider, path, {"error_code": -750, "error_message": "no"}, status=400)
    assert getattr(kakaopay, ASK[path])(SID) == Declined("-750", "no", why=Why.OTHER_BUYER)


@pytest.mark.parametrize("path", ASK)
def test_trouble_at_kakaopay_ends_no_agreement(kakaopay, provider, path):
    """A −751 within a 502 proves nothing."""
    answer(provider, path, {"error_code": -751}, status=502)
    with pytest.raises(OutcomeUnknown):
        getattr(kakaopay, ASK[path])(SID)


# -- what the journal keeps ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"), [("subscription", "subscription"), (STATUS, "status"), (INACTIVE, "inactive")]
)
def test_the_journal_has_a_short_name_for_each_call(provider, path, name):
    """Its column holds 20 characters; the whole address stands beside it."""
    entries = []

    def journal(operation, url, body):
        entries.append((operation, url))
        return no_journal(operation, url, body)

    answer(provider, path, GRANTED[path])
    CALLS[path](make_adapter(journal=journal))
    assert entries == [(name, f"{API}/online/v1/payment/{path}")]


def test_the_journal_does_not_keep_the_sid():
    """Neither what is sent nor what comes back, however deep."""
    methods = [{"payment_priority": 1, "sid": SID}]
    kept = masked({"cid": "TCSUBSCRIP", "sid": SID, "sequential_payment_methods": methods})
    assert kept == {
        "cid": "TCSUBSCRIP",
        "sid": "***",
        "sequential_payment_methods": [{"payment_priority": 1, "sid": "***"}],
    }
