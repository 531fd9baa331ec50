"""What the database itself refuses of a coupon, whatever the code does."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from shop.models import Coupon

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("coupon_value_fits_its_kind", {"value": 0}),
        ("coupon_value_fits_its_kind", {"cap": 1_000}),
        ("coupon_value_fits_its_kind", {"kind": "PERCENT", "value": 101}),
        ("coupon_within_its_limit", {"limit": 5, "redeemed": 6}),
        ("coupon_begins_before_it_ends", {"valid_from": NOW, "valid_until": NOW}),
    ],
)
def test_a_coupon_makes_sense(constraint, fields):
    """Its value fits its kind, it is redeemed no more often than it may be, and it lasts."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Coupon.objects.create(**({"name_ko": "봄", "value": 1_000} | fields))


def test_the_extremes_that_do():
    """All uses taken, all of the price, a moment long."""
    until = NOW + timedelta(microseconds=1)
    fields = {"limit": 5, "redeemed": 5, "valid_from": NOW, "valid_until": until}
    Coupon.objects.create(name_ko="봄", kind="PERCENT", value=100, cap=1, **fields)


def test_a_coupon_is_granted_once(shopper):
    """Granting it again changes nothing about how often it may be used."""
    coupon = Coupon.objects.create(name_ko="봄", value=1_000)
    coupon.grants.create(user=shopper)
    with pytest.raises(IntegrityError, match="a_coupon_is_granted_once"), transaction.atomic():
        coupon.grants.create(user=shopper)
