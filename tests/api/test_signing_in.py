"""Who asks: by token, by cookie, or nobody."""

import pytest
import responses
from django.core.cache import cache

from accounts.models import User
from orders.models import Order
from tests.api.conftest import Program, code_of, program_of

pytestmark = pytest.mark.django_db

APP = "/_allauth/app/v1"
BROWSER = "/_allauth/browser/v1"
PASSWORD = "open-sesame-2"


@pytest.fixture(autouse=True)
def nothing_counted(db):
    """Attempts of other tests are forgotten."""
    cache.clear()


def log_in(program, email="hana@example.com", password=PASSWORD, **headers):
    where = f"{APP}/auth/login"
    return program.post(where, {"email": email, "password": password}, **headers)


class TestByToken:
    def test_signing_in_gives_a_token(self, nobody, shopper):
        """Which is all that a program sends: no cookie, no CSRF token."""
        answer = log_in(nobody)
        token = answer.json()["meta"]["session_token"]
        assert Program(token).get("me/").json()["email"] == "hana@example.com"
        assert not answer.cookies

    def test_a_wrong_password(self, nobody, shopper):
        """Says so, without a token."""
        answer = log_in(nobody, password="wrong")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == "email_password_mismatch"

    def test_signing_up_and_out(self, nobody):
        """A new account is signed in; its token is worth nothing afterwards."""
        body = {"email": "new@example.com", "password": PASSWORD}
        token = nobody.post(f"{APP}/auth/signup", body).json()["meta"]["session_token"]
        program = Program(token)
        assert program.get("me/").json()["email"] == "new@example.com"
        assert program.delete(f"{APP}/auth/session").status_code == 401
        assert code_of(program.get("me/")) == (401, "session_ended")

    def test_a_forgotten_password(self, nobody, shopper, mailoutbox):
        """The mail leads to the shop's own page, and its key works here too."""
        asked = nobody.post(f"{APP}/auth/password/request", {"email": "hana@example.com"})
        assert asked.status_code == 200
        (mail,) = mailoutbox
        link = next(line for line in mail.body.splitlines() if "/password/reset/key/" in line)
        assert link.strip().startswith("http://localhost:8000/accounts/password/reset/key/")
        key = link.strip().rstrip("/").rpartition("/")[2]
        body = {"key": key, "password": "another-sesame-3"}
        assert nobody.post(f"{APP}/auth/password/reset", body).status_code in {200, 401}
        assert log_in(nobody, password="another-sesame-3").status_code == 200

    def test_a_wrong_token_is_not_nobody(self, shopper):
        """A client whose session has ended is told, and does not go on as a visitor."""
        answer = Program("0" * 32).get("cart/")
        assert code_of(answer) == (401, "session_ended")
        assert answer["WWW-Authenticate"] == 'Session realm="api"'

    @pytest.mark.parametrize("where", ["auth/login", "auth/signup"])
    def test_half_a_character(self, nobody, where):
        """Is no JSON that anybody could answer."""
        body = {"email": "x@example.com", "password": "\ud800"}
        assert code_of(nobody.post(f"{APP}/{where}", body)) == (400, "malformed")

    @pytest.mark.parametrize("token", ["", "é", "a b", "'", "../x"])
    def test_what_is_no_token(self, nobody, token):
        """Is refused as one that has ended."""
        assert code_of(nobody.get("me/", x_session_token=token)) == (401, "session_ended")

    def test_the_token_goes_before_the_cookie(self, program, duri):
        """A page on which somebody else is signed in asks as the token's owner."""
        program.browser.force_login(duri)
        assert program.get("me/").json()["email"] == "hana@example.com"

    def test_somebody_who_was_locked_out(self, program, shopper):
        """Their token ends with their account."""
        User.objects.update(is_active=False)
        assert code_of(program.get("me/")) == (401, "session_ended")


class TestByCookie:
    @pytest.fixture
    def page(self, shopper):
        """A page of the shop's own site, where the shopper is signed in."""
        page = Program()
        page.browser.force_login(shopper)
        return page

    def test_reading_needs_no_more(self, page):
        """A GET changes nothing."""
        assert page.get("me/").status_code == 200

    def test_changing_needs_the_csrf_token(self, page):
        """Else any page on the web could do it."""
        assert code_of(page.patch("me/", {"name": "x"})) == (403, "csrf_failed")
        token = page.get("csrf/").json()["csrf_token"]
        assert page.patch("me/", {"name": "새 이름"}, x_csrftoken=token).status_code == 200
        assert User.objects.get().name == "새 이름"

    def test_a_visitor_with_a_cart_too(self, nobody, make_product):
        """Whose cookie a browser sends by itself as well."""
        cup = make_product()
        assert nobody.post("cart/items/", {"product": cup.slug}).status_code == 201
        assert code_of(nobody.post("cart/items/", {"product": cup.slug})) == (403, "csrf_failed")

    def test_signing_in_brings_the_cart_along(self, nobody, shopper, make_product):
        """By the door for browsers, which keeps the session."""
        nobody.post("cart/items/", {"product": make_product().slug, "quantity": 3})
        token = nobody.get("csrf/").json()["csrf_token"]
        body = {"email": "hana@example.com", "password": PASSWORD}
        answer = nobody.post(f"{BROWSER}/auth/login", body, x_csrftoken=token)
        assert answer.status_code == 200
        assert nobody.get("cart/").json()["items"][0]["quantity"] == 3


class TestNobody:
    def test_what_belongs_to_accounts(self, nobody):
        """Is 401, with a problem document and a challenge."""
        answer = nobody.get("me/")
        assert code_of(answer) == (401, "not_signed_in")
        assert answer["WWW-Authenticate"] == 'Session realm="api"'

    def test_nothing_is_ordered(self, nobody):
        """Whatever is sent."""
        assert code_of(nobody.post("checkout/ready/", {})) == (401, "not_signed_in")
        assert not Order.objects.exists()


class TestLimits:
    def test_guessing_a_password(self, nobody, shopper):
        """Five wrong ones, then 429 with Retry-After, for the right one too."""
        for _ in range(5):
            assert log_in(nobody, password="wrong").status_code == 400
        answer = log_in(nobody)
        assert answer.status_code == 429
        assert answer["Retry-After"] == "300"

    def test_others_do_not_make_it_forgotten(self, nobody, shopper):
        """However much else is in the cache."""
        for _ in range(5):
            log_in(nobody, password="wrong")
        cache.set_many({f"z{number}": number for number in range(1_000)})
        assert log_in(nobody).status_code == 429

    def test_a_page_says_it_at_its_form(self, client, shopper):
        """What a person typed is not lost."""
        sent = {"login": "hana@example.com", "password": "wrong"}
        for _ in range(5):
            client.post("/accounts/login/", sent)
        answer = client.post("/accounts/login/", sent)
        assert answer.status_code == 200
        assert "hana@example.com" in answer.content.decode()

    def test_a_page_that_refuses_says_for_how_long(self, client):
        """Thirty attempts in a minute from one address, whoever they are for."""
        for number in range(30):
            client.post("/accounts/login/", {"login": f"{number}@example.com", "password": "x"})
        answer = client.post("/accounts/login/", {"login": "x@example.com", "password": "x"})
        assert (answer.status_code, answer["Retry-After"]) == (429, "300")
        assert "text/html" in answer["Content-Type"]


class TestKakao:
    """Signing in with a Kakao account, where its keys are set."""

    @pytest.fixture
    def keys(self, settings):
        settings.KAKAO_LOGIN_KEY = "k"
        settings.SOCIALACCOUNT_PROVIDERS = {"kakao": {"APPS": [{"client_id": "k", "secret": "s"}]}}

    @pytest.fixture
    def kakao(self):
        """Kakao's answers, as it documents them."""
        with responses.RequestsMock() as kakao:
            kakao.post("https://kauth.kakao.com/oauth/token", json={"access_token": "t"})
            kakao.get(
                "https://kapi.kakao.com/v2/user/me",
                json={
                    "id": 1234,
                    "kakao_account": {
                        "email": "hana@kakao.example",
                        "is_email_verified": True,
                        "profile": {"nickname": "하나"},
                    },
                },
            )
            yield kakao

    def test_without_keys_there_is_no_button(self, client):
        """And no address that would fail."""
        assert "kakao" not in client.get("/accounts/login/").content.decode().lower()

    def test_with_keys_there_is_one(self, client, keys):
        """It goes to Kakao, with the address to come back to."""
        assert "카카오" in client.get("/accounts/login/").content.decode()
        answer = client.post("/accounts/kakao/login/")
        assert answer.status_code == 302
        assert answer["Location"].startswith("https://kauth.kakao.com/oauth/authorize?client_id=k")

    def test_coming_back_makes_an_account(self, client, keys, kakao):
        """Signed in by what Kakao says of them; a password is not needed."""
        there = client.post("/accounts/kakao/login/")["Location"]
        state = there.rpartition("state=")[2].partition("&")[0]
        answer = client.get("/accounts/kakao/login/callback/", {"code": "c", "state": state})
        assert answer.status_code == 302
        assert client.get("/api/v1/me/").json()["email"] == "hana@kakao.example"
        assert not User.objects.get().has_usable_password()

    def test_nobody_gets_an_account_by_its_address(self, client, keys, kakao):
        """Whose address has an account signs in to that first, and connects Kakao there."""
        User.objects.create_user("hana@kakao.example", PASSWORD)
        there = client.post("/accounts/kakao/login/")["Location"]
        state = there.rpartition("state=")[2].partition("&")[0]
        client.get("/accounts/kakao/login/callback/", {"code": "c", "state": state})
        assert client.get("/api/v1/me/").status_code == 401

    def test_web_pages_are_told_of_it(self, nobody, keys):
        """allauth's configuration names it to whoever can follow Kakao's redirects."""
        providers = nobody.get(f"{BROWSER}/config").json()["data"]["socialaccount"]["providers"]
        assert [each["id"] for each in providers] == ["kakao"]


def test_two_programs_of_one_person(shopper):
    """A phone and a tablet have a session each, and one cart."""
    assert program_of(shopper).headers != program_of(shopper).headers
