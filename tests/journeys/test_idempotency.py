"""A hundred programs with one ``Idempotency-Key``, on a shop of four processes."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from tests.live import LiveShop, live_shop, web_server

CONTACT = {"name": "김하나", "phone": "010-1234-5678", "email": "hana@example.com"}
PROGRAMS = 100


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    """With more than one process: what they know of each other stands in the database."""
    with live_shop(tmp_path_factory.mktemp("busy"), RATE_LIMIT_READY="10000") as running:
        running.web.stop()
        args = web_server(running.url)
        args[args.index("--workers") + 1] = "4"
        running.web.args = args
        running.web.start()
        yield running


@pytest.fixture
def headers(shop: LiveShop) -> dict[str, str]:
    """The token of a new account with two notebooks in its cart."""
    email = f"{uuid4().hex[:12]}@example.com"
    body = {"email": email, "password": "open-sesame-2"}
    answer = requests.post(f"{shop.url}/_allauth/app/v1/auth/signup", json=body, timeout=30)
    token = {"X-Session-Token": answer.json()["meta"]["session_token"]}
    wanted = {"product": "drip-coffee-class", "quantity": 2}
    added = requests.post(f"{shop.url}/api/v1/cart/items/", json=wanted, headers=token, timeout=30)
    assert added.status_code == 201, added.text
    return token


def ready(shop: LiveShop, headers: dict[str, str], **more: object) -> requests.Response:
    total = requests.get(f"{shop.url}/api/v1/cart/", headers=headers, timeout=60).json()["quote"]
    body = {"contact": CONTACT, "expected_total": total["total"]} | more
    return requests.post(
        f"{shop.url}/api/v1/checkout/ready/", json=body, headers=headers, timeout=60
    )


def orders_of(shop: LiveShop, headers: dict[str, str]) -> list[dict]:
    answer = requests.get(f"{shop.url}/api/v1/orders/", headers=headers, timeout=30)
    return answer.json()["results"]


def at_once(calls: list) -> list[requests.Response]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


def test_a_hundred_at_once_make_one_order(shop, headers):
    """
    One order with one payment, at KakaoPay too; everybody gets the same answer, or is told to come
    again, and then gets it.
    """
    keyed = headers | {"Idempotency-Key": str(uuid4())}
    answers = at_once([lambda: ready(shop, keyed)] * PROGRAMS)
    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) <= {201, 409}
    assert codes[201] >= 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "request_in_progress"
            assert answer.headers["Retry-After"] == "1"
    again = ready(shop, keyed)
    said = {answer.text for answer in answers if answer.status_code == 201} | {again.text}
    assert len(said) == 1
    (order,) = orders_of(shop, headers)
    assert len(order["transactions"]) == 1
    assert len(shop.kakaopay.payments(order["number"])) == 1


def test_a_hundred_different_bodies(shop, headers):
    """One is ordered; the others are 422, or told to come again, and 422 then."""
    keyed = headers | {"Idempotency-Key": str(uuid4())}
    names = [f"김하나 {number}" for number in range(PROGRAMS)]
    answers = at_once(
        [lambda name=name: ready(shop, keyed, contact=CONTACT | {"name": name}) for name in names]
    )
    codes = Counter(answer.status_code for answer in answers)
    assert codes[201] == 1
    assert set(codes) <= {201, 409, 422}
    won = [answer.status_code for answer in answers].index(201)
    again = [
        ready(shop, keyed, contact=CONTACT | {"name": name})
        for number, name in enumerate(names)
        if number != won
    ][:10]
    assert {(each.status_code, each.json()["code"]) for each in again} == {
        (422, "idempotency_key_reused")
    }
    (order,) = orders_of(shop, headers)
    assert order["contact"]["name"] == names[won]


def test_a_hundred_keys(shop, headers):
    """Every one is a request of its own; the cart still has one order that waits."""
    answers = at_once(
        [lambda: ready(shop, headers | {"Idempotency-Key": str(uuid4())})] * (PROGRAMS // 5)
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len(orders_of(shop, headers)) == 1


def test_guesses_are_counted_across_processes(shop, headers):
    """Twenty codes that do not exist, wherever each arrives; the rest are told to wait."""
    quote = f"{shop.url}/api/v1/checkout/quote/"
    calls = [
        lambda number=number: requests.post(
            quote, json={"coupon_code": f"GUESS{number}"}, headers=headers, timeout=60
        )
        for number in range(40)
    ]
    codes = Counter(answer.status_code for answer in at_once(calls))
    assert codes == {200: 20, 429: 20}


def test_signing_in_is_counted_across_processes(shop: LiveShop, tmp_path: Path):
    """Five wrong passwords for one address, wherever each arrives."""
    where = f"{shop.url}/_allauth/app/v1/auth/login"
    body = {"email": "shopper@example.com", "password": "wrong"}
    answers = at_once([lambda: requests.post(where, json=body, timeout=60)] * 9)
    codes = Counter(answer.status_code for answer in answers)
    assert codes == {400: 5, 429: 4}
    assert {each.headers["Retry-After"] for each in answers if each.status_code == 429} == {"300"}
