from pathlib import Path

from tests.kakaopay import KakaoPay, sandbox_process
from tests.processes import Process

LEDGER = "sandbox.sqlite3"
#: Weekly checks of a thousand agreements would take most of the time, and move no money.
AGREEMENT_CHECK_DAYS = 21


def sandbox_for_renewing(folder: Path) -> tuple[Process, KakaoPay]:
    """A sandbox, yet to be started, in which an agreement can be charged once in a month."""
    return sandbox_process(folder, SANDBOX_MONTHLY_LIMIT="1")
