"""Coupons and points in a real Chromium, from the review page to the receipt."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.steps import (
    agree,
    amounts,
    go_on_here,
    has_settled,
    number_of,
    pay_by_card,
    pay_by_money,
    picture,
    press,
    put_into_cart,
    sign_in,
)
from tests.live import LiveShop

pytestmark = pytest.mark.browser
OpenBrowser = Callable[..., Page]

#: A class for 38,000 won, a mug for 18,000 and tax-free tangerines for 19,900.
MIXED = ("drip-coffee-class", "stoneware-mug", "jeju-tangerines")
SENT = """
import json
from checkout.models import ProviderCall
calls = ProviderCall.objects.filter(transaction__order__number="{number}").order_by("pk")
print(json.dumps([[call.operation, call.request] for call in calls]))
"""


def code(page: Page) -> Locator:
    return page.get_by_label("쿠폰 코드")


def points(page: Page) -> Locator:
    return page.locator("#points")


def use(page: Page, number: str) -> None:
    """Type a number of points and go on to the next field."""
    has_settled(page)
    points(page).fill(number)
    points(page).press("Tab")


def does_not_overflow(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]


def test_five_books_hold_the_same_figures(
    shop: LiveShop,
    come_in: Callable[..., Page],
    open_browser: OpenBrowser,
    screenshots: Path | None,
):
    """10% up to 5,000 won, 2,500 points, delivery, tax-free goods: 71,400 won everywhere."""
    page = come_in("mixed", *MIXED)
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    expect(amounts(page)).to_have_text(["75,900원", "3,000원", "78,900원", "5,364원", "19,900원"])
    page.get_by_label("이름", exact=True).fill("김하나")
    page.locator("[name=consent]").check()

    code(page).fill("WELCOM")
    press(page, "적용")
    expect(page.locator("#code-error")).to_have_text("없는 쿠폰입니다. 코드를 확인해 주세요.")
    expect(code(page)).to_have_value("WELCOM")
    picture(page, screenshots, "discounts-1-refused")
    code(page).fill("summer25")
    press(page, "적용")
    expect(page.locator("#code-error")).to_contain_text("2025년 8월 31일")
    code(page).fill("welcome10")
    press(page, "적용")
    expect(page.get_by_role("button", name="적용")).to_be_focused()
    reduced = ["75,900원", "−5,000원", "3,000원", "73,900원", "5,028원", "18,589원"]
    expect(amounts(page)).to_have_text(reduced)
    press(page, "12,000 모두 사용")
    all_used = ["75,900원", "−5,000원", "−12,000원", "3,000원", "61,900원", "4,212원", "15,570원"]
    expect(amounts(page)).to_have_text(all_used)
    expect(points(page)).to_have_value("12000")
    use(page, "2,500")
    figures = ["75,900원", "−5,000원", "−2,500원", "3,000원", "71,400원", "4,858원", "17,960원"]
    expect(amounts(page)).to_have_text(figures)
    expect(page.get_by_label("우편번호")).to_have_value("04524")
    has_settled(page)
    page.get_by_role("button", name="회사").click()
    expect(page.get_by_label("우편번호")).to_have_value("13529")
    expect(page.get_by_role("button", name="회사")).to_be_focused()
    expect(amounts(page)).to_have_text(figures)
    expect(page.get_by_label("이름", exact=True)).to_have_value("김하나")
    expect(page.locator("[name=consent]")).to_be_checked()
    assert loads == []
    picture(page, screenshots, "discounts-2-review")

    agree(page)
    pay_by_card(page)
    number = number_of(page)
    expect(amounts(page)).to_have_text([*figures, "685포인트"])
    receipt = page.locator("main")
    expect(receipt).to_contain_text("첫 만남 10% 쿠폰")
    expect(receipt).to_contain_text("(13529) 경기 성남시 분당구 판교역로 166, 7층 안내 데스크")
    picture(page, screenshots, "discounts-3-receipt")

    tid = re.search(r"T[0-9a-f]{19}", receipt.inner_text())[0]
    theirs = shop.kakaopay.payment(tid)
    assert (theirs.total, theirs.tax_free, theirs.vat) == (71_400, 17_960, 4_858)
    ready, approve = json.loads(shop.python(SENT.format(number=number)))
    sent = {"total_amount": 71_400, "tax_free_amount": 17_960, "vat_amount": 4_858}
    assert ready[0] == "ready"
    assert sent.items() <= ready[1].items()
    assert approve[0] == "approve"
    assert approve[1]["total_amount"] == 71_400

    staff = open_browser(shop)
    staff.goto(f"/admin/orders/order/?q={number}")
    sign_in(staff, "staff@example.com")
    staff.locator("#result_list tbody th a").click()
    booked = staff.get_by_role("region", name="금액", exact=True)
    figures = ["75,900원", "−5,000원", "−2,500원", "3,000원", "71,400원", "4,858원", "17,960원"]
    expect(booked.locator("dd")).to_have_text(
        [*figures, "71,400원", "0원", "71,400원", "685포인트"]
    )
    picture(staff, screenshots, "discounts-4-admin")

    page.goto("/accounts/points/")
    expect(page.locator(".points-usable")).to_have_text("10,185포인트")
    expect(page.locator(".movements strong")).to_have_text(["+685", "−2,500", "+12,000"])
    picture(page, screenshots, "discounts-5-points")
    put_into_cart(page, "green-tea-tin")
    page.goto("/checkout/")
    code(page).fill("WELCOME10")
    press(page, "적용")
    expect(page.locator("#code-error")).to_have_text("이미 사용하신 쿠폰입니다.")


def test_quitting_gives_coupon_and_points_back(come_in: Callable[..., Page]):
    """Held on KakaoPay's page, chosen again after quitting; once used, not offered any more."""
    page = come_in("quits", "cutting-board")
    own = page.get_by_label("단골 감사 쿠폰")
    chosen = ["32,000원", "−5,000원", "−4,000원", "3,000원", "26,000원", "2,364원", "0원"]

    def choose() -> None:
        own.check()
        expect(page.locator("#amounts")).to_contain_text("−5,000원")
        use(page, "4000")
        expect(amounts(page)).to_have_text(chosen)

    choose()
    agree(page)
    meanwhile = page.context.new_page()
    meanwhile.goto("/accounts/points/")
    expect(meanwhile.locator(".points-usable")).to_have_text("8,000포인트")
    expect(meanwhile.locator(".summary dd")).to_have_text("4,000")
    meanwhile.goto("/checkout/")
    expect(meanwhile.get_by_label("단골 감사 쿠폰")).to_be_checked()
    expect(amounts(meanwhile)).to_have_text(chosen)

    go_on_here(page)
    page.get_by_role("button", name="결제 그만두기").click()
    number_of(page)
    page.goto("/accounts/points/")
    expect(page.locator(".points-usable")).to_have_text("12,000포인트")
    expect(page.locator(".movements strong")).to_have_text(["+4,000", "−4,000", "+12,000"])
    page.goto("/checkout/")
    expect(own).to_be_checked()
    expect(amounts(page)).to_have_text(chosen)
    agree(page)
    pay_by_money(page)
    number_of(page)
    put_into_cart(page, "cutting-board")
    page.goto("/checkout/")
    expect(own).to_have_count(0)
    expect(page.locator("#discounts")).to_contain_text("보유 8,234")


def test_points_pay_for_all_of_it(shop: LiveShop, come_in: Callable[..., Page]):
    """9,000 won and delivery are 12,000 points: the receipt at once, KakaoPay is not asked."""
    page = come_in("covered", "plain-notebook")
    visited: list[str] = []
    page.on("framenavigated", lambda frame: visited.append(frame.url))
    press(page, "12,000 모두 사용")
    nothing = ["9,000원", "−12,000원", "3,000원", "0원", "0원", "0원"]
    expect(amounts(page)).to_have_text(nothing)
    expect(page.get_by_role("button", name="카카오페이로 결제하기")).to_have_count(0)
    page.locator("[name=consent]").check()
    press(page, "주문하기")
    number = number_of(page)
    assert [url for url in visited if not url.startswith(shop.url)] == []
    assert shop.kakaopay.payments(number) == []
    expect(amounts(page)).to_have_text(nothing)
    expect(page.locator("main")).to_contain_text("결제 완료")
    expect(page.locator("main")).not_to_contain_text("tid")
    page.goto("/orders/")
    row = page.locator(".order-row", has_text=number)
    expect(row).to_contain_text("결제 완료")
    expect(row.locator("strong")).to_have_text("0원")
    mails = shop.manage("procrastinate", "worker", "--one-shot", "--queues", "mail")
    (mail,) = [each for each in mails.split("-" * 79) if f"paid.{number}@" in each]
    assert "12,000" in mail


def test_without_javascript(shop: LiveShop, people: None, open_browser: OpenBrowser):
    """The same purchase by buttons alone."""
    page = open_browser(shop, javascript=False)
    page.goto("/accounts/login/")
    sign_in(page, "plain@example.com")
    for slug in MIXED:
        page.goto(f"/products/{slug}/")
        press(page, "장바구니에 담기")
        page.wait_for_url("**/cart/")
    page.goto("/checkout/")
    page.get_by_label("이름", exact=True).fill("김하나")
    page.locator("[name=consent]").check()
    code(page).fill("TEA3001")
    press(page, "적용")
    expect(page.locator("#code-error")).to_have_text("없는 쿠폰입니다. 코드를 확인해 주세요.")
    code(page).fill("welcome10")
    press(page, "적용")
    press(page, "12,000 모두 사용")
    expect(points(page)).to_have_value("12000")
    points(page).fill("2500")
    press(page, "적용")
    page.get_by_role("button", name="회사").click()
    figures = ["75,900원", "−5,000원", "−2,500원", "3,000원", "71,400원", "4,858원", "17,960원"]
    expect(amounts(page)).to_have_text(figures)
    expect(page.get_by_label("이름", exact=True)).to_have_value("김하나")
    agree(page)
    pay_by_money(page)
    (theirs,) = shop.kakaopay.payments(number_of(page))
    assert (theirs.total, theirs.tax_free, theirs.vat) == (71_400, 17_960, 4_858)
    expect(amounts(page)).to_have_text([*figures, "685포인트"])
    expect(page.locator("main")).to_contain_text("(13529)")


def test_on_a_phone(come_in: Callable[..., Page], screenshots: Path | None):
    """Nothing is wider than the screen, Enter applies a code, and the button is in reach."""
    page = come_in("thumb", *MIXED, device="phone")
    does_not_overflow(page)
    page.locator("[name=consent]").check()
    memo = page.get_by_label("배송 메모")
    memo.fill("경비실에 맡겨 주세요.")
    code(page).fill("nonsense")
    code(page).press("Enter")
    expect(page.locator("#code-error")).to_be_visible()
    picture(page, screenshots, "discounts-1-refused")
    has_settled(page)
    code(page).fill("welcome10")
    code(page).press("Enter")
    expect(amounts(page)).to_have_text(
        ["75,900원", "−5,000원", "3,000원", "73,900원", "5,028원", "18,589원"]
    )
    press(page, "12,000 모두 사용")
    expect(points(page)).to_have_value("12000")
    has_settled(page)
    points(page).press("Enter")
    has_settled(page)
    memo.press("Enter")
    expect(memo).to_have_value("경비실에 맡겨 주세요.")
    assert page.url.endswith("/checkout/")
    does_not_overflow(page)
    picture(page, screenshots, "discounts-2-review")
    agree(page)
    pay_by_money(page)
    number_of(page)
    for name, path in (
        ("3-receipt", page.url),
        ("5-points", "/accounts/points/"),
        ("6-addresses", "/accounts/addresses/"),
        ("7-add-address", "/accounts/addresses/add/"),
    ):
        page.goto(path)
        does_not_overflow(page)
        picture(page, screenshots, f"discounts-{name}")


def test_what_is_typed_while_an_answer_is_on_its_way_stays(come_in: Callable[..., Page]):
    """On a slow line: a coupon is picked, and points are typed before its answer is there."""
    page = come_in("slow", "stoneware-mug", "drip-coffee-class")
    slow: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if slow:
            route.continue_()
        else:
            slow.append(route)

    page.route("**/checkout/quote/", hold_the_first)
    has_settled(page)
    code(page).fill("welcome10")
    page.get_by_role("button", name="적용").click()
    points(page).fill("700")
    slow[0].continue_()
    expect(page.locator("#coupon-applied")).to_be_checked()
    expect(page.locator("#amounts")).to_contain_text("−700원")
    expect(points(page)).to_have_value("700")
