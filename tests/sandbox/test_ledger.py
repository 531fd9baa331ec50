"""What the sandbox shows of its books, and the refund by hand."""

import pytest
import requests

from tests.sandbox.merchant import refusal


def test_the_ledger_shows_payments_newest_first(merchant, kakaopay):
    """Each row has the order and the amount; the search finds by tid and by order."""
    for number in (1, 2):
        merchant.ready(partner_order_id=f"shown-{number}", total_amount=70000 + number)
    page = requests.get(f"{kakaopay.url}/", params={"q": "shown-"}, timeout=30).text
    assert page.index("70,002") < page.index("70,001")
    tid = kakaopay.payments("shown-1")[0].tid
    page = requests.get(f"{kakaopay.url}/", params={"q": tid}, timeout=30).text
    assert "70,001" in page
    assert "70,002" not in page


def test_the_ledger_has_pages(merchant, kakaopay):
    """Twenty-five payments a page, the rest on the next."""
    for _ in range(26):
        merchant.ready(partner_order_id="one-of-many")
    first = requests.get(f"{kakaopay.url}/?q=one-of-many", timeout=30).text
    second = requests.get(f"{kakaopay.url}/?q=one-of-many&page=2", timeout=30).text
    assert (first.count("/ledger/T"), second.count("/ledger/T")) == (25, 1)
    assert "1 / 2 · 26건" in first


def test_a_payment_shows_its_calls_without_secrets(merchant, kakaopay):
    """The calls about a tid are kept, but not the pg_token nor the key."""
    fields = merchant.agreed()
    merchant.send("approve", **fields, payload="note-77")
    page = requests.get(f"{kakaopay.url}/ledger/{fields['tid']}/", timeout=30).text
    assert "note-77" in page
    assert "***" in page
    assert fields["pg_token"] not in page
    assert kakaopay.secret_key not in page


def test_an_unknown_payment_has_no_page(kakaopay):
    """No such tid: a page that says so, an empty list, and LookupError."""
    tid = "T" + "0" * 19
    assert requests.get(f"{kakaopay.url}/ledger/{tid}/", timeout=30).status_code == 404
    answer = requests.get(f"{kakaopay.url}/ledger.json", params={"tid": tid}, timeout=30)
    assert answer.json() == {"payments": []}
    assert requests.get(f"{kakaopay.url}/ledger.json", timeout=30).status_code == 400
    with pytest.raises(LookupError):
        kakaopay.payment(tid)


@pytest.mark.parametrize(
    ("amount", "tax_free", "vat", "status"),
    [
        ("12000", 1000, 1000, "CANCEL_PAYMENT"),
        ("5500", 0, 500, "PART_CANCEL_PAYMENT"),
        ("11500", 500, 1000, "PART_CANCEL_PAYMENT"),
    ],
)
def test_money_can_go_back_from_the_console(merchant, kakaopay, amount, tax_free, vat, status):
    """A refund by hand is booked like any cancel, marked with who did it."""
    tid = merchant.paid(total_amount=12000, tax_free_amount=1000)["tid"]
    url = f"{kakaopay.url}/ledger/{tid}/refund/"
    assert requests.post(url, data={"amount": amount}, timeout=30).status_code == 200
    held = kakaopay.payment(tid)
    refund = held.actions[-1]
    assert (refund.type, refund.by, held.status) == ("CANCEL", "CONSOLE", status)
    assert (refund.amount, refund.tax_free, refund.vat) == (int(amount), tax_free, vat)
    details = merchant.send("order", tid=tid).json()["payment_action_details"]
    assert [detail["aid"] for detail in details] == [action.aid for action in held.actions]


@pytest.mark.parametrize("amount", ["0", "-1", "11001", "all", "", "1.5", "١"])
def test_a_wrong_refund_by_hand_is_refused(merchant, kakaopay, amount):
    """More than is left, or no amount at all: the page says no and nothing moves."""
    tid = merchant.paid()["tid"]
    url = f"{kakaopay.url}/ledger/{tid}/refund/"
    answer = requests.post(url, data={"amount": amount}, timeout=30)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert kakaopay.payment(tid).canceled_total == 0


def test_a_refund_by_hand_counts_against_later_cancels(merchant, kakaopay):
    """What the merchant believes is available is out of date afterwards."""
    tid = merchant.paid()["tid"]
    requests.post(f"{kakaopay.url}/ledger/{tid}/refund/", data={"amount": "1000"}, timeout=30)
    cancel = {"tid": tid, "cancel_amount": 1000, "cancel_tax_free_amount": 0}
    assert refusal(merchant.send("cancel", **cancel, cancel_available_amount=11000)) == (400, -722)
    assert merchant.send("cancel", **cancel, cancel_available_amount=10000).status_code == 200
