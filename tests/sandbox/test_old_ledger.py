"""A ledger file that this sandbox cannot use leads to one sentence that says what to do."""

import sqlite3
import subprocess
import sys

import pytest

from tests.kakaopay import sandbox_process
from tests.processes import ROOT, free_port
from tests.sandbox.merchant import Merchant
from tests.sandbox.test_subscriptions import charge


def start(ledger):
    """Start a sandbox that is expected to give up."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", "--port", str(free_port())],
        cwd=ROOT,
        env={"SANDBOX_LEDGER": str(ledger)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE sandbox_fault DROP COLUMN times",
        "ALTER TABLE sandbox_payment ADD COLUMN points integer",
        "DROP TABLE sandbox_clock",
    ],
)
def test_a_ledger_of_another_shape_is_left_alone(tmp_path, change):
    """One sentence, exit status 1, and the file is as it was."""
    process, kakaopay = sandbox_process(tmp_path)
    with process:
        kakaopay.import_payments(
            [
                {
                    "partner_order_id": "kept",
                    "partner_user_id": "user-1",
                    "item_name": "컵",
                    "quantity": 1,
                    "total": 900,
                }
            ]
        )
    ledger = tmp_path / "sandbox.sqlite3"
    with sqlite3.connect(ledger) as connection:
        connection.execute(change)
    ended = start(ledger)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"The ledger {ledger} was written by another version of the sandbox, which kept its books "
        "in another shape. Move it away with its -wal and -shm files (a new one is made), or "
        "choose another with SANDBOX_LEDGER.\n"
    )
    with sqlite3.connect(ledger) as connection:
        assert connection.execute("SELECT count(*) FROM sandbox_payment").fetchone() == (1,)


def test_the_ledger_of_the_version_before_is_brought_up_to_date(tmp_path):
    """From before subscriptions had pages: its payments and SIDs are there and can be charged."""
    process, kakaopay = sandbox_process(tmp_path)
    club = Merchant(kakaopay, "TCSUBSCRIP")
    with process:
        first = club.paid(total_amount=9900)
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "sandbox", "0001"],
        cwd=ROOT,
        env={
            "DJANGO_SETTINGS_MODULE": "sandbox.settings",
            "SANDBOX_LEDGER": str(tmp_path / "sandbox.sqlite3"),
        },
        check=True,
        capture_output=True,
        timeout=60,
    )
    process, kakaopay = sandbox_process(tmp_path)
    club = Merchant(kakaopay, "TCSUBSCRIP")
    with process:
        assert kakaopay.subscription(first["sid"]).charges == 1
        assert club.send("subscription", sid=first["sid"], **charge()).status_code == 200
        assert kakaopay.payment(first["tid"]).sid == first["sid"]
        assert kakaopay.subscription(first["sid"]).charges == 2


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path):
    """Somebody else's file under that name is not overwritten."""
    ledger = tmp_path / "sandbox.sqlite3"
    ledger.write_text("a diary, not a database" * 100)
    ended = start(ledger)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"The ledger {ledger} cannot be opened: file is not a database. "
        "Move it away, or choose another with SANDBOX_LEDGER.\n"
    )
    assert ledger.read_text().startswith("a diary")
