"""Getting in, and opening a payment."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.sandbox.merchant import API, Merchant, refusal


def test_an_opened_payment_looks_like_kakaopays(merchant, kakaopay):
    """Ids, the three page addresses, the two schemes and the time have KakaoPay's shapes."""
    answer = merchant.send("ready", **merchant.goods())
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    opened = answer.json()
    page = r"/pg/one-time/payment/([0-9a-f]{64})"
    bridge = re.escape(kakaopay.url) + "/mockup/bridge/"
    hashes = {
        re.fullmatch(bridge + device + page, opened[f"next_redirect_{name}_url"])[1]
        for name, device in (("pc", "pc"), ("mobile", "mobile-web"), ("app", "mobile-app"))
    }
    assert len(hashes) == 1
    assert set(opened) == {
        "tid",
        "next_redirect_pc_url",
        "next_redirect_mobile_url",
        "next_redirect_app_url",
        "android_app_scheme",
        "ios_app_scheme",
        "created_at",
    }
    assert opened["ios_app_scheme"].startswith("kakaotalk://kakaopay/pg?url=http")
    assert re.fullmatch(r"T[0-9a-f]{19}", opened["tid"])
    seconds = int("6" + opened["tid"][1:8], 16)
    korean = datetime.fromtimestamp(seconds, UTC) + timedelta(hours=9)
    assert opened["created_at"] == korean.strftime("%Y-%m-%dT%H:%M:%S")


def test_integers_may_be_strings(merchant, kakaopay):
    """The official samples send integers as JSON strings: both are understood."""
    opened = merchant.ready(quantity="2", total_amount="5500", tax_free_amount="0")
    held = kakaopay.payment(opened["tid"])
    assert (held.quantity, held.total, held.status) == (2, 5500, "READY")


@pytest.mark.parametrize(
    ("total", "tax_free", "sent", "vat"),
    [
        (11000, 0, None, 1000),
        (100, 0, None, 9),
        (50, 0, None, 5),
        (49, 0, None, 4),
        (11000, 11000, None, 0),
        (12000, 1000, None, 1000),
        (11000, 0, 0, 0),
        (11000, 0, 777, 777),
    ],
)
def test_vat_is_worked_out_unless_it_is_sent(merchant, kakaopay, total, tax_free, sent, vat):
    """An omitted VAT is an eleventh of what is taxable, rounded; a sent one is kept."""
    opened = merchant.ready(total_amount=total, tax_free_amount=tax_free, vat_amount=sent)
    held = kakaopay.payment(opened["tid"])
    assert (held.total, held.tax_free, held.vat) == (total, tax_free, vat)


@pytest.mark.parametrize(
    "amounts",
    [
        {"tax_free_amount": 11001},
        {"vat_amount": 11001},
        {"tax_free_amount": 10001, "vat_amount": 1000},
        {"green_deposit": 11001},
    ],
)
def test_parts_must_fit_into_the_total(merchant, amounts):
    """Tax-free part, VAT and deposit that do not fit are wrong amount information."""
    assert refusal(merchant.send("ready", **merchant.goods(**amounts))) == (400, -722)


REQUIRED = [
    "cid",
    "partner_order_id",
    "partner_user_id",
    "item_name",
    "quantity",
    "total_amount",
    "tax_free_amount",
    "approval_url",
    "cancel_url",
    "fail_url",
]
BROKEN = [(field, None) for field in REQUIRED] + [
    ("cid", "TC0ONETIM"),
    ("cid_secret", "x" * 25),
    ("partner_order_id", ""),
    ("partner_order_id", "x" * 101),
    ("partner_user_id", "x" * 101),
    ("item_name", "x" * 101),
    ("item_code", "x" * 101),
    ("quantity", 0),
    ("quantity", "two"),
    ("quantity", 1.5),
    ("total_amount", 0),
    ("total_amount", -1),
    ("total_amount", 2**31),
    ("total_amount", True),
    ("total_amount", ""),
    ("tax_free_amount", -1),
    ("vat_amount", -1),
    ("green_deposit", -1),
    ("approval_url", "http://localhost/" + "x" * 239),
    ("approval_url", "/approve/"),
    ("cancel_url", "ftp://localhost/"),
    ("fail_url", "http://localhost:99999/"),
    ("available_cards", ["SHINHAN", "NOBODY"]),
    ("available_cards", "SHINHAN"),
    ("payment_method_type", "POINT"),
    ("install_month", 13),
    ("use_share_installment", "yes"),
    ("custom_json", {"a": ["b"]}),
]


@pytest.mark.parametrize(("field", "value"), BROKEN)
def test_a_broken_field_is_named(merchant, field, value):
    """A field that is missing, too long or out of range is refused by name."""
    answer = merchant.send("ready", **merchant.goods(**{field: value}))
    assert refusal(answer) == (400, -2)
    assert answer.json()["error_message"] == f"invalid param({field} has invalid value)"


def test_the_longest_values_are_taken(merchant, kakaopay):
    """Exactly 100 characters of ids and name, and 255 of an address, are allowed."""
    url = "http://localhost/" + "x" * 238
    ids = dict.fromkeys(("partner_order_id", "partner_user_id", "item_name"), "가" * 100)
    opened = merchant.ready(**ids, approval_url=url, cancel_url=url, fail_url=url)
    assert kakaopay.payment(opened["tid"]).item_name == "가" * 100


@pytest.mark.parametrize("body", [[], "text", 7, False])
def test_the_body_is_a_json_object(merchant, body):
    """JSON that is not an object is a bad parameter."""
    assert refusal(merchant.post("ready", body)) == (400, -2)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"cid":1e999, "item_name":"\\ud800"}'])
def test_a_body_that_cannot_be_used_is_a_bad_parameter(merchant, kakaopay, body):
    """Text that cannot be parsed, or not be stored, is refused and no crash."""
    headers = {"Authorization": merchant.key, "Content-Type": "application/json"}
    answer = requests.post(f"{kakaopay.url}{API}ready", data=body, headers=headers, timeout=30)
    assert refusal(answer) == (400, -2)


def test_a_form_is_not_understood(merchant, kakaopay):
    """The old API took forms; the new one fails on them."""
    answer = requests.post(
        f"{kakaopay.url}{API}ready",
        data=merchant.goods(cid="TC0ONETIME"),
        headers={"Authorization": merchant.key},
        timeout=30,
    )
    assert refusal(answer) == (500, -500)


@pytest.mark.parametrize(
    ("field", "shown"),
    [("approval_url", "approve_url"), ("cancel_url", "cancel_url"), ("fail_url", "fail_url")],
)
@pytest.mark.parametrize(
    "url", ["https://localhost/", "http://shop.example/", "http://localhost:80@evil.example/"]
)
def test_addresses_are_on_a_registered_site(merchant, field, shown, url):
    """Another host, another scheme or a disguised host is refused with KakaoPay's words."""
    answer = merchant.send("ready", **merchant.goods(**{field: url}))
    assert refusal(answer) == (400, -799)
    message = f"{shown}({url}) does not match registered website domain."
    assert answer.json()["error_message"] == message


@pytest.mark.parametrize("scheme", ["SECRET_KEY", "DEV_SECRET_KEY"])
def test_both_schemes_are_let_in(merchant, kakaopay, scheme):
    """A key may be announced as SECRET_KEY or, being a development key, DEV_SECRET_KEY."""
    merchant.key = f"{scheme} {kakaopay.secret_key}"
    assert len(kakaopay.secret_key) == 40
    assert merchant.send("ready", **merchant.goods()).status_code == 200


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (400, -400)),
        ("SECRET_KEY DEV" + "0" * 37, (401, -401)),
        ("SECRET_KEY", (401, -401)),
        ("KakaoAK {key}", (401, -401)),
        ("{key}", (401, -401)),
        ("SECRET_KEY {key} ", (200, None)),
    ],
)
def test_only_the_key_opens(merchant, kakaopay, header, expected):
    """No header, another key or another scheme: not let in, and nothing is opened."""
    goods = merchant.goods()
    key = header and header.format(key=kakaopay.secret_key)
    answer = merchant.post("ready", {"cid": "TC0ONETIME"} | goods, Authorization=key)
    assert (answer.status_code, answer.json().get("error_code")) == expected
    assert len(kakaopay.payments(goods["partner_order_id"])) == (expected[0] == 200)


def test_an_unknown_merchant_is_refused(kakaopay):
    """A cid of the right length that nobody has."""
    nobody = Merchant(kakaopay, "TC0NOBODY0")
    assert refusal(nobody.send("ready", **nobody.goods())) == (400, -731)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_answered(merchant, kakaopay, method):
    """There is no GET on any endpoint, not even to look a payment up."""
    for endpoint in ("ready", "approve", "order", "cancel", "subscription"):
        answer = requests.request(
            method,
            f"{kakaopay.url}{API}{endpoint}",
            headers={"Authorization": merchant.key},
            timeout=30,
        )
        assert refusal(answer) == (405, -404)


@pytest.mark.parametrize("endpoint", ["subscription/ready", "orders", "ready/", "confirm"])
def test_an_unknown_address_says_so(merchant, endpoint):
    """Paths that only look like the API's."""
    assert refusal(merchant.send(endpoint)) == (404, -404)


def test_one_order_may_be_asked_for_twice(merchant, kakaopay):
    """partner_order_id is not checked for being unique: two payments with two tids."""
    tids = [merchant.ready(partner_order_id="same-order-77")["tid"] for _ in range(2)]
    assert [held.tid for held in kakaopay.payments("same-order-77")] == tids[::-1]
