"""
Buy something in the shop from the command line: sign in, order, pay, print the receipt.

    python buy.py --product stoneware-mug --quantity 2

Needs nothing but ``requests``. Exits with 0 if it was paid, else with 1 and a sentence why not.
"""

# ruff: noqa: T201

import argparse
import functools
import sys
import time
import uuid
import webbrowser
from typing import Any

import requests

show = functools.partial(print, flush=True)
ATTEMPTS = 4
TIMEOUT = 30  # seconds
LOOK_AGAIN = 2  # seconds, while the buyer pays
LOST = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
DEMO_ADDRESS = {"postcode": "04524", "line1": "서울 중구 세종대로 110", "line2": "3층"}


class NotBought(Exception):
    """It ends here; the message is for people."""


class Shop:
    """The shop's API. What it refuses is raised as ``NotBought``, with its own sentence."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.headers = {"Accept": "application/json", "Accept-Language": "en"}

    def sign_in(self, email: str, password: str) -> None:
        """From here on a token says who asks; there are no cookies."""
        body = {"email": email, "password": password}
        signed_in = self.ask("POST", "/_allauth/app/v1/auth/login", body).json()
        self.headers["X-Session-Token"] = signed_in["meta"]["session_token"]

    def get(self, path: str) -> Any:
        return self.ask("GET", f"/api/v1/{path}").json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Done once, however often the connection breaks: each attempt has the same key."""
        return self.ask("POST", f"/api/v1/{path}", body, key=str(uuid.uuid4())).json()

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> requests.Response:
        """Ask, and where nobody knows what came of it, ask the same again."""
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        for attempt in range(ATTEMPTS):
            time.sleep(attempt)
            try:
                answer = requests.request(
                    method,
                    self.url + path,
                    json=body,
                    headers=headers,
                    timeout=TIMEOUT,
                    allow_redirects=False,  # a password or a token goes nowhere else
                )
            except LOST:
                problem = f"The shop at {self.url} does not answer."
                continue
            if answer.ok and "json" in answer.headers.get("Content-Type", ""):
                return answer
            code, problem = refusal(answer)
            if answer.status_code < 500 and code != "request_in_progress":
                break
            time.sleep(retry_after(answer, 0))
        raise NotBought(problem)


def retry_after(answer: requests.Response, otherwise: float) -> float:
    """How many seconds the shop asks to wait."""
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else otherwise


def refusal(answer: requests.Response) -> tuple[str, str]:
    """The code and the sentences of a problem document, or of what signing in answers."""
    try:
        said = answer.json()
    except ValueError:  # not from the shop: a proxy's page, perhaps
        said = {}
    errors = [each.get("detail") or each.get("message") for each in said.get("errors", [])]
    sentences = " ".join(filter(None, [said.get("detail"), *errors]))
    return said.get("code", ""), sentences or f"The shop answered {answer.status_code}."


def put_into_cart(shop: Shop, product: str, quantity: int) -> None:
    """Just so many of it, also if a purchase was broken off before; what else is there stays."""
    for line in shop.get("cart/")["items"]:
        if line["product"] == product:
            shop.ask("PATCH", f"/api/v1/cart/items/{line['id']}/", {"quantity": quantity})
            return
    shop.post("cart/items/", {"product": product, "quantity": quantity})


def order(shop: Shop, args: argparse.Namespace) -> Any:
    """Order the cart exactly as it is printed here, or nothing."""
    wish = {"coupon_code": args.coupon, "points": args.points}
    offer = shop.post("checkout/quote/", wish)
    if offer["refusal"]:
        raise NotBought(offer["refusal"]["detail"])
    show_amounts(offer["items"], offer["quote"])
    me = shop.get("me/")
    wanted = wish | {
        "contact": {
            "name": args.name or me["name"],
            "phone": args.phone or me["phone"],
            "email": me["email"],
        },
        "expected_total": offer["quote"]["total"],
        "seen": offer["seen"],
    }
    if offer["needs_address"]:
        wanted["address"] = address(shop, args, wanted["contact"])
    return shop.post("checkout/ready/", wanted)


def address(shop: Shop, args: argparse.Namespace, contact: dict[str, str]) -> dict[str, str]:
    """What was typed, else the first saved one, else the demo's."""
    person = {"recipient": contact["name"], "phone": contact["phone"]}
    if args.postcode or args.street:
        return person | {"postcode": args.postcode, "line1": args.street}
    for saved in shop.get("me/addresses/"):
        return {field: saved[field] for field in (*person, *DEMO_ADDRESS, "memo")}
    return person | DEMO_ADDRESS


def wait_for(shop: Shop, payment_id: str) -> None:
    """Ask how the payment stands until that is known. Nothing else proves that it was paid."""
    before = ""
    while True:
        answer = shop.ask("GET", f"/api/v1/payments/{payment_id}/")
        payment = answer.json()
        status = payment["status"]
        if status == "SUCCEEDED":
            return
        if status == "FAILED":
            raise NotBought(payment["failure"] or "The payment failed. Nothing was charged.")
        if status == "CANCELED":
            raise NotBought("The payment was broken off. Nothing was charged.")
        if status == "PROCESSING" != before:
            show("The payment is being confirmed; paying again is not needed.")
        before = status
        time.sleep(retry_after(answer, LOOK_AGAIN))


def show_amounts(lines: list[dict[str, Any]], amounts: dict[str, int]) -> None:
    for line in lines:
        show(f"{line['quantity']:>3} x {line['name']}: {line['amount']:,} won")
    for name in ("discount", "points", "shipping", "total", "tax_free", "vat"):
        show(f"      {name}: {amounts[name]:,} won")


def show_receipt(shop: Shop, number: str) -> None:
    bought = shop.get(f"orders/{number}/")
    show(f"\nOrder {bought['number']}: {bought['status']}")
    show_amounts(bought["lines"], bought["amounts"])
    for txn in bought["transactions"]:
        if (txn["kind"], txn["status"]) == ("CHARGE", "SUCCEEDED"):
            show(f"Paid {txn['amount']:,} won: {txn['method']}, tid {txn['tid']}, aid {txn['aid']}")


def buy(args: argparse.Namespace) -> None:
    """:raises NotBought: with a sentence why."""
    shop = Shop(args.shop)
    shop.sign_in(args.email, args.password)
    put_into_cart(shop, args.product, args.quantity)
    started = order(shop, args)
    if started["payment_id"]:  # else coupon and points have paid for all of it
        show(f"\nPay here: {started['redirect_url']}")
        if args.open:
            webbrowser.open(started["redirect_url"])
        wait_for(shop, started["payment_id"])
    show_receipt(shop, started["order_number"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Buy something in the shop.")
    parser.add_argument("--shop", default="http://localhost:8000", help="its address")
    parser.add_argument("--email", default="shopper@example.com")
    parser.add_argument("--password", default="kakaopay-demo")
    parser.add_argument("--product", required=True, metavar="SLUG")
    parser.add_argument("--quantity", type=int, default=1)
    parser.add_argument("--coupon", default="", metavar="CODE")
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--name", default="", help="of the buyer, if the account has none")
    parser.add_argument("--phone", default="", help="such as 010-1234-5678")
    parser.add_argument("--postcode", default="", help="five digits, with --street")
    parser.add_argument("--street", default="", help="and number; without it a saved address")
    parser.add_argument("--open", action="store_true", help="open KakaoPay's page in a browser")
    args = parser.parse_args()
    if not args.shop.startswith(("http://", "https://")):
        parser.error("--shop is a whole address, such as http://localhost:8000")
    try:
        buy(args)
    except NotBought as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Not waiting any longer; the order can be paid until its deadline.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
