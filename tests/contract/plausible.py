"""
Requests that a shop can say yes to.

Generated ones fit the schema, but no schema says what a cart comes to, which phone numbers are
Korean, or which word the provider gave a buyer: nearly all would be refused at the door. So some
of them are made plausible just before they are sent: what was generated stays, but for the few
members that have to be true. The others, and everything that is wrong on purpose, go as they are.
"""

from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import schemathesis
from schemathesis.core.parameters import ParameterLocation

from tests.contract.people import ADDRESS, APP_SCHEME, CONTACT, RETURN_URL, Person

#: What is bought to have something to order, cancel or give back.
DELIVERED, NOT_DELIVERED, PLAN = "drip-kettle", "drip-coffee-class", "premium-monthly"
#: Of so many requests, one goes as it was generated.
UNTOUCHED = 3
#: At most 20 can be saved; what is generated shall find room.
MOST_ADDRESSES = 10


class Plausible:
    """A ``before_call`` of schemathesis for one person."""

    def __init__(self, person: Person, random: Random) -> None:
        self.person = person
        self.random = random
        self.of: dict[str, Callable[[schemathesis.Case], None]] = {
            "checkout_ready": self.ready,
            "quote": self.quote,
            "cart_add": self.cart_add,
            "cart_set_quantity": self.line,
            "cart_remove": self.line,
            "order_pay": self.order_pay,
            "order_cancel": self.order_cancel,
            "refund_request_add": self.refund_request,
            "refund_request_withdraw": self.withdraw,
            "payment_approve": self.approve,
            "payment_cancel": self.leave,
            "payment_fail": self.leave,
            "address_add": self.address_add,
            "address_change": self.address_change,
            "me_change": self.me_change,
            "membership_method": self.method,
            "membership_parting": self.join,
            "membership_stop": self.join,
            "membership_resume": self.join,
            "membership_plan": self.plan,
            "membership_stop_at_once": self.stop_at_once,
        }

    def __call__(self, context: Any, case: schemathesis.Case, kwargs: Any) -> None:
        if case.meta is None:
            return
        is_key_good = not case.meta.is_negative_at(ParameterLocation.HEADER)
        if is_key_good and "Idempotency-Key" in case.headers and self.random.random() < 0.9:
            # Generators are fond of few short keys; used again they are refused, or replayed.
            case.headers["Idempotency-Key"] = str(uuid4())
        if "cursor" in case.query and not case.meta.is_negative_at(ParameterLocation.QUERY):
            self.cursor(case)
        make = self.of.get(case.operation.definition.raw["operationId"])
        is_other_method = case.method.lower() != case.operation.method.lower()
        if make is None or is_other_method or case.meta.is_negative_at(ParameterLocation.PATH):
            return
        if self.person.is_signed_in and self.random.randrange(UNTOUCHED):
            wrong = (
                deepcopy(case.body) if case.meta.is_negative_at(ParameterLocation.BODY) else None
            )
            make(case)
            if wrong is not None:  # about something that is there, but wrong all the same
                case.body = wrong

    # -- each changes the case --

    def cursor(self, case: schemathesis.Case) -> None:
        """One that a list gave, or one that reads like it, with whatever was generated inside."""
        match self.random.randrange(3):
            case 0:
                path = case.path.removeprefix("/api/v1/")
                page = self.person.ask("GET", f"{path}?page_size=1")
                following = page.json().get("next") if page.ok else None
                if following:
                    case.query["cursor"] = parse_qs(urlsplit(following).query)["cursor"][0]
            case 1:
                inside = urlencode({"p": str(case.query["cursor"])})
                case.query["cursor"] = b64encode(inside.encode(errors="replace")).decode()

    def cart_add(self, case: schemathesis.Case) -> None:
        slugs = [each["slug"] for each in self.person.ask("GET", "products/").json()["results"]]
        body(case)["product"] = self.random.choice(slugs)
        body(case)["quantity"] = self.random.randint(1, 3)

    def line(self, case: schemathesis.Case) -> None:
        lines = self.lines()
        case.path_parameters["id"] = str(self.random.choice(lines)["id"])
        if isinstance(case.body, dict):
            case.body["quantity"] = self.random.randint(1, 9)

    def lines(self) -> list[dict[str, Any]]:
        """What is in the cart, which is then not empty."""
        lines = self.person.ask("GET", "cart/").json()["items"]
        if not lines or any(line["available"] < line["quantity"] for line in lines):
            self.person.fill_cart(DELIVERED)
            lines = self.person.ask("GET", "cart/").json()["items"]
        return lines

    def quote(self, case: schemathesis.Case) -> None:
        self.lines()

    def ready(self, case: schemathesis.Case) -> None:
        self.lines()
        wanted = body(case)
        wanted.pop("seen", None)
        wanted.pop("coupon_code", None)
        wanted |= {"contact": CONTACT, "address": ADDRESS, "points": 0, "consent": True}
        quote = self.person.ask("POST", "checkout/quote/", {}).json()
        wanted["expected_total"] = quote["quote"]["total"]
        if self.random.random() < 0.5:
            wanted["seen"] = quote["seen"]
        self.back(case)

    def back(self, case: schemathesis.Case) -> None:
        """To an address that is on the list, or to the shop."""
        wanted = body(case)
        places = ["", RETURN_URL, f"{RETURN_URL}?from=shop", f"{APP_SCHEME}://paid"]
        wanted["return_url"] = self.random.choice(places)
        if not wanted["return_url"].startswith("http"):
            wanted.pop("callback", None)  # the provider itself sends buyers to web pages only

    def method(self, case: schemathesis.Case) -> None:
        self.join(case)
        self.back(case)

    def order_pay(self, case: schemathesis.Case) -> None:
        self.lines()
        started = self.person.order()
        if started.status_code == 201:
            case.path_parameters["number"] = started.json()["order_number"]
        self.back(case)

    def order_cancel(self, case: schemathesis.Case) -> None:
        bought = self.person.buy(DELIVERED)
        if bought.ok:
            case.path_parameters["number"] = bought.json()["order_number"]

    def refund_request(self, case: schemathesis.Case) -> None:
        body(case)["pieces"] = self.pieces(case)

    def pieces(self, case: schemathesis.Case) -> list[dict[str, int]]:
        """Of an order that can be given back, its number put into the case."""
        bought = self.person.buy(NOT_DELIVERED)
        if not bought.ok:
            return []
        number = bought.json()["order_number"]
        lines = self.person.ask("GET", f"orders/{number}/").json()["lines"]
        case.path_parameters["number"] = number
        return [{"line": line["id"], "quantity": 1} for line in lines]

    def withdraw(self, case: schemathesis.Case) -> None:
        wanted = {"reason": "broken", "pieces": self.pieces(case)}
        number = case.path_parameters["number"]
        asked = self.person.ask("POST", f"orders/{number}/refund-requests/", wanted)
        if asked.ok:
            case.path_parameters["id"] = str(asked.json()["id"])

    def approve(self, case: schemathesis.Case) -> None:
        payment_id = self.started(case)
        if payment_id and (token := self.person.agree_to_pay(payment_id)):
            body(case)["pg_token"] = token

    def leave(self, case: schemathesis.Case) -> None:
        self.started(case)

    def started(self, case: schemathesis.Case) -> str | None:
        """A payment that waits for its buyer, put into the case."""
        self.lines()
        answer = self.person.order()
        payment_id = answer.json()["payment_id"] if answer.status_code == 201 else None
        if payment_id:
            case.path_parameters["payment_id"] = payment_id
        return payment_id

    def address_add(self, case: schemathesis.Case) -> None:
        saved = self.person.ask("GET", "me/addresses/").json()
        for address in saved[MOST_ADDRESSES:]:
            self.person.ask("DELETE", f"me/addresses/{address['id']}/")
        body(case).update(ADDRESS | {"line1": f"서울 강남구 {self.random.randrange(10**9)}"})

    def address_change(self, case: schemathesis.Case) -> None:
        self.address_add(case)
        saved = self.person.ask("GET", "me/addresses/").json()
        if saved:
            case.path_parameters["id"] = str(self.random.choice(saved)["id"])

    def me_change(self, case: schemathesis.Case) -> None:
        if "phone" in body(case):
            body(case)["phone"] = CONTACT["phone"]

    def join(self, case: schemathesis.Case) -> None:
        """Become a member, where the person is none."""
        if not self.person.ask("GET", "me/").json()["membership"]:
            self.person.buy(PLAN)

    def plan(self, case: schemathesis.Case) -> None:
        self.join(case)
        plans = self.person.ask("GET", "membership/plans/").json()
        body(case)["plan"] = self.random.choice([each["slug"] for each in plans if each["renews"]])

    def stop_at_once(self, case: schemathesis.Case) -> None:
        self.join(case)
        parting = self.person.ask("GET", "membership/stop-at-once/")
        if parting.ok:
            body(case)["seen"] = parting.json()["seen"]


def body(case: schemathesis.Case) -> dict[str, Any]:
    """The members of the case's body; there may be none yet."""
    if not isinstance(case.body, dict):
        return {}
    return case.body
