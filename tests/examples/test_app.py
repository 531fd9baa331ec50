"""The wiring of an app's web view: ``examples/app/payment.js`` in a real Chromium."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page

from orders.models import Order, PaymentTransaction
from tests.browser.conftest import chromium  # noqa: F401
from tests.live import LiveShop, live_shop
from tests.processes import ROOT

pytestmark = pytest.mark.browser

APP = ROOT / "examples" / "app"
SCHEME = "examplestore"
PATIENCE = 30  # seconds
NUMBER = "20261121-7KQ4MX9T"
HERE = {
    "shop": "https://shop.example.com",
    "provider": "http://localhost:8001/mockup/bridge/mobile-app/pg/one-time/payment/ab",
    "scheme": SCHEME,
}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Tests print nothing."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """``examples/app`` on a server of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(APP))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join(PATIENCE)


@pytest.fixture(scope="module")
def page(chromium: Browser, origin: str) -> Iterator[Page]:  # noqa: F811
    """A page that has loaded ``payment.js`` as ``payment``."""
    context = chromium.new_context()
    yield loaded(context.new_page(), origin)
    context.close()


def loaded(page: Page, origin: str) -> Page:
    page.goto(f"{origin}/")
    page.evaluate("async () => { globalThis.payment = await import('/payment.js') }")
    return page


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, origin: str) -> Iterator[LiveShop]:
    settings = {"CLIENT_ORIGINS": origin, "CLIENT_APP_SCHEMES": SCHEME}
    with live_shop(tmp_path_factory.mktemp("shop"), **settings) as running:
        yield running


# -- where an address is opened --

INSIDE = [
    "https://online-payment.kakaopay.com/mockup/bridge/mobile-app/pg/one-time/payment/ab",
    "https://online-pay.kakaopay.com/pay/mockup/ab?x=1#top",
    "https://kakaopay.com",
    "https://KakaoPay.com/",
    "https://online-pay.kakaopay.com:443/",
    "https://shop.example.com/checkout/approve/abc/?pg_token=1",
    "https://shop.example.com:443/",
    "http://localhost:8001/mockup/bridge/mobile-app/pg/one-time/payment/ab/method",
    "about:blank",
]
OUTSIDE = [
    "kakaotalk://kakaopay/pg?url=https://online-pay.kakaopay.com/pay/mockup/ab",
    "KakaoTalk://kakaopay/pg",
    "market://details?id=com.kakao.talk",
    "itms-apps://apps.apple.com/app/id1",
    "itms-appss://apps.apple.com/app/id1",
    "ispmobile://TID=1",
    "intent://kakaopay/pg?url=x#Intent;scheme=kakaotalk;package=com.kakao.talk;end",
    "https://kakaopay.com.evil.example/",
    "https://evilkakaopay.com/",
    "https://kakaopay.com.",
    "https://online-pay.kakaopay.com:8443/",
    "http://online-pay.kakaopay.com/",
    "http://shop.example.com/",
    "https://shop.example.com:8443/",
    "https://shop.example.com.evil.example/",
    "https://evil.example/https://online-pay.kakaopay.com/",
    "https://evil.example/?@kakaopay.com",
    "http://localhost:8002/",
]
BACK = [
    f"{SCHEME}://paid?order_number={NUMBER}&status=PAID",
    f"{SCHEME}://",
]
NOWHERE = [
    "",
    "javascript:alert(1)",
    "JavaScript:alert(1)//kakaotalk://",
    "data:text/html,<script>1</script>",
    "file:///etc/hosts",
    "content://com.android.contacts/",
    "blob:https://online-pay.kakaopay.com/1",
    "about:config",
    "tel:1644-7108",
    "kakaotalkx://kakaopay/pg",
    "xkakaotalk://kakaopay/pg",
    "kakaotalk",
    " kakaotalk://kakaopay/pg",
    "kakaotalk://kakaopay/pg\njavascript:alert(1)",
    f"{SCHEME}:paid",
    f"{SCHEME}x://paid",
    f"x{SCHEME}://paid",
    f"{SCHEME.upper()}://paid",
    f"{SCHEME}://paid\u0000",
    "https://online-pay.kakaopay.com@evil.example/",
    "https://user:word@online-pay.kakaopay.com/",
    "https://evil.example\\.kakaopay.com/",
    "https://evil.example\\@online-pay.kakaopay.com/",
    "https:online-pay.kakaopay.com",
    "https:///online-pay.kakaopay.com",
    "https://evil.example%2f.kakaopay.com/",
    "https://카카오.kakaopay.com/",
    "https://online-pay.kakaopay.com:x/",
    "//online-pay.kakaopay.com/",
    "intent:",
    "intent://x",
    "intent://kakaopay/pg#Intent;scheme=file;end",
    "intent://kakaopay/pg#Intent;scheme=javascript;package=com.kakao.talk;end",
    "intent://evil.example/#Intent;scheme=https;component=com.bank/.Transfer;end",
    "intent:#Intent;component=com.example.store/.Secret;end",
]


@pytest.mark.parametrize(
    ("where", "url"),
    [
        (where, url)
        for where, urls in [
            ("inside", INSIDE),
            ("outside", OUTSIDE),
            ("back", BACK),
            ("nowhere", NOWHERE),
        ]
        for url in urls
    ],
)
def test_where_an_address_is_opened(page: Page, where: str, url: str):
    """Look-alikes of hosts and schemes are not let in; what is not understood is not opened."""
    assert page.evaluate("([url, here]) => payment.whereTo(url, here)", [url, HERE]) == where


def test_without_a_scheme_nothing_leads_back(page: Page):
    """Where the app has none, or before a payment is begun, empty words match nothing."""
    urls = ["://paid", ":paid", "undefined://paid", "https://", "http:///"]
    ask = "urls => urls.map(url => payment.whereTo(url, {shop: 'https://shop.example.com'}))"
    assert page.evaluate(ask, urls) == ["nowhere"] * 5


FALLBACK = "S.browser_fallback_url"


@pytest.mark.parametrize(
    ("intent", "addresses"),
    [
        (
            "//kakaopay/pg?url=a;b#Intent;scheme=kakaotalk;package=com.kakao.talk;end",
            ["kakaotalk://kakaopay/pg?url=a;b", "market://details?id=com.kakao.talk"],
        ),
        (
            "kakaotalk://kakaopay/pg#Intent;package=com.kakao.talk;end;",
            ["kakaotalk://kakaopay/pg", "market://details?id=com.kakao.talk"],
        ),
        (
            f"//pg#Intent;scheme=kakaotalk;{FALLBACK}=https%3A%2F%2Fwww.kakaopay.com%2Fa%3Fb%3D1;end",
            ["kakaotalk://pg", "https://www.kakaopay.com/a?b=1"],
        ),
        (
            f"//pg#Intent;scheme=kakaotalk;{FALLBACK}=javascript%3Aalert(1);package=a b;end",
            [],  # an address has no blank
        ),
        (
            f"//pg#Intent;scheme=kakaotalk;{FALLBACK}=javascript%3Aalert(1);package=a&id=b;end",
            ["kakaotalk://pg"],
        ),
        (f"//pg#Intent;scheme=kakaotalk;{FALLBACK}=%E0%A4%A;end", ["kakaotalk://pg"]),
        (f"//pg#Intent;scheme=kakaotalk;{FALLBACK}=http%3A%2F%2Fa.example;end", ["kakaotalk://pg"]),
        ("//pg#Intent;scheme=kakaotalk;component=com.bank/.Transfer;end", ["kakaotalk://pg"]),
        ("//pg#Intent;scheme=intent;end", []),
        ("intent://pg#Intent;scheme=kakaotalk;end", ["kakaotalk:intent://pg"]),
    ],
)
def test_an_intent_is_taken_apart(page: Page, intent: str, addresses: list[str]):
    """The app that it names, then its page, then the store; nothing else of it is heeded."""
    found = page.evaluate("url => payment.outsideAddresses(url)", f"intent:{intent}")
    assert found == addresses
    assert not [each for each in found if each.startswith("intent:")]


# -- the deep link --


@pytest.mark.parametrize("status", Order.Status.values)
@pytest.mark.parametrize("before", ["paid?", "?", "a/b?from=cart&"])
def test_a_deep_link_says_which_order(page: Page, before: str, status: str):
    """For every status that the shop knows, with whatever the return_url had."""
    url = f"{SCHEME}://{before}order_number={NUMBER}&status={status}"
    assert from_deep_link(page, url) == {"orderNumber": NUMBER, "status": status}


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"{SCHEME}://paid",
        f"{SCHEME}://paid?order_number={NUMBER}",
        f"{SCHEME}://paid?status=PAID",
        f"{SCHEME}://paid?order_number={NUMBER}&status=SUCCEEDED",
        f"{SCHEME}://paid?order_number={NUMBER}&status=PAID&status=CANCELED",
        f"{SCHEME}://paid?order_number={NUMBER}&order_number={NUMBER}&status=PAID",
        f"{SCHEME}://paid?order_number={NUMBER}&status=PAID#",
        f"{SCHEME}://paid#?order_number={NUMBER}&status=PAID",
        f"{SCHEME}://paid?order_number={NUMBER}/../&status=PAID",
        f"{SCHEME}://paid?order_number=../../me&status=PAID",
        f"{SCHEME}://paid?order_number={NUMBER} &status=PAID",
        f"{SCHEME}://paid?order_number={NUMBER}&status=PAID\n",
        f"{SCHEME}x://paid?order_number={NUMBER}&status=PAID",
        f"x{SCHEME}://paid?order_number={NUMBER}&status=PAID",
        f"{SCHEME}:paid?order_number={NUMBER}&status=PAID",
        f"https://evil.example/{SCHEME}://paid?order_number={NUMBER}&status=PAID",
        f"{SCHEME}://paid?order_number={NUMBER.lower()}&status=PAID",
    ],
)
def test_what_is_no_deep_link_of_the_shop(page: Page, url: str):
    """Anything that the shop would not have sent is nothing."""
    assert from_deep_link(page, url) is None


def from_deep_link(page: Page, url: str) -> Any:
    return page.evaluate("([url, scheme]) => payment.fromDeepLink(url, scheme)", [url, SCHEME])


# -- asking how the payment stands --

ASK = """
async ([answers, asked]) => {
  const pauses = [], sent = [];
  const fetch = async (url, options) => {
    sent.push([url, options.headers["X-Session-Token"], options.credentials]);
    const [status, body, headers] = answers.length > 1 ? answers.shift() : answers[0];
    if (!status) throw new TypeError("Failed to fetch");
    return new Response(body, {status, headers});
  };
  const pause = async (seconds) => { pauses.push(seconds) };
  return {...await payment.afterResume(fetch, {...asked, pause}), pauses, sent};
}
"""
ASKED = {"shop": "https://shop.example.com", "token": "abc", "paymentId": "1f-2"}
OFFLINE = [0, "", {}]
DONE = [200, '{"status": "SUCCEEDED", "tid": "T1"}', {}]
RECEIPT = {"show": "receipt", "payment": {"status": "SUCCEEDED", "tid": "T1"}}


def unknown_yet(wait: str | None) -> list[Any]:
    return [200, '{"status": "PROCESSING"}', {} if wait is None else {"Retry-After": wait}]


@pytest.mark.parametrize(
    ("answers", "found", "pauses"),
    [
        ([DONE], RECEIPT, []),
        ([unknown_yet("5"), unknown_yet("7"), DONE], RECEIPT, [5, 7]),
        ([unknown_yet(None), DONE], RECEIPT, [2]),
        ([unknown_yet("soon"), DONE], RECEIPT, [2]),
        ([unknown_yet("0"), DONE], RECEIPT, [1]),
        ([unknown_yet("86400"), DONE], RECEIPT, [60]),
        ([unknown_yet("25")], {"show": "confirming"}, [25, 25, 25]),
        ([OFFLINE, OFFLINE, DONE], RECEIPT, [2, 2]),
        ([OFFLINE], {"show": "offline"}, [2] * 30),
        ([[200, "<html>", {}], DONE], RECEIPT, [2]),
        ([[503, "", {"Retry-After": "9"}], DONE], RECEIPT, [9]),
        ([[429, "", {"Retry-After": "30"}], DONE], RECEIPT, [30]),
        ([[500, "<html>", {}], DONE], RECEIPT, [2]),
        ([[401, '{"code": "session_ended"}', {}]], {"show": "sign_in"}, []),
        ([[404, '{"code": "not_found"}', {}]], {"show": "unknown"}, []),
        ([[200, '{"status": "NEW_WORD"}', {}]], {"show": "unknown"}, []),
        ([[200, "null", {}]], {"show": "unknown"}, []),
        (
            [[200, '{"status": "READY", "redirect_urls": {"app": "https://k"}}', {}]],
            {"show": "pay", "url": "https://k"},
            [],
        ),
        (
            [[200, '{"status": "FAILED", "failure": "한도 초과"}', {}]],
            {"show": "failed", "sentence": "한도 초과"},
            [],
        ),
        ([[200, '{"status": "CANCELED"}', {}]], {"show": "quit"}, []),
    ],
)
def test_what_is_shown_after_coming_back(
    page: Page, answers: list[Any], found: dict[str, Any], pauses: list[int]
):
    """What is not known is asked for again when the shop says so, and not for ever."""
    result = page.evaluate(ASK, [answers, ASKED])
    address = "https://shop.example.com/api/v1/payments/1f-2/"
    assert result.pop("sent") == [[address, "abc", "omit"]] * (len(pauses) + 1)
    assert result.pop("pauses") == pauses
    assert result == found


def test_every_status_of_a_payment_means_something(page: Page):
    """None that the shop knows is shown as unknown."""
    for status in PaymentTransaction.Status.values:
        answer = [200, f'{{"status": "{status}", "redirect_urls": {{}}}}', {}]
        found = page.evaluate(ASK, [[answer], ASKED])
        assert found["show"] != "unknown", status


# -- with a running shop --


@dataclass
class Begun:
    """An order that an app has begun, and what the app would have saved of it."""

    token: str
    said: dict[str, Any]

    @property
    def saved(self) -> dict[str, str]:
        return {"token": self.token, "paymentId": self.said["payment_id"]}


def begin(shop: LiveShop, return_url: str) -> Begun:
    """Order the yuja preserve by token, as an app does."""
    person = {"email": "shopper@example.com", "password": "kakaopay-demo"}
    signed_in = requests.post(
        f"{shop.url}/_allauth/app/v1/auth/login", json=person, timeout=PATIENCE
    )
    token = signed_in.json()["meta"]["session_token"]

    def post(path: str, **body: Any) -> Any:
        answer = requests.post(
            f"{shop.url}/api/v1/{path}",
            json=body,
            headers={"X-Session-Token": token},
            timeout=PATIENCE,
        )
        assert answer.ok, answer.text
        return answer.json()

    post("cart/items/", product="yuja-preserve")
    offer = post("checkout/quote/")
    person = {"name": "김하나", "phone": "010-1234-5678"}
    home = {"recipient": "김둘", "phone": "010-8765-4321", "postcode": "06236", "line1": "서울"}
    said = post(
        "checkout/ready/",
        contact=person | {"email": "hana@example.com"},
        address=home,
        expected_total=offer["quote"]["total"],
        seen=offer["seen"],
        client="app",
        return_url=return_url,
    )
    return Begun(token, said)


def go_to(link: str) -> str:
    """Where the shop sends the buyer from there."""
    answer = requests.get(link, timeout=PATIENCE, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def after_resume(page: Page, shop: LiveShop, saved: dict[str, str], **more: Any) -> dict[str, Any]:
    """With the browser's own ``fetch``, from another origin; pauses are written down."""
    return page.evaluate(
        """async (asked) => {
          const pauses = [];
          const pause = async (seconds) => { pauses.push(seconds) };
          const found = await payment.afterResume((...args) => fetch(...args), {...asked, pause});
          return {...found, pauses};
        }""",
        {"shop": shop.url, **saved, **more},
    )


def test_an_app_that_was_killed_learns_that_it_is_paid(
    shop: LiveShop,
    chromium: Browser,  # noqa: F811
    origin: str,
):
    """
    The shop takes the payment and sends the buyer to the deep link. An app that starts anew knows
    token and payment alone; all that it needs, it hears.
    """
    begun = begin(shop, f"{SCHEME}://paid?from=cart")
    said = begun.said
    assert said["redirect_url"] == said["next_redirect_app_url"]
    before = chromium.new_context()
    page = loaded(before.new_page(), origin)
    here = {"shop": shop.url, "provider": said["redirect_url"], "scheme": SCHEME}
    where = "([url, here]) => payment.whereTo(url, here)"
    assert page.evaluate(where, [said["redirect_url"], here]) == "inside"
    assert page.evaluate(where, [said["ios_app_scheme"], here]) == "outside"
    waits = {"show": "pay", "url": said["redirect_url"], "pauses": []}
    assert after_resume(page, shop, begun.saved) == waits
    before.close()

    approval = shop.kakaopay.pay(said["redirect_url"])
    link = go_to(approval)
    number = said["order_number"]
    assert link == f"{SCHEME}://paid?from=cart&order_number={number}&status=PAID"

    anew = chromium.new_context()
    page = loaded(anew.new_page(), origin)
    assert page.evaluate(where, [approval, here]) == "inside"
    assert page.evaluate(where, [link, here]) == "back"
    assert from_deep_link(page, link) == {"orderNumber": number, "status": "PAID"}
    found = after_resume(page, shop, begun.saved)
    theirs = shop.kakaopay.payment(said["tid"])
    assert (found["show"], found["pauses"]) == ("receipt", [])
    payment = found["payment"]
    assert payment["status"] == "SUCCEEDED"
    assert payment["order_status"] == "PAID"
    assert (payment["tid"], payment["aid"]) == (theirs.tid, theirs.actions[0].aid)
    assert payment["amount"] == theirs.total == theirs.actions[0].amount
    anew.close()


def test_an_outcome_that_is_not_known_is_asked_for_when_the_shop_says(shop: LiveShop, page: Page):
    """Retry-After comes through to another origin; later the payment is known."""
    begun = begin(shop, f"{SCHEME}://paid")
    approval = shop.kakaopay.pay(begun.said["redirect_url"])
    shop.kakaopay.fault("approve", after="html_502")
    shop.kakaopay.fault("order", before="http_503", times=None)
    link = go_to(approval)
    assert from_deep_link(page, link)["status"] == "PENDING"
    waiting = after_resume(page, shop, begun.saved, patience=8)
    assert waiting == {"show": "confirming", "pauses": [5, 5]}
    shop.kakaopay.clear_faults()
    shop.manage("reconcile_payments", "--older-than", "0")
    found = after_resume(page, shop, begun.saved)
    assert (found["show"], found["pauses"]) == ("receipt", [])
    [action] = shop.kakaopay.payment(begun.said["tid"]).actions
    assert found["payment"]["aid"] == action.aid


def test_who_quits_is_told_so(shop: LiveShop, page: Page):
    """Quitting leads to the deep link too, and no money has moved."""
    begun = begin(shop, f"{SCHEME}://paid")
    link = go_to(shop.kakaopay.quit(begun.said["redirect_url"]))
    number = begun.said["order_number"]
    assert from_deep_link(page, link) == {"orderNumber": number, "status": "CANCELED"}
    assert after_resume(page, shop, begun.saved) == {"show": "quit", "pauses": []}
    assert shop.kakaopay.payment(begun.said["tid"]).actions == ()


def test_a_session_that_has_ended_and_a_payment_of_nobody(shop: LiveShop, page: Page):
    """Both are told apart, and from a shop that cannot be reached."""
    begun = begin(shop, f"{SCHEME}://paid")
    ended = begun.saved | {"token": "0" * 32}
    assert after_resume(page, shop, ended) == {"show": "sign_in", "pauses": []}
    other = begun.saved | {"paymentId": "00000000-0000-4000-8000-000000000000"}
    assert after_resume(page, shop, other) == {"show": "unknown", "pauses": []}
    far = after_resume(page, shop, begun.saved | {"shop": "http://localhost:9"}, patience=3)
    assert far == {"show": "offline", "pauses": [2, 2]}
    shop.kakaopay.quit(begun.said["redirect_url"])


# -- the same rules in every language --


def test_the_dart_screen_has_the_same_rules(page: Page):
    """Names of apps, hosts, words and patterns are those of payment.js."""
    dart = (APP / "pay_screen.dart").read_text()
    script = (APP / "payment.js").read_text()

    def listed(name: str) -> list[str]:
        return re.findall(r"'([^']+)'", re.search(rf"const {name} = \[(.*?)\];", dart, re.S)[1])

    assert listed("apps") == page.evaluate("payment.APPS")
    assert listed("cardApps") == page.evaluate("payment.CARD_APPS")
    assert listed("over") == page.evaluate("payment.OVER")
    assert f"const kakaoPay = '{page.evaluate('payment.KAKAOPAY')}';" in dart
    assert listed("orderStatuses") == Order.Status.values
    patterns = re.findall(r"RegExp\(r'([^']+)'", dart)
    assert len(patterns) == 8
    for pattern in patterns:
        assert f"/{pattern}/" in script.replace(r"\/", "/"), pattern
    shown = set(re.findall(r'show: "(\w+)"', script))
    assert set(re.findall(r"Standing\('(\w+)'", dart)) == shown
    for seconds in re.findall(r"const (?:askAgain|longestPause) = (\d+);", dart):
        assert f" = {seconds}; // seconds" in script


def test_the_readme_names_every_scheme(page: Page):
    """And the manifests, and every word that the functions answer with."""
    readme = (APP / "README.md").read_text()
    for scheme in page.evaluate("[...payment.APPS, ...payment.CARD_APPS, 'intent']"):
        assert f"`{scheme}:`" in readme, scheme
    for word in ("inside", "outside", "back", "nowhere", *page.evaluate("payment.OVER")):
        assert f"`{word}`" in readme, word
    queries = re.search(r"LSApplicationQueriesSchemes</key>\s*<array>(.*?)</array>", readme)[1]
    assert queries == "<string>kakaotalk</string>"
    assert f'<data android:scheme="{SCHEME}" />' in readme
    assert f"<string>{SCHEME}</string>" in readme
    assert f'scheme="{SCHEME}"' in (APP / "PayScreen.jsx").read_text()


def test_the_react_native_screen_uses_what_there_is(page: Page):
    """Every name that it imports from payment.js is exported there."""
    screen = (APP / "PayScreen.jsx").read_text()
    names = re.search(r'import \{ ([\w, ]+) \} from "./payment"', screen)[1].split(", ")
    kinds = page.evaluate("names => names.map(name => typeof payment[name])", names)
    assert names == ["afterResume", "fromDeepLink", "outsideAddresses", "whereTo"]
    assert kinds == ["function"] * 4
