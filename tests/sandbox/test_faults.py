"""What can be made to go wrong, and the clock."""

import time

import pytest
import requests

from tests.sandbox.merchant import refusal


def approve(merchant, fields):
    """What a client sees of an approve: its HTTP status and body, or the name of the failure."""
    try:
        answer = merchant.send("approve", **fields)
    except requests.ConnectionError:
        return "dropped"
    try:
        return answer.status_code, answer.json().get("error_code")
    except requests.JSONDecodeError:
        return answer.status_code, "no json"


KINDS = [
    ("drop", "dropped"),
    ("garbled", (200, "no json")),
    ("html_502", (502, "no json")),
    ("http_500", (500, -500)),
    ("http_503", (503, -503)),
    ("error:-1", (400, -1)),
    ("error:-785", (400, -785)),
    ("error:-702", (400, -702)),
    ("error:-780:USER_LOCKED", (400, -780)),
    ("error:-780:BANK_FIRM_UNKNOWN", (400, -780)),
    ("not_json", (200, "no json")),
    ("empty", (200, "no json")),
]


@pytest.mark.parametrize(("kind", "seen"), KINDS)
@pytest.mark.parametrize(("when", "moved"), [("before", 0), ("after", 1)])
def test_a_fault_hides_what_happened(merchant, kakaopay, when, moved, kind, seen):
    """The client sees the same failure whether the money moved or not; then all is well again."""
    fields = merchant.agreed()
    kakaopay.fault("approve", **{when: kind})
    assert approve(merchant, fields) == seen
    assert len(kakaopay.payment(fields["tid"]).actions) == moved
    assert approve(merchant, fields) == ((400, -702) if moved else (200, None))


def test_a_fault_may_give_its_reason(merchant, kakaopay):
    """The reason after the second colon fills extras, as a bank's would."""
    fields = merchant.agreed()
    kakaopay.fault("approve", before="error:-780:BANK_FIRM_UNKNOWN")
    extras = merchant.send("approve", **fields).json()["extras"]
    assert extras["method_result_code"] == "BANK_FIRM_UNKNOWN"
    assert extras["method_result_message"].startswith("은행과 진행중인 거래건이 존재합니다.")


@pytest.mark.parametrize(("when", "moved"), [("before", 0), ("after", 1)])
def test_a_stalled_answer_comes_late(merchant, kakaopay, when, moved):
    """A client that gives up first does not know; the money moves all the same."""
    fields = merchant.agreed()
    kakaopay.fault("approve", **{when: "stall:1"})
    url = f"{kakaopay.url}/online/v1/payment/approve"
    headers = {"Authorization": merchant.key}
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json={"cid": merchant.cid} | fields, headers=headers, timeout=0.4)
    assert len(kakaopay.payment(fields["tid"]).actions) == moved
    assert approve(merchant, fields) == (400, -785)
    time.sleep(1)
    assert len(kakaopay.payment(fields["tid"]).actions) == 1


def test_a_fault_strikes_its_endpoint_and_no_more_often_than_asked(merchant, kakaopay):
    """Two dropped cancels, then none; an order in between is answered."""
    tid = merchant.paid()["tid"]
    cancel = {"tid": tid, "cancel_amount": 1000, "cancel_tax_free_amount": 0}
    kakaopay.fault("cancel", before="http_500", times=2)
    seen = []
    for _ in range(3):
        seen.append(merchant.send("cancel", **cancel).status_code)
        assert merchant.send("order", tid=tid).status_code == 200
    assert seen == [500, 500, 200]
    assert kakaopay.payment(tid).canceled_total == 1000


def test_a_refused_call_does_not_use_up_an_after_fault(merchant, kakaopay):
    """ "After" means after the money moved: a refusal moves none."""
    fields = merchant.agreed()
    kakaopay.fault("approve", after="drop")
    assert refusal(merchant.send("approve", **fields | {"pg_token": "x"})) == (400, -708)
    assert approve(merchant, fields) == "dropped"


def test_faults_can_strike_any_endpoint_and_be_cleared(merchant, kakaopay):
    """ "any" is every endpoint, until the faults are cleared."""
    kakaopay.fault("any", before="http_503", times=100)
    assert refusal(merchant.send("ready", **merchant.goods())) == (503, -503)
    assert refusal(merchant.send("order", tid="T" + "0" * 19)) == (503, -503)
    headers = {"Accept": "application/json"}
    url = f"{kakaopay.url}/sandbox/faults/"
    [left] = requests.get(url, headers=headers, timeout=30).json()
    del left["id"]
    assert left == {"endpoint": "any", "when": "before", "kind": "http_503", "times": 98}
    kakaopay.clear_faults()
    assert requests.get(url, headers=headers, timeout=30).json() == []
    assert merchant.send("ready", **merchant.goods()).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"endpoint": "refund", "when": "before", "kind": "drop"},
        {"endpoint": "approve", "when": "during", "kind": "drop"},
        {"endpoint": "approve", "when": "before", "kind": "explode"},
        {"endpoint": "approve", "when": "before", "kind": "stall"},
        {"endpoint": "approve", "when": "before", "kind": "error:785"},
        {"endpoint": "approve", "when": "before", "kind": "drop", "times": 0},
        {"endpoint": "approve", "when": "before", "kind": "drop", "times": "often"},
        {"endpoint": "approve", "when": "before", "kind": "drop:3"},
        {"endpoint": "approve", "when": "after", "kind": "trickle"},
        {"endpoint": "ready", "when": "after", "kind": "wrong_tid"},
        {"endpoint": "ready", "when": "after", "kind": "wrong_amount"},
        {"endpoint": "status", "when": "after", "kind": "wrong_amount"},
        {"endpoint": "approve", "when": "before", "kind": "refuse:1"},
        {"endpoint": "any", "when": "after", "kind": "refuse:1"},
        {"endpoint": "any", "when": "before", "kind": "refuse:1", "times": None},
        {"endpoint": "any", "when": "before", "kind": "refuse"},
        ["approve"],
        {},
    ],
)
def test_a_fault_that_is_not_known_is_refused(kakaopay, fault):
    """A misspelt fault would let a test pass for the wrong reason."""
    answer = requests.post(f"{kakaopay.url}/sandbox/faults/", json=fault, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]
    headers = {"Accept": "application/json"}
    left = requests.get(f"{kakaopay.url}/sandbox/faults/", headers=headers, timeout=30)
    assert left.json() == []


def test_a_fault_lasts_until_it_is_cleared(merchant, kakaopay):
    """Without a number of times it strikes each call, and the next one behind it waits."""
    kakaopay.fault("order", before="http_500", times=None)
    kakaopay.fault("order", before="http_503")
    tid = merchant.ready()["tid"]
    assert [merchant.send("order", tid=tid).status_code for _ in range(5)] == [500] * 5
    kakaopay.clear_faults()
    assert merchant.send("order", tid=tid).status_code == 200


def test_one_fault_can_be_removed(merchant, kakaopay):
    """The others stay; one that is gone already is not found."""
    kakaopay.fault("order", before="http_500", times=None)
    kakaopay.fault("order", before="http_503", times=None)
    url = f"{kakaopay.url}/sandbox/faults/"
    headers = {"Accept": "application/json"}
    first = requests.get(url, headers=headers, timeout=30).json()[0]["id"]
    assert requests.delete(f"{url}{first}/", timeout=30).status_code == 204
    assert requests.delete(f"{url}{first}/", timeout=30).status_code == 404
    assert refusal(merchant.send("order", tid=merchant.ready()["tid"])) == (503, -503)


def test_a_fault_of_any_endpoint_waits_for_a_call_it_makes_sense_for(merchant, kakaopay):
    """ready has no amount to falsify: the fault is kept for the order after it."""
    kakaopay.fault("any", after="wrong_amount")
    tid = merchant.ready()["tid"]
    assert merchant.send("order", tid=tid).json()["amount"]["total"] == 12000
    assert merchant.send("order", tid=tid).json()["amount"]["total"] == 11000


@pytest.mark.parametrize("endpoint", ["ready", "approve", "order", "cancel"])
@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
@pytest.mark.parametrize("code", ["-785", "-702", "-1", "-780:USER_LOCKED"])
def test_every_call_can_be_answered_with_an_error(merchant, kakaopay, endpoint, when, done, code):
    """Before: nothing was written down. After: it was, although the client is told an error."""
    paid = merchant.paid() if endpoint == "cancel" else merchant.agreed()
    order = f"told-{endpoint}-{when}{code}"
    fields = {
        "ready": merchant.goods(partner_order_id=order),
        "approve": paid,
        "order": {"tid": paid["tid"]},
        "cancel": {"tid": paid["tid"], "cancel_amount": 1000, "cancel_tax_free_amount": 0},
    }[endpoint]
    kakaopay.fault(endpoint, **{when: f"error:{code}"})
    answer = merchant.send(endpoint, **fields).json()
    assert answer["error_code"] == int(code.partition(":")[0])
    assert ("extras" in answer) is (":" in code)
    held = kakaopay.payment(paid["tid"])
    assert (held.approved_at is not None) is (
        endpoint == "cancel" or (endpoint, done) == ("approve", True)
    )
    assert held.canceled_total == (1000 if (endpoint, done) == ("cancel", True) else 0)
    assert len(kakaopay.payments(order)) == (1 if (endpoint, done) == ("ready", True) else 0)


def test_the_clock_moves_for_everything(merchant, kakaopay):
    """Times and ids are made with the moved clock; going back is possible."""
    before = merchant.ready()["created_at"]
    kakaopay.advance(86400)
    kakaopay.advance(86400)
    url = f"{kakaopay.url}/sandbox/clock/"
    assert requests.get(url, timeout=30).json()["offset_seconds"] == 172800
    later = merchant.ready()
    assert later["created_at"] > before
    assert int("6" + later["tid"][1:8], 16) - time.time() == pytest.approx(172800, abs=30)
    kakaopay.reset_clock()
    assert requests.get(url, timeout=30).json()["offset_seconds"] == 0


@pytest.mark.parametrize("sent", [{}, {"advance": "soon"}, {"offset_seconds": 10**11}, [1]])
def test_a_clock_request_that_is_unclear_is_refused(kakaopay, sent):
    """Anything but whole seconds within three centuries leaves the clock alone."""
    url = f"{kakaopay.url}/sandbox/clock/"
    assert requests.post(url, json=sent, timeout=30).status_code == 400
    assert requests.get(url, timeout=30).json()["offset_seconds"] == 0
