"""Where the goods go: typed once, in either language, and on their way with a tracking number."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    agree,
    amounts,
    number_of,
    pay_by_money,
    picture,
    press,
    put_into_cart,
    sign_in,
    sign_up,
    type_address,
)
from tests.live import LiveShop

pytestmark = pytest.mark.browser
OpenBrowser = Callable[..., Page]


def test_a_new_account_types_an_address_once(
    shop: LiveShop, open_browser: OpenBrowser, screenshots: Path | None
):
    """Typed and kept at the first order, offered at the second."""
    page = open_browser(shop)
    sign_up(page, "first-time@example.com", "correct-horse-9")
    put_into_cart(page, "soy-candle")
    page.goto("/checkout/")
    page.get_by_label("이름", exact=True).fill("김하나")
    page.get_by_label("전화번호", exact=True).fill("010-1234-5678")
    page.locator("[name=consent]").check()
    press(page, "카카오페이로 결제하기")
    postcode = page.locator(".field", has=page.get_by_label("우편번호"))
    expect(postcode.locator(".field-error, .errorlist")).to_have_text("우편번호를 입력해 주세요.")
    type_address(page)
    page.get_by_label("이 주소를 내 계정에 저장").check()
    agree(page)
    pay_by_money(page)
    number_of(page)
    expect(page.locator("main")).to_contain_text("(06236) 서울 강남구 테헤란로 152, 1201호")
    put_into_cart(page, "soy-candle")
    page.goto("/checkout/")
    expect(page.locator(".saved-address")).to_have_count(1)
    expect(page.locator(".saved-address")).to_contain_text("(06236) 서울 강남구 테헤란로 152")
    expect(page.get_by_label("우편번호")).to_have_value("06236")
    expect(page.get_by_label("받는 분", exact=True)).to_have_value("김둘")
    page.goto("/accounts/addresses/")
    picture(page, screenshots, "discounts-6-addresses")


def test_every_word_in_english(shop: LiveShop, open_browser: OpenBrowser):
    """Who reads English finds no Korean on the way, nor on the pages of the account."""
    page = open_browser(shop, locale="en-US")
    page.goto("/accounts/signup/")
    page.locator("[name=email]").fill("english@example.com")
    for name in ("password1", "password2"):
        page.locator(f"[name={name}]").fill("correct-horse-9")
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/")
    page.goto("/products/walking-book/")
    press(page, "Add to cart")
    expect(page.locator(".notice-success")).to_be_visible()
    page.goto("/checkout/")
    for label, typed in (
        ("Name", "Hana Kim"),
        ("Phone", "+82 10 1234 5678"),
        ("Recipient", "Dul Kim"),
        ("Recipient's phone", "+82 10 8765 4321"),
        ("Postal code", "06236"),
        ("Address", "152 Teheran-ro, Gangnam-gu, Seoul"),
    ):
        page.get_by_label(label, exact=True).fill(typed)
    page.get_by_label("Save this address to my account").check()
    for wrong, why in (
        ("NONE", "There is no such coupon. Please check the code."),
        ("SUMMER25", "This coupon could be used until Aug. 31, 2025."),
        ("TEA3000", "This coupon is not for the goods in your cart."),
        ("WELCOME10", "This coupon needs ₩20,000 of the goods it is for: ₩5,000 are missing."),
    ):
        page.get_by_label("Coupon code").fill(wrong)
        press(page, "Apply")
        expect(page.locator("#code-error")).to_have_text(why)
    page.get_by_label("Coupon code").fill("FIRST5")
    press(page, "Apply")
    expect(amounts(page)).to_have_text(
        ["₩15,000", "−₩5,000", "₩3,000", "₩13,000", "₩273", "₩10,000"]
    )
    is_english(page)
    page.locator("[name=consent]").check()
    press(page, "Pay with KakaoPay")
    pay_by_money(page)
    number_of(page)
    for path in (page.url, "/orders/", "/accounts/points/", "/accounts/addresses/", "/cart/"):
        page.goto(path)
        is_english(page)


def is_english(page: Page) -> None:
    assert re.findall("[가-힣]+", page.locator("main").inner_text()) == []


def test_staff_ship_the_parcel(
    shop: LiveShop,
    come_in: Callable[..., Page],
    open_browser: OpenBrowser,
    screenshots: Path | None,
):
    """Carrier and tracking number, entered in the admin, stand on the receipt with a link."""
    page = come_in("parcel", "pencil-set")
    agree(page)
    pay_by_money(page)
    number = number_of(page)
    expect(page.locator("main")).to_contain_text("배송 준비 중")

    staff = open_browser(shop)
    staff.goto(f"/admin/orders/shipment/?state=to_ship&q={number}")
    sign_in(staff, "staff@example.com")
    staff.locator("#result_list tbody th a").click()
    staff.locator("[name=carrier]").select_option("EPOST")
    staff.locator("[name=tracking_number]").fill("6865-4321-0987-1")
    picture(staff, screenshots, "discounts-8-parcel")
    staff.locator("[name=move][value=ship]").click()
    expect(staff.get_by_role("link", name="6865432109871")).to_be_visible()

    page.reload()
    expect(page.locator(".receipt header")).to_contain_text("배송 중")
    tracking = page.get_by_role("link", name="6865432109871")
    expect(tracking).to_have_attribute("rel", "noopener")
    assert "6865432109871" in tracking.get_attribute("href")
    picture(page, screenshots, "discounts-9-shipped")
