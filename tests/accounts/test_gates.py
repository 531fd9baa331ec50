"""The gate for members: views, templates, and one query for all of them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpResponse
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from accounts import gates, memberships
from accounts.models import Membership, Plan
from tests.queries import queries_of

NOTES = "/premium/notes/"


@pytest.fixture
def member(shopper):
    """The shopper, a member for a month."""
    plan = Plan.objects.create(slug="monthly", name_ko="월간", name_en="Monthly", price=4_900)
    now = timezone.now()
    given = {"price": 4_900, "is_trial": False, "agreement": None, "language": "ko", "now": now}
    memberships.join(shopper.pk, plan, **given)
    return shopper


@gates.premium_required
def secret(request, word):
    return HttpResponse(f"the word is {word}")


def ask(user=None, method="GET", **headers):
    """A request as middleware would hand it over."""
    request = RequestFactory().generic(method, "/secret/?page=2", headers=headers)
    request.user = user or AnonymousUser()
    request._messages = CookieStorage(request)
    request.htmx = HtmxDetails(request)
    return request


def told(request):
    return [str(message) for message in get_messages(request)]


class TestDecorator:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
    def test_members_see_the_page(self, member, method):
        """However they ask, with the view's own arguments."""
        answer = secret(ask(member, method), word="leek")
        assert (answer.status_code, answer.content) == (200, b"the word is leek")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_visitors_sign_in_and_come_back(self, db, method):
        """To the page with its query; nothing of it is shown."""
        answer = secret(ask(method=method), word="leek")
        login = "/accounts/login/?next=/secret/%3Fpage%3D2"
        assert (answer.status_code, answer["Location"]) == (302, login)

    def test_others_are_told_where_to_join(self, shopper):
        """With the reason on the page that they are sent to."""
        request = ask(shopper)
        answer = secret(request, word="leek")
        assert (answer.status_code, answer["Location"]) == (302, "/premium/")
        assert told(request) == ["멤버십 전용 페이지입니다. 여기서 멤버십에 가입하실 수 있어요."]

    def test_a_former_member_is_told_that_it_has_ended(self, member):
        """Not that they never were one."""
        Membership.objects.update(ended_at=timezone.now(), renews=False, charge_at=None)
        request = ask(member)
        assert secret(request, word="leek")["Location"] == "/premium/"
        assert "멤버십이 끝났습니다" in told(request)[0]

    def test_head_leaves_no_message_behind(self, shopper):
        """Whoever asks so shows none; the next page would."""
        request = ask(shopper, "HEAD")
        assert secret(request, word="leek")["Location"] == "/premium/"
        assert told(request) == []

    def test_a_post_is_not_repeated(self, shopper):
        """303: the page where memberships are offered is asked for with a GET."""
        assert secret(ask(shopper, "POST"), word="leek").status_code == 303

    @pytest.mark.parametrize("who", ["visitor", "shopper"])
    def test_htmx_goes_to_a_whole_page(self, shopper, who):
        """Not into a part of one; after signing in, back to the page that it was on."""
        page = {"HX-Request": "true", "HX-Current-URL": "http://testserver/shelf/?q=1"}
        answer = secret(ask(shopper if who == "shopper" else None, **page), word="leek")
        wanted = {"visitor": "/accounts/login/?next=/shelf/%3Fq%3D1", "shopper": "/premium/"}
        assert (answer.status_code, answer["HX-Redirect"]) == (200, wanted[who])
        assert b"leek" not in answer.content


class TestWhoIsIn:
    @pytest.mark.parametrize(
        ("days", "is_in"), [(-1, True), (6, True), (7, False)], ids=["paid", "grace", "over"]
    )
    def test_grace_counts(self, member, time_machine, days, is_in):
        """Until the last second of the seven days after what is paid for; then no more."""
        end = Membership.objects.get().paid_until
        time_machine.move_to(end + timedelta(days=days), tick=False)
        assert gates.is_premium(ask(member)) is is_in

    def test_a_visitor_costs_no_query(self, db):
        """Nobody is asked about."""
        request = ask()
        assert queries_of(lambda: gates.is_premium(request)) == []
        assert not gates.is_premium(request)

    def test_a_request_asks_once(self, member):
        """However often, by the view, its page and its prices."""
        request = ask(member)

        def look():
            gates.is_premium(request)
            gates.terms(request)
            return secret(request, word="leek")

        assert len(queries_of(look)) == 1


class TestTag:
    PAGE = Template("{% load premium %}{% if request|is_premium %}in{% else %}out{% endif %}")

    def test_members_and_others(self, member, django_user_model):
        """It is for whoever asks, not for the account that the page is about."""
        other = django_user_model.objects.create_user("duri@example.com", "open-sesame-2")
        shown = [
            self.PAGE.render(Context({"request": ask(user)})) for user in (member, other, None)
        ]
        assert shown == ["in", "out", "out"]

    def test_without_a_request_nobody_is(self, db):
        """In a mail, and on an error page that was made before anybody was known."""
        assert self.PAGE.render(Context({})) == "out"
        assert self.PAGE.render(Context({"request": RequestFactory().get("/")})) == "out"


class TestNotes:
    def test_only_members_read_them(self, client, member):
        """In the language of the reader, and linked from their menu."""
        client.force_login(member)
        page = client.get(NOTES).content.decode()
        assert "첫서리 무렵의 유자차" in page
        assert f'href="{NOTES}"' in client.get("/").content.decode()
        english = client.get(NOTES, headers={"accept-language": "en"}).content.decode()
        assert "Yuja tea for the first frost" in english

    def test_others_do_not(self, client, shopper):
        """Neither the page nor the link."""
        assert client.get(NOTES)["Location"] == f"/accounts/login/?next={NOTES}"
        client.force_login(shopper)
        assert client.get(NOTES)["Location"] == "/premium/"
        assert "여기서 멤버십에 가입하실 수 있어요" in client.get("/premium/").content.decode()
        assert NOTES not in client.get("/").content.decode()

    def test_no_cache_keeps_them(self, client, member):
        """The next person at this computer does not find them."""
        client.force_login(member)
        assert "no-store" in client.get(NOTES)["Cache-Control"]
        assert client.head(NOTES).status_code == 200
