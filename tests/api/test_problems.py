"""Refusals are problem documents, wherever they come from, and every code is documented."""

from base64 import b64encode
from urllib.parse import quote

import pytest
from django.test import Client

from api import problems
from tests.api.conftest import code_of

pytestmark = pytest.mark.django_db

ORIGIN = "https://front.example.com"


class TestDocuments:
    def test_what_one_says(self, nobody):
        """All that RFC 9457 names, and the code; ``type`` leads to its explanation."""
        answer = nobody.get("products/none/")
        assert answer.json() == {
            "type": "http://localhost:8000/api/problems/#not_found",
            "title": "There is no such thing here.",
            "status": 404,
            "detail": "There is no such thing here.",
            "code": "not_found",
        }

    def test_in_the_clients_language(self, nobody):
        """Korean and English."""
        answer = nobody.get("products/none/", accept_language="ko")
        assert answer.json()["detail"] == "찾는 것이 없습니다."

    @pytest.mark.parametrize(
        ("method", "path", "body", "headers", "expected"),
        [
            ("GET", "nowhere/", None, {}, (404, "not_found")),
            ("GET", "cart/items/99999999999999999999/", None, {}, (404, "not_found")),
            ("PUT", "cart/", {}, {}, (405, "method_not_allowed")),
            ("GET", "cart/", None, {"accept": "text/csv"}, (406, "not_acceptable")),
            ("POST", "cart/items/", {"product": "x" * 51}, {}, (400, "invalid")),
        ],
    )
    def test_wherever_it_comes_from(self, nobody, method, path, body, headers, expected):
        """The addresses themselves, methods, formats and bodies."""
        assert code_of(nobody.send(method, path, body, **headers)) == expected

    @pytest.mark.parametrize(
        ("body", "content_type", "expected"),
        [
            ("{", "application/json", (400, "malformed")),
            (b"\xff", "application/json", (400, "malformed")),
            ("product=cup", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
            ("[]", "application/json", (400, "invalid")),
            ("null", "application/json", (400, "invalid")),
            ('{"product": "a\\u0000b"}', "application/json", (400, "invalid")),
            ('{"product": "\\ud800"}', "application/json", (400, "malformed")),
            (b"[" + b" " * 3_000_000 + b"]", "application/json", (400, "malformed")),
        ],
    )
    def test_what_cannot_be_read(self, body, content_type, expected):
        """Is refused before anything is done."""
        where = "/api/v1/cart/items/"
        assert code_of(Client().post(where, body, content_type=content_type)) == expected

    def test_what_is_too_deep(self):
        """JSON that nobody can read to its end."""
        where, body = "/api/v1/cart/items/", "[" * 100_000
        answer = Client().post(where, body, content_type="application/json")
        assert code_of(answer) == (400, "malformed")

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("place", ["p=", "p=abc", "p=\0", "p=99999999999999999999999", "x"])
    @pytest.mark.parametrize("path", ["orders/", "payments/", "points/history/", "products/"])
    def test_a_cursor_that_nobody_gave(self, program, path, place):
        """Is told from one that has ended, wherever it is sent."""
        cursor = quote(b64encode(place.encode()).decode())
        answer = program.get(f"{path}?cursor={cursor}")
        assert answer.status_code in {200, 400}
        if answer.status_code == 400:
            assert code_of(answer) == (400, "invalid")
            assert answer.json()["errors"][0]["pointer"] == "?cursor"

    @pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/v1/a%0Ab", "/api/"])
    def test_an_address_that_is_none(self, nobody, path):
        """Whatever is sent there, and with whatever token."""
        for method in ("GET", "POST", "DELETE"):
            assert code_of(nobody.send(method, path, {})) == (404, "not_found")

    def test_signing_in_without_the_csrf_token(self, nobody):
        """A program is told in its own language too."""
        where = "/_allauth/browser/v1/auth/login"
        assert code_of(nobody.post(where, {})) == (403, "csrf_failed")

    def test_an_error_of_ours(self, client, shopper, settings):
        """Is a document too, and tells nothing of the program's insides."""
        settings.RATE_LIMITS = {}  # a program that has lost its settings
        client.raise_request_exception = False
        client.force_login(shopper)
        answer = client.post("/api/v1/membership/method/", {}, content_type="application/json")
        assert code_of(answer) == (500, "internal_error")
        assert "Traceback" not in answer.content.decode()


class TestThePage:
    @pytest.mark.parametrize("language", ["ko", "en"])
    def test_every_code_is_explained(self, client, language):
        """In both languages, at the anchor that ``type`` names."""
        page = client.get("/api/problems/", headers={"accept-language": language})
        said = page.content.decode()
        for code in problems.KINDS:
            assert f'id="{code}"' in said

    def test_a_code_means_one_thing(self):
        """Declaring it twice is an error of the program."""
        with pytest.raises(ValueError, match="two kinds of problem are called not_found"):
            problems.Kind("not_found", 404, "x", "y")


class TestOtherOrigins:
    """Which web pages a browser lets read the answers."""

    def preflight(self, origin):
        return Client().options(
            "/api/v1/checkout/ready/",
            headers={
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "content-type,idempotency-key,x-session-token",
            },
        )

    def test_one_on_the_list(self, settings):
        """May send what a purchase needs, with its cookies, and read what it must know."""
        settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
        answer = self.preflight(ORIGIN)
        assert answer["Access-Control-Allow-Origin"] == ORIGIN
        assert answer["Access-Control-Allow-Credentials"] == "true"
        assert "idempotency-key" in answer["Access-Control-Allow-Headers"]
        read = Client().get("/api/v1/products/", headers={"origin": ORIGIN})
        assert "Retry-After" in read["Access-Control-Expose-Headers"]

    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "null", f"{ORIGIN}.evil.example", "http://front.example.com"],
    )
    def test_any_other(self, settings, origin):
        """May not; nor may anybody, where the list is empty."""
        settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
        assert "Access-Control-Allow-Origin" not in self.preflight(origin)
        settings.CORS_ALLOWED_ORIGINS = []
        assert "Access-Control-Allow-Origin" not in self.preflight(ORIGIN)

    def test_the_shops_own_pages_are_for_nobody_else(self, settings):
        """What is no API is not opened."""
        settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
        answer = Client().get("/accounts/login/", headers={"origin": ORIGIN})
        assert "Access-Control-Allow-Origin" not in answer

    @pytest.mark.parametrize("path", ["/admin/login/", "/checkout/ready/", "/accounts/logout/"])
    def test_front_ends_are_not_trusted_with_the_shops_forms(self, path, shopper, settings):
        """Though they can read a token against forged requests, which is for the API."""
        settings.CLIENT_ORIGINS = settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
        settings.CSRF_TRUSTED_ORIGINS = ["http://localhost:8000", ORIGIN]
        page = Client(enforce_csrf_checks=True)
        page.force_login(shopper)
        token = page.get("/api/v1/csrf/", headers={"origin": ORIGIN}).json()["csrf_token"]
        sent = {"x-csrftoken": token, "origin": ORIGIN}
        assert page.post(path, headers=sent).status_code == 403
        patched = page.patch("/api/v1/me/", {}, content_type="application/json", headers=sent)
        assert patched.status_code == 200


class TestCaches:
    @pytest.mark.parametrize(
        "path",
        [
            *("me/", "me/addresses/", "cart/", "orders/", "payments/", "coupons/", "csrf/"),
            *("points/", "points/history/", "membership/"),
        ],
    )
    def test_what_is_somebodys_is_kept_by_nobody(self, program, path):
        """A cache between would give it to the next who asks."""
        assert program.get(path)["Cache-Control"] == "no-store"


class TestReading:
    def test_the_schema(self, client):
        """As YAML, and as JSON for who asks for it."""
        assert client.get("/api/schema/").status_code == 200
        asked_for = {"accept": "application/vnd.oai.openapi+json"}
        answer = client.get("/api/schema/", headers=asked_for)
        assert answer.json()["info"]["title"] == "KakaoPay checkout"

    def test_signing_in_is_described_too(self, client):
        """By allauth's own description of what stands here."""
        answer = client.get("/_allauth/openapi.json")
        assert "/_allauth/{client}/v1/auth/login" in answer.json()["paths"]

    def test_the_page_to_try_it(self, client):
        """With nothing from other servers."""
        page = client.get("/api/docs/").content.decode()
        assert "swagger-ui" in page
        assert "https://" not in page
