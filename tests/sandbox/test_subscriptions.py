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


def test_a_charge_can_fail_at_the_method(club, kakaopay):
    """The card declines a renewal: -782 with the card company's reason, nothing charged."""
    sid = club.paid(total_amount=0)["sid"]
    kakaopay.fault("subscription", before="error:-782:8008")
    answer = club.send("subscription", sid=sid, **charge(partner_order_id=f"declined-{sid}"))
    assert refusal(answer) == (400, -782)
    assert answer.json()["extras"]["method_result_code"] == "8008"
    assert kakaopay.payments(f"declined-{sid}") == []
