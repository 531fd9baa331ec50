"""The whole main job in a real Chromium, at both widths: from a new account to the receipt."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    check_out,
    go_on_here,
    pay_by_card,
    pay_by_money,
    picture,
    put_into_cart,
    sign_in,
    sign_out,
    sign_up,
)
from tests.live import LiveShop, live_shop

pytestmark = pytest.mark.browser
OpenBrowser = Callable[..., Page]


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_a_purchase_by_card(
    shop: LiveShop, open_browser: OpenBrowser, screenshots: Path | None, device: str
):
    """Sign up, fill the cart as a visitor, sign in, pay: three books hold the same amount."""
    email = f"new-{device}@example.com"
    stock = shop.stock_of("drip-kettle")
    page = open_browser(shop, device)
    sign_up(page, email, "correct-horse-9")
    sign_out(page)

    page.goto("/")
    picture(page, screenshots, "1-shop")
    put_into_cart(page, "drip-kettle", 1)
    put_into_cart(page, "jeju-tangerines", 2)
    page.goto("/cart/")
    picture(page, screenshots, "2-cart")
    page.get_by_role("link", name="주문하기").click()
    sign_in(page, email, "correct-horse-9")
    picture(page, screenshots, "3-review")
    check_out(page)
    picture(page, screenshots, "4-kakaopay")
    pay_by_card(page, months=3)

    page.wait_for_url(f"{shop.url}/orders/**")
    picture(page, screenshots, "5-receipt")
    text = page.locator("main").inner_text()
    tid = re.search(r"T[0-9a-f]{19}", text)[0]
    theirs = shop.kakaopay.payment(tid)
    assert (theirs.status, theirs.instalment) == ("SUCCESS_PAYMENT", 3)
    assert f"{theirs.total:,}원" in text
    assert f"{theirs.tax_free:,}원" in text
    assert f"{theirs.vat:,}원" in text
    assert theirs.actions[0].aid in text
    assert "신한" in text
    assert "3개월" in text
    assert shop.stock_of("drip-kettle") == stock - 1
    page.goto("/cart/")
    expect(page.locator(".empty")).to_be_visible()

    staff = open_browser(shop, device)
    staff.goto("/admin/")
    sign_in(staff, "staff@example.com")
    staff.goto("/admin/orders/order/")
    picture(staff, screenshots, "6-admin-orders")
    staff.goto(f"/admin/orders/order/?q={tid}")
    row = staff.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(f"{theirs.total:,}원")
    staff.goto(row.locator("th a").get_attribute("href"))
    expect(staff.locator("body")).to_contain_text(theirs.actions[0].aid)
    expect(staff.locator("body")).to_contain_text("결제 완료")
    expect(staff.locator("main input:not([type=hidden])")).to_have_count(0)
    picture(staff, screenshots, "7-admin-order")

    ledger = open_browser(shop, device)
    ledger.goto(f"{shop.kakaopay.url}/?q={tid}")
    expect(ledger.locator("body")).to_contain_text(f"{theirs.total:,}")
    picture(ledger, screenshots, "8-ledger")


def test_a_purchase_by_money_in_english(shop: LiveShop, open_browser: OpenBrowser):
    """The whole way in the other language."""
    page = open_browser(shop, locale="en-US")
    page.goto("/products/green-tea-tin/")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator(".notice-success")).to_be_visible()
    page.goto("/checkout/")
    sign_in(page, "shopper@example.com")
    page.get_by_label("Name", exact=True).fill("Hana Kim")
    page.get_by_label("Phone", exact=True).fill("+82 10 1234 5678")
    page.get_by_label("E-mail", exact=True).fill("hana@example.com")
    page.locator("[name=consent]").check()
    page.get_by_role("button", name="Pay with KakaoPay").click()
    pay_by_money(page)
    expect(page.locator("main")).to_contain_text("KakaoPay Money")


def test_a_purchase_without_javascript(shop: LiveShop, open_browser: OpenBrowser):
    """Cart, review, KakaoPay's pages and receipt need none."""
    page = open_browser(shop, javascript=False)
    page.goto("/products/pencil-set/")
    page.get_by_role("button", name="장바구니에 담기").click()
    page.wait_for_url("**/cart/")
    page.get_by_role("button", name="하나 더").click()
    expect(page.locator("[name=quantity]")).to_have_value("2")
    page.goto("/checkout/")
    sign_in(page, "shopper@example.com")
    check_out(page)
    pay_by_money(page)
    page.wait_for_url(f"{shop.url}/orders/**")
    tid = re.search(r"T[0-9a-f]{19}", page.content())[0]
    assert shop.kakaopay.payment(tid).quantity == 2


def test_the_quantity_changes_without_a_page_load(shop: LiveShop, open_browser: OpenBrowser):
    """The cart and the number in the header follow; the page itself stays."""
    page = open_browser(shop)
    put_into_cart(page, "soy-candle")
    page.goto("/cart/")
    page.evaluate("window.stayed = true")
    total = page.locator(".summary-total dd")
    once = total.inner_text()
    page.get_by_role("button", name="하나 더").click()
    expect(total).not_to_have_text(once)
    expect(page.locator("[name=quantity]")).to_have_value("2")
    expect(page.locator(".cart-count")).to_contain_text("2")
    assert page.evaluate("window.stayed") is True


def test_the_first_wrong_field_has_the_focus(shop: LiveShop, open_browser: OpenBrowser):
    """An empty phone number: the error is beside it, and typing corrects it."""
    page = open_browser(shop)
    put_into_cart(page, "striped-socks")
    page.goto("/checkout/")
    sign_in(page, "shopper@example.com")
    page.get_by_label("이름", exact=True).fill("김하나")
    page.get_by_label("전화번호", exact=True).fill("")
    page.get_by_role("button", name="카카오페이로 결제하기").click()
    phone = page.get_by_label("전화번호", exact=True)
    expect(phone).to_be_focused()
    expect(phone).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("이름", exact=True)).to_have_value("김하나")


def test_the_computer_follows_the_phone(shop: LiveShop, open_browser: OpenBrowser):
    """Paid on the phone after the QR code, the waiting page on the computer goes on by itself."""
    page = open_browser(shop)
    put_into_cart(page, "plain-notebook")
    page.goto("/checkout/")
    sign_in(page, "shopper@example.com")
    check_out(page)
    expect(page.locator("img.qr")).to_be_visible()
    shop.kakaopay.pay(page.url.replace("/pc/", "/mobile-web/"))
    page.wait_for_url(f"{shop.url}/orders/**")
    expect(page.locator("main")).to_contain_text(re.compile("T[0-9a-f]{19}"))


@pytest.mark.parametrize("leave", ["결제 그만두기", "결제 실패시키기"])
def test_leaving_without_paying(shop: LiveShop, open_browser: OpenBrowser, leave: str):
    """Quit and fail: the stock is back, the cart is there, and the order can be made again."""
    stock = shop.stock_of("canvas-tote")
    page = open_browser(shop)
    page.goto("/accounts/login/")
    sign_in(page, "shopper@example.com")
    put_into_cart(page, "canvas-tote")
    check_out(page)
    assert shop.stock_of("canvas-tote") == stock - 1
    go_on_here(page)
    page.get_by_role("button", name=leave).click()
    page.wait_for_url(f"{shop.url}/orders/**")
    assert shop.stock_of("canvas-tote") == stock
    page.goto("/cart/")
    line = page.locator(".cart-line", has_text="토트")
    expect(line.locator("[name=quantity]")).to_have_value("1")
    page.goto("/checkout/")
    expect(page.get_by_role("button", name="카카오페이로 결제하기")).to_be_enabled()
    page.goto("/cart/")
    page.locator(".cart-line-remove button").first.click()


def test_a_payment_left_to_expire(open_browser: OpenBrowser, tmp_path: Path):
    """KakaoPay's page runs out and leads back: the stock is back and the cart is there."""
    window = {"CHECKOUT_WINDOW_SECONDS": "6", "SANDBOX_WINDOW_SECONDS": "6"}
    with live_shop(tmp_path, **window) as shop:
        stock = shop.stock_of("plant-pot")
        page = open_browser(shop)
        put_into_cart(page, "plant-pot")
        page.goto("/checkout/")
        sign_in(page, "shopper@example.com")
        check_out(page)
        assert shop.stock_of("plant-pot") == stock - 1
        page.wait_for_url(f"{shop.url}/orders/**", timeout=20_000)
        expect(page.locator("main")).to_contain_text("결제 시간이 지났습니다")
        assert shop.stock_of("plant-pot") == stock
        page.goto("/cart/")
        expect(page.locator(".cart-line")).to_have_count(1)


def test_a_buyer_who_never_comes_back(open_browser: OpenBrowser, tmp_path: Path):
    """The window is closed and forgotten: the command ends the order, the cart is still there."""
    with live_shop(tmp_path, CHECKOUT_WINDOW_SECONDS="2") as shop:
        stock = shop.stock_of("plant-pot")
        page = open_browser(shop)
        put_into_cart(page, "plant-pot")
        page.goto("/checkout/")
        sign_in(page, "shopper@example.com")
        check_out(page)
        page.goto("about:blank")
        page.wait_for_timeout(2_000)
        assert "EXPIRED" in shop.manage("close_abandoned_orders")
        assert shop.stock_of("plant-pot") == stock
        page.goto(f"{shop.url}/cart/")
        expect(page.locator(".cart-line")).to_have_count(1)
