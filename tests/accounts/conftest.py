"""A shopper with points, and somebody else with an address."""

from collections.abc import Callable, Iterator

import pytest

from accounts import points
from accounts.models import Address, PointEntry, User
from tests.addresses import HOME, save
from tests.points import DAY, NOW, points_differences


@pytest.fixture
def give(shopper: User) -> Callable[..., PointEntry]:
    """Give the shopper points that last so many days: ``give(500, days=30)``."""

    def give(amount: int, *, days: float = 30) -> PointEntry:
        until = NOW + days * DAY
        return points.grant(shopper, amount, note="Hello", by=None, now=NOW, expires_at=until)

    return give


@pytest.fixture
def all_adds_up(db: None) -> Iterator[None]:
    """After the test every lot is what its entries say."""
    yield
    for user in User.objects.all():
        assert points_differences(user.pk) == []


@pytest.fixture
def someone_elses(db: None) -> Address:
    other = User.objects.create_user("duri@example.com", "open-sesame-2")
    return save(other, HOME, label="theirs")
