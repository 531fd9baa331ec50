"""What payers do about their subscriptions, on the sandbox's pages and from programs."""

import pytest
import requests

from tests.sandbox.merchant import refusal
from tests.sandbox.test_subscriptions import charge

UNKNOWN = "S" + "0" * 19


@pytest.fixture
def sid(club):
    """A SID by card that was issued without a charge."""
    return club.paid(total_amount=0, item_name="한라봉 <구독>")["sid"]


def test_the_payer_ends_it_without_a_word(club, kakaopay, sid):
    """The merchant learns of it from the status, or from -751 at the next charge."""
    kakaopay.advance(3600)
    kakaopay.end_subscription(sid)
    told = club.send("status", sid=sid).json()
    assert (told["available"], told["status"]) == (False, "INACTIVE")
    assert told["inactivated_at"] > told["last_approved_at"] == told["created_at"]
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -751)
    assert refusal(club.send("inactive", sid=sid)) == (400, -751)
    held = kakaopay.subscription(sid)
    assert (held.status, held.inactivated_at, held.charges) == (
        "INACTIVE",
        told["inactivated_at"],
        0,
    )


def test_it_ends_once(club, kakaopay, sid):
    """Whoever comes second is told, and the books keep when and by whom it ended."""
    club.send("inactive", sid=sid)
    url = f"{kakaopay.url}/subscriptions/{sid}/"
    ended = kakaopay.subscription(sid)
    kakaopay.advance(60)
    answer = requests.post(f"{url}end/", json={}, timeout=30)
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "이미 해지된 정기 결제입니다. / This subscription has already ended."},
    )
    assert kakaopay.subscription(sid) == ended
    page = requests.post(f"{url}end/", timeout=30)
    assert page.status_code == 400
    assert "already ended" in page.text
    assert "by the merchant" in page.text


@pytest.mark.parametrize("step", ["", "end/", "decline/"])
def test_an_unknown_sid_has_no_page(kakaopay, step):
    """Nor can its payer do anything; the handle says LookupError."""
    url = f"{kakaopay.url}/subscriptions/{UNKNOWN}/{step}"
    assert requests.request("POST" if step else "GET", url, timeout=30).status_code == 404
    with pytest.raises(LookupError):
        kakaopay.subscription(UNKNOWN)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("NOT_ENOUGH_BALANCE", "잔액이 부족합니다."),
        ("0002", "지급한도초과"),
        ("8008", "거래거절 거래금액미달"),
        ("5016", "거래가 거절되었습니다."),
    ],
)
def test_the_card_declines_until_it_is_told_otherwise(club, kakaopay, sid, reason, message):
    """-782 with the card's reason as often as it is tried, nothing charged; then all is well."""
    kakaopay.decline_subscription(sid, reason)
    for _ in range(3):
        answer = club.send("subscription", sid=sid, **charge(partner_order_id=f"no-{sid}"))
        assert refusal(answer) == (400, -782)
        assert answer.json()["extras"] == {
            "method_result_code": reason,
            "method_result_message": message,
        }
    assert kakaopay.payments(f"no-{sid}") == []
    assert club.send("status", sid=sid).json()["available"] is True
    kakaopay.accept_subscription(sid)
    assert club.send("subscription", sid=sid, **charge()).status_code == 200
    assert kakaopay.subscription(sid).charges == 1


def test_the_card_declines_so_many_times(club, kakaopay, sid):
    """Twice, then no more; what never reaches the card does not count, nor do other SIDs."""
    other = club.paid(total_amount=0)["sid"]
    kakaopay.decline_subscription(sid, "8008", times=2)
    seen = []
    for _ in range(3):
        club.send("subscription", sid=sid, **charge(partner_user_id="another"))
        seen.append(club.send("subscription", sid=sid, **charge()).json().get("error_code"))
        assert club.send("subscription", sid=other, **charge()).status_code == 200
    assert seen == [-782, -782, None]


def test_a_decline_that_is_only_pretended_is_not_counted(club, kakaopay, sid):
    """A fault before the call that needs its answer changes nothing."""
    kakaopay.decline_subscription(sid, "8008", times=1)
    kakaopay.fault("subscription", before="garbled")
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -782)
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -782)
    assert club.send("subscription", sid=sid, **charge()).status_code == 200


def test_a_decline_does_not_use_up_a_fault_after_the_money(club, kakaopay, sid):
    """A refused charge moves none; the next one does, and its answer is lost."""
    kakaopay.decline_subscription(sid, "8008", times=1)
    kakaopay.fault("subscription", after="http_500")
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -782)
    assert refusal(club.send("subscription", sid=sid, **charge())) == (500, -500)
    assert kakaopay.subscription(sid).charges == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"reason": None},
        {"reason": 8008},
        {"reason": "80080"},
        {"reason": "too poor"},
        {"reason": "8008", "times": 0},
        {"reason": "8008", "times": "often"},
        ["8008"],
    ],
)
def test_a_decline_that_makes_no_sense_is_refused(club, kakaopay, sid, wrong):
    """A misspelt reason would let a test pass for the wrong reason."""
    url = f"{kakaopay.url}/subscriptions/{sid}/decline/"
    answer = requests.post(url, json=wrong, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert club.send("subscription", sid=sid, **charge()).status_code == 200


def test_a_decline_can_be_deleted(club, kakaopay, sid):
    """DELETE does what an empty reason does, and both answer with the figures."""
    url = f"{kakaopay.url}/subscriptions/{sid}/decline/"
    told = requests.post(url, json={"reason": "8008", "times": 3}, timeout=30).json()
    assert (told["sid"], told["decline"], told["decline_times"]) == (sid, "8008", 3)
    told = requests.delete(url, timeout=30).json()
    assert (told["decline"], told["decline_times"]) == (None, None)
    told = requests.post(url, json={"reason": "", "times": 3}, timeout=30).json()
    assert (told["decline"], told["decline_times"]) == (None, None)
    assert club.send("subscription", sid=sid, **charge()).status_code == 200


def test_the_list_finds_subscriptions(club, kakaopay):
    """Newest first, by payer or by sid, twenty-five a page; the ledger's menu leads there."""
    home = requests.get(f"{kakaopay.url}/", timeout=30).text
    assert 'href="/subscriptions/"' in home
    rows = [{"partner_user_id": f"listed-{number}"} for number in range(26)]
    sids = kakaopay.import_subscriptions(rows)
    url = f"{kakaopay.url}/subscriptions/"
    page = requests.get(url, params={"q": "listed-"}, timeout=30).text
    assert page.count('<a href="/subscriptions/S') == 25
    assert page.index(sids[25]) < page.index(sids[1])
    assert "1 / 2 · 26건" in page
    assert sids[0] in requests.get(url, params={"q": "listed-", "page": 2}, timeout=30).text
    page = requests.get(url, params={"q": sids[7]}, timeout=30).text
    assert "listed-7" in page
    assert page.count('<a href="/subscriptions/S') == 1
    assert "Nothing matches." in requests.get(url, params={"q": "nobody"}, timeout=30).text


def test_a_subscription_shows_its_payments_and_calls(club, kakaopay, sid):
    """What was charged with links, and the calls, also the declined one that made no payment."""
    tid = club.send("subscription", sid=sid, **charge(total_amount=71234)).json()["tid"]
    kakaopay.decline_subscription(sid, "3538")
    club.send("subscription", sid=sid, **charge(partner_order_id="the-declined"))
    page = requests.get(f"{kakaopay.url}/subscriptions/{sid}/", timeout=30).text
    assert "한라봉 &lt;구독&gt;" in page
    assert "71,234" in page
    assert f'href="/ledger/{tid}/"' in page
    assert "1번 청구" in page
    assert "the-declined" in page
    assert "<b>approve</b>" in page
    assert kakaopay.secret_key not in page
    back = requests.get(f"{kakaopay.url}/ledger/{tid}/", timeout=30).text
    assert f'href="/subscriptions/{sid}/"' in back


def test_a_person_sets_the_result_on_the_page(club, kakaopay, sid):
    """The form offers what a card says; empty times last until changed, and the page says so."""
    url = f"{kakaopay.url}/subscriptions/{sid}/"
    page = requests.get(url, timeout=30).text
    assert '<option value="8008">거래거절 거래금액미달 (8008)</option>' in page
    assert "NOT_ENOUGH_BALANCE" not in page
    form = {"reason": "8008", "times": "2"}
    page = requests.post(f"{url}decline/", data=form, timeout=30).text
    assert "다음 2번은 거절됩니다." in page
    assert '<option value="8008" selected>' in page
    page = requests.post(f"{url}decline/", data={"reason": "5016", "times": ""}, timeout=30).text
    assert "바꿀 때까지 거절됩니다." in page
    assert '<option value="5016" selected>' in page
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -782)
    page = requests.post(f"{url}decline/", data={"reason": "", "times": ""}, timeout=30).text
    assert "청구하면 승인됩니다." in page
    assert club.send("subscription", sid=sid, **charge()).status_code == 200


def test_what_a_person_fills_in_wrongly_is_said(kakaopay, sid):
    """The page again, with a sentence in Korean and English, and nothing is set."""
    url = f"{kakaopay.url}/subscriptions/{sid}/decline/"
    page = requests.post(url, data={"reason": "8008", "times": "0"}, timeout=30)
    assert page.status_code == 400
    assert 'role="alert"' in page.text
    assert "청구하면 승인됩니다." in page.text


def test_a_person_ends_it_on_the_page(club, kakaopay, sid):
    """One button; afterwards there is none, and the page says who ended it."""
    url = f"{kakaopay.url}/subscriptions/{sid}/"
    assert f'action="/subscriptions/{sid}/end/"' in requests.get(url, timeout=30).text
    page = requests.post(f"{url}end/", timeout=30)
    assert page.status_code == 200
    assert "by the payer" in page.text
    assert "/end/" not in page.text
    assert club.send("status", sid=sid).json()["status"] == "INACTIVE"
