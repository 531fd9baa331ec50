"""A real Chromium in front of a running shop."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.steps import put_into_cart, sign_in
from tests.live import LiveShop, live_shop

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PEOPLE = ["desk", "dear", "mixed", "quits", "covered", "plain", "thumb", "parcel", "slow"]
LIKE_THE_DEMO_SHOPPER = f"""
from shop.management.commands.load_demo import load_belongings, load_person
from shop.models import Coupon
staff = load_person("staff@example.com", {{}})
for name in {PEOPLE}:
    person = load_person(f"{{name}}@example.com", {{"name": "김손님", "phone": "+821012345678"}})
    load_belongings(person, by=staff)
    Coupon.objects.get(name_ko="단골 감사 쿠폰").grants.create(user=person)
print("done")
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """
    Fails, rather than skips, where no Chromium is installed.

    Ends with its module: while it runs, its event loop keeps other tests from the database.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.fail(
            "No Chromium is installed: apt-get install chromium, or set CHROMIUM to its path."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    with live_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A fresh, Korean browser: ``open_browser(shop, "phone")``; without JavaScript if told so."""
    contexts = []

    def open_page(
        shop: LiveShop, device: str = "desktop", *, javascript: bool = True, locale: str = "ko-KR"
    ) -> Page:
        width, height = WIDTHS[device]
        context = chromium.new_context(
            base_url=shop.url,
            locale=locale,
            timezone_id="Asia/Seoul",
            viewport={"width": width, "height": height},
            user_agent=PHONE if device == "phone" else None,
            java_script_enabled=javascript,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def people(shop: LiveShop) -> None:
    """Accounts such as the demo shopper's: 12,000 points, two addresses, a coupon of their own."""
    assert shop.python(LIKE_THE_DEMO_SHOPPER) == "done"


@pytest.fixture
def come_in(shop: LiveShop, people: None, open_browser: Callable[..., Page]) -> Callable[..., Page]:
    """``come_in("mixed", *slugs)``: the review page of one of them, with these in the cart."""

    def review(name: str, *slugs: str, device: str = "desktop") -> Page:
        page = open_browser(shop, device)
        page.goto("/accounts/login/")
        sign_in(page, f"{name}@example.com")
        for slug in slugs:
            put_into_cart(page, slug)
        page.goto("/checkout/")
        return page

    return review


@pytest.fixture
def screenshots() -> Path | None:
    """Where to leave pictures of the pages, if SCREENSHOTS names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) if folder else None
