"""A buyer changes their mind: cancels before the parcel leaves, asks for a refund after it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    check_out,
    number_of,
    pay_by_money,
    picture,
    press,
    put_into_cart,
    sign_in,
    sign_up,
)
from tests.live import LiveShop

pytestmark = pytest.mark.browser
OpenBrowser = Callable[..., Page]

STAFF_DECLINE = """
from django.utils import timezone
from accounts.models import User
from checkout import requests
from orders.models import RefundRequest
staff = User.objects.get(email="staff@example.com")
asked = RefundRequest.objects.get(order__number={number!r}, status="OPEN")
requests.decline(asked, by=staff, answer="사진을 보내 주시겠어요?", now=timezone.now())
print("done")
"""


def buy(page: Page, name: str, *slugs: str) -> str:
    """A new account orders these, delivered. Returns the order's number."""
    sign_up(page, f"{name}@example.com", "correct-horse-9")
    for slug in slugs:
        put_into_cart(page, slug)
    check_out(page)
    pay_by_money(page)
    return number_of(page)


def back_in_their_books(shop: LiveShop, number: str) -> int:
    return shop.kakaopay.payments(number)[0].canceled_total


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_canceling_before_it_leaves(
    shop: LiveShop, open_browser: OpenBrowser, screenshots: Path | None, device: str
):
    """The page says what comes back; it does, to the won, and the goods are for sale again."""
    stock = shop.stock_of("plain-notebook")
    page = open_browser(shop, device)
    number = buy(page, f"regrets-{device}", "plain-notebook")
    total = shop.kakaopay.payments(number)[0].total
    assert shop.stock_of("plain-notebook") == stock - 1
    picture(page, screenshots, "mind-1-receipt")
    page.get_by_role("link", name="주문 취소").click()
    expect(page.locator(".summary-total dd")).to_have_text(f"{total:,}원")
    picture(page, screenshots, "mind-2-cancel")
    page.locator("[name=reason]").fill("색을 잘못 골랐어요")
    press(page, "주문 취소")
    page.wait_for_url(f"**/orders/{number}/")
    expect(page.locator("h1")).to_have_text("주문이 환불되었습니다")
    expect(page.locator(".refunds")).to_contain_text("색을 잘못 골랐어요")
    expect(page.get_by_role("link", name="주문 취소")).to_have_count(0)
    picture(page, screenshots, "mind-3-canceled")
    assert back_in_their_books(shop, number) == total
    assert shop.stock_of("plain-notebook") == stock


def test_two_tabs_cancel_once(shop: LiveShop, open_browser: OpenBrowser):
    """The second is told that it was done."""
    page = open_browser(shop)
    number = buy(page, "two-tabs", "pencil-set")
    total = shop.kakaopay.payments(number)[0].total
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"/checkout/orders/{number}/cancel/")
    press(page, "주문 취소")
    press(other, "주문 취소")
    other.wait_for_url(f"**/orders/{number}/")
    expect(other.locator(".messages")).to_contain_text("이미 환불된 주문입니다")
    assert back_in_their_books(shop, number) == total


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_asking_after_it_left(
    shop: LiveShop, open_browser: OpenBrowser, screenshots: Path | None, device: str
):
    """Asked for, withdrawn, asked again, declined with an answer; no money moves by it."""
    page = open_browser(shop, device)
    number = buy(page, f"returns-{device}", "pencil-set", "plain-notebook")
    staff = open_browser(shop)
    staff.goto(f"/admin/orders/shipment/?state=to_ship&q={number}")
    sign_in(staff, "staff@example.com")
    staff.locator("#result_list tbody th a").click()
    staff.locator("[name=carrier]").select_option("EPOST")
    staff.locator("[name=tracking_number]").fill("6865-4321-0987-1")
    staff.locator("[name=move][value=ship]").click()
    expect(staff.get_by_role("link", name="6865432109871")).to_be_visible()

    page.reload()
    expect(page.get_by_role("link", name="주문 취소")).to_have_count(0)
    page.get_by_role("link", name="환불 요청").click()
    press(page, "환불 요청")
    expect(page.locator("main")).to_contain_text("환불을 원하시는 이유를 적어 주세요")
    page.locator("[name=reason]").fill("연필심이 부러져 왔어요")
    press(page, "환불 요청")
    expect(page.locator(".notice-error")).to_have_text("돌려보낼 상품을 선택해 주세요.")
    page.locator(".give-back-line").first.get_by_role("button", name="하나 더하기").click()
    expect(page.locator(".give-back-line input").first).to_have_value("1")
    expect(page.locator("[name=reason]")).to_have_value("연필심이 부러져 왔어요")
    picture(page, screenshots, "mind-4-ask")
    press(page, "환불 요청")
    page.wait_for_url(f"**/orders/{number}/")
    expect(page.locator("#refund-request")).to_have_text("환불을 요청하셨습니다")
    picture(page, screenshots, "mind-5-asked")

    press(page, "요청 철회")
    expect(page.locator("#refund-request")).to_have_count(0)
    page.get_by_role("link", name="환불 요청").click()
    page.locator(".give-back-line input").last.fill("1")
    page.locator("[name=reason]").fill("공책이 젖어 있었어요")
    press(page, "환불 요청")
    page.goto("/orders/")
    expect(page.locator("main")).to_contain_text("환불 요청을 확인하고 있습니다.")
    picture(page, screenshots, "mind-6-history")

    assert shop.python(STAFF_DECLINE.format(number=number)) == "done"
    page.goto(f"/orders/{number}/")
    expect(page.locator("main")).to_contain_text("사진을 보내 주시겠어요?")
    expect(page.get_by_role("link", name="환불 요청")).to_have_count(1)
    picture(page, screenshots, "mind-7-declined")
    assert back_in_their_books(shop, number) == 0
