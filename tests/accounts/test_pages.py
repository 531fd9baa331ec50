"""Signing up, in and out through the real pages, and what a shopper may change."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.messages import get_messages
from django.core import mail
from django.test import Client

from accounts.models import User
from shop.models import Cart, CartLine

PASSWORD = "open-sesame-2"


@pytest.fixture
def english(client: Client) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def sign_in(client: Client, **data: str):
    return client.post(
        "/accounts/login/", {"login": "hana@example.com", "password": PASSWORD} | data
    )


def held() -> dict[str, int]:
    return dict(CartLine.objects.values_list("product__slug", "quantity"))


@pytest.mark.django_db
class TestTheCartComesAlong:
    def test_at_sign_in(self, english, shopper, make_product, fill_cart):
        """Through the login page: quantities add up, capped at stock, and the shopper is told."""
        cup, pot = make_product(slug="cup", name_en="Cup", stock=4), make_product(slug="pot")
        fill_cart((cup, 3))
        english.post("/cart/items/", {"product": "cup", "quantity": "2"})
        english.post("/cart/items/", {"product": "pot", "quantity": "1"})
        answer = sign_in(english, next="/cart/")
        assert (answer.status_code, answer["Location"]) == (302, "/cart/")
        assert held() == {"cup": 4, pot.slug: 1}
        assert Cart.objects.get().user == shopper
        page = english.get("/cart/").content.decode()
        assert "Cup: 5 were in your carts together; 4 can be ordered." in page

    def test_at_sign_up(self, english, make_product):
        """A new account starts with what its visitor had put into the cart."""
        make_product(slug="cup")
        english.post("/cart/items/", {"product": "cup", "quantity": "2"})
        answer = english.post(
            "/accounts/signup/",
            {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD},
        )
        assert answer.status_code == 302
        assert Cart.objects.get().user == User.objects.get(email="new@example.com")
        assert held() == {"cup": 2}

    def test_a_wrong_password_leaves_the_cart(self, english, shopper, make_product):
        """The visitor's cart is still the visitor's when signing in fails."""
        make_product(slug="cup")
        english.post("/cart/items/", {"product": "cup", "quantity": "2"})
        answer = sign_in(english, password="wrong")
        assert "The email address and/or password you specified are not correct." in (
            answer.content.decode()
        )
        assert Cart.objects.get().user is None
        assert 'value="2"' in english.get("/cart/").content.decode()

    def test_signing_out_leaves_the_cart_with_the_account(self, english, shopper, make_product):
        """A signed-out browser has an empty cart; signing in again brings it back."""
        make_product(slug="cup")
        sign_in(english)
        english.post("/cart/items/", {"product": "cup", "quantity": "2"})
        english.post("/accounts/logout/")
        assert "Your cart is empty." in english.get("/cart/").content.decode()
        sign_in(english)
        assert 'value="2"' in english.get("/cart/").content.decode()


@pytest.mark.django_db
class TestPages:
    @pytest.mark.parametrize(
        "path",
        [
            "/accounts/login/",
            "/accounts/signup/",
            "/accounts/password/reset/",
            "/accounts/password/reset/done/",
            "/accounts/password/reset/key/1-none/",
            "/accounts/password/reset/key/done/",
            "/accounts/confirm-email/",
            "/accounts/confirm-email/none/",
            "/accounts/inactive/",
        ],
    )
    def test_no_page_of_a_visitor_looks_foreign(self, client, path):
        """Every page has the shop's header and speaks Korean."""
        page = client.get(path).content.decode()
        assert 'class="logo"' in page
        assert '<html lang="ko">' in page

    @pytest.mark.parametrize(
        "path",
        [
            "/accounts/",
            "/accounts/email/",
            "/accounts/password/change/",
            "/accounts/logout/",
            "/accounts/reauthenticate/",
        ],
    )
    def test_no_page_of_a_shopper_looks_foreign(self, client, shopper, path):
        """The account's pages need a sign-in and then have the shop's header."""
        assert client.get(path).status_code == 302
        client.force_login(shopper)
        assert 'class="logo"' in client.get(path).content.decode()

    def test_an_unknown_next_is_not_followed(self, english, shopper):
        """Signing in never leads to another site."""
        assert sign_in(english, next="https://evil.example/")["Location"] == "/"

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ({"email": "x"}, "Enter a valid email address."),
            ({"password2": "other"}, "You must type the same password each time."),
            ({"password1": "123", "password2": "123"}, "This password is too short."),
            ({"email": ""}, "This field is required."),
        ],
    )
    def test_a_bad_sign_up_is_refused_at_the_field(self, english, data, said):
        """The reason is a list tied to its input, and no account is made."""
        form = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
        page = english.post("/accounts/signup/", form | data).content.decode()
        assert said in page
        assert re.search(r'aria-invalid="true"[^>]* aria-describedby="[^"]*id_\w+_error"', page)
        assert not User.objects.exists()

    def test_resetting_a_password(self, english, shopper):
        """The mailed link leads to a page that sets the new password."""
        EmailAddress.objects.create(user=shopper, email=shopper.email, primary=True, verified=True)
        english.post("/accounts/password/reset/", {"email": shopper.email})
        link = re.search(r"https?://\S+/password/reset/key/\S+", mail.outbox[0].body).group()
        page = english.get(link, follow=True)
        new = {"password1": "fresh-start-77", "password2": "fresh-start-77"}
        english.post(page.redirect_chain[-1][0], new)
        shopper.refresh_from_db()
        assert shopper.check_password("fresh-start-77")


@pytest.mark.django_db
class TestProfile:
    def test_name_and_phone_are_remembered(self, english, shopper):
        """A 303 back to the page, which shows the phone as Koreans write it."""
        english.force_login(shopper)
        answer = english.post("/accounts/", {"name": "김하나", "phone": "01012345678"})
        assert (answer.status_code, answer["Location"]) == (303, "/accounts/")
        shopper.refresh_from_db()
        assert (shopper.name, shopper.phone.as_e164) == ("김하나", "+821012345678")
        assert 'value="010-1234-5678"' in english.get("/accounts/").content.decode()

    def test_checkout_knows_them(self, english, shopper, make_product, fill_cart):
        """The review page is filled in with what the profile holds."""
        fill_cart((make_product(), 1))
        english.force_login(shopper)
        english.post("/accounts/", {"name": "김두리", "phone": "02-123-4567"})
        page = english.get("/checkout/").content.decode()
        assert 'value="김두리"' in page
        assert 'value="02-123-4567"' in page

    @pytest.mark.parametrize("phone", ["12", "hello", "+1 555 0100", "010-1234-56789"])
    def test_a_bad_phone_is_refused_at_the_field(self, english, shopper, phone):
        """422, what was typed is kept, and nothing is saved: the name is not either."""
        english.force_login(shopper)
        answer = english.post("/accounts/", {"name": "Other", "phone": phone})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert f'value="{phone}"' in page
        assert 'id="id_phone_error"><li>Enter a Korean phone number' in page
        shopper.refresh_from_db()
        assert (shopper.name, shopper.phone) == ("김하나", "")

    def test_it_can_be_emptied(self, english, shopper):
        """Neither name nor phone is an obligation."""
        english.force_login(shopper)
        assert english.post("/accounts/", {"name": "", "phone": ""}).status_code == 303
        shopper.refresh_from_db()
        assert (shopper.name, shopper.phone) == ("", "")

    def test_a_refusal_does_not_change_the_greeting(self, english, shopper):
        """The page shows the account as it is stored beside the form as it was typed."""
        english.force_login(shopper)
        page = english.post("/accounts/", {"name": "x" * 51, "phone": ""}).content.decode()
        assert "Ensure this value has at most 50 characters (it has 51)." in page
        assert "hana@example.com" in page


@pytest.mark.django_db
def test_messages_are_shown_once(english, shopper):
    """A message that a page has shown is gone on the next."""
    english.force_login(shopper)
    english.post("/accounts/", {"name": "", "phone": ""})
    shown = english.get("/accounts/")
    assert [str(m) for m in get_messages(shown.wsgi_request)] == [
        "Saved. The next checkout will know it."
    ]
    assert "Saved." not in english.get("/accounts/").content.decode()
