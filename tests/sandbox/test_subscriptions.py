"""Recurring payments: issuing a SID, charging it, ending it."""

import re

import pytest

from tests.kakaopay import KakaoPay
from tests.sandbox.merchant import Merchant, refusal


def charge(**fields: object) -> dict:
    """A valid charge of a SID, changed by ``fields``."""
    return {
        "partner_order_id": "month-2",
        "partner_user_id": "user-1",
        "item_name": "정기 배송",
        "quantity": 1,
        "total_amount": 9900,
        "tax_free_amount": 0,
    } | fields


def test_the_first_payment_issues_a_sid(club, kakaopay):
    """Approving with a recurring cid charges the amount and names the permission."""
    first = club.paid(total_amount=9900)
    assert re.fullmatch(r"S[0-9a-f]{19}", first["sid"])
    assert first["sequential_payment_methods"] is None
    held = kakaopay.payment(first["tid"])
    assert (held.status, held.sid) == ("SUCCESS_PAYMENT", first["sid"])
    assert [(action.type, action.amount) for action in held.actions] == [("PAYMENT", 9900)]


def test_nothing_needs_to_be_charged_for_a_sid(club, kakaopay):
    """With a total of 0 only the SID is issued, and there is nothing to cancel."""
    first = club.paid(total_amount=0)
    held = kakaopay.payment(first["tid"])
    assert (held.status, held.sid, held.available_total) == ("ISSUED_SID", first["sid"], 0)
    assert [(action.type, action.amount) for action in held.actions] == [("ISSUED_SID", 0)]
    cancel = {"tid": first["tid"], "cancel_amount": 1, "cancel_tax_free_amount": 0}
    assert refusal(club.send("cancel", **cancel)) == (400, -784)
    status = club.send("status", sid=first["sid"]).json()
    assert (status["available"], status["status"]) == (True, "ACTIVE")


def test_the_sequential_flow_lists_the_methods(kakaopay):
    """TCSEQUENCE answers with the payer's methods in their order."""
    first = Merchant(kakaopay, "TCSEQUENCE").paid(payer={"issuer": "SHINHAN"})
    assert first["sequential_payment_methods"] == [
        {
            "payment_priority": 1,
            "sid": first["sid"],
            "payment_method_type": "CARD",
            "card_info": {
                "kakaopay_purchase_corp": "신한",
                "kakaopay_purchase_corp_code": "701",
                "kakaopay_issuer_corp": "신한",
                "kakaopay_issuer_corp_code": "101",
                "bin": "451842",
                "card_type": "신용",
            },
        }
    ]


def test_a_sid_is_charged_under_a_new_tid(club, kakaopay):
    """The second charge has its own tid and aid, keeps the method, and can be canceled."""
    first = club.paid(total_amount=0, payer={"method": "MONEY"})
    answer = club.send("subscription", sid=first["sid"], **charge(payload="second"))
    second = answer.json()
    assert (answer.status_code, second["sid"], second["payload"]) == (200, first["sid"], "second")
    assert second["payment_method_type"] == "MONEY"
    assert (second["amount"]["total"], second["amount"]["vat"]) == (9900, 900)
    assert second["tid"] != first["tid"]
    assert kakaopay.payment(second["tid"]).available_total == 9900
    cancel = {"tid": second["tid"], "cancel_amount": 9900, "cancel_tax_free_amount": 0}
    assert club.send("cancel", **cancel).json()["status"] == "CANCEL_PAYMENT"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sid": "S" + "0" * 19}, -750),
        ({"partner_user_id": "another"}, -753),
        ({"total_amount": 0}, -2),
        ({"quantity": 0}, -2),
        ({"item_name": None}, -2),
        ({"tax_free_amount": 9901}, -722),
        ({"cid": "TC0ONETIME"}, -750),
    ],
)
def test_a_wrong_charge_takes_nothing(club, kakaopay: KakaoPay, changed, code):
    """Refused, and no payment was made for the order."""
    sid = club.paid(total_amount=0)["sid"]
    fields = charge(sid=sid, partner_order_id=f"refused-{sid}") | changed
    assert refusal(club.send("subscription", **fields)) == (400, code)
    assert kakaopay.payments(f"refused-{sid}") == []


def test_an_ended_sid_stays_ended(club, kakaopay):
    """After inactive: no charge, no second end, and the status says when."""
    first = club.paid(total_amount=9900)
    kakaopay.advance(3600)
    ended = club.send("inactive", sid=first["sid"]).json()
    assert ended == {
        "cid": "TCSUBSCRIP",
        "sid": first["sid"],
        "status": "INACTIVE",
        "created_at": first["approved_at"],
        "last_approved_at": first["approved_at"],
        "inactivated_at": ended["inactivated_at"],
    }
    assert ended["inactivated_at"] > first["approved_at"]
    assert refusal(club.send("subscription", sid=first["sid"], **charge())) == (400, -751)
    assert refusal(club.send("inactive", sid=first["sid"])) == (400, -751)
    status = club.send("status", sid=first["sid"]).json()
    assert status == ended | {
        "available": False,
        "payment_method_type": "CARD",
        "item_name": "한라봉 티",
        "use_point_status": False,
    }


@pytest.mark.parametrize("endpoint", ["inactive", "status"])
def test_an_unknown_sid_is_refused(club, endpoint):
    """There is no such permission, or the field is missing."""
    assert refusal(club.send(endpoint, sid="S" + "0" * 19)) == (400, -750)
    assert refusal(club.send(endpoint)) == (400, -2)


@pytest.mark.parametrize("endpoint", ["subscription", "inactive", "status"])
@pytest.mark.parametrize("cid", ["TC0ONETIME", "TCSEQUENCE"])
def test_another_merchants_sid_does_not_exist(club, kakaopay, endpoint, cid):
    """Neither for a merchant of single payments nor for another one of recurring ones."""
    sid = club.paid(total_amount=0)["sid"]
    fields = charge() if endpoint == "subscription" else {}
    assert refusal(Merchant(kakaopay, cid).send(endpoint, sid=sid, **fields)) == (400, -750)
    assert kakaopay.subscription(sid).status == "ACTIVE"


@pytest.mark.parametrize("endpoint", ["subscription", "inactive", "status"])
def test_checks_come_in_their_order(club, endpoint):
    """The key first, then the fields, the cid, and the sid last."""
    fields = charge(sid="S" + "0" * 19) if endpoint == "subscription" else {"sid": "S"}
    body = {"cid": "NOSUCHCID0"} | fields
    assert refusal(club.post(endpoint, body | {"sid": None}, Authorization=None)) == (400, -400)
    assert refusal(club.post(endpoint, body | {"sid": None})) == (400, -2)
    assert refusal(club.post(endpoint, body)) == (400, -731)
    assert refusal(club.post(endpoint, body | {"cid": club.cid})) == (400, -750)


def test_an_ended_sid_matters_more_than_whose_it_is(club, kakaopay):
    """-751 before -753, and -753 before the amounts; nothing of it reaches the payer's card."""
    sid = club.paid(total_amount=0)["sid"]
    kakaopay.decline_subscription(sid, "8008", times=1)
    wrong = charge(sid=sid, partner_user_id="another", tax_free_amount=9901)
    assert refusal(club.send("subscription", **wrong)) == (400, -753)
    wrong["partner_user_id"] = "user-1"
    assert refusal(club.send("subscription", **wrong)) == (400, -722)
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -782)
    club.send("inactive", sid=sid)
    wrong["partner_user_id"] = "another"
    assert refusal(club.send("subscription", **wrong)) == (400, -751)


def test_a_first_payment_of_nothing_can_be_looked_up(club):
    """Its one movement is the SID, which the lookup does not tell."""
    first = club.paid(total_amount=0)
    answer = club.send("order", tid=first["tid"])
    assert first["sid"] not in answer.text
    told = answer.json()
    assert (told["status"], told["approved_at"]) == ("ISSUED_SID", first["approved_at"])
    assert set(told["amount"].values()) == {0}
    assert set(told["cancel_available_amount"].values()) == {0}
    [detail] = told["payment_action_details"]
    assert (detail["aid"], detail["payment_action_type"], detail["amount"]) == (
        first["aid"],
        "ISSUED_SID",
        0,
    )


def test_a_charge_can_be_looked_up_but_not_its_sid(club):
    """Who knows only the tid learns of the money, not of the permission to take more."""
    sid = club.paid(total_amount=0)["sid"]
    second = club.send("subscription", sid=sid, **charge()).json()
    answer = club.send("order", tid=second["tid"])
    assert sid not in answer.text
    assert answer.json()["status"] == "SUCCESS_PAYMENT"


def test_nothing_to_pay_is_for_recurring_merchants_only(merchant, club):
    """A total of 0 opens a payment only where it can issue a SID."""
    assert refusal(merchant.send("ready", **merchant.goods(total_amount=0))) == (400, -2)
    assert club.send("ready", **club.goods(total_amount=0)).status_code == 200


@pytest.mark.parametrize(
    ("total", "tax_free", "sent", "vat"),
    [
        (9900, 0, None, 900),
        (9900, 3300, None, 600),
        (100, 0, None, 9),
        (105, 0, None, 10),
        (9900, 9900, None, 0),
        (9900, 0, 0, 0),
        (9900, 0, 899, 899),
    ],
)
def test_vat_is_an_eleventh_unless_it_is_sent(club, total, tax_free, sent, vat):
    """Of what is taxable, rounded half up, as for single payments."""
    sid = club.paid(total_amount=0)["sid"]
    fields = charge(total_amount=total, tax_free_amount=tax_free, vat_amount=sent)
    amount = club.send("subscription", sid=sid, **fields).json()["amount"]
    assert (amount["total"], amount["tax_free"], amount["vat"]) == (total, tax_free, vat)


@pytest.mark.parametrize("total", [0, 9900])
def test_the_last_approval_is_known_from_the_first_on(club, kakaopay, total):
    """Whole seconds in Korea, never null; a refused charge and a cancel leave it as it was."""
    first = club.paid(total_amount=total)
    sid = first["sid"]
    assert club.send("status", sid=sid).json()["last_approved_at"] == first["approved_at"]
    kakaopay.advance(86400)
    second = club.send("subscription", sid=sid, **charge()).json()
    told = club.send("status", sid=sid).json()
    assert told["created_at"] == first["approved_at"]
    assert told["last_approved_at"] == second["approved_at"] != first["approved_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", told["last_approved_at"])
    kakaopay.advance(86400)
    kakaopay.decline_subscription(sid, "3538")
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -782)
    club.send("cancel", tid=second["tid"], cancel_amount=9900, cancel_tax_free_amount=0)
    assert club.send("status", sid=sid).json() == told


def test_a_charge_can_fail_at_the_method(club, kakaopay):
    """The card declines a renewal: -782 with the card company's reason, nothing charged."""
    sid = club.paid(total_amount=0)["sid"]
    kakaopay.fault("subscription", before="error:-782:8008")
    answer = club.send("subscription", sid=sid, **charge(partner_order_id=f"declined-{sid}"))
    assert refusal(answer) == (400, -782)
    assert answer.json()["extras"]["method_result_code"] == "8008"
    assert kakaopay.payments(f"declined-{sid}") == []
