"""Three people of the shop's staff at work, in a real Chromium: who may what, and to the won."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.steps import (
    agree,
    has_settled,
    number_of,
    pay_by_card,
    picture,
    press,
    put_into_cart,
    sign_in,
)
from tests.live import LiveShop

pytestmark = pytest.mark.browser

STAFF = """
from django.contrib.auth.models import Group
from shop.management.commands.load_demo import load_person
for name in ("support", "finance", "manager"):
    person = load_person(f"{name}@example.com", {"is_staff": True})
    person.groups.add(Group.objects.get(name=name))
print("done")
"""
#: What the shop's own books say of an order.
BOOKS = """
import json
from django.utils import timezone
from accounts import points
from orders.models import Order
from shop.models import Coupon, Product
order = Order.objects.get(number="{number}")
redemption = getattr(order, "redemption", None)
print(json.dumps({{
    "status": order.status,
    "points given back": order.points_refunded,
    "usable points": points.usable(order.user_id, now=timezone.now()),
    "coupon is used": bool(redemption and redemption.given_back_at is None),
    "stock": {{line.product.slug: line.product.stock for line in order.lines.all()}},
    "lines": {{line.product.slug: line.pk for line in order.lines.all()}},
    "id": order.pk,
}}))
"""
#: A class for 38,000 won, a mug for 18,000 and tax-free tangerines for 19,900.
MIXED = ("drip-coffee-class", "stoneware-mug", "jeju-tangerines")


@pytest.fixture
def work_as(shop: LiveShop, open_browser: Callable[..., Page]) -> Callable[[str], Page]:
    """A browser in which one of the staff is signed in."""
    assert shop.python(STAFF) == "done"

    def sign_in_as(name: str) -> Page:
        page = open_browser(shop)
        page.goto("/accounts/login/?next=/admin/")
        sign_in(page, f"{name}@example.com")
        return page

    return sign_in_as


def books(shop: LiveShop, number: str) -> dict:
    return json.loads(shop.python(BOOKS.format(number=number)))


def left_there(shop: LiveShop, number: str) -> tuple[int, int, int]:
    """What KakaoPay would still give back: total, tax-free part, VAT."""
    (payment,) = shop.kakaopay.payments(number)
    return payment.available_total, payment.available_tax_free, payment.available_vat


def buy_mixed(page: Page) -> str:
    """For 71,400 won, with a coupon and 2,500 points; the order's number."""
    page.get_by_label("쿠폰 코드").fill("welcome10")
    press(page, "적용")
    page.locator("#points").fill("2,500")
    page.locator("#points").press("Tab")
    expect(page.locator("main .summary").first).to_contain_text("71,400원")
    page.get_by_label("이름", exact=True).fill("김하나")
    agree(page)
    pay_by_card(page)
    return number_of(page)


def open_refund(page: Page, order_id: int) -> None:
    """From the order's page to its refund page, by the button."""
    page.goto(f"/admin/orders/order/{order_id}/change/")
    page.locator(f"a[href*='/order/{order_id}/refund/']").first.click()
    page.wait_for_url("**/refund/")


def shows(page: Page, *facts: str) -> None:
    """What the panel says would go back."""
    for fact in facts:
        expect(page.locator("#refund-preview")).to_contain_text(fact)


def give_back(page: Page, reason: str) -> None:
    page.locator("[name=reason]").fill(reason)
    has_settled(page)
    refunding(page).click()


def refunding(page: Page) -> Locator:
    """The button that refunds, or asks for approval; whoever may not has none."""
    return page.locator("#refund-preview button[type=submit]")


def test_a_line_and_then_the_rest(
    shop: LiveShop,
    come_in: Callable[..., Page],
    work_as: Callable[[str], Page],
    screenshots: Path | None,
):
    """By support and by finance: KakaoPay, order, points, coupon and stock agree to the won."""
    number = buy_mixed(come_in("desk", *MIXED))
    before = books(shop, number)
    assert (before["status"], before["coupon is used"]) == ("PAID", True)
    assert left_there(shop, number) == (71_400, 17_960, 4_858)

    support = work_as("support")
    open_refund(support, before["id"])
    support.locator("[name=kind][value=LINES]").check()
    support.locator(f"[name=pieces-{before['lines']['jeju-tangerines']}]").fill("1")
    support.locator("[name=restock]").check()
    shows(support, "17,960원", "629", "53,440원")
    picture(support, screenshots, "desk-refund")
    give_back(support, "귤 한 상자가 상했습니다")
    support.wait_for_url("**/change/")
    picture(support, screenshots, "desk-order")
    after = books(shop, number)
    assert left_there(shop, number) == (53_440, 0, 4_858)
    assert (after["status"], after["points given back"]) == ("PARTIALLY_REFUNDED", 629)
    assert after["coupon is used"]
    stock = before["stock"]
    assert after["stock"] == stock | {"jeju-tangerines": stock["jeju-tangerines"] + 1}

    finance = work_as("finance")
    open_refund(finance, before["id"])
    finance.locator("[name=kind][value=FULL]").check()
    finance.locator("[name=restock]").uncheck()
    shows(finance, "53,440원", "1,871")
    give_back(finance, "고객 변심")
    finance.wait_for_url("**/change/")
    last = books(shop, number)
    assert left_there(shop, number) == (0, 0, 0)
    assert (last["status"], last["points given back"]) == ("REFUNDED", 2_500)
    assert not last["coupon is used"]
    assert last["usable points"] == 12_000
    assert last["stock"] == after["stock"]


def test_above_the_limits(
    shop: LiveShop,
    come_in: Callable[..., Page],
    work_as: Callable[[str], Page],
    screenshots: Path | None,
):
    """
    More than 100,000 won are not support's to give back; above 300,000 won what finance decides
    waits, and nobody approves their own.
    """
    page = come_in("dear")
    put_into_cart(page, "drip-coffee-class", 9)
    page.goto("/checkout/")
    page.get_by_label("이름", exact=True).fill("김하나")
    agree(page)
    pay_by_card(page)
    number = number_of(page)
    order_id = books(shop, number)["id"]
    assert left_there(shop, number)[0] == 342_000

    support = work_as("support")
    open_refund(support, order_id)
    shows(support, "342,000원", "100,000원")
    expect(refunding(support)).to_have_count(0)
    form = {"kind": "FULL", "reason": "수업 취소", "seen": ""}
    assert post(support, support.url, form) == 403
    assert books(shop, number)["status"] == "PAID"

    finance = work_as("finance")
    open_refund(finance, order_id)
    give_back(finance, "수업이 취소되었습니다")
    finance.wait_for_url("**/change/")
    assert left_there(shop, number)[0] == 342_000
    finance.goto("/admin/orders/refund/?state=waiting")
    finance.locator("#result_list a", has_text=number).first.click()
    approve = finance.locator("form[action$='/approve/']")
    expect(approve).to_have_count(0)
    refund_page = finance.url.partition("?")[0]
    address = re.sub(r"change/$", "approve/", refund_page)
    assert post(finance, address, {}) == 403
    assert books(shop, number)["status"] == "PAID"

    manager = work_as("manager")
    expect(manager.locator("a[href*='/orders/refund/'][href*='waiting']").first).to_be_visible()
    picture(manager, screenshots, "desk-front")
    manager.goto(refund_page)
    picture(manager, screenshots, "desk-approve")
    manager.locator("form[action$='/approve/'] button").click()
    manager.wait_for_load_state()
    assert left_there(shop, number) == (0, 0, 0)
    assert books(shop, number)["status"] == "REFUNDED"


def post(page: Page, address: str, form: dict[str, str]) -> int:
    """Send a form that the page does not offer; the status of the answer."""
    cookies = {each["name"]: each["value"] for each in page.context.cookies()}
    token = {"csrfmiddlewaretoken": cookies["csrftoken"]}
    headers = {"Referer": page.url}
    return page.request.post(address, headers=headers, form=form | token).status
