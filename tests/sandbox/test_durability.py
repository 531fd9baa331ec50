"""The ledger outlives the process, and concurrent calls move money once."""

import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.kakaopay import sandbox_process
from tests.processes import ROOT, Process, free_port
from tests.sandbox.merchant import Merchant, refusal


def test_a_killed_sandbox_forgets_nothing(tmp_path):
    """SIGKILL between two steps of a purchase: the payment goes on where it was."""
    process, kakaopay = sandbox_process(tmp_path)
    merchant = Merchant(kakaopay)
    with process:
        kakaopay.advance(60)
        fields = merchant.agreed()
        process.restart()
        assert kakaopay.payment(fields["tid"]).status == "AUTH_PASSWORD"
        kakaopay.fault("cancel", before="http_500")
        assert merchant.send("approve", **fields).status_code == 200
        process.restart()
        held = kakaopay.payment(fields["tid"])
        assert (held.status, held.available_total) == ("SUCCESS_PAYMENT", 11000)
        cancel = {"tid": held.tid, "cancel_amount": 11000, "cancel_tax_free_amount": 0}
        assert refusal(merchant.send("cancel", **cancel)) == (500, -500)
        assert merchant.send("cancel", **cancel).status_code == 200


def test_killing_the_parent_alone_frees_the_port(tmp_path):
    """No orphan keeps answering for a sandbox that was killed: it can start again at once."""
    process, _ = sandbox_process(tmp_path)
    with process:
        process.popen.kill()
        process.popen.wait()
        time.sleep(0.1)
        assert not process.listening
        process.start()


@pytest.mark.parametrize("callers", [16])
def test_concurrent_approves_take_the_money_once(merchant, kakaopay, callers):
    """One is granted; the others are told it is in progress or paid."""
    fields = merchant.agreed()
    with ThreadPoolExecutor(callers) as pool:
        calls = [pool.submit(merchant.send, "approve", **fields) for _ in range(callers)]
        answers = [call.result() for call in calls]
    granted = [answer for answer in answers if answer.status_code == 200]
    refused = {answer.json()["error_code"] for answer in answers if answer.status_code != 200}
    assert len(granted) == 1
    assert refused <= {-785, -702}
    held = kakaopay.payment(fields["tid"])
    assert [action.aid for action in held.actions] == [granted[0].json()["aid"]]


def test_concurrent_cancels_give_back_no_more_than_was_paid(merchant, kakaopay):
    """Sixteen times a quarter: at most four are granted, and the sums agree."""
    tid = merchant.paid(total_amount=4400)["tid"]
    cancel = {"tid": tid, "cancel_amount": 1100, "cancel_tax_free_amount": 0}
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(merchant.send, "cancel", **cancel) for _ in range(16)]
        answers = [call.result() for call in calls]
    granted = sum(answer.status_code == 200 for answer in answers)
    refused = {answer.json()["error_code"] for answer in answers if answer.status_code != 200}
    assert 1 <= granted <= 4
    assert refused <= {-785, -710, -784}
    assert kakaopay.payment(tid).canceled_total == granted * 1100


def test_two_payments_do_not_wait_for_each_other(merchant, kakaopay):
    """While one approve stalls, another payment's is granted, and its own repeat gets -785."""
    slow, quick = merchant.agreed(), merchant.agreed()
    kakaopay.fault("approve", after="stall:2")
    with ThreadPoolExecutor(1) as pool:
        stalled = pool.submit(merchant.send, "approve", **slow)
        while not kakaopay.payment(slow["tid"]).actions:
            pass
        assert merchant.send("approve", **quick).status_code == 200
        assert refusal(merchant.send("approve", **slow)) == (400, -785)
        assert merchant.send("order", tid=slow["tid"]).json()["status"] == "SUCCESS_PAYMENT"
        assert not stalled.done()
    assert stalled.result().status_code == 200


def test_a_taken_port_is_said_in_one_sentence(tmp_path):
    """Somebody else listens there: one clear line, exit status 1, no ledger made."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ledger = tmp_path / "ledger" / "sandbox.sqlite3"
        ended = subprocess.run(
            [sys.executable, "-m", "sandbox", "--port", str(port)],
            cwd=ROOT,
            env={"SANDBOX_LEDGER": str(ledger)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr == (
        f"The sandbox cannot listen on 127.0.0.1:{port}: Address already in use. "
        "Choose another with --port or SANDBOX_PORT.\n"
    )
    assert not ledger.parent.exists()


def test_the_migrations_describe_the_ledger(tmp_path):
    """A model that changed without its migration would break every ledger that exists."""
    ended = subprocess.run(
        [sys.executable, "-m", "django", "makemigrations", "--check", "--dry-run", "sandbox"],
        cwd=ROOT,
        env={
            "DJANGO_SETTINGS_MODULE": "sandbox.settings",
            "SANDBOX_LEDGER": str(tmp_path / "sandbox.sqlite3"),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (0, "No changes detected in app 'sandbox'\n")


def test_a_program_that_does_not_come_up_shows_its_log():
    """A test that cannot start its process says what the process said."""
    program = "print('half a tank'); raise SystemExit(3)"
    broken = Process(
        [sys.executable, "-c", program], ready=f"http://127.0.0.1:{free_port()}/", timeout=10
    )
    with pytest.raises(AssertionError, match=r"ended with 3:\nhalf a tank"), broken:
        pass
