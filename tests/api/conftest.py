"""A program that uses the API: by token, by cookie, or as nobody."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User

FRONT_END = "https://front.example.com"
CONTACT = {"name": "김하나", "phone": "010-1234-5678", "email": "hana@example.com"}
ADDRESS = {
    "recipient": "김둘",
    "phone": "010-8765-4321",
    "postcode": "06236",
    "line1": "서울 강남구 테헤란로 152",
}


class Program:
    """Talks JSON to ``/api/v1/``; a token goes with each request if there is one."""

    def __init__(self, token: str = "", *, language: str = "en") -> None:
        self.browser = Client(enforce_csrf_checks=True)
        self.headers = {"accept-language": language}
        if token:
            self.headers["x-session-token"] = token

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """``headers`` are written with underscores: ``idempotency_key="k"``."""
        address = path if path.startswith("/") else f"/api/v1/{path}"
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.browser.generic(
            method,
            address,
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers=self.headers | more,
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, **headers)


def code_of(answer: Any) -> tuple[int, str]:
    """Status and code of a problem document."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"].endswith(f"/api/problems/#{document['code']}")
    return answer.status_code, document["code"]


@pytest.fixture
def nobody(db: None) -> Program:
    return Program()


def program_of(user: User) -> Program:
    """One whose token is that of a session that the person has begun."""
    browser = Client()
    browser.force_login(user)
    return Program(browser.session.session_key)


@pytest.fixture
def program(shopper: User) -> Program:
    """Signed in as the shopper, by token."""
    return program_of(shopper)


@pytest.fixture
def duri(db: None) -> User:
    """Somebody else."""
    return User.objects.create_user("duri@example.com", "open-sesame-2", name="이두리")


@pytest.fixture
def other(duri: User) -> Program:
    """Signed in as somebody else."""
    return program_of(duri)


@pytest.fixture
def front_end(settings: Any) -> str:
    """The origin of a web page that buyers may return to; and an app's scheme."""
    settings.CLIENT_ORIGINS = [FRONT_END, "http://localhost:5173"]
    settings.CLIENT_APP_SCHEMES = ["cornershop"]
    return FRONT_END


@pytest.fixture
def order(program: Program, make_product: Callable[..., Any]) -> Callable[..., Any]:
    """Order two cups of 11,000 won: ``order(return_url=…)``; the answer to ``checkout/ready/``."""

    def begin(**more: Any) -> Any:
        if not program.get("cart/").json()["items"]:
            cup = make_product(stock=10)
            assert (
                program.post("cart/items/", {"product": cup.slug, "quantity": 2}).status_code == 201
            )
        headers = {name: more.pop(name) for name in list(more) if name == "idempotency_key"}
        wanted = {"contact": CONTACT, "expected_total": 22_000} | more
        return program.post("checkout/ready/", wanted, **headers)

    return begin
