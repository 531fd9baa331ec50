"""The refund's form in a real Chromium: what changing the way does, and going back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import agree, has_settled, number_of, pay_by_card, sign_in
from tests.live import LiveShop

pytestmark = pytest.mark.browser

OPERATOR = """
from shop.management.commands.load_demo import load_person
load_person("operator@example.com", {"is_staff": True, "is_superuser": True})
print("done")
"""
ORDER = """
from orders.models import Order
print(Order.objects.get(number="NUMBER").pk)
"""


@pytest.fixture
def form(shop: LiveShop, come_in: Callable[..., Page], open_browser: Callable[..., Page]) -> Page:
    """The form of an order whose parcel has not left."""
    buyer = come_in("plain", "stoneware-mug")
    buyer.get_by_label("이름", exact=True).fill("김하나")
    agree(buyer)
    pay_by_card(buyer)
    pk = shop.python(ORDER.replace("NUMBER", number_of(buyer)))
    assert shop.python(OPERATOR) == "done"
    page = open_browser(shop)
    page.goto("/accounts/login/?next=/admin/")
    sign_in(page, "operator@example.com")
    page.goto(f"/admin/orders/order/{pk}/refund/")
    return page


def test_into_stock(form: Page):
    """Ticked for all that is left, unticked by line, and the panel says so each time."""
    restock, panel = form.locator("[name=restock]"), form.locator("#refund-preview")
    expect(restock).to_be_checked()
    expect(panel).to_contain_text("상품은 재입고됩니다")
    form.locator("[name=kind][value=LINES]").check()
    expect(restock).not_to_be_checked()
    form.locator("[name^=pieces-]").fill("1")
    expect(panel).to_contain_text("재입고되지 않습니다")
    restock.check()
    expect(panel).to_contain_text("상품은 재입고됩니다")
    form.locator("[name=kind][value=FULL]").check()
    expect(restock).to_be_checked()


def test_going_back(form: Page):
    """The form is as it was at first, and so is the panel."""
    panel = form.locator("#refund-preview")
    first = panel.inner_text()
    form.locator("[name=kind][value=LINES]").check()
    form.locator("[name^=pieces-]").fill("1")
    form.locator("[name=reason]").fill("한 개 깨져서 도착")
    has_settled(form)
    form.goto("/admin/")
    form.go_back()
    expect(form.locator("[name=kind]:checked")).to_have_value("FULL")
    expect(form.locator("[name=reason]")).to_have_value("")
    expect(panel).to_have_text(first, use_inner_text=True)
