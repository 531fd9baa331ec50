"""The payer's pages, without JavaScript."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.sandbox.merchant import refusal

DEVICES = ["pc", "mobile", "app"]


def get(url: str) -> requests.Response:
    """What the payer's browser gets, without following a redirect."""
    return requests.get(url, timeout=30, allow_redirects=False)


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_can_pay(merchant, kakaopay, device):
    """Each page shows item and amount, and sends the payer back with a token to approve with."""
    opened = merchant.ready(item_name="한라봉 <티>", total_amount=1234567)
    url = opened[f"next_redirect_{device}_url"]
    page = get(f"{url}?kpayTid={opened['tid']}")
    assert page.status_code == 200
    assert "한라봉 &lt;티&gt;" in page.text
    assert "1,234,567" in page.text
    assert "샌드박스 — 실제 결제가 아닙니다" in page.text
    assert kakaopay.payment(opened["tid"]).status == "OPEN_PAYMENT"
    back = urlsplit(kakaopay.pay(url))
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://localhost:8000/approve/"
    query = parse_qs(back.query)
    assert query["order"] == ["7"]
    assert re.fullmatch(r"[0-9a-f]{20}", query["pg_token"][0])
    assert kakaopay.payment(opened["tid"]).status == "AUTH_PASSWORD"


def test_the_payers_steps_are_statuses(merchant, kakaopay):
    """READY, OPEN_PAYMENT, SELECT_METHOD, AUTH_PASSWORD, one step each."""
    opened = merchant.ready()
    url = opened["next_redirect_mobile_url"]
    seen = [kakaopay.payment(opened["tid"]).status]
    get(url)
    seen.append(kakaopay.payment(opened["tid"]).status)
    requests.post(f"{url}/method", data={"method": "MONEY"}, timeout=30)
    seen.append(kakaopay.payment(opened["tid"]).status)
    requests.post(f"{url}/password", timeout=30, allow_redirects=False)
    seen.append(kakaopay.payment(opened["tid"]).status)
    assert seen == ["READY", "OPEN_PAYMENT", "SELECT_METHOD", "AUTH_PASSWORD"]


def test_every_payment_has_a_token_of_its_own(merchant):
    """Two payments never share a pg_token, and one does not approve the other."""
    one, two = merchant.agreed(), merchant.agreed()
    assert one["pg_token"] != two["pg_token"]
    assert refusal(merchant.send("approve", **one | {"pg_token": two["pg_token"]})) == (400, -708)


def test_a_pc_follows_the_phone(merchant, kakaopay):
    """The phone that scanned the code stays; the waiting PC is told where to go on."""
    opened = merchant.ready()
    pc, phone = opened["next_redirect_pc_url"], opened["next_redirect_mobile_url"]
    assert "data:image/svg+xml" in get(pc).text
    assert get(f"{pc}/state").json() == {"status": "OPEN_PAYMENT", "way_on": ""}
    assert 'name="via" value="qr"' in get(f"{phone}?via=qr").text
    chosen = {"method": "MONEY", "via": "qr"}
    requests.post(f"{phone}/method", data=chosen, timeout=30)
    done = requests.post(f"{phone}/password", data={"via": "qr"}, timeout=30)
    assert (done.status_code, done.history) == (200, [])
    assert "PC 화면에서 이어집니다" in done.text
    way_on = get(f"{pc}/state").json()["way_on"]
    assert way_on.startswith("http://localhost:8000/approve/?order=7&pg_token=")
    assert get(pc).headers["Location"] == way_on


@pytest.mark.parametrize(
    ("reason", "status", "back"),
    [
        ("quit", "QUIT_PAYMENT", "http://localhost:8000/cancel/"),
        ("method", "FAIL_PAYMENT", "http://localhost:8000/fail/"),
        ("password", "FAIL_AUTH_PASSWORD", "http://localhost:8000/fail/"),
    ],
)
def test_the_payer_may_leave(merchant, kakaopay, reason, status, back):
    """Quitting leads to cancel_url, failing to fail_url; once again leads there again."""
    opened = merchant.ready()
    url = opened["next_redirect_mobile_url"]
    for _ in range(2):
        answer = requests.post(f"{url}/leave/{reason}", timeout=30, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, back)
    assert kakaopay.payment(opened["tid"]).status == status
    again = get(url)
    assert again.status_code == 410
    assert "결제되지 않았습니다." in again.text
    assert get(opened["next_redirect_pc_url"]).headers["Location"] == back
    late = requests.post(f"{url}/method", data={"method": "MONEY"}, timeout=30)
    assert (late.status_code, kakaopay.payment(opened["tid"]).status) == (410, status)


@pytest.mark.parametrize("device", DEVICES)
def test_a_late_payer_is_sent_to_the_fail_url(merchant, kakaopay, device):
    """After fifteen minutes the page leads to fail_url; the status stays what it was."""
    opened = merchant.ready()
    url = opened[f"next_redirect_{device}_url"]
    get(url)
    kakaopay.advance(901)
    assert get(url).headers["Location"] == "http://localhost:8000/fail/"
    data = {"method": "MONEY"}
    late = requests.post(f"{url}/method", data=data, timeout=30, allow_redirects=False)
    assert (late.status_code, late.headers["Location"]) == (303, "http://localhost:8000/fail/")
    assert kakaopay.payment(opened["tid"]).status == "OPEN_PAYMENT"


def test_a_paid_payment_says_so(merchant, kakaopay):
    """Coming back to the page after paying shows that it is over and charges nothing."""
    fields = merchant.agreed()
    page = kakaopay.payment(fields["tid"])
    assert page.status == "AUTH_PASSWORD"
    opened = merchant.ready()
    url = opened["next_redirect_mobile_url"]
    approval = kakaopay.pay(url)
    assert get(url).headers["Location"] == approval
    token = parse_qs(urlsplit(approval).query)["pg_token"][0]
    ids = {name: opened[name] for name in ("tid", "partner_order_id", "partner_user_id")}
    assert merchant.send("approve", **ids, pg_token=token).status_code == 200
    again = get(url)
    assert again.status_code == 410
    assert "이미 끝난 결제입니다" in again.text
    assert 'href="http://localhost:8000/"' in again.text
    left = requests.post(f"{url}/leave/quit", timeout=30, allow_redirects=False)
    assert (left.status_code, kakaopay.payment(opened["tid"]).status) == (410, "SUCCESS_PAYMENT")


def test_an_unknown_page_is_honest(kakaopay):
    """A payment page nobody opened is a page that says so."""
    page = get(f"{kakaopay.url}/mockup/bridge/pc/pg/one-time/payment/{'0' * 64}")
    assert page.status_code == 404
    assert "없는 페이지입니다" in page.text


@pytest.mark.parametrize(
    ("ready", "offered", "refused"),
    [
        ({"total_amount": 49999}, {"method": "CARD", "issuer": "BC"}, {"instalment": 2}),
        ({"total_amount": 50000}, {"method": "CARD", "issuer": "BC", "instalment": 12}, {}),
        ({"available_cards": ["KB"]}, {"method": "CARD", "issuer": "KB"}, {"issuer": "BC"}),
        ({"payment_method_type": "MONEY"}, {"method": "MONEY"}, {"method": "CARD"}),
        ({"install_month": 6}, {"method": "CARD", "issuer": "BC", "instalment": 6}, {}),
        ({"install_month": 0}, {"method": "CARD", "issuer": "BC"}, {"instalment": 3}),
        ({}, {"method": "CARD", "issuer": "BC"}, {"issuer": "NOBODY"}),
        ({}, {"method": "CARD", "issuer": "BC"}, {"issuer": ""}),
        ({}, {"method": "MONEY"}, {"method": ""}),
    ],
)
def test_the_payer_chooses_among_what_is_allowed(merchant, kakaopay, ready, offered, refused):
    """What the merchant or the amount rules out is refused on the page, the rest is taken."""
    opened = merchant.ready(**ready)
    url = opened["next_redirect_mobile_url"]
    if refused:
        wrong = requests.post(f"{url}/method", data=offered | refused, timeout=30)
        assert wrong.status_code == 400
        assert "errorlist" in wrong.text
        assert kakaopay.payment(opened["tid"]).payment_method_type is None
    right = requests.post(f"{url}/method", data=offered, timeout=30)
    assert right.status_code == 200
    assert kakaopay.payment(opened["tid"]).payment_method_type == offered["method"]


def test_the_password_comes_after_the_choice(merchant, kakaopay):
    """Skipping the choice of method leads back to it and authenticates nothing."""
    opened = merchant.ready()
    url = opened["next_redirect_mobile_url"]
    get(url)
    for send in (requests.get, requests.post):
        answer = send(f"{url}/password", timeout=30, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, urlsplit(url).path)
    assert kakaopay.payment(opened["tid"]).status == "OPEN_PAYMENT"
