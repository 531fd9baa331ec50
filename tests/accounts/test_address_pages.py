"""The pages of saved addresses: what they show, what they refuse, and whose they are."""

import re

import pytest
from django.test import Client

from accounts.models import Address, User
from tests.addresses import HOME, NOW, OFFICE, TYPED, defaults_of, fill_up, save
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def english(client: Client, shopper: User) -> Client:
    """A browser in English with the shopper signed in."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    client.force_login(shopper)
    return client


def text_of(page: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.decode()))


class TestPages:
    def test_an_empty_list_invites(self, english):
        """It says what saving is good for, and leads to the form."""
        page = english.get("/accounts/addresses/").content.decode()
        assert "You have not saved an address yet." in page
        assert 'href="/accounts/addresses/add/"' in page

    def test_the_list(self, english, shopper, someone_elses):
        """The default comes first and bears a badge; nobody else's is there."""
        save(shopper, HOME, label="Home", is_default=True)
        save(shopper, OFFICE, label="Office")
        page = text_of(english.get("/accounts/addresses/").content)
        assert "Home default 김하나 010-1234-5678 (06236) 서울 강남구 테헤란로 123 4층" in page
        assert "Office 김하나 02-123-4567 (13494) 경기 성남시 판교역로 166" in page
        assert page.index("Home") < page.index("Office")
        assert (page.count("Make default"), page.count("Edit")) == (1, 2)
        assert "theirs" not in page

    def test_the_list_asks_the_same_however_long(self, english, shopper):
        """No query per address."""
        fill_up(shopper, 2)
        two = queries_of(lambda: english.get("/accounts/addresses/"))
        fill_up(shopper, 12)
        assert len(queries_of(lambda: english.get("/accounts/addresses/"))) == len(two)

    def test_nobody_stores_a_copy(self, english):
        """Neither browser nor proxy keeps a page with addresses."""
        for path in ["", "add/"]:
            assert "no-store" in english.get(f"/accounts/addresses/{path}")["Cache-Control"]

    def test_the_navigation_leads_there(self, english):
        """From the account's pages; on each page of the addresses it is marked."""
        link = '<a href="/accounts/addresses/"'
        assert f"{link}>" in english.get("/accounts/").content.decode()
        for path in ["", "add/"]:
            page = english.get(f"/accounts/addresses/{path}").content.decode()
            assert f'{link} aria-current="page">' in page

    def test_adding(self, english, shopper):
        """A 303 back to the list; what was typed is saved."""
        assert 'value="김하나"' in english.get("/accounts/addresses/add/").content.decode()
        answer = english.post("/accounts/addresses/add/", TYPED | {"is_default": "on"})
        assert (answer.status_code, answer["Location"]) == (303, "/accounts/addresses/")
        saved = shopper.addresses.get()
        assert (saved.label, saved.is_default) == ("집", True)
        assert (saved.line1, saved.memo) == (HOME.line1, HOME.memo)
        assert "The address was saved." in english.get("/accounts/addresses/").content.decode()

    @pytest.mark.parametrize(
        ("field", "typed", "said"),
        [
            ("recipient", "", "Enter the name of the person who receives the parcel."),
            ("phone", "", "Enter a phone number that we can reach you at."),
            ("phone", "12", "Enter a Korean phone number such as 010-1234-5678 or 02-123-4567."),
            ("postcode", "", "Enter the postal code."),
            ("postcode", "135-080", "Enter the five digits of the postal code."),
            ("line1", " ", "Enter the street and number."),
            ("label", "x" * 21, "Ensure this value has at most 20 characters (it has 21)."),
            ("label", "\x00", "Null characters are not allowed."),
        ],
    )
    def test_a_refusal_stands_at_its_field(self, english, shopper, field, typed, said):
        """422, the sentence is tied to the input, which has the focus, and nothing is saved."""
        answer = english.post("/accounts/addresses/add/", TYPED | {field: typed})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert f'id="id_{field}_error"><li>{said}</li>' in page
        assert re.findall(r'name="(\w+)"[^>]* autofocus', page) == [field]
        assert f'value="{TYPED["memo"]}"' in page
        assert not shopper.addresses.exists()

    def test_saved_already(self, english, shopper):
        """The form says so, and neither the address nor the default has changed."""
        save(shopper, HOME)
        office = save(shopper, OFFICE, is_default=True)
        answer = english.post("/accounts/addresses/add/", TYPED | {"is_default": "on"})
        assert answer.status_code == 422
        assert "This address is saved already." in text_of(answer.content)
        assert shopper.addresses.count() == 2
        assert defaults_of(shopper) == [office]

    def test_too_many(self, english, shopper):
        """With 20 saved the list offers no more, and the form refuses the 21st."""
        fill_up(shopper, 20)
        said = "No more than 20 addresses can be saved. Delete one that you no longer need."
        page = english.get("/accounts/addresses/").content.decode()
        assert said in page
        assert "/accounts/addresses/add/" not in page
        answer = english.post("/accounts/addresses/add/", TYPED)
        assert answer.status_code == 422
        assert said in text_of(answer.content)
        assert shopper.addresses.count() == 20

    def test_editing(self, english, shopper):
        """The form shows the address as it is; what is written over it is saved."""
        home = save(shopper, HOME, label="집", is_default=True)
        page = english.get(f"/accounts/addresses/{home.pk}/").content.decode()
        for shown in ["집", "010-1234-5678", "06236", "4층"]:
            assert f'value="{shown}"' in page
        assert re.search(r'name="is_default"[^>]* checked', page)
        answer = english.post(f"/accounts/addresses/{home.pk}/", TYPED | {"line2": "5층"})
        assert (answer.status_code, answer["Location"]) == (303, "/accounts/addresses/")
        saved = shopper.addresses.get()
        assert (saved.pk, saved.line2, saved.is_default) == (home.pk, "5층", False)
        assert saved.used_at == NOW

    def test_editing_changes_the_default(self, english, shopper):
        """Ticked on another address, the former default is none any more."""
        home, office = save(shopper, HOME), save(shopper, OFFICE, is_default=True)
        english.post(f"/accounts/addresses/{home.pk}/", TYPED | {"is_default": "on"})
        assert defaults_of(shopper) == [home]
        office.refresh_from_db()
        assert not office.is_default

    def test_editing_into_another(self, english, shopper):
        """What would be the same address twice is refused, and the default stays."""
        save(shopper, HOME, is_default=True)
        office = save(shopper, OFFICE)
        answer = english.post(
            f"/accounts/addresses/{office.pk}/", TYPED | {"is_default": "on", "memo": "new"}
        )
        assert answer.status_code == 422
        assert "This address is saved already." in text_of(answer.content)
        office.refresh_from_db()
        assert (office.line1, office.memo, office.is_default) == (OFFICE.line1, "", False)

    def test_deleting(self, english, shopper):
        """The page asks, showing the address; only the button deletes."""
        home = save(shopper, HOME)
        page = text_of(english.get(f"/accounts/addresses/{home.pk}/delete/").content)
        assert "Delete this address?" in page
        assert "(06236) 서울 강남구 테헤란로 123" in page
        assert shopper.addresses.count() == 1
        answer = english.post(f"/accounts/addresses/{home.pk}/delete/")
        assert (answer.status_code, answer["Location"]) == (303, "/accounts/addresses/")
        assert not shopper.addresses.exists()

    def test_making_the_default(self, english, shopper):
        """One click, by POST only, and the list begins with it."""
        home, office = save(shopper, HOME, is_default=True), save(shopper, OFFICE)
        seen = english.get(f"/accounts/addresses/{office.pk}/default/")
        assert seen.headers["Location"] == "/accounts/addresses/"
        assert defaults_of(shopper) == [home]
        answer = english.post(f"/accounts/addresses/{office.pk}/default/")
        assert (answer.status_code, answer["Location"]) == (303, "/accounts/addresses/")
        assert defaults_of(shopper) == [office]
        assert shopper.addresses.first() == office

    @pytest.mark.parametrize("path", ["", "delete/", "default/"])
    def test_another_persons_address(self, english, someone_elses, path):
        """It is 404, as one that never was, and stays as it is."""
        before = Address.objects.values().get()
        for pk in [someone_elses.pk, 10**30]:
            address = f"/accounts/addresses/{pk}/{path}"
            assert english.post(address, TYPED).status_code == 404
            if path != "default/":
                assert english.get(address).status_code == 404
        assert Address.objects.values().get() == before

    @pytest.mark.parametrize("path", ["", "add/", "1/", "1/delete/", "1/default/"])
    def test_a_sign_in_is_needed(self, client, db, path):
        """A visitor is sent to sign in."""
        answer = client.post(f"/accounts/addresses/{path}")
        assert answer["Location"] == f"/accounts/login/?next=/accounts/addresses/{path}"
