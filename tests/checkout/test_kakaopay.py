"""The KakaoPay adapter alone: what is sent, and what each answer is taken for."""

import socket
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
import requests
import responses
from responses import matchers

from checkout.gateways.base import (
    Approved,
    Declined,
    Found,
    Goods,
    NotSent,
    OutcomeUnknown,
    Paid,
    Payment,
    Ready,
    ReturnUrls,
    State,
)
from checkout.gateways.kakaopay import Credentials, KakaoPay, Timeouts
from checkout.gateways.kakaopay_codes import DEFINITE_NO

API = "https://pay.example"
TID = "T0a1b2c3d4e5f6071829"
PAYMENT = Payment("20261121-7KQ4MX9T", "u1", 11_000, 0, 1_000, tid=TID)
URLS = ReturnUrls("https://shop.example/a", "https://shop.example/c", "https://shop.example/f")
APPROVED = {
    "aid": "A0a1b2c3d4e5f6071829",
    "tid": TID,
    "cid": "TC0ONETIME",
    "sid": None,
    "partner_order_id": PAYMENT.order_number,
    "partner_user_id": PAYMENT.buyer,
    "amount": {"total": 11000, "tax_free": 0, "vat": 1000, "point": 0, "discount": 0},
    "payment_method_type": "CARD",
    "card_info": {"kakaopay_issuer_corp": "신한", "install_month": "03", "bin": "111111"},
    "approved_at": "2026-11-20T14:13:20",
}
FOUND = {
    "tid": TID,
    "status": "SUCCESS_PAYMENT",
    "partner_order_id": PAYMENT.order_number,
    "partner_user_id": PAYMENT.buyer,
    "payment_method_type": "MONEY",
    "amount": {"total": 11000},
    "approved_at": "2026-11-20T14:13:20",
    "payment_action_details": [
        {"aid": "A0a1b2c3d4e5f6071829", "payment_action_type": "PAYMENT"},
    ],
}


@contextmanager
def no_journal(operation, url, body):
    class Call:
        def answered(self, http_status, body):
            pass

    yield Call()


@contextmanager
def trickling(answer):
    """A server that sends ``answer`` a byte at a time, one every 50 ms after its first line."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        peer, _ = server.accept()
        with peer, suppress(OSError):
            peer.recv(65536)
            head, body = answer[:100], answer[100:]
            peer.sendall(head)
            for byte in body:
                peer.sendall(bytes([byte]))
                time.sleep(0.05)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    with server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def kakaopay():
    return KakaoPay(API, Credentials("DEV" + "0" * 37, "TC0ONETIME"), Timeouts(), no_journal)


@pytest.fixture
def provider():
    with responses.RequestsMock() as mock:
        yield mock


def answer(provider, operation, body, status=200, **more):
    provider.post(f"{API}/online/v1/payment/{operation}", json=body, status=status, **more)


def test_ready_sends_what_kakaopay_asks_for(kakaopay, provider):
    """JSON with numbers, the key in the header, tax given explicitly."""
    provider.post(
        f"{API}/online/v1/payment/ready",
        json={"tid": TID}
        | {f"next_redirect_{d}_url": f"https://pay.example/{d}" for d in ("pc", "mobile", "app")},
        match=[
            matchers.header_matcher({"Authorization": "SECRET_KEY DEV" + "0" * 37}),
            matchers.json_params_matcher(
                {
                    "cid": "TC0ONETIME",
                    "partner_order_id": PAYMENT.order_number,
                    "partner_user_id": "u1",
                    "item_name": "컵",
                    "quantity": 2,
                    "total_amount": 11000,
                    "tax_free_amount": 0,
                    "vat_amount": 1000,
                    "approval_url": URLS.approve,
                    "cancel_url": URLS.cancel,
                    "fail_url": URLS.fail,
                }
            ),
        ],
    )
    ready = kakaopay.ready(PAYMENT, Goods("컵", 2), URLS)
    assert ready == Ready(TID, {d: f"https://pay.example/{d}" for d in ("pc", "mobile", "app")})


def test_every_request_verifies_tls_and_has_a_time_limit(kakaopay, provider):
    """Connect and read separately; redirects are not followed."""
    answer(provider, "order", FOUND)
    kakaopay.lookup(PAYMENT)
    sent = provider.calls[0].request
    assert sent.req_kwargs["timeout"] == (3.0, 15.0)
    assert sent.req_kwargs["verify"] not in (False, None)
    assert sent.headers["Connection"] == "close"


def test_approve_by_card(kakaopay, provider):
    """Issuer, instalment and time are read; the time is Korean."""
    answer(provider, "approve", APPROVED)
    assert kakaopay.approve(PAYMENT, "good") == Approved(
        aid="A0a1b2c3d4e5f6071829",
        amount=11_000,
        approved_at=datetime(2026, 11, 20, 14, 13, 20, tzinfo=ZoneInfo("Asia/Seoul")),
        paid=Paid("CARD", "신한", 3),
    )


def test_approve_by_money_has_no_card(kakaopay, provider):
    """``card_info`` may be null or missing."""
    answer(provider, "approve", APPROVED | {"payment_method_type": "MONEY", "card_info": None})
    assert kakaopay.approve(PAYMENT, "good").paid == Paid("MONEY")


@pytest.mark.parametrize(
    "wrong",
    [
        {"tid": "T" + "0" * 19},
        {"partner_order_id": "another"},
        {"partner_user_id": "another"},
        {"amount": {"total": 10_999}},
        {"amount": None},
        {"aid": None},
        {"aid": "A" * 41},
        {"aid": "A\0"},
    ],
)
def test_an_answer_about_something_else_is_not_trusted(kakaopay, provider, wrong):
    """Another payment or another amount tells nothing about ours."""
    answer(provider, "approve", APPROVED | wrong)
    with pytest.raises(OutcomeUnknown):
        kakaopay.approve(PAYMENT, "good")


@pytest.mark.parametrize("code", sorted(DEFINITE_NO))
def test_a_definite_no(kakaopay, provider, code):
    """Each listed code is declined, with the code kept."""
    answer(provider, "approve", {"error_code": code, "error_message": "no"}, status=400)
    assert kakaopay.approve(PAYMENT, "good") == Declined(str(code), "no")


def test_the_method_says_why(kakaopay, provider):
    """The buyer is told what the card company said."""
    body = {
        "error_code": -780,
        "error_message": "approval failure!",
        "extras": {"method_result_code": "3538", "method_result_message": "한도초과"},
    }
    answer(provider, "approve", body, status=400)
    assert kakaopay.approve(PAYMENT, "good") == Declined(
        "-780 3538", "approval failure!", "한도초과"
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error_code": -1}),
        (400, {"error_code": -702}),
        (400, {"error_code": -785}),
        (400, {"error_code": -783}),
        (400, {"error_code": -99999}),
        (400, {"error_code": "-708"}),
        (400, {}),
        (400, {"error_code": -780, "extras": {"method_result_code": "USER_LOCKED"}}),
        (400, {"error_code": -780, "extras": {"method_result_code": "BANK_FIRM_UNKNOWN"}}),
        (400, {"error_code": -780, "extras": {"method_result_code": "0010"}}),
        (500, {"error_code": -500}),
        (503, {"error_code": -503}),
        (502, {"error_code": -708}),
        (302, {}),
    ],
)
def test_what_proves_nothing_is_unknown(kakaopay, provider, status, body):
    """Trouble, "already paid" and codes that we do not know are looked up, never guessed."""
    answer(provider, "approve", body, status=status)
    with pytest.raises(OutcomeUnknown):
        kakaopay.approve(PAYMENT, "good")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"aid":', b"\xff\xfe", b"9" * 300_000])
def test_a_body_that_is_no_answer_is_unknown(kakaopay, provider, body):
    """Empty, HTML, truncated, not an object, not text, far too long."""
    provider.post(f"{API}/online/v1/payment/approve", body=body)
    with pytest.raises(OutcomeUnknown):
        kakaopay.approve(PAYMENT, "good")


@pytest.mark.parametrize(
    "error",
    [
        requests.ReadTimeout(),
        requests.ConnectionError("Connection aborted."),
        requests.exceptions.ChunkedEncodingError(),
    ],
)
def test_silence_after_sending_is_unknown(kakaopay, provider, error):
    """The request may have arrived."""
    provider.post(f"{API}/online/v1/payment/approve", body=error)
    with pytest.raises(OutcomeUnknown):
        kakaopay.approve(PAYMENT, "good")


def test_an_answer_that_trickles_is_given_up():
    """A byte now and then keeps the connection alive, but not beyond our patience."""
    with trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b" " * 9000) as url:
        gateway = KakaoPay(url, Credentials("k", "TC0ONETIME"), Timeouts(0.5, 0.5), no_journal)
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            gateway.approve(PAYMENT, "good")
        assert time.monotonic() - began < 3


def test_a_key_in_netrc_does_not_replace_ours(kakaopay, provider, tmp_path, monkeypatch):
    """The Authorization header is always the shop's own."""
    (tmp_path / "netrc").write_text("machine pay.example login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    answer(provider, "order", FOUND)
    kakaopay.lookup(PAYMENT)
    assert provider.calls[0].request.headers["Authorization"] == "SECRET_KEY DEV" + "0" * 37


def test_a_connection_that_was_never_made_is_not_sent(kakaopay, provider):
    """Nothing can have happened."""
    provider.post(f"{API}/online/v1/payment/approve", body=requests.ConnectTimeout())
    with pytest.raises(NotSent):
        kakaopay.approve(PAYMENT, "good")


def test_a_refused_connection_is_not_sent():
    """Nobody listens on port 9: really tried."""
    gateway = KakaoPay("http://127.0.0.1:9", Credentials("k", "TC0ONETIME"), Timeouts(), no_journal)
    with pytest.raises(NotSent):
        gateway.approve(PAYMENT, "good")


def test_a_name_that_does_not_resolve_is_not_sent():
    """``.invalid`` never exists: really tried."""
    gateway = KakaoPay("http://pay.invalid", Credentials("k", "TC0ONETIME"), Timeouts(), no_journal)
    with pytest.raises(NotSent):
        gateway.approve(PAYMENT, "good")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("READY", State.WAITING),
        ("SEND_TMS", State.WAITING),
        ("OPEN_PAYMENT", State.WAITING),
        ("SELECT_METHOD", State.WAITING),
        ("ARS_WAITING", State.WAITING),
        ("AUTH_PASSWORD", State.WAITING),
        ("FAIL_AUTH_PASSWORD", State.FAILED),
        ("QUIT_PAYMENT", State.FAILED),
        ("FAIL_PAYMENT", State.FAILED),
    ],
)
def test_lookup_of_what_is_not_paid(kakaopay, provider, status, state):
    """Each status of the provider's list has one meaning."""
    unknown_yet = dict.fromkeys(("amount", "partner_order_id", "payment_method_type"))
    answer(provider, "order", FOUND | unknown_yet | {"status": status})
    assert kakaopay.lookup(PAYMENT) == Found(state, status)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("SUCCESS_PAYMENT", State.PAID),
        ("PART_CANCEL_PAYMENT", State.RETURNED),
        ("CANCEL_PAYMENT", State.RETURNED),
    ],
)
def test_lookup_of_what_was_paid(kakaopay, provider, status, state):
    """The approval's aid comes from the movements, also where they hold only five keys."""
    answer(provider, "order", FOUND | {"status": status})
    found = kakaopay.lookup(PAYMENT)
    assert (found.state, found.approved.aid) == (state, "A0a1b2c3d4e5f6071829")
    assert found.approved.paid == Paid("MONEY")


def test_a_status_nobody_told_us_of_is_unknown(kakaopay, provider):
    """A new status of theirs must not be mistaken for a failure."""
    answer(provider, "order", FOUND | {"status": "SOMETHING_NEW"})
    with pytest.raises(OutcomeUnknown):
        kakaopay.lookup(PAYMENT)
