from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from tests.kakaopay import KakaoPay
from tests.killing.web import KillableShop, killable_shop

KILLED = pytest.StashKey[list[str]]()


class Tally(Protocol):
    def __call__(self, journey: str, *, points: int, kills: int) -> None: ...


@pytest.fixture(scope="session")
def web_process(django_db_setup: None, sandbox: KakaoPay) -> Iterator[KillableShop]:
    with killable_shop(sandbox) as shop:
        yield shop


@pytest.fixture
def killable(
    web_process: KillableShop, kakaopay: KakaoPay, transactional_db: None, settings: Any
) -> KillableShop:
    """A web process on the test's own database; its links are this process's links too."""
    settings.SITE_URL = web_process.url
    return web_process


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Call it to have the numbers printed when all tests are done."""

    def count(journey: str, *, points: int, kills: int) -> None:
        lines = request.config.stash.setdefault(KILLED, [])
        lines.append(f"{journey}: {points} points, {kills} kills")

    return count


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if lines := config.stash.get(KILLED, []):
        terminalreporter.section("the web process was killed")
        for line in lines:
            terminalreporter.write_line(line)
