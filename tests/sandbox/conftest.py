"""One real sandbox for all of these tests, and the merchants that call it."""

from collections.abc import Iterator

import pytest

from tests.kakaopay import KakaoPay, sandbox_process
from tests.processes import Process
from tests.sandbox.merchant import Merchant


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, KakaoPay]]:
    """A running sandbox with the settings it has by default."""
    process, kakaopay = sandbox_process(tmp_path_factory.mktemp("sandbox"))
    with process:
        yield process, kakaopay


@pytest.fixture
def kakaopay(sandbox: tuple[Process, KakaoPay]) -> Iterator[KakaoPay]:
    """The handle on the sandbox, left without faults and on time."""
    _, kakaopay = sandbox
    yield kakaopay
    kakaopay.clear_faults()
    kakaopay.reset_clock()


@pytest.fixture
def merchant(kakaopay: KakaoPay) -> Merchant:
    """A merchant that takes single payments."""
    return Merchant(kakaopay)


@pytest.fixture
def club(kakaopay: KakaoPay) -> Merchant:
    """A merchant that takes recurring payments."""
    return Merchant(kakaopay, "TCSUBSCRIP")
