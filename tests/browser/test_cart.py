"""The cart in a real browser: numbers change in place, and without JavaScript too."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.live import LiveShop

pytestmark = pytest.mark.browser

PLUS = ".cart-line [data-step='1']"
QUANTITY = ".cart-line input[name=quantity]"


def put_in_cart(page: Page, slug: str) -> None:
    page.goto(f"/products/{slug}/")
    page.locator("#add .button").click()


def test_quick_clicks_all_count(open_browser: Callable[..., Page], shop: LiveShop):
    """Five clicks on + while answers come in are five pieces, and the page does not jump."""
    page = open_browser(shop)
    put_in_cart(page, "stoneware-mug")
    expect(page.locator("#add .notice-success")).to_be_visible()
    page.goto("/cart/")
    before = page.locator(PLUS).bounding_box()
    for _ in range(5):
        page.locator(PLUS).click()
        page.wait_for_timeout(150)
    expect(page.locator("#cart-count > span").first).to_have_text("6")
    expect(page.locator(QUANTITY)).to_have_value("6")
    expect(page.locator(".summary-total dd")).to_have_text("108,000원")
    assert page.locator(PLUS).bounding_box() == before
    page.reload()
    expect(page.locator(QUANTITY)).to_have_value("6")


def test_two_lines_changed_at_once_both_count(open_browser: Callable[..., Page], shop: LiveShop):
    """Changing a second line before the first is answered loses neither."""
    page = open_browser(shop)
    for slug in ("stoneware-mug", "pencil-set"):
        put_in_cart(page, slug)
        expect(page.locator("#add .notice-success")).to_be_visible()
    page.goto("/cart/")
    page.locator(PLUS).first.click()
    page.locator(PLUS).last.click()
    expect(page.locator("#cart-count > span").first).to_have_text("4")
    page.reload()
    assert [box.input_value() for box in page.locator(QUANTITY).all()] == ["2", "2"]


def test_a_refusal_stands_at_the_field(open_browser: Callable[..., Page], shop: LiveShop):
    """Typing more than is left shows why, in place, and keeps the focus in the field."""
    page = open_browser(shop, "phone")
    put_in_cart(page, "long-umbrella")
    expect(page.locator("#add .notice-success")).to_be_visible()
    page.goto("/cart/")
    page.locator(QUANTITY).fill("9")
    page.locator(QUANTITY).press("Enter")
    expect(page.locator(".cart-line .field-error")).to_have_text("3개만 남아 있습니다.")
    expect(page.locator(QUANTITY)).to_be_focused()
    expect(page.locator("#cart-count > span").first).to_have_text("1")


def test_a_shop_that_does_not_answer_is_said(open_browser: Callable[..., Page], shop: LiveShop):
    """A change that never arrives is not passed over in silence."""
    page = open_browser(shop)
    put_in_cart(page, "stoneware-mug")
    expect(page.locator("#add .notice-success")).to_be_visible()
    page.goto("/cart/")
    page.route("**/cart/items/**", lambda route: route.abort())
    page.locator(PLUS).click()
    expect(page.locator("#messages .notice-error")).to_be_visible()


def test_without_javascript(open_browser: Callable[..., Page], shop: LiveShop):
    """Adding, stepping, typing and removing are plain pages."""
    page = open_browser(shop, "phone", javascript=False)
    put_in_cart(page, "long-umbrella")
    expect(page.locator(QUANTITY)).to_have_value("1")
    page.locator(PLUS).click()
    expect(page.locator(QUANTITY)).to_have_value("2")
    page.locator(QUANTITY).fill("3")
    page.locator(".stepper-update").click()
    expect(page.locator(QUANTITY)).to_have_value("3")
    page.locator(PLUS).click()
    expect(page.locator(".cart-line .field-error")).to_have_text("3개만 남아 있습니다.")
    page.locator(".cart-line-remove button").click()
    expect(page.locator(".empty")).to_be_visible()
