"""Subscriptions written into the books in bulk, and read back."""

import time

import pytest
import requests

from tests.sandbox.merchant import refusal
from tests.sandbox.test_subscriptions import charge

ROW = {"partner_user_id": "user-1"}


def test_a_planted_sid_is_like_an_issued_one(club, kakaopay):
    """It can be asked about, charged and ended through the API."""
    [sid] = kakaopay.import_subscriptions([ROW | {"item_name": "컵", "method": "MONEY"}])
    told = club.send("status", sid=sid).json()
    assert (told["available"], told["item_name"], told["payment_method_type"]) == (
        True,
        "컵",
        "MONEY",
    )
    assert told["last_approved_at"] == told["created_at"]
    second = club.send("subscription", sid=sid, **charge()).json()
    assert (second["sid"], second["payment_method_type"]) == (sid, "MONEY")
    assert kakaopay.subscription(sid).charges == 1
    assert club.send("inactive", sid=sid).json()["status"] == "INACTIVE"


def test_every_figure_can_be_planted(club, kakaopay):
    """Times without a zone are Korean; who ended it is taken to be the payer."""
    sid = "S" + "a1b2" * 4 + "c3d"
    row = {
        "sid": sid,
        "cid": "TCSEQUENCE",
        "partner_user_id": "user-7",
        "item_name": "멤버십",
        "method": "CARD",
        "issuer": "HYUNDAI",
        "status": "INACTIVE",
        "created_at": "2024-01-31T09:00:00",
        "last_approved_at": "2024-02-28T15:30:00Z",
        "inactivated_at": "2024-03-05T12:00:00+09:00",
    }
    assert kakaopay.import_subscriptions([row]) == [sid]
    answer = requests.get(f"{kakaopay.url}/subscriptions.json", params={"sid": sid}, timeout=30)
    assert answer.json()["subscriptions"] == [
        row
        | {
            "last_approved_at": "2024-02-29T00:30:00",
            "inactivated_at": "2024-03-05T12:00:00",
            "inactivated_by": "PAYER",
            "decline": None,
            "decline_times": None,
            "charges": 0,
        }
    ]


def test_a_planted_card_can_be_charged(club, kakaopay):
    """Without an issuer it is Shinhan's, and the answer has its card_info."""
    shinhan, hyundai = kakaopay.import_subscriptions([ROW, ROW | {"issuer": "HYUNDAI"}])
    names = [
        club.send("subscription", sid=sid, **charge()).json()["card_info"]["kakaopay_issuer_corp"]
        for sid in (shinhan, hyundai)
    ]
    assert names == ["신한", "현대"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"partner_user_id": ""},
        {"sid": "S1"},
        {"cid": "TC0ONETIME"},
        {"cid": "TC"},
        {"method": "GOLD"},
        {"issuer": "MYBANK"},
        {"method": "MONEY", "issuer": "KB"},
        {"status": "SLEEPING"},
        {"created_at": "yesterday"},
        {"inactivated_at": "2024-03-05T12:00:00+09:00"},
    ],
)
def test_an_import_is_all_or_nothing(kakaopay, wrong):
    """One row that makes no sense: a sentence that says which, and no subscription at all."""
    body = [{"partner_user_id": "half"}, ROW | wrong]
    answer = requests.post(f"{kakaopay.url}/sandbox/subscriptions/", json=body, timeout=30)
    assert answer.status_code == 400
    assert "[1] " in answer.json()["error"]
    asked = {"partner_user_id": "half"}
    found = requests.get(f"{kakaopay.url}/subscriptions.json", params=asked, timeout=30)
    assert found.json() == {"subscriptions": []}


def test_a_sid_is_planted_once(club, kakaopay):
    """Neither twice in one list nor over one that exists; the one that exists stays."""
    sid = club.paid(total_amount=0)["sid"]
    url = f"{kakaopay.url}/sandbox/subscriptions/"
    new = {"sid": "S" + "0" * 15 + "8888"}
    assert requests.post(url, json=[ROW | new, ROW | new], timeout=30).status_code == 400
    answer = requests.post(url, json=[ROW, {"partner_user_id": "thief", "sid": sid}], timeout=30)
    assert answer.status_code == 400
    assert sid in answer.json()["error"]
    assert kakaopay.subscription(sid).partner_user_id == "user-1"
    assert requests.post(url, json=[ROW | new], timeout=30).status_code == 201
    assert refusal(club.send("inactive", sid="S" + "0" * 15 + "8889")) == (400, -750)


@pytest.mark.parametrize("body", [[], {}, [ROW] * 5001, ["x"]])
def test_what_is_no_list_of_subscriptions_is_refused(kakaopay, body):
    """Nothing, an object, too many, or no subscriptions."""
    answer = requests.post(f"{kakaopay.url}/sandbox/subscriptions/", json=body, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_thousands_are_planted_and_read_back_in_seconds(club, kakaopay):
    """Twelve thousand, with long Korean names, each with its own number of charges."""
    rows = [{"partner_user_id": "user-1", "item_name": "가" * 100}] * 12_000
    begun = time.monotonic()
    planted = kakaopay.import_subscriptions(rows)
    held = {each.sid: each for each in kakaopay.subscriptions()}
    assert time.monotonic() - begun < 20
    assert len(set(planted)) == 12_000
    assert set(planted) <= set(held)
    for sid in [planted[4999], planted[5000], planted[5000]]:
        assert club.send("subscription", sid=sid, **charge()).status_code == 200
    kakaopay.end_subscription(planted[5001])
    held = {each.sid: each for each in kakaopay.subscriptions()}
    assert [(held[sid].charges, held[sid].status) for sid in planted[4998:5002]] == [
        (0, "ACTIVE"),
        (1, "ACTIVE"),
        (2, "ACTIVE"),
        (0, "INACTIVE"),
    ]


def test_subscriptions_are_streamed_oldest_first_by_day(kakaopay):
    """Days of the issue, both inclusive, in Korea."""
    times = ["2019-05-01T00:00:00", "2019-05-01T23:59:59", "2019-05-02T00:00:00"]
    first, second, third = kakaopay.import_subscriptions([ROW | {"created_at": t} for t in times])
    url = f"{kakaopay.url}/subscriptions.jsonl"
    days = {"since": "2019-05-01", "until": "2019-05-01"}
    lines = requests.get(url, params=days, timeout=30)
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    assert [line[9:29] for line in lines.text.splitlines()] == [first, second]
    days["until"] = "2019-05-02"
    lines = requests.get(url, params=days, timeout=30).text
    assert [line[9:29] for line in lines.splitlines()] == [first, second, third]
    assert requests.get(url, params={"since": "May"}, timeout=30).status_code == 400
    assert requests.get(f"{kakaopay.url}/subscriptions.json", timeout=30).status_code == 400
