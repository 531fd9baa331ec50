"""The requests of programs during which the web process is killed, and made again by their key."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import requests
from django.test import Client

from orders.models import Order
from tests.conftest import CONTACT
from tests.killing.journeys import HOME, PAID_ONCE, TOTAL, Journey
from tests.killing.web import PATIENCE, TAIL


class ByProgram(Journey):
    """A program with a token, and a key for the one thing that it wants done."""

    path: str

    def arrange(self) -> None:
        browser = Client()
        browser.force_login(self.user)
        self.token = browser.session.session_key
        self.key = str(uuid4())

    def body(self) -> dict[str, Any]:
        raise NotImplementedError

    def request(self, kill_at: int | None = None) -> requests.Response:
        return self.call("POST", self.path, self.body(), kill_at=kill_at, key=self.key)

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        kill_at: int | None = None,
        key: str = "",
    ) -> requests.Response:
        """:raises AssertionError: with the end of the shop's log, if the answer is no success."""
        headers = {"X-Session-Token": self.token}
        if key:
            headers["Idempotency-Key"] = key
        if kill_at is not None:
            headers["X-Kill-At"] = str(kill_at)
        address = f"{self.shop.url}/api/v1/{path}"
        answer = requests.request(method, address, json=body, headers=headers, timeout=PATIENCE)
        if not answer.ok:
            log = self.shop.process.log[-TAIL:]
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}\n{log}")
        return answer


class Ready(ByProgram):
    """
    The program orders the cart; then it asks again with the same key, and is told of the order that
    there is: its buyer pays that, once.
    """

    name = "api: ready"
    path = "checkout/ready/"
    ends = {Order.Status.PAID: PAID_ONCE}

    def body(self) -> dict[str, Any]:
        return {
            "contact": {"name": CONTACT.name, "phone": "010-1234-5678", "email": CONTACT.email},
            "address": {
                "recipient": HOME.recipient,
                "phone": HOME.phone,
                "postcode": HOME.postcode,
                "line1": HOME.line1,
                "line2": HOME.line2,
            },
            "coupon_code": self.coupon.code,
            "points": self.points,
            "expected_total": TOTAL,
        }

    def go_on(self) -> None:
        begun = self.request().json()
        assert [begun["order_number"]] == list(
            Order.objects.filter(user=self.user).values_list("number", flat=True)
        )
        if begun["payment_id"] is None:  # it was paid through another window
            assert begun["status"] == Order.Status.PAID
            return
        standing = self.call("GET", f"payments/{begun['payment_id']}/").json()
        if standing["status"] == "READY":
            self.browser.get(self.kakaopay.pay(begun["redirect_url"]))


class Approve(ByProgram):
    """The provider sends the buyer to the program, which reports it until it has the outcome."""

    name = "api: approve"
    ends = {Order.Status.PAID: PAID_ONCE}

    def arrange(self) -> None:
        super().arrange()
        charge = self.start()
        self.path = f"payments/{charge.public_id}/approve/"
        there = self.kakaopay.pay(charge.redirect_urls["pc"])
        self.pg_token = parse_qs(urlsplit(there).query)["pg_token"][0]

    def body(self) -> dict[str, Any]:
        return {"pg_token": self.pg_token}


class AddToCart(ByProgram):
    """The program puts something into the cart, which nothing but its key does once."""

    name = "api: add to the cart"
    path = "cart/items/"
    least_points = 4
    ends = {}

    def body(self) -> dict[str, Any]:
        return {"product": self.product.slug, "quantity": 1}

    def pieces(self) -> int:
        return self.cart.lines.get().quantity
