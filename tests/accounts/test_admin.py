"""People in the admin."""

import pytest

from accounts.models import User


@pytest.fixture
def staff(client, db):
    """A browser in which a superuser is signed in."""
    client.force_login(User.objects.create_superuser("staff@example.com", "open-sesame-2"))
    return client


def test_people_are_found_by_email_and_phone(staff, shopper):
    """The list is searched by what staff know of a person."""
    shopper.phone = "+821012345678"
    shopper.save()
    for words in ("HANA@", "김하나", "1012345678"):
        page = staff.get("/admin/accounts/user/", {"q": words}).content.decode()
        assert "hana@example.com" in page
        assert "staff@example.com</a>" not in page


def test_a_person_is_added_by_email(staff):
    """There is no user name anywhere in the form."""
    data = {
        "email": "new@example.com",
        "usable_password": "true",
        "password1": "open-sesame-2",
        "password2": "open-sesame-2",
    }
    assert staff.post("/admin/accounts/user/add/", data).status_code == 302
    assert User.objects.get(email="new@example.com").check_password("open-sesame-2")


def test_an_address_in_use_is_refused(staff, shopper):
    """In whatever case it is typed."""
    data = {
        "email": "HANA@example.com",
        "usable_password": "true",
        "password1": "open-sesame-2",
        "password2": "open-sesame-2",
    }
    page = staff.post("/admin/accounts/user/add/", data, headers={"Accept-Language": "en"})
    assert "An account with this e-mail address already exists." in page.content.decode()
    assert User.objects.count() == 2


def test_a_person_is_changed(staff, shopper):
    """The change page opens and saves; the public id stays what it was."""
    url = f"/admin/accounts/user/{shopper.pk}/change/"
    assert shopper.public_id in staff.get(url).content.decode()
    data = {"email": "hana@example.com", "name": "김둘", "phone": "", "is_active": "on"}
    assert staff.post(url, data).status_code == 302
    before = shopper.public_id
    shopper.refresh_from_db()
    assert (shopper.name, shopper.public_id) == ("김둘", before)
