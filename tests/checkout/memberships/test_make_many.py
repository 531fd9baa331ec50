"""The command that makes many memberships does not spoil a real shop's books."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Membership
from checkout import renewals
from orders.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def make(**options):
    call_command("make_many_memberships", stdout=StringIO(), **options)


def test_outside_development(settings, monthly):
    """With DEBUG off it refuses, unless somebody says that they mean it."""
    settings.DEBUG = False
    with pytest.raises(CommandError, match="only runs with DEBUG on"):
        make(memberships=5)
    assert not Membership.objects.exists()
    make(memberships=5, yes=True)
    assert Membership.objects.count() == 5


def test_nothing_to_join(make_plan):
    """A pass does not renew: without another plan there is nothing to make."""
    make_plan(renews=False)
    with pytest.raises(CommandError, match=r"run manage\.py load_demo first"):
        make(memberships=5, yes=True)


def test_no_such_plan(monthly):
    """Those that there are, are named."""
    with pytest.raises(CommandError, match=rf"called nonsense\. There are: {monthly.slug}\."):
        make(memberships=5, yes=True, plan="nonsense")


def test_none(monthly):
    """One at least."""
    with pytest.raises(CommandError, match="is 1 at least"):
        make(memberships=0, yes=True)


def test_what_they_are(monthly, make_plan):
    """Paid by an order of that plan, with an agreement; the next charge is within a month."""
    dearer = make_plan(price=9_900)
    make(memberships=40, yes=True, plan=dearer.slug)
    membership = Membership.objects.select_related("agreement").latest("charge_at")
    order = Order.objects.get(user=membership.user)
    assert (membership.plan, membership.price) == (dearer, 9_900)
    assert order.period == membership.periods.get()
    assert (order.total, order.vat, order.period.ends_at) == (9_900, 900, membership.paid_until)
    assert membership.agreement.sid.startswith("S")
    assert order.transactions.get().agreement == membership.agreement
    assert timezone.localtime(membership.paid_until).day == membership.day
    assert renewals.due(now=timezone.now()).count() == 0


def test_twice_and_due(monthly):
    """More memberships of other people; all of these are due."""
    make(memberships=20, yes=True)
    make(memberships=30, yes=True, due=True)
    assert Membership.objects.count() == 50
    assert renewals.due(now=timezone.now()).count() == 30
