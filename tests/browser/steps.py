"""What a person does in the shop, and on KakaoPay's page."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

PASSWORD = "kakaopay-demo"


def sign_up(page: Page, email: str, password: str) -> None:
    page.goto("/accounts/signup/")
    page.get_by_label("이메일").fill(email)
    page.locator("[name=password1]").fill(password)
    page.locator("[name=password2]").fill(password)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/")


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/")


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """On the sign-in page, wherever it was come to from."""
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(password)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def put_into_cart(page: Page, slug: str, quantity: int = 1) -> None:
    page.goto(f"/products/{slug}/")
    page.locator("#add-quantity").fill(str(quantity))
    page.get_by_role("button", name="장바구니에 담기").click()
    expect(page.locator(".notice-success")).to_be_visible()


def check_out(page: Page) -> None:
    """Fill in the review page, and the address where something is delivered; go to KakaoPay."""
    page.goto("/checkout/")
    page.get_by_label("이름", exact=True).fill("김하나")
    page.get_by_label("전화번호", exact=True).fill("010-1234-5678")
    page.get_by_label("이메일", exact=True).fill("hana@example.com")
    if page.locator("#address").count():
        type_address(page)
    agree(page)


def agree(page: Page) -> None:
    """On a review page that is filled in: go to KakaoPay."""
    page.locator("[name=consent]").check()
    press(page, "카카오페이로 결제하기")
    page.wait_for_url("**/mockup/bridge/**")


def type_address(page: Page) -> None:
    page.get_by_label("받는 분", exact=True).fill("김둘")
    page.get_by_label("받는 분 전화번호").fill("010-8765-4321")
    page.get_by_label("우편번호").fill("06236")
    page.get_by_label("주소", exact=True).fill("서울 강남구 테헤란로 152")
    page.get_by_label("상세 주소").fill("1201호")


def go_on_here(page: Page) -> None:
    """From the QR code on a computer to the same steps as on a phone."""
    if "/bridge/pc/" in page.url:
        page.get_by_role("link", name="이 화면에서 결제하기").click()


def pay_by_card(page: Page, card: str = "신한", months: int = 0) -> None:
    go_on_here(page)
    page.get_by_label("카드", exact=False).first.check()
    page.get_by_label("카드사").select_option(label=card)
    page.get_by_label("할부").select_option(str(months))
    page.get_by_role("button", name="다음").click()
    page.get_by_role("button", name="결제하기").click()


def pay_by_money(page: Page) -> None:
    go_on_here(page)
    page.get_by_label("카카오페이머니").check()
    page.get_by_role("button", name="다음").click()
    page.get_by_role("button", name="결제하기").click()


def picture(page: Page, folder: Path | None, name: str) -> None:
    """Leave a picture of the whole page, named for its width, if a folder is asked for."""
    if folder:
        page.evaluate("scrollTo(0, 0)")  # or the header stands in the middle of it
        page.screenshot(path=folder / f"{name}-{page.viewport_size['width']}.png", full_page=True)


def has_settled(page: Page) -> None:
    """What htmx has just put into the page does not react for its first 20 ms."""
    expect(page.locator(".htmx-request, .htmx-added")).to_have_count(0)


def press(page: Page, name: str) -> None:
    has_settled(page)
    page.get_by_role("button", name=name, exact=True).click()


def amounts(page: Page) -> Locator:
    """Goods, coupon, points, delivery, total, VAT, tax-free; what is not there has no row."""
    return page.locator("main .summary").first.locator("dd")


def number_of(page: Page) -> str:
    """The number of the order whose receipt this is."""
    page.wait_for_url("**/orders/2*/")
    return page.url.rstrip("/").rpartition("/")[2]
