"""The groups that the migration makes, and that nobody rises by them above what they are."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from shop.models import Coupon, CouponGrant
from tests.staff import member, staff

pytestmark = pytest.mark.django_db

LISTS = {
    *("orders_order", "orders_paymenttransaction", "orders_shipment", "orders_refund"),
    *("orders_refundrequest", "orders_couponredemption", "checkout_mail", "checkout_providercall"),
    *("checkout_reconciliationrun", "checkout_discrepancy", "shop_product", "shop_category"),
    *("shop_coupon", "shop_coupongrant", "accounts_user", "accounts_pointentry", "auth_group"),
    *("accounts_plan", "accounts_membership", "accounts_billingagreement"),
}
BOOKS = {"checkout_reconciliationrun", "checkout_discrepancy", "accounts_pointentry"}
SEEN = {
    "support": LISTS - BOOKS - {"auth_group"},
    "finance": LISTS - {"auth_group"},
    "manager": LISTS,
}
DUTIES = {
    "orders.change_shipment": {"support", "manager"},
    "accounts.manage_membership": {"support", "manager"},
    "accounts.change_plan": {"manager"},
    "accounts.add_plan": {"manager"},
    "accounts.delete_plan": set(),
    "accounts.change_membership": set(),
    "accounts.change_billingagreement": set(),
    "orders.handle_order": {"support", "finance", "manager"},
    "orders.refund_order": {"support", "finance", "manager"},
    "orders.refund_order_above_limit": {"finance", "manager"},
    "orders.approve_refund": {"finance", "manager"},
    "checkout.close_discrepancy": {"finance", "manager"},
    "orders.export_order": {"finance", "manager"},
    "shop.change_product": {"manager"},
    "shop.add_coupon": {"manager"},
    "shop.add_coupongrant": {"manager"},
    "shop.delete_coupongrant": {"manager"},
    "accounts.add_pointentry": {"manager"},
    "accounts.change_user": {"manager"},
    "accounts.add_user": set(),
    "accounts.delete_user": set(),
    "auth.change_group": set(),
    "orders.delete_order": set(),
}


class TestTheGroups:
    """Who may see and do what."""

    @pytest.mark.parametrize("group", SEEN)
    def test_lists(self, client, group):
        """Those of the group open, the others are forbidden, and the side bar agrees."""
        client.force_login(member(group, "one@example.com"))
        links = side_bar(client)
        for name in LISTS:
            address = reverse(f"admin:{name}_changelist")
            allowed = name in SEEN[group]
            assert client.get(address).status_code == (200 if allowed else 403), name
            assert (address in links) == allowed, name

    @pytest.mark.parametrize("group", SEEN)
    def test_duties(self, group):
        """Each duty is that of its groups, and of no other."""
        person = member(group, "one@example.com")
        assert {duty for duty in DUTIES if person.has_perm(duty)} == {
            duty for duty, groups in DUTIES.items() if group in groups
        }

    def test_made_again(self):
        """What superusers added to a group stays, and what is missing comes back."""
        member("support", "one@example.com")
        group = Group.objects.get(name="support")
        added = Permission.objects.get(codename="export_order")
        group.permissions.remove(Permission.objects.get(codename="handle_order"))
        group.permissions.add(added)
        member("support", "two@example.com")
        assert Group.objects.count() == 3
        assert added in group.permissions.all()
        assert group.permissions.filter(codename="handle_order").exists()


def test_a_coupon_is_taken_back(client, shopper):
    """On the list of granted coupons, by a manager."""
    coupon = Coupon.objects.create(
        name_ko="가을", name_en="Autumn", value=1_000, valid_from=timezone.now(), is_for_all=True
    )
    grant = CouponGrant.objects.create(coupon=coupon, user=shopper)
    client.force_login(member("manager", "one@example.com"))
    sent = {"action": "delete_selected", "_selected_action": [grant.pk], "post": "yes"}
    assert client.post(reverse("admin:shop_coupongrant_changelist"), sent).status_code == 302
    assert not CouponGrant.objects.exists()


def side_bar(client) -> set[str]:
    """The addresses that it leads to."""
    context = client.get("/admin/").context
    return {
        str(item["link"])
        for part in context["sidebar_navigation"]
        for item in part["items"]
        if item["has_permission"]
    }


@pytest.fixture
def manager() -> User:
    return member("manager", "manager@example.com")


@pytest.fixture
def desk(client, manager):
    """A browser in which the manager is signed in."""
    client.force_login(manager)
    return client


@pytest.fixture
def clerk(manager) -> User:
    return member("support", "clerk@example.com")


def page_of(person) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


def save(client, person, **fields):
    """Send a person's page with everything in it that makes somebody powerful."""
    data = {"email": person.email, "name": "", "phone": "", "is_active": "on", "is_staff": "on"}
    return client.post(page_of(person), data | fields)


class TestNobodyRises:
    """A manager appoints others, and gives nothing that they do not have themselves."""

    def test_appointing(self, desk, shopper):
        """Somebody becomes staff, in a group whose rights the manager may give; and leaves it."""
        support = Group.objects.get(name="support")
        assert save(desk, shopper, groups=[support.pk]).status_code == 302
        shopper.refresh_from_db()
        assert shopper.is_staff
        assert list(shopper.groups.all()) == [support]
        assert save(desk, shopper).status_code == 302
        assert not shopper.groups.exists()

    @pytest.mark.parametrize("name", ["finance", "manager"])
    def test_a_second_pair_of_eyes(self, desk, shopper, name):
        """Who asks for refunds and who approves them is not for a manager to say."""
        group = Group.objects.get(name=name)
        assert f">{name}<" not in desk.get(page_of(shopper)).content.decode()
        assert save(desk, shopper, groups=[group.pk]).status_code == 200
        shopper.refresh_from_db()
        assert not shopper.is_staff
        assert not shopper.groups.exists()

    @pytest.mark.parametrize("codename", ["approve_refund", "refund_order_above_limit"])
    def test_a_group_with_half_of_it(self, desk, shopper, codename):
        """Either of the two permissions keeps a group from being given."""
        group = Group.objects.create(name="half")
        group.permissions.add(Permission.objects.get(codename=codename))
        assert save(desk, shopper, groups=[group.pk]).status_code == 200
        assert not shopper.groups.exists()

    @pytest.mark.parametrize("name", ["finance", "manager"])
    @pytest.mark.parametrize("dismissed", [{"is_active": False}, {"is_staff": False}, {}])
    def test_who_approves_is_left_alone(self, desk, name, dismissed):
        """They are neither dismissed by a manager, nor, where a superuser did it, taken back."""
        person = member(name, "approver@example.com")
        User.objects.filter(pk=person.pk).update(**dismissed)
        before = User.objects.filter(pk=person.pk).values().get()
        assert save(desk, person).status_code == 403
        assert save(desk, person, is_staff="").status_code == 403
        assert User.objects.filter(pk=person.pk).values().get() == before
        assert [group.name for group in person.groups.all()] == [name]

    def test_superusers_appoint_them(self, admin_client, shopper):
        """They may give every group."""
        finance = Group.objects.get_or_create(name="finance")[0]
        assert save(admin_client, shopper, groups=[finance.pk]).status_code == 302
        assert list(shopper.groups.all()) == [finance]

    @pytest.mark.parametrize("who", ["clerk", "shopper"])
    def test_nobody_becomes_a_superuser(self, desk, request, who):
        """Neither they themselves nor anybody else, whatever the form says."""
        person = request.getfixturevalue(who)
        delete = Permission.objects.get(codename="delete_user")
        answer = save(desk, person, is_superuser="on", user_permissions=[delete.pk])
        assert answer.status_code == 302
        person.refresh_from_db()
        assert not person.is_superuser
        assert not person.user_permissions.exists()

    def test_nor_do_they_change_themselves(self, desk, manager):
        """What a manager is, a superuser has given."""
        assert desk.get(page_of(manager)).status_code == 200
        assert save(desk, manager, is_superuser="on").status_code == 403
        manager.refresh_from_db()
        assert not manager.is_superuser

    def test_a_stronger_group(self, desk, clerk):
        """A group that may more than the manager is not offered, and refused if sent."""
        owners = Group.objects.create(name="owners")
        owners.permissions.add(Permission.objects.get(codename="delete_user"))
        assert ">owners<" not in desk.get(page_of(clerk)).content.decode()
        assert save(desk, clerk, groups=[owners.pk]).status_code == 200
        assert not clerk.groups.filter(name="owners").exists()

    @pytest.mark.parametrize("active", [True, False])
    def test_stronger_people(self, desk, active):
        """Who may more can be looked at, not changed, not even while the account is closed."""
        owner = User.objects.create_superuser("owner@example.com", "open-sesame-2")
        deleter = staff("deleter@example.com", "delete_user")
        for person in (owner, deleter):
            User.objects.filter(pk=person.pk).update(is_active=active)
            assert desk.get(page_of(person)).status_code == 200
            assert save(desk, person, name="Mallory").status_code == 403
            person.refresh_from_db()
            assert (person.name, person.is_active) == ("", active)

    def test_taking_over(self, desk, clerk):
        """Neither a password nor an e-mail address is theirs to set."""
        before = clerk.password
        address = reverse("admin:auth_user_password_change", args=[clerk.pk])
        data = {
            "usable_password": "true",
            "password1": "sesame-open-3",
            "password2": "sesame-open-3",
        }
        assert desk.post(address, data).status_code == 403
        assert desk.get(address).status_code == 403
        assert address not in desk.get(page_of(clerk)).content.decode()
        assert save(desk, clerk, email="manager+1@example.com").status_code == 302
        clerk.refresh_from_db()
        assert (clerk.email, clerk.password) == ("clerk@example.com", before)

    def test_the_groups_themselves(self, desk):
        """Managers read what a group may do; not even the permission lets them change it."""
        group = Group.objects.get(name="support")
        change = reverse("admin:auth_group_change", args=[group.pk])
        User.objects.get(email="manager@example.com").user_permissions.set(
            Permission.objects.filter(codename__in=["add_group", "change_group", "delete_group"])
        )
        everything = list(Permission.objects.values_list("pk", flat=True))
        before = group.permissions.count()
        sent = {"name": "support", "permissions": everything}
        assert desk.get(change).status_code == 200
        assert desk.post(change, sent).status_code == 403
        assert desk.post(reverse("admin:auth_group_add"), sent).status_code == 403
        delete = reverse("admin:auth_group_delete", args=[group.pk])
        assert desk.post(delete, {"post": "yes"}).status_code == 403
        assert group.permissions.count() == before

    def test_adding_and_deleting(self, desk, clerk):
        """Accounts are neither made nor deleted by managers."""
        assert desk.get(reverse("admin:accounts_user_add")).status_code == 403
        delete = reverse("admin:accounts_user_delete", args=[clerk.pk])
        assert desk.post(delete, {"post": "yes"}).status_code == 403
        assert User.objects.filter(pk=clerk.pk).exists()

    def test_support_changes_nobody(self, client, clerk, shopper):
        """Not even themselves."""
        client.force_login(clerk)
        for person in (clerk, shopper):
            assert save(client, person, name="Mallory").status_code == 403
            person.refresh_from_db()
            assert person.name != "Mallory"

    def test_superusers_do_all_of_it(self, admin_client, clerk):
        """Rights of one's own, e-mail address, and groups."""
        delete = Permission.objects.get(codename="delete_user")
        more = {"user_permissions": [delete.pk], "is_superuser": "on"}
        answer = save(admin_client, clerk, email="boss@example.com", **more)
        assert answer.status_code == 302
        clerk.refresh_from_db()
        assert (clerk.email, clerk.is_superuser) == ("boss@example.com", True)
        assert list(clerk.user_permissions.all()) == [delete]
