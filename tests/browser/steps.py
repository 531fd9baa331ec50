"""What a person does in the shop, and on KakaoPay's page."""

from playwright.sync_api import Page, expect

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
    """Fill in the review page and go to KakaoPay."""
    page.goto("/checkout/")
    page.get_by_label("이름").fill("김하나")
    page.get_by_label("전화번호").fill("010-1234-5678")
    page.get_by_label("이메일").fill("hana@example.com")
    page.locator("[name=consent]").check()
    page.get_by_role("button", name="카카오페이로 결제하기").click()
    page.wait_for_url("**/mockup/bridge/**")


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
