"""Points as staff see them, and give them."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts import points
from accounts.models import PointEntry, User
from tests.points import DAY, NOW, earn
from tests.queries import queries_of
from tests.races import all_at_once

pytestmark = pytest.mark.usefixtures("all_adds_up")
LIST = "/admin/accounts/pointentry/"


@pytest.fixture
def boss(db):
    return User.objects.create_superuser("boss@example.com", "open-sesame-2")


@pytest.fixture
def staff(client, boss):
    """A browser in which a superuser is signed in."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    client.force_login(boss)
    return client


@pytest.fixture
def fill_in(staff, shopper):
    """Send the form: ``fill_in(amount="5")``."""

    def fill_in(**fields: str):
        until = timezone.localdate() + 30 * DAY
        data = {"user": shopper.pk, "amount": "500", "until": until, "note": "Sorry"}
        return staff.post(f"{LIST}add/", data | fields)

    return fill_in


class TestGiving:
    def test_points_are_given(self, fill_in, shopper, boss):
        """Who, why and until when are kept; it stands in the person's history and the log."""
        answer = fill_in()
        assert (answer.status_code, answer["Location"]) == (302, LIST)
        lot = PointEntry.objects.get()
        assert (lot.user, lot.kind, lot.amount, lot.left) == (shopper, "GRANTED", 500, 500)
        assert (lot.note, lot.granted_by) == ("Sorry", boss)
        until = timezone.localtime(lot.expires_at)
        assert until.date() == timezone.localdate() + 30 * DAY
        assert (until.hour, until.minute, until.second) == (23, 59, 59)
        assert LogEntry.objects.get().object_id == str(lot.pk)

    def test_a_year_is_offered(self, staff, settings):
        """The form opens with the shop's own rule."""
        settings.POINTS_EXPIRE_DAYS = 365
        day = timezone.localdate() + timedelta(days=365)
        assert f'value="{day}"' in staff.get(f"{LIST}add/").content.decode()

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("amount", "0", "greater than or equal to 1."),
            ("amount", "-5", "greater than or equal to 1."),
            ("amount", "1000001", "less than or equal to 1000000."),
            ("amount", "many", "Enter a whole number."),
            ("note", " ", "This field is required."),
            ("note", "x" * 201, "at most 200 characters"),
            ("user", "", "This field is required."),
            ("user", "0", "Select a valid choice."),
            ("until", "2026-01-01", "This day has passed. Choose today or a later one."),
            ("until", "", "This field is required."),
        ],
    )
    def test_what_is_refused(self, fill_in, field, value, said):
        """The reason stands at the field, and nothing is given."""
        answer = fill_in(**{field: value})
        assert answer.status_code == 200
        assert said in answer.context["adminform"].form.errors[field][0]
        assert not PointEntry.objects.exists()

    @pytest.mark.parametrize("amount", [1, 1_000_000])
    def test_as_many_as_are_allowed(self, fill_in, amount):
        """The ends of what can be given."""
        fill_in(amount=str(amount))
        assert PointEntry.objects.get().left == amount

    def test_not_to_oneself(self, fill_in, boss):
        """Not even superusers."""
        answer = fill_in(user=boss.pk)
        assert answer.status_code == 200
        assert answer.context["adminform"].form.errors == {
            "user": ["Nobody gives points to themselves: somebody else has to give them to you."]
        }
        assert not PointEntry.objects.exists()

    @pytest.mark.parametrize(
        ("amount", "permission", "is_given"),
        [
            ("100000", "add_pointentry", True),
            ("100001", "add_pointentry", False),
            ("100001", "refund_order_above_limit", True),
        ],
    )
    def test_above_the_limit(self, client, fill_in, settings, amount, permission, is_given):
        """More points than may be refunded take the same permission as more money."""
        settings.REFUND_LIMIT = 100_000
        clerk = User.objects.create_user("clerk@example.com", is_staff=True)
        wanted = ["add_pointentry", "view_pointentry", "view_user", permission]
        clerk.user_permissions.set(Permission.objects.filter(codename__in=wanted))
        client.force_login(clerk)
        answer = fill_in(amount=amount)
        assert PointEntry.objects.exists() == is_given
        if not is_given:
            assert answer.context["adminform"].form.errors == {
                "amount": [
                    "You may give at most 100,000 points at once. Give fewer, or ask somebody who "
                    "may refund above the limit."
                ]
            }

    def test_today_is_a_day_to_use_them(self, fill_in, shopper):
        """Points that end today can be used until it is over."""
        fill_in(until=timezone.localdate())
        assert points.usable(shopper.pk, now=timezone.now()) == 500


def seen_on(page) -> str:
    """What the hidden field of the form says that whoever opened it gave last."""
    (field,) = re.findall(r'<input type="hidden" name="seen"[^>]*>', page.content.decode())
    return re.search(r'value="(\d+)"', field)[1]


class TestGivingTwice:
    SAID = (
        "Since you opened this page you have given 500 points to hana@example.com. If these are "
        "to be given as well, save again."
    )

    def test_a_second_click_gives_nothing(self, staff, fill_in):
        """It says what the first one gave, and whoever saves that page gives once more."""
        seen = seen_on(staff.get(f"{LIST}add/"))
        assert fill_in(seen=seen).status_code == 302
        answer = fill_in(seen=seen)
        assert answer.status_code == 200
        assert answer.context["adminform"].form.errors == {"__all__": [self.SAID]}
        assert self.SAID in answer.content.decode()
        assert PointEntry.objects.count() == 1
        again = seen_on(answer)
        assert fill_in(seen=again).status_code == 302
        assert fill_in(seen=again).status_code == 200
        assert PointEntry.objects.count() == 2

    def test_what_others_give_is_no_reason_to_ask(self, staff, fill_in, shopper):
        """Another member of staff gave points meanwhile, and an order earned some."""
        seen = seen_on(staff.get(f"{LIST}add/"))
        other = User.objects.create_superuser("other@example.com")
        points.grant(shopper, 10, note="", by=other, now=NOW)
        earn(shopper, "A", 10)
        assert fill_in(seen=seen).status_code == 302
        assert points.usable(shopper.pk, now=timezone.now()) == 520

    @pytest.mark.parametrize("seen", ["", "x", "-1"])
    def test_a_form_that_does_not_say_what_it_saw(self, fill_in, seen):
        """It is asked again, unless nothing was given before."""
        fill_in()
        assert fill_in(seen=seen).status_code == 200
        assert PointEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_form_at_once(boss, shopper):
    """Of four clicks that arrive together one gives points; three are asked."""
    data = {"user": shopper.pk, "amount": "500", "until": timezone.localdate(), "note": "Sorry"}
    browsers = [Client() for _ in range(4)]
    answers = []
    for browser in browsers:
        browser.force_login(boss)
    for given in range(1, 4):
        seen = seen_on(browsers[0].get(f"{LIST}add/"))

        def click(browser, seen=seen):
            answers.append(browser.post(f"{LIST}add/", data | {"seen": seen}).status_code)

        all_at_once([lambda each=browser: click(each) for browser in browsers])
        assert sorted(answers) == [200, 200, 200, 302]
        assert PointEntry.objects.count() == given
        answers.clear()


class TestReading:
    def test_the_list(self, staff, shopper, give):
        """Found by e-mail and order number, filtered by kind."""
        give(500)
        points.hold(shopper.pk, "20261121-7KQ4MX9T", 120, now=NOW)

        def found(**query):
            entries = staff.get(LIST, query).context["cl"].queryset
            return sorted(entry.amount for entry in entries)

        assert found() == [-120, 500]
        assert found(q="hana@") == [-120, 500]
        assert found(q="7KQ4MX9T") == [-120]
        assert found(q="nobody") == []
        assert found(kind__exact="GRANTED") == [500]

    def test_queries(self, staff, shopper, give):
        """As many for thirty entries of many people as for one."""
        give(1)
        few = len(queries_of(lambda: staff.get(LIST)))
        for number in range(30):
            person = User.objects.create_user(f"{number}@example.com")
            points.grant(person, 10, note="", by=person, now=NOW)
        assert len(queries_of(lambda: staff.get(LIST))) == few

    def test_an_entry_opens_and_cannot_be_changed(self, staff, give):
        """Nothing of the past is altered or deleted, not even by a superuser."""
        url = f"{LIST}{give(500).pk}/"
        page = staff.get(f"{url}change/").content.decode()
        assert "+500" in page
        assert 'name="amount"' not in page
        assert staff.post(f"{url}change/", {"amount": "900"}).status_code == 403
        assert staff.post(f"{url}delete/", {"post": "yes"}).status_code == 403
        assert PointEntry.objects.get().amount == 500

    def test_who_may_read_may_not_give(self, client, shopper, give):
        """To give points is a permission of its own."""
        give(500)
        clerk = User.objects.create_user("clerk@example.com", is_staff=True)
        clerk.user_permissions.add(Permission.objects.get(codename="view_pointentry"))
        client.force_login(clerk)
        assert client.get(LIST).status_code == 200
        data = {"user": shopper.pk, "amount": "5", "until": "2099-01-01", "note": "Mine"}
        assert client.get(f"{LIST}add/").status_code == 403
        assert client.post(f"{LIST}add/", data).status_code == 403
        assert PointEntry.objects.count() == 1


def test_a_person_s_balance(staff, shopper):
    """Stands on their page, takes one query, and leads to their entries."""
    url = f"/admin/accounts/user/{shopper.pk}/change/"
    points.grant(shopper, 1_234, note="", by=None, now=timezone.now())
    queries = queries_of(lambda: staff.get(url))
    assert sum("accounts_pointentry" in sql for sql in queries) == 1
    page = staff.get(url).content.decode()
    assert f'href="{LIST}?user__id__exact={shopper.pk}"' in page
    assert "1,234" in page
    assert staff.get(LIST, {"user__id__exact": shopper.pk}).context["cl"].result_count == 1
