"""Books that were changed on purpose: planted payments, wrong figures, vanished rows."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.sandbox.merchant import refusal

ENTRY = {
    "partner_order_id": "planted",
    "partner_user_id": "user-1",
    "item_name": "컵",
    "quantity": 2,
    "total": 11000,
}


def test_a_planted_payment_is_like_a_paid_one(merchant, kakaopay):
    """It can be looked up and canceled through the API, and its aid is the one announced."""
    [planted] = kakaopay.import_payments([ENTRY])
    told = merchant.send("order", tid=planted["tid"]).json()
    assert (told["status"], told["amount"]["vat"]) == ("SUCCESS_PAYMENT", 1000)
    assert [each["aid"] for each in told["payment_action_details"]] == [planted["aid"]]
    cancel = {"tid": planted["tid"], "cancel_amount": 11000, "cancel_tax_free_amount": 0}
    assert merchant.send("cancel", **cancel).json()["status"] == "CANCEL_PAYMENT"


def test_planted_cancels_say_who_and_why(kakaopay):
    """The status follows from what went back, unless it is given."""
    tid = "T" + "a1b2" * 4 + "c3d"
    cancels = [{"total": 1000, "by": "CONSOLE"}, {"total": 2000, "payload": "refund-7"}]
    [planted, lying] = kakaopay.import_payments(
        [
            ENTRY | {"tid": tid, "cancels": cancels, "approved_at": "2026-01-02T03:04:05Z"},
            ENTRY | {"status": "CANCEL_PAYMENT"},
        ]
    )
    held = kakaopay.payment(tid)
    assert planted["tid"] == tid
    assert (held.status, held.canceled_total, held.available_total) == (
        "PART_CANCEL_PAYMENT",
        3000,
        8000,
    )
    assert held.approved_at == "2026-01-02T12:04:05"
    assert [(a.aid, a.type, a.by, a.amount, a.payload) for a in held.actions] == [
        (planted["aid"], "PAYMENT", "API", 11000, ""),
        (planted["cancel_aids"][0], "CANCEL", "CONSOLE", 1000, ""),
        (planted["cancel_aids"][1], "CANCEL", "API", 2000, "refund-7"),
    ]
    assert kakaopay.payment(lying["tid"]).status == "CANCEL_PAYMENT"


def test_an_unpaid_payment_can_be_planted(kakaopay):
    """Its status may be any; where no money moved there is no aid."""
    [planted] = kakaopay.import_payments([ENTRY | {"status": "AUTH_PASSWORD"}])
    held = kakaopay.payment(planted["tid"])
    assert (planted["aid"], held.actions, held.approved_at) == (None, (), None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"total": 0},
        {"total": "much"},
        {"tid": "T1"},
        {"status": "PAID"},
        {"approved_at": "yesterday"},
        {"cancels": [{"total": 11001}]},
        {"cancels": [{"total": 1}], "status": "READY"},
        {"partner_order_id": ""},
    ],
)
def test_an_import_is_all_or_nothing(kakaopay, wrong):
    """One entry that makes no sense: a sentence that says which, and no payment at all."""
    body = [ENTRY | {"partner_order_id": "half"}, ENTRY | wrong]
    answer = requests.post(f"{kakaopay.url}/sandbox/payments/", json=body, timeout=30)
    assert answer.status_code == 400
    assert "[1] " in answer.json()["error"]
    assert kakaopay.payments("half") == []


def test_a_tid_is_planted_once(kakaopay):
    """Neither twice in one list nor over one that exists."""
    tid = "T" + "0" * 15 + "7777"
    url = f"{kakaopay.url}/sandbox/payments/"
    entry = ENTRY | {"tid": tid}
    assert requests.post(url, json=[entry, entry], timeout=30).status_code == 400
    assert requests.post(url, json=[entry], timeout=30).status_code == 201
    assert tid in requests.post(url, json=[entry], timeout=30).json()["error"]


@pytest.mark.parametrize("body", [[], {}, [ENTRY] * 1001, ["x"]])
def test_what_is_no_list_of_payments_is_refused(kakaopay, body):
    """Nothing, an object, too many, or no payments."""
    answer = requests.post(f"{kakaopay.url}/sandbox/payments/", json=body, timeout=30)
    assert answer.status_code == 400


def test_the_books_can_be_altered(merchant, kakaopay):
    """The amount changes for the payment and its approval, and the API tells the new one."""
    tid = merchant.paid()["tid"]
    kakaopay.alter(tid, total=12100)
    told = merchant.send("order", tid=tid).json()
    assert (told["amount"]["total"], told["amount"]["vat"]) == (12100, 1100)
    assert told["payment_action_details"][0]["amount"] == 12100
    kakaopay.alter(tid, status="FAIL_PAYMENT", partner_order_id="another")
    held = kakaopay.payment(tid)
    assert (held.status, held.partner_order_id, held.total) == ("FAIL_PAYMENT", "another", 12100)


@pytest.mark.parametrize("fields", [{}, {"tid": "T1"}, {"total": -1}, {"status": "PAID"}, [1]])
def test_an_alteration_that_makes_no_sense_is_refused(merchant, kakaopay, fields):
    """A misspelt field would plant no difference at all."""
    tid = merchant.paid()["tid"]
    before = kakaopay.payment(tid)
    answer = requests.post(f"{kakaopay.url}/sandbox/payments/{tid}/", json=fields, timeout=30)
    assert answer.status_code == 400
    assert kakaopay.payment(tid) == before


def test_a_payment_can_be_forgotten(merchant, kakaopay):
    """It is unknown to the API afterwards, and to whoever wants to change it."""
    tid = merchant.paid()["tid"]
    kakaopay.forget(tid)
    assert refusal(merchant.send("order", tid=tid)) == (400, -721)
    url = f"{kakaopay.url}/sandbox/payments/{tid}/"
    assert requests.delete(url, timeout=30).status_code == 404
    assert requests.post(url, json={"total": 1}, timeout=30).status_code == 404


def test_a_refund_by_hand_is_told(merchant, kakaopay):
    """The handle returns the movement it made."""
    tid = merchant.paid()["tid"]
    refund = kakaopay.console_refund(tid, 3000)
    assert (refund.type, refund.by, refund.amount, refund.payload) == (
        "CANCEL",
        "CONSOLE",
        3000,
        "",
    )


def test_the_payload_of_a_cancel_is_in_the_books(merchant, kakaopay):
    """What the merchant sent along stands with the movement."""
    tid = merchant.paid()["tid"]
    cancel = {"tid": tid, "cancel_amount": 1000, "cancel_tax_free_amount": 0}
    merchant.send("cancel", **cancel, payload="refund-12")
    assert kakaopay.payment(tid).actions[-1].payload == "refund-12"


def test_thousands_are_planted_in_seconds(kakaopay):
    """Load tests do not wait for their books."""
    begun = time.monotonic()
    planted = kakaopay.import_payments([ENTRY | {"partner_order_id": "many"}] * 3000)
    assert time.monotonic() - begun < 15
    assert len({each["tid"] for each in planted}) == 3000


def test_sixteen_clients_can_ask_at_once(merchant, kakaopay):
    """No call fails, while others write."""
    tids = [each["tid"] for each in kakaopay.import_payments([ENTRY] * 40)]
    cancel = {"cancel_amount": 100, "cancel_tax_free_amount": 0}
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(merchant.send, "order", tid=tid) for tid in tids * 8]
        canceled = [pool.submit(merchant.send, "cancel", tid=tid, **cancel) for tid in tids]
    assert {call.result().status_code for call in asked + canceled} == {200}
