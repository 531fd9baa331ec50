"""KakaoPay takes every amount that the shop works out, and gives it back line by line."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import assume, given, settings

from orders.pricing import FREE, MOST, Item, Quote, quote
from tests.orders.test_pricing_properties import CARTS, PURCHASES, many
from tests.sandbox.merchant import API, Merchant, refusal

some = settings(many, max_examples=max(1, CARTS // 20))
pytestmark = pytest.mark.timeout(0)


@pytest.fixture
def ask(merchant: Merchant) -> Callable[..., requests.Response]:
    """Sends fields to an endpoint over one connection that is kept open."""

    def send(endpoint: str, **fields: Any) -> requests.Response:
        return merchant.kakaopay.http.post(
            merchant.kakaopay.url + API + endpoint,
            json={"cid": merchant.cid} | fields,
            headers={"Authorization": merchant.key},
            timeout=30,
        )

    return send


def payable(purchase: dict[str, Any]) -> Quote:
    """The quote, if there is something to pay and no more than can be ordered at once."""
    quoted = quote(**purchase)
    assume(0 < quoted.total <= MOST)
    return quoted


def amounts(quoted: Quote) -> dict[str, int]:
    """As the adapter sends them."""
    return {
        "quantity": sum(item.quantity for item in quoted.items),
        "total_amount": quoted.total,
        "tax_free_amount": quoted.tax_free,
        "vat_amount": quoted.vat,
    }


def held(answer: requests.Response, name: str = "amount") -> tuple[int, int, int]:
    """Total, tax-free part and VAT that KakaoPay tells under ``name``."""
    told = answer.json()[name]
    return told["total"], told["tax_free"], told["vat"]


def test_every_quote_is_accepted(merchant, ask):
    """``ready`` answers 200 to each of them, its tax-free part and VAT sent as they are."""
    accepted = set()

    @many
    @given(PURCHASES)
    def announce(purchase):
        quoted = payable(purchase)
        answer = ask("ready", **merchant.goods(**amounts(quoted)))
        assert answer.status_code == 200, answer.text
        accepted.add(answer.json()["tid"])

    announce()
    assert len(accepted) >= CARTS


@some
@given(PURCHASES)
def test_kakaopay_works_out_the_same_vat(merchant, ask, purchase):
    """Where no VAT is sent, KakaoPay's own is ours."""
    quoted = payable(purchase)
    sent = merchant.goods(**amounts(quoted))
    del sent["vat_amount"]
    opened = ask("ready", **sent).json()
    told = ask("order", tid=opened["tid"])
    assert held(told) == (quoted.total, quoted.tax_free, quoted.vat)


@some
@given(PURCHASES)
def test_every_share_can_be_given_back(merchant, ask, purchase):
    """Line after line, and the delivery fee: each with its tax-free part and VAT, down to 0."""
    quoted = payable(purchase)
    tid = merchant.paid(**amounts(quoted))["tid"]
    left = quoted.total
    for each in quoted.shares:
        if each.total:
            canceled = ask(
                "cancel",
                tid=tid,
                cancel_amount=each.total,
                cancel_tax_free_amount=each.total if each.is_tax_free else 0,
                cancel_vat_amount=each.vat,
                cancel_available_amount=left,
            )
            assert canceled.status_code == 200, canceled.text
            left -= each.total
    assert held(canceled, "canceled_amount") == (quoted.total, quoted.tax_free, quoted.vat)
    assert held(canceled, "cancel_available_amount") == (0, 0, 0)
    assert canceled.json()["status"] == "CANCEL_PAYMENT"


def test_the_most_that_can_be_announced(merchant):
    """KakaoPay takes a total of MOST, and not a won more."""
    most, more = (quote([Item(1, won, 1, False)], delivery=FREE) for won in (MOST, MOST + 1))
    assert merchant.send("ready", **merchant.goods(**amounts(most))).status_code == 200
    assert refusal(merchant.send("ready", **merchant.goods(**amounts(more)))) == (400, -2)
