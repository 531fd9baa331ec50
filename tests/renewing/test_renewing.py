"""A few memberships over a leap day; ``make torture`` lives more of them, and for longer."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kakaopay import KakaoPay
from tests.processes import Process
from tests.renewing import books, oracle
from tests.renewing.life import Life
from tests.renewing.place import AGREEMENT_CHECK_DAYS, LEDGER, sandbox_for_renewing

pytestmark = pytest.mark.django_db(transaction=True)

RENEWALS = int(os.environ.get("RENEWALS", "20"))
MONTHS = int(os.environ.get("MONTHS", "6"))


@pytest.fixture
def strict_sandbox(tmp_path: Path, settings: Any) -> Iterator[tuple[Process, KakaoPay]]:
    process, kakaopay = sandbox_for_renewing(tmp_path)
    with process:
        settings.KAKAOPAY_API_URL = kakaopay.url
        settings.AGREEMENT_CHECK_DAYS = AGREEMENT_CHECK_DAYS
        yield process, kakaopay


@pytest.mark.timeout(0)
def test_each_period_is_charged_once_or_the_membership_ended_by_the_rules(
    strict_sandbox: tuple[Process, KakaoPay], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Whatever was killed, lost, declined or done twice: both books tell the same, to the won."""
    seed = random.SystemRandom().randrange(10**6)
    choose = random.Random(seed)  # noqa: S311
    life = Life(*strict_sandbox, choose, workers=2)
    for _day in life.live(RENEWALS, MONTHS):
        pass
    read = books.read(strict_sandbox[1], tmp_path / LEDGER, life.clock.now())
    found = [str(each) for each in oracle.differences(life, read)]
    figures = oracle.figures(life, read)
    with capsys.disabled():
        told = ", ".join(f"{number:,} {what}" for what, number in figures.items())
        print(f"\nMemberships renewed, seed {seed}: {told}")  # noqa: T201
    assert found == []
    assert figures["of them charged by the shop"] > RENEWALS
    assert figures["kills"]
    assert figures["answers lost"]
