"""What can be made to go wrong with the calls about a SID, before and after they took effect."""

import pytest
import requests

from tests.sandbox.merchant import refusal
from tests.sandbox.test_faults import KINDS
from tests.sandbox.test_subscriptions import charge

MOMENTS = [("before", 0), ("after", 1)]


@pytest.fixture
def sid(club):
    """A SID that was issued without a charge."""
    return club.paid(total_amount=0)["sid"]


def seen_of(club, endpoint, **fields):
    """What a client sees: the HTTP status and error code, or the name of the failure."""
    try:
        answer = club.send(endpoint, **fields)
    except requests.ConnectionError:
        return "dropped"
    try:
        return answer.status_code, answer.json().get("error_code")
    except requests.JSONDecodeError:
        return answer.status_code, "no json"


@pytest.mark.parametrize(("kind", "seen"), [*KINDS, ("error:-782:BANK_FIRM_UNKNOWN", (400, -782))])
@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_fault_hides_whether_a_charge_was_made(club, kakaopay, sid, when, moved, kind, seen):
    """The client sees the same; the books have a charge or none, and the next call works."""
    order = f"{when}-{sid}"
    kakaopay.advance(60)
    kakaopay.fault("subscription", **{when: kind})
    assert seen_of(club, "subscription", sid=sid, **charge(partner_order_id=order)) == seen
    held = kakaopay.subscription(sid)
    assert (held.charges, held.last_approved_at > held.created_at) == (moved, bool(moved))
    made = kakaopay.payments(order)
    assert [(payment.status, payment.sid) for payment in made] == [("SUCCESS_PAYMENT", sid)] * moved
    assert club.send("subscription", sid=sid, **charge()).status_code == 200


@pytest.mark.parametrize(("kind", "seen"), KINDS)
@pytest.mark.parametrize(("when", "ended"), MOMENTS)
def test_a_fault_hides_whether_a_sid_was_ended(club, kakaopay, sid, when, ended, kind, seen):
    """The client sees the same; asked again, an ended one says -751."""
    kakaopay.fault("inactive", **{when: kind})
    assert seen_of(club, "inactive", sid=sid) == seen
    assert kakaopay.subscription(sid).status == ("INACTIVE" if ended else "ACTIVE")
    assert seen_of(club, "inactive", sid=sid) == ((400, -751) if ended else (200, None))


@pytest.mark.parametrize(("kind", "seen"), KINDS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_strikes_the_status(club, kakaopay, sid, when, kind, seen):
    """Once; then the status is told."""
    kakaopay.fault("status", **{when: kind})
    assert seen_of(club, "status", sid=sid) == seen
    assert club.send("status", sid=sid).json()["available"] is True


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_stalled_charge_is_made_all_the_same(club, kakaopay, sid, when, moved):
    """A client that gives up does not know; the money moves before the wait, or after it."""
    kakaopay.fault("subscription", **{when: "stall:1"})
    url = f"{kakaopay.url}/online/v1/payment/subscription"
    body = charge(sid=sid, cid=club.cid)
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json=body, headers={"Authorization": club.key}, timeout=0.4)
    assert kakaopay.subscription(sid).charges == moved
    assert seen_of(club, "status", sid=sid) == (200, None)
    while kakaopay.subscription(sid).charges == 0:
        pass
    assert kakaopay.subscription(sid).charges == 1


@pytest.mark.parametrize("kind", ["huge", "trickle:0.5", "redirect"])
@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_the_right_answer_can_come_in_strange_ways(club, kakaopay, sid, when, moved, kind):
    """Padded, slow or from elsewhere it tells of a charge, which was made or not."""
    kakaopay.fault("subscription", **{when: kind})
    told = club.send("subscription", sid=sid, **charge()).json()
    assert (told["sid"], told["amount"]["total"]) == (sid, 9900)
    assert kakaopay.subscription(sid).charges == moved


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_charge_cut_short_promises_more_than_comes(club, kakaopay, sid, when, moved):
    """The connection closes in the middle of the answer."""
    kakaopay.fault("subscription", **{when: "truncated"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        club.send("subscription", sid=sid, **charge())
    assert kakaopay.subscription(sid).charges == moved


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_charge_can_name_a_tid_that_does_not_exist(club, kakaopay, sid, when, moved):
    """The lookup of what was told fails; the books hold the charge under another tid, or none."""
    order = f"tid-{sid}"
    kakaopay.fault("subscription", **{when: "wrong_tid"})
    told = club.send("subscription", sid=sid, **charge(partner_order_id=order)).json()
    assert refusal(club.send("order", tid=told["tid"])) == (400, -721)
    made = kakaopay.payments(order)
    assert len(made) == moved
    assert all(payment.tid != told["tid"] for payment in made)


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_charge_can_tell_of_too_much(club, kakaopay, sid, when, moved):
    """A thousand won more than the books hold."""
    order = f"amount-{sid}"
    kakaopay.fault("subscription", **{when: "wrong_amount"})
    told = club.send("subscription", sid=sid, **charge(partner_order_id=order)).json()
    assert told["amount"]["total"] == 10900
    assert [payment.total for payment in kakaopay.payments(order)] == [9900] * moved


@pytest.mark.parametrize("endpoint", ["inactive", "status"])
@pytest.mark.parametrize("kind", ["wrong_tid", "wrong_amount"])
def test_answers_without_money_cannot_lie_about_it(kakaopay, endpoint, kind):
    """Such a fault is refused, as it would never strike."""
    fault = {"endpoint": endpoint, "when": "after", "kind": kind}
    answer = requests.post(f"{kakaopay.url}/sandbox/faults/", json=fault, timeout=30)
    assert answer.status_code == 400
