"""Who asks the API: a shopper by token or by cookie, or nobody; and what such a shopper can do."""

from dataclasses import dataclass, field
from typing import Any

import requests

from tests.kakaopay import KakaoPay

EMAIL, PASSWORD = "shopper@example.com", "kakaopay-demo"
PATIENCE = 30  # seconds
CONTACT = {"name": "김하나", "phone": "010-1234-5678", "email": "hana@example.com"}
ADDRESS = {
    "recipient": "김둘",
    "phone": "010-8765-4321",
    "postcode": "06236",
    "line1": "서울 강남구 테헤란로 152",
}


#: An origin that the runner's shop has in its settings, and a scheme of apps.
ORIGIN = "http://localhost:5173"
APP_SCHEME = "examplestore"
RETURN_URL = f"{ORIGIN}/done"


@dataclass
class Person:
    """``headers`` make the API take whoever sends them for this person."""

    name: str
    shop: str
    kakaopay: KakaoPay
    headers: dict[str, str] = field(default_factory=dict)
    #: Does it make up tokens and cookies?
    is_lying: bool = False
    #: Does it send every case that the schema names, before others by chance?
    is_thorough: bool = False

    @property
    def is_signed_in(self) -> bool:
        return bool(self.headers)

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(
            method,
            f"{self.shop}/api/v1/{path}",
            json=body,
            headers={"Accept-Language": "en"} | self.headers,
            timeout=PATIENCE,
        )

    # -- what a shopper does --

    def fill_cart(self, slug: str) -> None:
        """Let nothing be in the cart but this product. One that cannot be added is left out."""
        for line in self.ask("GET", "cart/").json()["items"]:
            self.ask("DELETE", f"cart/items/{line['id']}/")
        self.ask("POST", "cart/items/", {"product": slug})

    def order(self) -> requests.Response:
        """Order what is in the cart, at the price it has."""
        seen = self.ask("POST", "checkout/quote/", {}).json()
        wanted = {
            "contact": CONTACT,
            "address": ADDRESS,
            "expected_total": seen["quote"]["total"],
            "consent": True,
            "callback": "client",
            "return_url": RETURN_URL,
        }
        return self.ask("POST", "checkout/ready/", wanted)

    def agree_to_pay(self, payment_id: str) -> str | None:
        """
        Agree on the provider's page. Returns the ``pg_token``, None if there is nothing to pay.
        """
        payment = self.ask("GET", f"payments/{payment_id}/").json()
        page = payment.get("redirect_urls", {}).get("pc")
        if not page:
            return None
        try:
            return self.kakaopay.pay(page).partition("pg_token=")[2] or None
        except AssertionError:  # it is over on the provider's side
            return None

    def buy(self, slug: str) -> requests.Response:
        """Buy one of it, up to the answer about the payment."""
        self.fill_cart(slug)
        started = self.order()
        if started.status_code != 201:
            return started
        payment_id = started.json()["payment_id"]
        token = self.agree_to_pay(payment_id)
        return self.ask("POST", f"payments/{payment_id}/approve/", {"pg_token": token})


def nobody(shop: str, kakaopay: KakaoPay) -> Person:
    return Person("nobody", shop, kakaopay, is_thorough=True)


def stranger(shop: str, kakaopay: KakaoPay) -> Person:
    """Somebody with tokens and cookies that are none."""
    return Person("stranger", shop, kakaopay, is_lying=True)


def by_token(shop: str, kakaopay: KakaoPay) -> Person:
    """The shopper, as an app knows them."""
    answer = requests.post(
        f"{shop}/_allauth/app/v1/auth/login",
        json={"email": EMAIL, "password": PASSWORD},
        timeout=PATIENCE,
    )
    assert answer.ok, answer.text
    token = answer.json()["meta"]["session_token"]
    return Person("token", shop, kakaopay, {"X-Session-Token": token}, is_thorough=True)


def by_cookie(shop: str, kakaopay: KakaoPay) -> Person:
    """The shopper, as a web page knows them."""
    browser = requests.Session()
    token = browser.get(f"{shop}/api/v1/csrf/", timeout=PATIENCE).json()["csrf_token"]
    answer = browser.post(
        f"{shop}/_allauth/browser/v1/auth/login",
        json={"email": EMAIL, "password": PASSWORD},
        headers={"X-CSRFToken": token},
        timeout=PATIENCE,
    )
    assert answer.ok, answer.text
    token = browser.get(f"{shop}/api/v1/csrf/", timeout=PATIENCE).json()["csrf_token"]
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return Person("cookie", shop, kakaopay, {"Cookie": cookies, "X-CSRFToken": token})
