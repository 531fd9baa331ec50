from collections.abc import Iterator

import pytest

from tests.live import LiveShop, Visitor, live_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """One running shop for all journeys; each uses goods of its own."""
    with live_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def visitor(shop: LiveShop) -> Visitor:
    shop.kakaopay.clear_faults()
    shop.kakaopay.reset_clock()
    return Visitor(shop)
