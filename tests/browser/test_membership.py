"""A membership in a browser: joined, enjoyed, renewed as months pass, canceled, ended."""

import json
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    agree,
    has_settled,
    number_of,
    pay_by_card,
    pay_by_money,
    picture,
    press,
    put_into_cart,
    sign_in,
    sign_up,
    type_address,
)
from tests.live import LiveShop, live_shop

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
OpenBrowser = Callable[..., Page]

PASSWORD = "correct-horse-9"
MONTHLY = 4_900
NOTES = "/premium/notes/"
PAGE = "/checkout/membership/"

BOOKS = """
import json
from orders.models import PaymentTransaction as Txn
done = Txn.objects.filter(order__user__email={email!r}, status="SUCCEEDED").order_by("pk")
print(json.dumps([(txn.order.number, txn.order.kind, txn.kind, txn.amount) for txn in done]))
"""
SIDS = """
import json
from accounts.models import BillingAgreement
mine = BillingAgreement.objects.filter(user__email={email!r}).order_by("pk")
print(json.dumps([agreement.sid for agreement in mine]))
"""


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shop's mails end up."""
    return tmp_path_factory.mktemp("letters")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, letters: Path) -> Iterator[LiveShop]:
    """One whose clock can be moved on without disturbing others."""
    folder = tmp_path_factory.mktemp("members")
    with live_shop(folder, EMAIL_URL=f"filemail:///{letters}") as running:
        yield running


def come_in(page: Page, email: str, path: str = PAGE) -> None:
    """After some time whoever comes back signs in again."""
    page.goto(path)
    if page.locator("[name=login]").count():
        sign_in(page, email, PASSWORD)
        page.goto(path)


def a_month_later(shop: LiveShop, *, days: int = 31) -> None:
    """The days pass; memberships are renewed or ended, and mail is sent."""
    shop.let_pass(days=days)
    shop.manage("charge_memberships")
    shop.manage("tend_memberships")
    shop.manage("procrastinate", "worker", "--one-shot", "--queues", "mail")


def subjects(letters: Path, email: str) -> list[str]:
    """Of the mails that were sent to this address, in no order."""
    found = []
    for file in letters.iterdir():
        for letter in file.read_bytes().split(b"-" * 79):
            message = message_from_bytes(letter.strip())
            if message["To"] == email:
                found.append(str(make_header(decode_header(message["Subject"]))))
    return sorted(found)


def books(shop: LiveShop, email: str) -> list[tuple[str, str, str, int]]:
    return [tuple(row) for row in json.loads(shop.python(BOOKS.format(email=email)))]


def expect_same_books(shop: LiveShop, email: str) -> None:
    """Order by order, what the shop has is what KakaoPay took and gave back."""
    rows = books(shop, email)
    for number in {row[0] for row in rows}:
        of_it = [(kind, amount) for order, _, kind, amount in rows if order == number]
        payments = shop.kakaopay.payments(number)
        paid = [each for each in payments if each.approved_at]
        charged = [amount for kind, amount in of_it if kind == "CHARGE"]
        returned = sum(amount for kind, amount in of_it if kind == "REFUND")
        assert [each.total for each in paid] == charged
        assert sum(each.canceled_total for each in paid) == returned


def join(page: Page, slug: str, email: str) -> None:
    """Put a membership into the cart, and go to KakaoPay with it alone."""
    page.goto("/premium/")
    plan = page.locator(".plan", has=page.locator(f"a[href='/products/{slug}/']"))
    plan.locator("form button").click()
    page.wait_for_url("**/cart/")
    page.goto("/checkout/")
    page.get_by_label("이름", exact=True).fill("김하나")
    page.get_by_label("전화번호", exact=True).fill("010-1234-5678")
    page.get_by_label("이메일", exact=True).fill(email)
    page.locator("[name=consent]").check()
    has_settled(page)
    page.locator("#pay .kakaopay-button").click()
    page.wait_for_url("**/mockup/bridge/**")


def test_from_a_trial_to_the_end(
    shop: LiveShop,
    open_browser: OpenBrowser,
    letters: Path,
    screenshots: Path | None,
):
    """Free at first, then charged each month by itself, with a receipt, until it is canceled."""
    email = "member@example.com"
    page = open_browser(shop)
    sign_up(page, email, PASSWORD)
    page.goto(NOTES)
    expect(page).to_have_url(f"{shop.url}/premium/")

    join(page, "premium-monthly", email)
    pay_by_card(page)
    first = number_of(page)
    expect(page.locator("h1")).to_have_text("주문해 주셔서 감사합니다")
    expect(page.locator("main")).to_contain_text("무료 체험")
    picture(page, screenshots, "member-1-joined")
    assert [payment.total for payment in shop.kakaopay.payments(first)] == [0]

    page.goto(PAGE)
    expect(page.locator(".membership-state h2")).to_contain_text("무료 체험 중입니다")
    expect(page.locator(".membership-state")).to_contain_text("4,900원")
    picture(page, screenshots, "member-2-trial")
    page.goto(NOTES)
    expect(page).to_have_url(f"{shop.url}{NOTES}")
    page.goto("/products/pencil-set/")
    listed = won(page.locator(".product-detail s").inner_text())
    cheaper = won(page.locator(".product-detail .price-now").inner_text())
    assert cheaper < listed
    picture(page, screenshots, "member-3-cheaper")
    put_into_cart(page, "pencil-set")
    page.goto("/checkout/")
    type_address(page)
    page.locator("[name=email]").fill(email)
    expect(page.locator(".summary-total dd").first).to_have_text(f"{cheaper:,}원")
    agree(page)
    pay_by_money(page)
    bought = number_of(page)
    assert shop.kakaopay.payments(bought)[0].total == cheaper

    a_month_later(shop, days=15)
    come_in(page, email)
    expect(page.locator(".membership-state h2")).to_have_text("멤버십이 갱신됩니다")
    a_month_later(shop)
    come_in(page, email)
    expect(page.locator(".movements li")).to_have_count(3)
    picture(page, screenshots, "member-4-renewed")
    page.locator(".movements li").first.get_by_role("link", name="영수증").click()
    renewal = number_of(page)
    expect(page.locator("h1")).to_have_text("멤버십 갱신")
    expect(page.locator(".summary-total dd")).to_have_text(f"{MONTHLY:,}원")
    expect(page.locator("main")).to_contain_text(shop.kakaopay.payments(renewal)[0].tid)
    picture(page, screenshots, "member-5-receipt")
    assert (
        len([each for each in subjects(letters, email) if "멤버십이 갱신되었습니다" in each]) == 2
    )

    page.goto(PAGE)
    page.get_by_role("link", name="멤버십 해지").click()
    expect(page.locator("h1")).to_have_text("이용 기간이 끝나면 해지할까요?")
    picture(page, screenshots, "member-6-cancel")
    press(page, "이용 기간 종료 시 해지")
    expect(page.locator(".membership-state h2")).to_contain_text("에 끝납니다")
    picture(page, screenshots, "member-7-canceled")
    page.goto(NOTES)
    expect(page).to_have_url(f"{shop.url}{NOTES}")
    [sid] = json.loads(shop.python(SIDS.format(email=email)))
    assert shop.kakaopay.subscription(sid).status == "ACTIVE"

    a_month_later(shop)
    come_in(page, email)
    expect(page.locator(".membership-state h2")).to_have_text("멤버십이 끝났습니다")
    picture(page, screenshots, "member-8-ended")
    page.goto(NOTES)
    expect(page).to_have_url(f"{shop.url}/premium/")
    page.goto("/products/pencil-set/")
    assert won(page.locator(".product-detail .price").first.inner_text()) == listed
    assert any("멤버십이 끝났습니다" in each for each in subjects(letters, email))
    gone = shop.kakaopay.subscription(sid)
    assert (gone.status, gone.charges) == ("INACTIVE", 2)

    assert [(kind, amount) for _, kind, _, amount in books(shop, email)] == [
        ("SALE", 0),
        ("SALE", cheaper),
        ("RENEWAL", MONTHLY),
        ("RENEWAL", MONTHLY),
    ]
    expect_same_books(shop, email)


def test_another_card_and_out_at_once(
    shop: LiveShop, open_browser: OpenBrowser, letters: Path, screenshots: Path | None
):
    """A card that is declined is replaced, what is due is paid with it, and the rest comes back."""
    email = "declined@example.com"
    page = open_browser(shop, "phone")
    sign_up(page, email, PASSWORD)
    join(page, "premium-monthly", email)
    pay_by_card(page)
    number_of(page)
    [sid] = json.loads(shop.python(SIDS.format(email=email)))
    shop.kakaopay.decline_subscription(sid, "NOT_ENOUGH_BALANCE")
    a_month_later(shop, days=15)
    come_in(page, email)
    expect(page.locator(".membership-state h2")).to_have_text("멤버십을 갱신하지 못했습니다")
    picture(page, screenshots, "member-9-declined")
    assert any("갱신하지 못했습니다" in each for each in subjects(letters, email))

    page.get_by_role("link", name="다른 결제 수단으로 지금 결제").click()
    expect(page.locator(".summary-total dd")).to_have_text(f"{MONTHLY:,}원")
    picture(page, screenshots, "member-10-method")
    press(page, "카카오페이로 결제하기")
    page.wait_for_url("**/mockup/bridge/**")
    pay_by_money(page)
    number_of(page)
    picture(page, screenshots, "member-11-paid")
    page.goto(PAGE)
    expect(page.locator(".membership-state h2")).to_have_text("멤버십이 갱신됩니다")
    expect(page.locator(".facts")).to_contain_text("카카오페이머니")
    page.get_by_role("link", name="요금제 변경").click()
    picture(page, screenshots, "member-12-plans")
    page.get_by_label("프리미엄 연간").check()
    press(page, "이 요금제로 변경")
    expect(page.locator(".membership-state")).to_contain_text("49,000원")
    picture(page, screenshots, "member-13-changed")

    page.get_by_role("link", name="멤버십 해지").click()
    page.get_by_role("link", name="즉시 해지").click()
    shown = won(page.locator(".summary-total dd").inner_text())
    assert 0 < shown < MONTHLY
    picture(page, screenshots, "member-14-at-once")
    press(page, "즉시 해지")
    expect(page.locator(".membership-state h2")).to_have_text("멤버십이 끝났습니다")
    expect(page.locator(".movements")).to_contain_text(f"{shown:,}원 환불")
    picture(page, screenshots, "member-15-out")
    assert books(shop, email)[-1][2:] == ("REFUND", shown)
    expect_same_books(shop, email)


def won(text: str) -> int:
    """The amount that stands there, such as ``12,000원``."""
    return int("".join(letter for letter in text if letter.isdigit()))
