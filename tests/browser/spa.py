"""The page of ``examples/spa`` on a server of its own, and what a person does there."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, BrowserType, Locator, Page, expect

from tests.browser.conftest import FLAGS
from tests.browser.steps import PASSWORD
from tests.live import LiveShop
from tests.processes import ROOT

FILES = ROOT / "examples" / "spa"
PAY = re.compile(r"^카카오페이로 [\d,]+원 결제하기$")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Jar(BaseHTTPRequestHandler):
    """Gives every page a cookie that is meant for other sites too, and tells which it was sent."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.send_header("Set-Cookie", "crumb=1; SameSite=None; Secure")
        self.end_headers()
        self.wfile.write((self.headers.get("Cookie") or "none").encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve HTTP in a thread. Yields the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def page_served() -> AbstractContextManager[int]:
    return served(partial(Quiet, directory=FILES))


@contextmanager
def profile(
    browser_type: BrowserType, folder: Path, *, blocks_third_party_cookies: bool
) -> Iterator[BrowserContext]:
    """A Korean Chromium whose owner has set what other sites' cookies may do."""
    controls = {"cookie_controls_mode": int(blocks_third_party_cookies)}
    (folder / "Default").mkdir(parents=True)
    (folder / "Default" / "Preferences").write_text(json.dumps({"profile": controls}))
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)))
    context = browser_type.launch_persistent_context(
        folder,
        executable_path=path,
        args=FLAGS,
        locale="ko-KR",
        timezone_id="Asia/Seoul",
        viewport={"width": 1280, "height": 900},
    )
    context.set_default_timeout(15_000)
    yield context
    context.close()


def open_window(page: Page, origin: str, shop: LiveShop, **settings: str) -> None:
    """Open the page; ``settings`` such as ``callback="client"`` go into its address."""
    page.goto(f"{origin}/?{urlencode({'shop': shop.url, **settings})}")
    expect(page.locator("article")).to_have_count(20)


def sign_in(page: Page, email: str, *, by: str) -> None:
    """``by`` "cookie" or "token": what the page says that it signed in with."""
    form = page.locator("#signin")
    form.get_by_label("이메일").fill(email)
    form.get_by_label("비밀번호").fill(PASSWORD)
    form.get_by_role("button", name="로그인").click()
    expect(page.locator("#who")).to_have_attribute("data-by", by)
    expect(page.locator("#cart")).to_be_visible()


def put_into_cart(page: Page, slug: str) -> None:
    page.locator(f"#{slug} button").click()
    expect(page.locator("#notice")).to_contain_text("장바구니에 담았습니다")


def fill_in(page: Page) -> None:
    """The contact, and the address where one is asked for."""
    field(page, "contact/name").fill("김하나")
    field(page, "contact/phone").fill("010-1234-5678")
    field(page, "contact/email").fill("hana@example.com")
    if page.locator("#address").is_visible():
        field(page, "address/recipient").fill("김둘")
        field(page, "address/phone").fill("010-8765-4321")
        field(page, "address/postcode").fill("06236")
        field(page, "address/line1").fill("서울 강남구 테헤란로 152")


def go_to_kakaopay(page: Page) -> None:
    page.get_by_role("button", name=PAY).click()
    page.wait_for_url("**/mockup/bridge/**")


def field(page: Page, name: str) -> Locator:
    return page.locator(f"#checkout [name='{name}']")


def fact(page: Page, name: str) -> Locator:
    """What stands beside ``name`` on an order."""
    row = page.locator("#order dl div").filter(has=page.locator(f"dt:text-is('{name}')"))
    return row.locator("dd")
