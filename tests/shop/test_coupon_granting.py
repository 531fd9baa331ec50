"""Giving a coupon to people in the admin, and taking it back."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.models import User
from shop import granting
from shop.models import CouponGrant
from tests.queries import queries_of
from tests.races import at_once

LIST = "/admin/shop/coupon/"


def page_of(coupon):
    return f"{LIST}{coupon.pk}/change/"


def grant_page(coupon):
    return f"{LIST}{coupon.pk}/grant/"


class TestGranting:
    @pytest.fixture
    def coupon(self, make_coupon):
        return make_coupon(name_en="Thank you")

    @pytest.fixture
    def people(self, db):
        """Three accounts, of which the second writes its address in capitals."""
        for address in ("a@example.com", "B@example.com", "c@example.com"):
            User.objects.create_user(address)

    def holders(self, coupon):
        return sorted(coupon.grants.values_list("user__email", flat=True))

    def test_to_many_at_once(self, staff, coupon, people):
        """It says who got it, who had it, who is unknown; only the unknown are left to correct."""
        granting.grant(coupon, ["c@example.com"], now=timezone.now())
        typed = (
            "A@example.com, nobody@example.com;\r\nBee Kim <b@example.com>\r\n"
            "c@example.com bee a@EXAMPLE.com"
        )
        answer = staff.post(grant_page(coupon), {"people": typed})
        granted = answer.context["granted"]
        assert answer.status_code == 200
        assert granted.new == ["A@example.com", "b@example.com"]
        assert granted.already == ["c@example.com"]
        assert granted.unknown == ["nobody@example.com", "bee"]
        page = answer.content.decode()
        assert "Granted to 2 people." in page
        assert "1 person had it already." in page
        assert "2 addresses belong to no account." in page
        assert "nobody@example.com\nbee</textarea>" in page
        assert self.holders(coupon) == ["B@example.com", "a@example.com", "c@example.com"]

    def test_it_is_logged(self, staff, coupon, people):
        """Who gave it to whom stands in the coupon's history; a repetition gives nothing."""
        for _ in range(2):
            staff.post(grant_page(coupon), {"people": "a@example.com"})
        entry = LogEntry.objects.get(object_id=str(coupon.pk))
        assert entry.change_message == "Granted to a@example.com."
        assert entry.user.email == "staff@example.com"

    @pytest.mark.parametrize("typed", ["", " \n ", ",;", "a@example.com\0"])
    def test_nothing_to_read_is_refused(self, staff, coupon, people, typed):
        """422, a sentence, what was typed is still there, and nobody gets anything."""
        answer = staff.post(grant_page(coupon), {"people": typed})
        assert answer.status_code == 422
        assert answer.context["form"].errors["people"]
        assert answer.context["form"]["people"].value() == typed
        assert not CouponGrant.objects.exists()

    def test_five_hundred_at_once(self, staff, coupon, db):
        """As many queries as for one."""
        addresses = [f"person-{number}@example.com" for number in range(500)]
        User.objects.bulk_create(
            User(email=each, public_id=f"{number:032}") for number, each in enumerate(addresses)
        )
        one = queries_of(lambda: staff.post(grant_page(coupon), {"people": addresses[0]}))
        all_ = queries_of(lambda: staff.post(grant_page(coupon), {"people": "\n".join(addresses)}))
        assert coupon.grants.count() == 500
        assert len(all_) == len(one)

    def test_permission(self, client, coupon, people):
        """Who may change coupons but not grant them sees no button and gets 403."""
        clerk = User.objects.create_user("clerk@example.com", is_staff=True)
        may = Permission.objects.filter(codename__in=["view_coupon", "change_coupon"])
        clerk.user_permissions.set(may)
        client.force_login(clerk)
        assert grant_page(coupon) not in client.get(page_of(coupon)).content.decode()
        answer = client.post(grant_page(coupon), {"people": "a@example.com"})
        assert answer.status_code == 403
        assert not CouponGrant.objects.exists()

    def test_a_coupon_that_never_was(self, staff):
        """404, not an error."""
        assert staff.get(f"{LIST}99/grant/").status_code == 404

    def test_the_coupon_leads_to_its_people(self, staff, coupon, make_coupon, people):
        """Its page counts them; the list shows those of this coupon, and a grant is taken back."""
        granting.grant(coupon, ["a@example.com", "c@example.com"], now=timezone.now())
        granting.grant(make_coupon(), ["b@example.com"], now=timezone.now())
        url = f"/admin/shop/coupongrant/?coupon__id__exact={coupon.pk}"
        page = staff.get(page_of(coupon)).content.decode()
        assert grant_page(coupon) in page
        assert f'<a href="{url}" class="underline">2 people</a>' in page
        page = staff.get(url).content.decode()
        assert "a@example.com" in page
        assert "B@example.com" not in page
        grant = coupon.grants.get(user__email="a@example.com")
        gone = staff.post(f"/admin/shop/coupongrant/{grant.pk}/delete/", {"post": "yes"})
        assert gone.status_code == 302
        assert self.holders(coupon) == ["c@example.com"]


@pytest.mark.django_db(transaction=True)
def test_the_same_list_from_two_tabs(make_coupon):
    """Each person is reported as new once, and nobody sees an error."""
    coupon = make_coupon()
    addresses = [f"person-{number}@example.com" for number in range(20)]
    for address in addresses:
        User.objects.create_user(address)
    new = []

    def give():
        new.append(len(granting.grant(coupon, addresses, now=timezone.now()).new))

    at_once(give, times=4)
    assert sorted(new) == [0, 0, 0, 20]
    assert coupon.grants.count() == 20
