"""The outcome table, row by row: what each answer, and each lack of one, is taken for."""

import re
import socket
import ssl
from pathlib import Path

import pytest
import requests
import responses
import urllib3

from checkout.gateways.base import Declined, LeftOpen, NotSent, OutcomeUnknown, Why
from checkout.gateways.kakaopay import Timeouts
from checkout.gateways.kakaopay_codes import CODES, OPEN_REASONS, Failure, Outcome
from tests.checkout.adapter import API, APPROVED, FOUND, PAYMENT, answer, make_adapter, trickling

APPROVE = f"{API}/online/v1/payment/approve"


@pytest.fixture
def provider():
    with responses.RequestsMock() as mock:
        yield mock


def codes(outcome):
    return sorted(code for code, meaning in CODES.items() if meaning.outcome == outcome)


@pytest.mark.parametrize("code", codes(Outcome.DECLINED))
def test_a_code_that_is_a_definite_no(provider, code):
    """Declined, with the code kept, and whom it is about."""
    answer(provider, "approve", {"error_code": code, "error_message": "no"}, status=400)
    expected = Declined(str(code), "no", is_not_known=code == -721, why=CODES[code].why)
    assert make_adapter().approve(PAYMENT, "good") == expected


def test_whom_a_refusal_is_about():
    """The buyer is held to account for nothing that only the shop can mend."""
    payers = [code for code in codes(Outcome.DECLINED) if CODES[code].why == Why.PAYER]
    assert payers == [-782, -781, -780, -761, -723, -708, -705, -701, -4]
    others = {
        code: meaning.why
        for code, meaning in CODES.items()
        if meaning.outcome == Outcome.DECLINED and meaning.why not in {Why.PAYER, Why.SHOP}
    }
    assert others == {
        -750: Why.OTHER_BUYER,
        -751: Why.ENDED,
        -752: Why.USED_UP,
        -753: Why.OTHER_BUYER,
    }


@pytest.mark.parametrize("code", codes(Outcome.UNKNOWN))
def test_a_code_that_leaves_it_open(provider, code):
    """Not a no: the books are to be asked."""
    answer(provider, "approve", {"error_code": code}, status=400)
    with pytest.raises(LeftOpen):
        make_adapter().approve(PAYMENT, "good")


@pytest.mark.parametrize("code", [-780, -781, -782])
@pytest.mark.parametrize("reason", sorted(OPEN_REASONS))
def test_a_reason_that_leaves_a_refusal_open(provider, code, reason):
    """The method refused, for a reason that does not prove that nothing happened."""
    body = {"error_code": code, "extras": {"method_result_code": reason}}
    answer(provider, "approve", body, status=400)
    with pytest.raises(LeftOpen):
        make_adapter().approve(PAYMENT, "good")


@pytest.mark.parametrize("code", codes(Outcome.DECLINED))
def test_no_code_counts_in_a_server_error(provider, code):
    """A gateway that is in trouble may say anything."""
    answer(provider, "approve", {"error_code": code}, status=502)
    with pytest.raises(OutcomeUnknown):
        make_adapter().approve(PAYMENT, "good")


def refused_certificate():
    """What requests raises where the certificate is not trusted."""
    pool = urllib3.HTTPSConnectionPool("pay.example")
    broken = urllib3.exceptions.SSLError(ssl.SSLError("CERTIFICATE_VERIFY_FAILED"))
    cause = urllib3.exceptions.MaxRetryError(pool, "/", broken)
    return requests.exceptions.SSLError(cause)


CANNED = {
    Failure.CONNECT_TIMEOUT: {"body": requests.ConnectTimeout()},
    Failure.BAD_CERTIFICATE: {"body": refused_certificate()},
    Failure.READ_TIMEOUT: {"body": requests.ReadTimeout()},
    Failure.DROPPED: {"body": requests.ConnectionError("Connection aborted.")},
    Failure.TOO_LONG: {"body": b"9" * 300_000},
    Failure.REDIRECT: {"json": APPROVED, "status": 302},
    Failure.NOT_JSON: {"body": b"<html>"},
    Failure.INCOMPLETE: {"json": APPROVED | {"aid": None}},
    Failure.OTHER_PAYMENT: {"json": APPROVED | {"tid": "T" + "0" * 19}},
    Failure.OTHER_AMOUNT: {"json": APPROVED | {"amount": {"total": 10_999}}},
    Failure.SERVER_ERROR: {"json": {"error_code": -500}, "status": 500},
    Failure.NEW_CODE: {"json": {"error_code": -99999}, "status": 400},
}
REALLY_TRIED = {
    Failure.NO_CONNECTION: "http://127.0.0.1:9",
    Failure.NO_SUCH_HOST: "http://pay.invalid",
    Failure.BAD_ADDRESS: "http://",
}
ELSEWHERE = {
    *(Failure.BROKEN_OFF, Failure.TOO_SLOW, Failure.NEW_STATUS),
    *(Failure.NO_RECURRING_CID, Failure.OTHER_AGREEMENT),  # in test_kakaopay_recurring
}
KINDS = {Outcome.NEVER_SENT: NotSent, Outcome.UNKNOWN: OutcomeUnknown}


def test_every_row_has_a_test():
    """A failure that is added to the table must be added here."""
    assert set(CANNED) | set(REALLY_TRIED) | ELSEWHERE == set(Failure)


def expect(failure):
    """The exception that the table says, telling what the table says."""
    outcome, told, _ = failure.meaning
    return pytest.raises(KINDS[outcome], match=re.escape(told))


@pytest.mark.parametrize("failure", CANNED, ids=lambda failure: failure.name)
def test_a_failure(provider, failure):
    """What was never sent cannot have happened; what was sent may have."""
    provider.post(APPROVE, **CANNED[failure])
    with expect(failure):
        make_adapter().approve(PAYMENT, "good")


@pytest.mark.parametrize("failure", REALLY_TRIED, ids=lambda failure: failure.name)
def test_a_connection_that_is_really_tried(failure):
    """Nobody listens on port 9, and ``.invalid`` never exists."""
    with expect(failure):
        make_adapter(REALLY_TRIED[failure]).approve(PAYMENT, "good")


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b'{"aid":', b"\xff\xfe", b'{"aid": "A\\u0000"}'], ids=repr
)
def test_a_body_that_is_no_answer(provider, body):
    """Empty, not an object, truncated, not text, not to be kept in PostgreSQL."""
    provider.post(APPROVE, body=body)
    with expect(Failure.NOT_JSON):
        make_adapter().approve(PAYMENT, "good")


@pytest.mark.parametrize(
    "wrong",
    [
        {"partner_order_id": "another"},
        {"partner_user_id": "another"},
        {"amount": None},
        {"aid": "A" * 41},
    ],
    ids=repr,
)
def test_an_answer_about_something_else(provider, wrong):
    """Another payment or another amount tells nothing about ours."""
    answer(provider, "approve", APPROVED | wrong)
    with pytest.raises(OutcomeUnknown):
        make_adapter().approve(PAYMENT, "good")


@pytest.mark.parametrize(
    ("status", "body"), [(400, {"error_code": "-708"}), (400, {}), (404, {"error_code": None})]
)
def test_an_error_without_a_code(provider, status, body):
    """Not KakaoPay's own error, or not one that we can read."""
    answer(provider, "approve", body, status=status)
    with expect(Failure.NEW_CODE):
        make_adapter().approve(PAYMENT, "good")


def test_an_answer_that_trickles():
    """A byte now and then keeps the connection alive, but not beyond our patience."""
    canned = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b" " * 9000
    with trickling(canned) as url, expect(Failure.TOO_SLOW):
        make_adapter(url, Timeouts(0.5, 0.5)).approve(PAYMENT, "good")


def test_an_answer_that_breaks_off():
    """Fewer bytes than were promised."""
    canned = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{"
    with trickling(canned) as url, expect(Failure.BROKEN_OFF):
        make_adapter(url).approve(PAYMENT, "good")


def test_a_connect_that_is_never_answered():
    """A full backlog: the connection does not come about in time, really tried."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        with expect(Failure.CONNECT_TIMEOUT):
            url = f"http://127.0.0.1:{address[1]}"
            make_adapter(url, Timeouts(0.3, 0.3)).approve(PAYMENT, "good")
        for each in waiting:
            each.close()


def test_a_status_nobody_told_us_of(provider):
    """A new status of theirs must not be mistaken for a failure."""
    answer(provider, "order", FOUND | {"status": "SOMETHING_NEW"})
    with expect(Failure.NEW_STATUS):
        make_adapter().lookup(PAYMENT)


def about(meaning):
    return meaning.why.value if meaning.outcome == Outcome.DECLINED else "—"


def test_the_page_in_the_docs_is_this_table():
    """``docs/outcomes.md`` has every row, in the table's words, and no other."""
    page = Path("docs/outcomes.md").read_text()
    rows = [
        f"| −{-code} | {meaning.outcome.value} | {about(meaning)} | {meaning.text} |"
        for code, meaning in CODES.items()
    ]
    rows += [f"| `{reason}` | unknown | {text} |" for reason, text in OPEN_REASONS.items()]
    rows += [f"| {f.meaning.outcome.value} | {f.meaning.text} |" for f in Failure]
    assert [line for line in page.splitlines() if re.match(r"\| [−`nu]", line)] == rows
