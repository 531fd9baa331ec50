"""Answers that are cut, slow, too long, or lie: what a client gets, and what the books say."""

import time
from http.client import HTTPResponse, IncompleteRead

import pytest
import requests

from tests.sandbox.merchant import API

MOMENTS = [("before", 0), ("after", 1)]


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_truncated_answer_promises_more_than_comes(merchant, kakaopay, when, moved):
    """HTTP 200 and half of the bytes that Content-Length names; then the connection closes."""
    fields = merchant.agreed()
    kakaopay.fault("approve", **{when: "truncated"})
    with requests.post(
        f"{kakaopay.url}{API}approve",
        json={"cid": merchant.cid} | fields,
        headers={"Authorization": merchant.key},
        stream=True,
        timeout=30,
    ) as answer:
        response: HTTPResponse = answer.raw._fp
        with pytest.raises(IncompleteRead) as broken:
            response.read()
    assert answer.status_code == 200
    promised = int(answer.headers["Content-Length"])
    assert len(broken.value.partial) == promised // 2
    assert broken.value.partial.startswith(b'{"tid": "')
    assert len(kakaopay.payment(fields["tid"]).actions) == moved


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_trickling_answer_is_right_but_slow(merchant, kakaopay, when, moved):
    """Byte by byte, spread over the seconds asked for, and never so idle that a read times out."""
    fields = merchant.agreed()
    kakaopay.fault("approve", **{when: "trickle:1.5"})
    begun = time.monotonic()
    answer = requests.post(
        f"{kakaopay.url}{API}approve",
        json={"cid": merchant.cid} | fields,
        headers={"Authorization": merchant.key},
        timeout=1,
    )
    assert 1.4 < time.monotonic() - begun < 5
    assert answer.json()["amount"]["total"] == 11000
    assert len(kakaopay.payment(fields["tid"]).actions) == moved


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_huge_answer_is_the_right_one_padded(merchant, kakaopay, when, moved):
    """64 MB of JSON that says what the right answer says; its length is not announced."""
    fields = merchant.agreed()
    kakaopay.fault("approve", **{when: "huge"})
    answer = merchant.send("approve", **fields)
    assert 64 * 1024 * 1024 < len(answer.content) < 65 * 1024 * 1024
    assert "Content-Length" not in answer.headers
    assert answer.json()["tid"] == fields["tid"]
    assert len(kakaopay.payment(fields["tid"]).actions) == moved


def test_plain_text_and_nothing_at_all_are_sent_as_200(merchant, kakaopay):
    """What a proxy in between may answer with."""
    tid = merchant.ready()["tid"]
    kakaopay.fault("order", before="not_json")
    answer = merchant.send("order", tid=tid)
    assert (answer.status_code, answer.headers["Content-Type"], answer.text) == (
        200,
        "text/plain",
        "OK",
    )
    kakaopay.fault("order", before="empty")
    answer = merchant.send("order", tid=tid)
    assert (answer.status_code, answer.headers["Content-Length"], answer.text) == (200, "0", "")


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_redirection_leads_to_where_it_looks_paid(merchant, kakaopay, when, moved):
    """A client that follows reads an approval of its own payment, whatever the books say."""
    fields = merchant.agreed()
    kakaopay.fault("approve", **{when: "redirect"})
    url = f"{kakaopay.url}{API}approve"
    body, headers = {"cid": merchant.cid} | fields, {"Authorization": merchant.key}
    answer = requests.post(url, json=body, headers=headers, timeout=30, allow_redirects=False)
    assert (answer.status_code, answer.text) == (302, "")
    followed = requests.get(kakaopay.url + answer.headers["Location"], timeout=30)
    assert followed.status_code == 200
    told = followed.json()
    assert (told["tid"], told["partner_order_id"]) == (fields["tid"], fields["partner_order_id"])
    assert (told["amount"]["total"], told["aid"][0]) == (11000, "A")
    assert len(kakaopay.payment(fields["tid"]).actions) == moved
    page = requests.get(f"{kakaopay.url}/ledger/{fields['tid']}/", timeout=30).text
    assert "<b>elsewhere</b>" in page


def test_a_redirected_order_looks_paid_too(merchant, kakaopay):
    """A payment that still waits is told as paid, with an approval of its whole amount."""
    tid = merchant.agreed()["tid"]
    kakaopay.fault("order", after="redirect")
    told = merchant.send("order", tid=tid).json()  # this client follows
    [detail] = told["payment_action_details"]
    assert (told["status"], detail["payment_action_type"], detail["amount"]) == (
        "SUCCESS_PAYMENT",
        "PAYMENT",
        11000,
    )
    assert kakaopay.payment(tid).status == "AUTH_PASSWORD"


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_wrong_amount_is_a_thousand_won_more(merchant, kakaopay, when, moved):
    """Only the totals lie, of the payment and of the cancel; the books hold the right ones."""
    tid = merchant.paid()["tid"]
    kakaopay.fault("cancel", **{when: "wrong_amount"})
    told = merchant.send("cancel", tid=tid, cancel_amount=2200, cancel_tax_free_amount=0).json()
    assert told["amount"]["total"] == 12000
    assert (told["approved_cancel_amount"]["total"], told["approved_cancel_amount"]["vat"]) == (
        3200,
        200,
    )
    assert told["cancel_available_amount"]["total"] == 8800
    assert kakaopay.payment(tid).canceled_total == 2200 * moved


@pytest.mark.parametrize(("when", "moved"), MOMENTS)
def test_a_wrong_tid_is_that_of_no_payment(merchant, kakaopay, when, moved):
    """Everything else is right."""
    fields = merchant.agreed()
    kakaopay.fault("approve", **{when: "wrong_tid"})
    told = merchant.send("approve", **fields).json()
    assert told["tid"] != fields["tid"]
    assert len(told["tid"]) == 20
    assert told["partner_order_id"] == fields["partner_order_id"]
    with pytest.raises(LookupError):
        kakaopay.payment(told["tid"])
    assert len(kakaopay.payment(fields["tid"]).actions) == moved


@pytest.mark.parametrize("kind", ["garbled", "truncated", "huge", "redirect", "wrong_tid"])
def test_a_refused_call_is_refused_all_the_same(merchant, kakaopay, kind):
    """A fault "before" that alters the right answer finds none to alter."""
    kakaopay.fault("approve", before=kind)
    answer = merchant.send("approve", **merchant.agreed() | {"pg_token": "x"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, -708)


def test_pretending_writes_nothing_down(merchant, kakaopay):
    """A decline that is only pretended does not end the payment."""
    fields = merchant.agreed(payer={"decline": "3538"})
    kakaopay.fault("approve", before="garbled")
    assert merchant.send("approve", **fields).json()["error_code"] == -780
    assert kakaopay.payment(fields["tid"]).status == "AUTH_PASSWORD"
