"""The second factor: setting it up, the admin behind it, and every way around it."""

import json
import re
import time
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from config.second_factor import SecondFactorAdapter
from tests.staff import staff

PASSWORD = "open-sesame-2"
ADMIN = "/admin/"
ACTIVATE = "/accounts/2fa/totp/activate/"
AUTHENTICATE = "/accounts/2fa/authenticate/"
REAUTHENTICATE = "/accounts/2fa/reauthenticate/"
CODES = "/accounts/2fa/recovery-codes/"
PERIOD = 3_600  # of a code, in seconds, so that none changes in the middle of a test


@pytest.fixture(autouse=True)
def required(settings, db):
    """The setting is on, as in a real shop, and nobody has used up their attempts."""
    settings.STAFF_SECOND_FACTOR = True
    settings.MFA_TOTP_PERIOD = PERIOD
    cache.clear()


@pytest.fixture
def member(db) -> User:
    """Somebody of the staff who may see orders."""
    return staff("staff@example.com", "view_order")


def browser(person: User, password: str = PASSWORD, **more) -> Client:
    """A browser in which somebody has typed their e-mail address and password."""
    client = Client(headers={"Accept-Language": "en"})
    client.post("/accounts/login/", {"login": person.email, "password": password, **more})
    return client


def code(secret: str, *, steps: int = 0) -> str:
    """What the app shows; with ``steps`` what it showed, or will, so many codes away."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD + steps))


def set_up(client: Client) -> str:
    """Set up an app, as the page says. Returns what it was told to keep."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get(ACTIVATE).content.decode()
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)[1]
    answer = client.post(ACTIVATE, {"code": code(secret)})
    assert answer.status_code == 302, answer.content.decode()
    cache.clear()  # as if time had passed: the code may be used again
    return secret


def recovery_codes(person: User) -> list[str]:
    own = Authenticator.objects.get(user=person, type="recovery_codes")
    return own.wrap().get_unused_codes()


def asked_for(answer) -> str:
    """Where an answer sends its reader."""
    assert answer.status_code in (302, 303)
    return answer.headers["Location"]


class TestSettingUp:
    def test_staff_are_led_to_it(self, member):
        """Whoever has none cannot open the admin, and is told what to do."""
        client = browser(member)
        assert asked_for(client.get(ADMIN)) == ACTIVATE
        page = client.get(ACTIVATE, follow=True)
        assert "The administration asks for a second factor." in page.content.decode()

    def test_the_first_code_opens_the_admin(self, member):
        """Entering it is showing the factor: nothing is asked twice."""
        client = browser(member)
        set_up(client)
        assert client.get(CODES).status_code == 200
        assert client.get(ADMIN).status_code == 200

    def test_a_wrong_code_sets_nothing_up(self, member):
        """The page says so, and the admin stays closed."""
        client = browser(member)
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        client.get(ACTIVATE)
        assert "Incorrect code." in client.post(ACTIVATE, {"code": "000000"}).content.decode()
        assert not Authenticator.objects.exists()
        assert asked_for(client.get(ADMIN)) == ACTIVATE

    def test_it_asks_for_the_password_first(self, member):
        """Who finds an open browser cannot set up an app of their own."""
        assert asked_for(browser(member).get(ACTIVATE)).startswith("/accounts/reauthenticate/")

    def test_recovery_codes_alone_are_no_factor(self, member):
        """They come with an app, and end with it."""
        client = browser(member)
        set_up(client)
        client.post("/accounts/2fa/totp/deactivate/")
        assert not Authenticator.objects.exists()
        assert asked_for(client.get(ADMIN)) == ACTIVATE

    def test_it_is_in_the_account_menu(self, shopper):
        """Of everybody, and the page says what it is."""
        client = browser(shopper)
        assert 'href="/accounts/2fa/"' in client.get("/accounts/").content.decode()
        assert "Not set up yet." in client.get("/accounts/2fa/").content.decode()


class TestShoppers:
    def test_they_are_not_bothered(self, shopper):
        """The setting is about staff: the shop is open as ever, and the admin closed as ever."""
        client = browser(shopper)
        assert client.get("/accounts/").status_code == 200
        assert asked_for(client.get(ADMIN)).startswith("/admin/login/")
        assert client.get("/admin/login/").status_code == 403

    def test_staff_shop_without_it(self, member):
        """Only the admin asks for it."""
        client = browser(member)
        for page in ("/", "/cart/", "/orders/", "/accounts/"):
            assert client.get(page).status_code == 200, page

    def test_who_has_one_needs_it_to_sign_in(self, shopper):
        """Whether they must have it or not."""
        set_up(browser(shopper))
        client = browser(shopper)
        assert asked_for(client.get("/accounts/")).startswith("/accounts/login/")

    def test_off_means_off(self, member, settings):
        """Without the setting the password opens the admin."""
        settings.STAFF_SECOND_FACTOR = False
        assert browser(member).get(ADMIN).status_code == 200


class TestSigningIn:
    def test_with_the_code(self, member):
        """The password leads to the question, its answer into the admin."""
        secret = set_up(browser(member))
        client = browser(member)
        assert "/admin/login/" in asked_for(client.get(ADMIN))
        assert "six digits" in client.get(AUTHENTICATE).content.decode()
        client.post(AUTHENTICATE, {"code": code(secret)})
        assert client.get(ADMIN).status_code == 200

    def test_with_a_recovery_code_once(self, member):
        """It works like the app's, and then no more."""
        set_up(browser(member))
        spare = recovery_codes(member)[0]
        client = browser(member)
        client.post(AUTHENTICATE, {"code": spare})
        assert client.get(ADMIN).status_code == 200
        again = browser(member)
        assert "Incorrect code." in again.post(AUTHENTICATE, {"code": spare}).content.decode()
        assert len(recovery_codes(member)) == 9

    def test_a_code_works_once(self, member):
        """Whoever looks over a shoulder is too late."""
        secret = set_up(browser(member))
        seen = code(secret)
        browser(member).post(AUTHENTICATE, {"code": seen})
        late = browser(member)
        assert "Incorrect code." in late.post(AUTHENTICATE, {"code": seen}).content.decode()

    def test_an_old_code_is_refused(self, member):
        """It is good for one period, and no longer."""
        secret = set_up(browser(member))
        client = browser(member)
        answer = client.post(AUTHENTICATE, {"code": code(secret, steps=-1)})
        assert "Incorrect code." in answer.content.decode()

    def test_guessing_ends(self, member):
        """After five wrong codes even the right one is refused."""
        secret = set_up(browser(member))
        client = browser(member)
        for guess in range(5):
            client.post(AUTHENTICATE, {"code": f"00000{guess}"})
        answer = client.post(AUTHENTICATE, {"code": code(secret)})
        assert "Too many failed login attempts." in answer.content.decode()
        assert client.get("/accounts/").status_code == 302


class TestWaysAround:
    """Each of them is a session, or a request, that has not shown the factor."""

    PAGES = [
        *("/admin/", "/admin/orders/order/", "/admin/accounts/user/", "/admin/password_change/"),
        *("/admin/jsi18n/", "/admin/login/", "/admin/nowhere/", "/admin/autocomplete/"),
    ]

    @pytest.mark.parametrize("page", PAGES)
    def test_by_a_direct_address(self, member, page):
        """Without a factor every address of the admin leads to setting one up."""
        assert asked_for(browser(member).get(page)) == ACTIVATE

    @pytest.mark.parametrize("page", PAGES)
    def test_by_a_session_from_before(self, member, page):
        """It is asked for the code, and comes back to where it was."""
        old = browser(member)
        secret = set_up(browser(member))
        assert asked_for(old.get(page)).startswith(f"{REAUTHENTICATE}?next=%2Fadmin%2F")
        answer = old.post(REAUTHENTICATE, {"code": code(secret), "next": "/admin/"})
        assert asked_for(answer) == "/admin/"
        assert old.get("/admin/").status_code == 200

    def test_by_a_post(self, db):
        """A form sent straight to the admin changes nothing."""
        boss = User.objects.create_superuser("boss@example.com", PASSWORD)
        data = {"email": "new@example.com", "usable_password": "true"}
        data |= {"password1": PASSWORD, "password2": PASSWORD}
        answer = browser(boss).post("/admin/accounts/user/add/", data)
        assert asked_for(answer) == ACTIVATE
        old = browser(boss)
        set_up(browser(boss))
        answer = old.post("/admin/accounts/user/add/", data)
        assert asked_for(answer) == f"{REAUTHENTICATE}?next=%2Fadmin%2F"
        assert not User.objects.filter(email="new@example.com").exists()
        page = old.get(REAUTHENTICATE).content.decode()
        assert "Nothing was changed." in page

    def test_by_the_admins_own_form(self, member):
        """Django's form takes a password alone: it is never reached, signed in or not."""
        set_up(browser(member))
        data = {"username": member.email, "password": PASSWORD}
        stranger = Client()
        assert asked_for(stranger.post("/admin/login/", data)).startswith("/accounts/login/")
        assert stranger.get("/accounts/").status_code == 302
        other = staff("other@example.com")
        colleague = browser(other)
        set_up(colleague)
        assert asked_for(colleague.post("/admin/login/", data)) == "/admin/"
        assert int(colleague.session["_auth_user_id"]) == other.pk

    def test_by_being_remembered(self, member):
        """A session that lasts for weeks is a session like any other."""
        old = browser(member, remember="on")
        set_up(browser(member))
        assert asked_for(old.get(ADMIN)).startswith(REAUTHENTICATE)

    def test_by_the_password_instead(self, member):
        """Where there is a factor, the password does not confirm who somebody is."""
        old = browser(member)
        set_up(browser(member))
        for page in ("/accounts/2fa/totp/deactivate/", CODES, CODES + "download/"):
            assert asked_for(old.get(page)).startswith(REAUTHENTICATE), page
        answer = old.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": ADMIN})
        assert asked_for(answer).startswith(REAUTHENTICATE)
        assert asked_for(old.get(ADMIN)).startswith(REAUTHENTICATE)
        assert asked_for(old.post(CODES + "generate/")).startswith(REAUTHENTICATE)
        assert asked_for(old.post("/accounts/2fa/totp/deactivate/")).startswith(REAUTHENTICATE)
        assert Authenticator.objects.filter(user=member, type="totp").exists()

    def test_by_changing_the_password(self, member):
        """A session that has not shown the factor has not by a new password either."""
        old = browser(member)
        set_up(browser(member))
        new = {"oldpassword": PASSWORD, "password1": "sesame-open-3", "password2": "sesame-open-3"}
        old.post("/accounts/password/change/", new)
        member.refresh_from_db()
        assert member.check_password("sesame-open-3")
        assert asked_for(old.get(ADMIN)).startswith(REAUTHENTICATE)

    def test_a_changed_password_keeps_who_has_shown_it(self, member):
        """The session goes on; others of the same person end."""
        client, other = browser(member), browser(member)
        set_up(client)
        new = {"oldpassword": PASSWORD, "password1": "sesame-open-3", "password2": "sesame-open-3"}
        client.post("/accounts/password/change/", new)
        assert client.get(ADMIN).status_code == 200
        assert "/admin/login/" in asked_for(other.get(ADMIN))

    def test_by_resetting_the_password(self, member):
        """Whoever reads somebody's mail gets as far as the question for the code."""
        set_up(browser(member))
        thief = Client()
        thief.post("/accounts/password/reset/", {"email": member.email})
        link = re.search(r"http://\S+(/accounts/password/reset/key/\S+/)", mail.outbox[-1].body)[1]
        form = thief.get(link, follow=True).redirect_chain[-1][0]
        thief.post(form, {"password1": "sesame-open-3", "password2": "sesame-open-3"})
        member.refresh_from_db()
        assert member.check_password("sesame-open-3")
        assert "/admin/login/" in asked_for(thief.get(ADMIN))
        thief.post("/accounts/login/", {"login": member.email, "password": "sesame-open-3"})
        assert "/admin/login/" in asked_for(thief.get(ADMIN))

    def test_by_somebody_elses_session(self, member):
        """What one person has shown is not shown by the next who signs in there."""
        client = browser(member)
        set_up(client)
        other = staff("other@example.com")
        client.post("/accounts/logout/")
        client.post("/accounts/login/", {"login": other.email, "password": PASSWORD})
        assert asked_for(client.get(ADMIN)) == ACTIVATE

    def test_by_a_factor_that_is_gone(self, member):
        """What was shown counts for as long as that factor is there."""
        client = browser(member)
        set_up(client)
        Authenticator.objects.filter(user=member).delete()
        again = browser(member)
        set_up(again)
        assert again.get(ADMIN).status_code == 200
        assert asked_for(client.get(ADMIN)).startswith(REAUTHENTICATE)

    def test_becoming_staff(self, shopper):
        """Whoever is made staff in the middle of a session is asked from then on."""
        client = browser(shopper)
        User.objects.filter(pk=shopper.pk).update(is_staff=True)
        assert asked_for(client.get(ADMIN)) == ACTIVATE

    def test_signing_out_is_always_possible(self, member):
        """Also from the admin."""
        client = browser(member)
        client.post("/admin/logout/")
        assert "_auth_user_id" not in client.session


class TestSecrets:
    def test_the_database_holds_none(self, member):
        """Neither what the app was told nor a recovery code stands in a row, or in a session."""
        secret = set_up(browser(member))
        rows = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
        rows += "".join(str(session.get_decoded()) for session in Session.objects.all())
        seed = Authenticator.objects.get(type="recovery_codes").wrap()
        for clear in (secret, *seed.generate_codes()):
            assert clear not in rows
        assert (
            SecondFactorAdapter().decrypt(Authenticator.objects.get(type="totp").data["secret"])
            == secret
        )

    def test_a_new_key_reads_what_the_old_one_wrote(self, member, settings):
        """The key may be changed: with the old one among the fallbacks codes go on working."""
        secret = set_up(browser(member))
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another-" * 8
        client = browser(member)
        client.post(AUTHENTICATE, {"code": code(secret)})
        assert client.get(ADMIN).status_code == 200

    def test_without_the_old_key_nobody_gets_in(self, member, settings):
        """It fails with a sentence for who runs the shop, instead of taking any code."""
        set_up(browser(member))
        settings.SECRET_KEY = "another-" * 8
        client = browser(member)
        with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FALLBACKS"):
            client.post(AUTHENTICATE, {"code": "123456"})


class TestALostDevice:
    @pytest.fixture
    def boss(self, settings) -> Client:
        person = User.objects.create_superuser("boss@example.com", PASSWORD)
        client = browser(person)
        set_up(client)
        return client

    def test_a_superuser_resets_it(self, boss, member):
        """The person is led to set up a new one, their open session too; the log says who did."""
        client = browser(member)
        set_up(client)
        url = f"/admin/accounts/user/{member.pk}/reset-second-factor/"
        assert url in boss.get(f"/admin/accounts/user/{member.pk}/change/").content.decode()
        page = boss.get(url).content.decode()
        assert "TOTP" in page
        assert Authenticator.objects.filter(user=member).count() == 2
        assert asked_for(boss.post(url)) == f"/admin/accounts/user/{member.pk}/change/"
        assert not Authenticator.objects.filter(user=member).exists()
        entry = LogEntry.objects.get()
        assert (entry.user.email, entry.object_repr) == ("boss@example.com", member.email)
        assert entry.change_message == "Second factor reset."
        assert asked_for(client.get(ADMIN)) == ACTIVATE

    def test_there_may_be_none(self, boss, member):
        """Then nothing is done, nor logged."""
        url = f"/admin/accounts/user/{member.pk}/reset-second-factor/"
        assert "This person has no second factor." in boss.post(url, follow=True).content.decode()
        assert not LogEntry.objects.exists()

    def test_nobody_else_may(self, member):
        """Who may change people, and is no superuser, sees no button and is refused."""
        manager = staff("manager@example.com", "view_user", "change_user")
        client = browser(manager)
        set_up(client)
        set_up(browser(member))
        url = f"/admin/accounts/user/{member.pk}/reset-second-factor/"
        page = client.get(f"/admin/accounts/user/{member.pk}/change/")
        assert page.status_code == 200
        assert url not in page.content.decode()
        assert client.get(url).status_code == 403
        assert client.post(url).status_code == 403
        assert Authenticator.objects.filter(user=member).count() == 2

    def test_by_a_command(self, member):
        """For the last superuser, whom nobody else can help."""
        set_up(browser(member))
        out = StringIO()
        call_command("reset_second_factor", "STAFF@example.com", stdout=out)
        assert out.getvalue().startswith("staff@example.com signs in with the password alone")
        assert not Authenticator.objects.exists()
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id) == (member, str(member.pk))
        assert entry.change_message == (
            "Second factor reset on the server, by manage.py reset_second_factor."
        )
        with pytest.raises(CommandError, match="has no second factor"):
            call_command("reset_second_factor", "staff@example.com")
        with pytest.raises(CommandError, match="Nobody has the address"):
            call_command("reset_second_factor", "nobody@example.com")
        assert LogEntry.objects.count() == 1


class TestThroughTheApi:
    """The doors for programs are no way around it either."""

    @pytest.mark.parametrize("client", ["browser", "app"])
    def test_the_password_alone_does_not_take_it_away(self, member, client):
        """In a session that has not shown the factor."""
        set_up(browser(member))
        page = Client()
        page.force_login(member)
        headers = {"x-session-token": page.session.session_key} if client == "app" else {}

        def send(method, path, body):
            where = f"/_allauth/{client}/v1/{path}"
            content = {"data": json.dumps(body), "content_type": "application/json"}
            return page.generic(method, where, **content, headers=headers)

        answer = send("POST", "auth/reauthenticate", {"password": PASSWORD})
        assert answer.status_code == 400
        gone = send("DELETE", "account/authenticators/totp", {})
        assert gone.status_code == 401
        assert Authenticator.objects.filter(user=member, type="totp").exists()
        assert asked_for(page.get(ADMIN)).startswith(REAUTHENTICATE)

    def test_who_has_none_proves_it_by_the_password(self, member):
        """As on the page."""
        page = Client()
        page.force_login(member)
        where = "/_allauth/browser/v1/auth/reauthenticate"
        sent = {"data": {"password": PASSWORD}, "content_type": "application/json"}
        assert page.post(where, **sent).status_code == 200
