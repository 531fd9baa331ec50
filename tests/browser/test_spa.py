"""The example of a page on another server, in a real Chromium: it sells through the API alone."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from tests.browser import spa
from tests.browser.steps import PASSWORD, go_on_here, pay_by_card, pay_by_money, picture
from tests.live import LiveShop, live_shop

pytestmark = pytest.mark.browser
OpenBrowser = Callable[..., Page]

PEOPLE = """
from shop.management.commands.load_demo import load_person
for name in "cookie token quits phone types confirms dearer offline often joins".split():
    load_person(f"{name}@example.com", {})
print("done")
"""
A_MUG = 18_000
DELIVERY = 3_000
READY = "/api/v1/checkout/ready/"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where the page is served."""
    with spa.page_served() as port:
        yield port


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[LiveShop]:
    """A shop that lets the page in, whether it is of the same site or of another."""
    origins = f"http://localhost:{port},http://127.0.0.1:{port}"
    with live_shop(tmp_path_factory.mktemp("spa"), CLIENT_ORIGINS=origins) as running:
        assert running.python(PEOPLE) == "done"
        yield running


@pytest.fixture
def same_site(port: int) -> str:
    return f"http://localhost:{port}"


@pytest.fixture
def other_site(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def blocking(chromium: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser that keeps no cookies of other sites."""
    browser_type = chromium.browser_type
    with spa.profile(browser_type, tmp_path / "p", blocks_third_party_cookies=True) as context:
        yield context


@pytest.fixture
def come_in(shop: LiveShop, open_browser: OpenBrowser, same_site: str) -> Callable[..., Page]:
    """``come_in("types", *slugs)``: the page, signed in by cookie, with these in the cart."""

    def opened(name: str, *slugs: str, device: str = "desktop", **settings: str) -> Page:
        page = open_browser(shop, device)
        spa.open_window(page, same_site, shop, **settings)
        spa.sign_in(page, f"{name}@example.com", by="cookie")
        for slug in slugs:
            spa.put_into_cart(page, slug)
        return page

    return opened


def orders_of(shop: LiveShop, page: Page) -> list[tuple[str, int]]:
    """Status and total of each order of whoever is signed in there, newest first."""
    answer = page.request.get(f"{shop.url}/api/v1/orders/")
    return [(each["status"], each["amounts"]["total"]) for each in answer.json()["results"]]


def expect_receipt(page: Page, shop: LiveShop, *, total: int, vat: int) -> None:
    """The page, the shop and KakaoPay hold the same amounts; it was taken once."""
    expect(page.locator("#order h1")).to_have_text("결제했습니다", timeout=15_000)
    expect(spa.fact(page, "결제 금액")).to_have_text(f"{total:,}원")
    expect(spa.fact(page, "부가세")).to_have_text(f"{vat:,}원")
    theirs = shop.kakaopay.payment(spa.fact(page, "tid").inner_text())
    assert (theirs.status, theirs.total, theirs.vat) == ("SUCCESS_PAYMENT", total, vat)
    assert [action.amount for action in theirs.actions] == [total]
    assert theirs.partner_order_id == spa.fact(page, "주문 번호").inner_text()


@pytest.mark.parametrize(("callback", "device"), [("shop", "desktop"), ("client", "phone")])
def test_paying_by_cookie(
    shop: LiveShop,
    come_in: Callable[..., Page],
    same_site: str,
    screenshots: Path | None,
    callback: str,
    device: str,
):
    """On two ports of one host the session's cookie does; the buyer returns in either way."""
    page = come_in("cookie", "stoneware-mug", device=device, callback=callback)
    assert page.evaluate("sessionStorage.getItem('token of ' + sessionStorage.shop)") is None
    seen: list[Request] = []
    page.on("request", lambda each: seen.append(each))
    expect(page.locator("#cart dl dd")).to_have_text(["18,000원", "3,000원", "21,000원"])
    spa.fill_in(page)
    picture(page, screenshots, "spa-1-checkout")
    assert page.evaluate("document.scrollingElement.scrollWidth") == page.viewport_size["width"]
    spa.go_to_kakaopay(page)
    pay_by_card(page)

    expect_receipt(page, shop, total=A_MUG + DELIVERY, vat=1_909)
    expect(spa.fact(page, "결제 수단")).to_have_text("카드 신한")
    picture(page, screenshots, "spa-2-receipt")
    assert page.evaluate("document.scrollingElement.scrollWidth") == page.viewport_size["width"]
    back = parse_qs(urlsplit(page.url).query)
    number = spa.fact(page, "주문 번호").inner_text()
    status = {"status": ["PAID"]} if callback == "shop" else {}
    assert back == {"order_number": [number], **status}
    approvals = [each.url for each in seen if each.url.endswith("/approve/")]
    through_shop = [each.url for each in seen if each.url.startswith(f"{shop.url}/checkout/")]
    assert (len(approvals), len(through_shop)) == ((0, 1) if callback == "shop" else (1, 0))
    assert page.url.startswith(f"{same_site}/?")

    page.reload()
    expect_receipt(page, shop, total=A_MUG + DELIVERY, vat=1_909)
    page.get_by_role("link", name="상품 보기").click()
    expect(page.locator("#cart .empty")).to_be_visible()
    assert page.url == f"{same_site}/"


@pytest.mark.parametrize("blocks", [True, False])
def test_the_browser_keeps_foreign_cookies_or_not(
    chromium: Browser, tmp_path: Path, other_site: str, blocks: bool
):
    """What the tests below rely on: without the setting a cookie for other sites comes back."""
    with (
        spa.served(spa.Jar) as jar,
        spa.profile(chromium.browser_type, tmp_path / "p", blocks_third_party_cookies=blocks) as p,
    ):
        page = p.new_page()
        page.goto(f"{other_site}/README.md")
        ask = """url => fetch(url, {credentials: "include"}).then(answer => answer.text())"""
        assert page.evaluate(ask, f"http://localhost:{jar}/") == "none"
        told = page.evaluate(ask, f"http://localhost:{jar}/")
        assert told == ("none" if blocks else "crumb=1")


@pytest.mark.parametrize("callback", ["shop", "client"])
def test_paying_by_token(shop: LiveShop, blocking: BrowserContext, other_site: str, callback: str):
    """From another site, without cookies: the page finds out by itself and takes the token."""
    page = blocking.new_page()
    tried: list[tuple[str, int]] = []
    page.on("response", lambda each: tried.append((urlsplit(each.url).path, each.status)))
    spa.open_window(page, other_site, shop, callback=callback)
    spa.sign_in(page, "token@example.com", by="token")
    assert ("/_allauth/browser/v1/auth/login", 403) in tried
    assert ("/_allauth/app/v1/auth/login", 200) in tried
    assert blocking.cookies() == []
    ask = """url => fetch(url, {credentials: "include"}).then(answer => answer.status)"""
    assert page.evaluate(ask, f"{shop.url}/api/v1/me/") == 401

    spa.put_into_cart(page, "stoneware-mug")
    spa.fill_in(page)
    spa.go_to_kakaopay(page)
    pay_by_money(page)
    expect_receipt(page, shop, total=A_MUG + DELIVERY, vat=1_909)
    expect(spa.fact(page, "결제 수단")).to_have_text("카카오페이머니")
    assert page.url.startswith(f"{other_site}/?order_number=2")
    assert "pg_token" not in page.url
    expect(page.locator("#who")).to_have_attribute("data-by", "token")


@pytest.mark.parametrize("callback", ["shop", "client"])
@pytest.mark.parametrize(
    ("leave", "why", "status"),
    [
        ("결제 그만두기", "결제를 그만두셨습니다.", "QUIT_PAYMENT"),
        ("결제 실패시키기", "결제하지 못했습니다.", "FAIL_PAYMENT"),
    ],
    ids=["quit", "fail"],
)
def test_leaving_without_paying(
    shop: LiveShop, come_in: Callable[..., Page], callback: str, leave: str, why: str, status: str
):
    """Quit and fail: the order is canceled, and cart and form are as they were."""
    page = come_in("quits", callback=callback)
    if page.locator("#cart li").count() == 0:
        spa.put_into_cart(page, "drip-coffee-class")
    spa.fill_in(page)
    spa.go_to_kakaopay(page)
    go_on_here(page)
    page.get_by_role("button", name=leave).click()
    expect(page.locator("#order h1")).to_have_text("주문이 취소되었습니다")
    expect(page.locator("#order p")).to_contain_text(why)
    expect(page.locator("#order .kakaopay")).to_have_count(0)
    [theirs] = shop.kakaopay.payments(spa.fact(page, "주문 번호").inner_text())
    assert (theirs.status, theirs.approved_at, theirs.actions) == (status, None, ())
    page.get_by_role("link", name="상품 보기").click()
    expect(page.locator("#cart li")).to_contain_text("핸드드립 원데이 클래스")
    expect(spa.field(page, "contact/name")).to_have_value("김하나")
    expect(page.get_by_role("button", name=spa.PAY)).to_be_enabled()


def test_coming_back_elsewhere(
    shop: LiveShop, come_in: Callable[..., Page], open_browser: OpenBrowser
):
    """Paid on the phone that scanned the code: whoever signs in there, and owns it, reports it."""
    page = come_in("phone", "drip-coffee-class", callback="client")
    spa.fill_in(page)
    spa.go_to_kakaopay(page)
    back = shop.kakaopay.pay(page.url.replace("/pc/", "/mobile-web/"))
    page.goto("about:blank")  # or it would follow
    for name in ("cookie", "phone"):
        phone = open_browser(shop, "phone")
        phone.goto(f"{back}&shop={shop.url}")
        expect(phone.locator("#notice")).to_have_text("결제 결과를 보려면 로그인해 주세요.")
        assert "pg_token" not in phone.url
        phone.locator("#signin [name=email]").fill(f"{name}@example.com")
        phone.locator("#signin [name=password]").fill(PASSWORD)
        phone.locator("#signin button").click()
        if name == "cookie":
            expect(phone.locator("#order h1")).to_have_text("이 결제를 보여 드릴 수 없습니다")
            assert orders_of(shop, page) == [("PENDING", 38_000)]
    expect_receipt(phone, shop, total=38_000, vat=3_455)


def test_a_problem_stands_at_its_field(
    shop: LiveShop, come_in: Callable[..., Page], open_browser: OpenBrowser, same_site: str
):
    """What is wrong is said beside the field, which has the focus; nothing typed is lost."""
    stranger = open_browser(shop)
    spa.open_window(stranger, same_site, shop)
    stranger.locator("#signin [name=email]").fill("types@example.com")
    stranger.locator("#signin [name=password]").fill("wrong")
    stranger.locator("#signin button").click()
    expect(stranger.locator("#signin .error")).to_have_text(
        "이메일 또는 비밀번호가 올바르지 않습니다."
    )
    expect(stranger.locator("#signin [name=email]")).to_have_value("types@example.com")

    page = come_in("types", "stoneware-mug")
    spa.fill_in(page)
    spa.field(page, "contact/phone").fill("1234")
    spa.field(page, "address/postcode").fill("abc")
    page.get_by_role("button", name=spa.PAY).click()
    phone = spa.field(page, "contact/phone")
    expect(phone).to_be_focused()
    expect(phone).to_have_attribute("aria-describedby", "error-contact-phone")
    expect(page.locator("#error-contact-phone")).to_contain_text("010-1234-5678")
    expect(page.locator("#error-address-postcode")).to_be_visible()
    expect(page.locator("#checkout .error")).to_have_count(2)
    expect(phone).to_have_value("1234")
    expect(spa.field(page, "contact/name")).to_have_value("김하나")
    assert orders_of(shop, page) == []
    phone.fill("010-1234-5678")
    spa.field(page, "address/postcode").fill("06236")
    page.get_by_role("button", name=spa.PAY).click()
    page.wait_for_url("**/mockup/bridge/**")
    assert orders_of(shop, page) == [("PENDING", 21_000)]


@pytest.mark.parametrize("callback", ["shop", "client"])
def test_a_lost_answer_is_being_confirmed(
    shop: LiveShop, come_in: Callable[..., Page], screenshots: Path | None, callback: str
):
    """KakaoPay took the money but its answer is lost: the page waits, and then has the receipt."""
    page = come_in("confirms", "drip-coffee-class", callback=callback)
    spa.fill_in(page)
    spa.go_to_kakaopay(page)
    shop.kakaopay.fault("approve", after="drop")
    pay_by_card(page)
    expect(page.locator("#order h1")).to_have_text("결제를 확인하고 있습니다")
    expect(page.locator("#order p")).to_contain_text("다시 결제하지 않으셔도 됩니다")
    expect(page.locator("#order .kakaopay")).to_have_count(0)
    picture(page, screenshots, f"spa-3-confirming-{callback}")
    number = spa.fact(page, "주문 번호").inner_text()
    [theirs] = shop.kakaopay.payments(number)
    assert (theirs.status, theirs.total) == ("SUCCESS_PAYMENT", 38_000)
    assert orders_of(shop, page)[0] == ("PENDING", 38_000)

    shop.manage("reconcile_payments", "--older-than", "0")
    expect_receipt(page, shop, total=38_000, vat=3_455)
    assert spa.fact(page, "tid").inner_text() == theirs.tid
    assert len(shop.kakaopay.payments(number)) == 1


def test_another_price_is_shown_first(shop: LiveShop, come_in: Callable[..., Page]):
    """It became dearer meanwhile: the new total is shown, and nothing ordered before."""
    page = come_in("dearer", "pencil-set")
    spa.fill_in(page)
    expect(page.get_by_role("button", name=spa.PAY)).to_contain_text("15,000원")
    dearer = "Product.objects.filter(slug='pencil-set').update(price=13000)"
    assert shop.python(f"from shop.models import Product;print({dearer})") == "1"
    page.get_by_role("button", name=spa.PAY).click()
    notice = page.locator("#notice")
    expect(notice).to_contain_text("연필 여섯 자루 12,000원 → 13,000원")
    expect(notice).to_contain_text("이제 16,000원입니다.")
    expect(page.get_by_role("button", name=spa.PAY)).to_contain_text("16,000원")
    assert orders_of(shop, page) == []
    spa.go_to_kakaopay(page)
    pay_by_money(page)
    expect_receipt(page, shop, total=16_000, vat=1_455)
    assert orders_of(shop, page) == [("PAID", 16_000)]


def test_a_membership_needs_consent(shop: LiveShop, come_in: Callable[..., Page]):
    """What will be charged is shown; without the tick nothing is ordered, with it the trial is."""
    page = come_in("joins", "premium-monthly")
    spa.fill_in(page)
    later = page.locator("#cart dl div", has_text="다음 정기결제").locator("dd")
    expect(later).to_have_text(re.compile(r"^\d{4}\. \d+\. \d+\. 4,900원$"))
    expect(page.locator("#consent")).to_contain_text("정기결제에 동의합니다")
    page.get_by_role("button", name=spa.PAY).click()
    expect(page.locator("#notice.bad")).to_be_visible()
    assert orders_of(shop, page) == []
    page.locator("#consent input").check()
    spa.go_to_kakaopay(page)
    assert orders_of(shop, page) == [("PENDING", 0)]


def test_an_order_whose_answer_is_lost_is_made_once(shop: LiveShop, come_in: Callable[..., Page]):
    """The line breaks after the shop has ordered: pressing again makes no second order."""
    page = come_in("offline", "drip-coffee-class")
    spa.fill_in(page)
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            return route.continue_()
        assert route.fetch().status == 201
        return route.abort()

    page.route(f"**{READY}", lose_the_first)
    page.get_by_role("button", name=spa.PAY).click()
    expect(page.locator("#notice")).to_have_text(
        f"상점({shop.url})의 대답을 받지 못했습니다. 다시 시도해 주세요."
    )
    with page.expect_response(
        lambda each: each.url.endswith(READY) and each.request.method == "POST"
    ) as answer:
        spa.go_to_kakaopay(page)
    assert answer.value.headers["idempotency-replayed"] == "true"
    assert len(keys) == 2
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", keys[0])
    assert keys[0] == keys[1]
    assert orders_of(shop, page) == [("PENDING", 38_000)]
    pay_by_money(page)
    expect_receipt(page, shop, total=38_000, vat=3_455)


def test_too_often_is_waited_for(shop: LiveShop, come_in: Callable[..., Page]):
    """The page says for how long, and goes on by itself."""
    page = come_in("often", "drip-coffee-class")
    spa.fill_in(page)
    spent = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from api.models import Usage
who = User.objects.get(email="often@example.com").pk
Usage.objects.create(
    limit="ready", who=str(who), count=30, began_at=timezone.now() - timedelta(seconds=288)
)
print("done")
"""
    assert shop.python(spent) == "done"
    with page.expect_response(lambda each: each.status == 429) as refused:
        page.get_by_role("button", name=spa.PAY).click()
    assert 1 <= int(refused.value.headers["retry-after"]) <= 12
    expect(page.locator("#notice")).to_contain_text(re.compile(r"\d초 뒤에 다시 시도합니다"))
    page.wait_for_url("**/mockup/bridge/**", timeout=30_000)
    assert orders_of(shop, page) == [("PENDING", 38_000)]
