"""The command that makes many orders does not spoil a real shop's books."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from orders.models import Order
from tests.many import goods

pytestmark = pytest.mark.django_db(transaction=True)


def make(**options):
    call_command("make_many_orders", stdout=StringIO(), **options)


def test_outside_development(settings):
    """With DEBUG off it refuses, unless somebody says that they mean it."""
    settings.DEBUG = False
    goods()
    with pytest.raises(CommandError, match="only runs with DEBUG on"):
        make(orders=5)
    assert not Order.objects.exists()
    make(orders=5, yes=True)
    assert Order.objects.count() == 5


def test_nothing_to_order():
    """Without goods there are no orders."""
    with pytest.raises(CommandError, match=r"run manage\.py load_demo first"):
        make(orders=5, yes=True)


@pytest.mark.parametrize("wrong", [{"orders": 0}, {"days": 0}])
def test_numbers(wrong):
    """One order and one day at least."""
    goods()
    with pytest.raises(CommandError, match="are 1 at least"):
        make(yes=True, **wrong)
    assert not User.objects.exists()


def test_twice():
    """More orders, by other people."""
    goods()
    make(orders=20, yes=True)
    make(orders=20, yes=True)
    assert Order.objects.count() == 40
    assert User.objects.count() == 6
