"""The command as people and schedulers run it: several at once, interrupted, piped."""

import json
import signal
import time
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from checkout import payments
from checkout.models import Discrepancy, ProviderCall, ReconciliationRun
from orders.models import PaymentTransaction
from tests import commands
from tests.checkout.two_books import Status, TwoBooks
from tests.staff import refund

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(kakaopay, shopper):
    return TwoBooks(kakaopay, shopper)


@pytest.fixture
def lost(start, fill_cart, make_product, pay, kakaopay):
    """A payment that was taken, and whose answer was lost."""
    fill_cart((make_product(), 1))
    charge = start()
    kakaopay.fault("approve", after="drop")
    return payments.capture(charge, pg_token=pay(charge), now=timezone.now())


@pytest.fixture
def command(kakaopay):
    """Start the command as a process of its own."""
    with commands.processes(kakaopay) as start:
        yield partial(start, "reconcile_payments")


in_process = partial(commands.run_here, "reconcile_payments")


def an_hour():
    """The options for a period that other processes can name, too."""
    now = timezone.now()
    return ["--since", (now - timedelta(hours=1)).isoformat(), "--until", now.isoformat()]


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def test_two_commands_at_once_share_the_work(books, command):
    """Whoever comes first takes a payment; none is looked up twice."""
    books.at = timezone.now() - timedelta(minutes=1)
    books.sell_all([(11_000, ())] * 300)
    options = an_hour()
    both = [command(*options, "--json", "--rate", "40") for _ in "ab"]
    told = [json.loads(each.communicate(timeout=60)[0]) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    checked = [each["counts"]["checked"] for each in told]
    assert sum(checked) == 300
    assert min(checked) > 0
    assert ProviderCall.objects.count() == 300
    assert ProviderCall.objects.values("transaction").distinct().count() == 300


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_incomplete_and_can_be_started_again(signum, books, command):
    """What is in hand is finished and counted, exit status 2; the next run compares everything."""
    books.at = timezone.now() - timedelta(minutes=1)
    books.sell_all([(11_000, ())] * 100)
    options = an_hour()
    process = command(*options, "--rate", "20", "--workers", "2")
    wait_for(lambda: ProviderCall.objects.filter(finished_at__isnull=False).count() > 3)
    process.send_signal(signum)
    out, err = process.communicate(timeout=30)
    run = ReconciliationRun.objects.get()
    calls = ProviderCall.objects.count()
    assert process.returncode == 2
    assert (run.outcome, run.checked) == ("INCOMPLETE", calls)
    assert 3 < calls < 100
    assert out == (
        f"{calls} payments compared, 0 outcomes settled, 0 differences, 0 unanswered: INCOMPLETE\n"
    )
    assert err == ""
    assert ProviderCall.objects.filter(finished_at=None).count() == 0
    status, out = in_process(*options)
    assert (status, out.split()[0]) == (0, "100")


def test_an_interrupted_statement_leaves_no_entries(books, command, tmp_path):
    """What was found so far is kept; the run says that there may be more."""
    file = tmp_path / "s.csv"
    lines = (f"T{number},승인,2026-11-21,1000" for number in range(20_000))
    file.write_text("\n".join(["tid,type,date,amount", *lines]))
    process = command("--statement", str(file))
    wait_for(lambda: Discrepancy.objects.count() > 5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 2
    run = ReconciliationRun.objects.get()
    assert (run.outcome, run.entries.count()) == ("INCOMPLETE", 0)
    assert 5 < run.differences == Discrepancy.objects.count() < 20_000


def test_a_killed_run_is_not_shared_with(books, command):
    """What it had in hand is compared by the next run, like everything else."""
    books.at = timezone.now() - timedelta(minutes=1)
    books.sell_all([(11_000, ())] * 40)
    options = an_hour()
    process = command(*options, "--rate", "10")
    wait_for(lambda: ProviderCall.objects.filter(finished_at__isnull=False).count() > 3)
    process.kill()
    process.wait()
    assert ReconciliationRun.objects.get().outcome == "RUNNING"
    assert in_process(*options)[1].startswith("40 payments compared")


def test_a_refund_made_while_it_is_compared_is_no_difference(books, command, kakaopay):
    """The answer was true when it was given: our side changed since, so it is asked again."""
    charge = books.sell()
    kakaopay.fault("order", after="stall:3")
    process = command("--since", timezone.localdate().isoformat())
    wait_for(lambda: ProviderCall.objects.filter(operation="order").exists())
    time.sleep(1)  # the answer is made, and on its way
    refund(charge.order, 1_000)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out == "1 payments compared, 0 outcomes settled, 0 differences, 0 unanswered: AGREED\n"
    assert ProviderCall.objects.filter(operation="order").count() == 2


def test_an_unreadable_statement_is_one_sentence(books, command, tmp_path):
    """Exit status 2, the file and its line on stderr, no traceback."""
    file = tmp_path / "s.csv"
    file.write_text("tid,type,date,amount\nT1,승인,2026-11-21,12원원\n")
    process = command("--statement", str(file))
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert out == ""
    assert err == (
        f"CommandError: {file} cannot be read: line 2: “12원원” is not an amount in won\n"
    )


def test_nobody_looks_so_there_is_no_progress_bar(books, command):
    """Piped, stdout has the lines and stderr has nothing."""
    books.sell()
    out, err = command("--since", timezone.localdate().isoformat()).communicate(timeout=30)
    assert out.endswith("0 unanswered: AGREED\n")
    assert err == ""


def test_pending_is_the_default_and_keeps_its_run(lost):
    """One line a payment, then a count; the run is kept."""
    status, out = in_process("--older-than", "0")
    assert status == 0
    assert out.splitlines() == [
        f"{lost.order.number} CHARGE {lost.tid} SUCCEEDED",
        "1 payments asked about",
    ]
    run = ReconciliationRun.objects.get()
    assert (run.mode, run.outcome, run.checked, run.settled) == ("PENDING", "AGREED", 1, 1)


def test_nothing_pending_keeps_no_run(books):
    """A schedule that finds nothing to do leaves no trace."""
    books.sell()
    assert in_process() == (0, "0 payments asked about\n")
    assert ReconciliationRun.objects.count() == 0


def test_pending_leaves_what_was_just_sent(lost):
    """Its own request may still be waiting for the answer."""
    assert in_process() == (0, "0 payments asked about\n")
    lost.refresh_from_db()
    assert lost.status == Status.PROCESSING


def test_pending_without_an_answer_could_not_finish(lost, kakaopay):
    """Exit status 2, and it says which payment."""
    kakaopay.fault("order", before="html_502")
    status, out = in_process("--older-than", "0")
    assert status == 2
    assert out.splitlines()[0] == f"{lost.order.number} CHARGE {lost.tid} PROCESSING"
    run = ReconciliationRun.objects.get()
    assert (run.outcome, run.unanswered) == ("INCOMPLETE", 1)


def test_pending_tells_what_needs_a_person(lost, kakaopay):
    """The provider does not know the payment: the run keeps that, and does not end it."""
    kakaopay.forget(lost.tid)
    assert in_process("--older-than", "0")[0] == 2
    row = Discrepancy.objects.get()
    assert (row.kind, row.tid, row.run) == (
        "MISSING_THERE",
        lost.tid,
        ReconciliationRun.objects.get(),
    )


def test_a_dry_run_of_pending_asks_and_settles_nothing(lost):
    """It prints what the provider says."""
    before = PaymentTransaction.objects.values().get()
    calls = ProviderCall.objects.count()
    status, out = in_process("--older-than", "0", "--dry-run")
    assert status == 0
    assert out.splitlines()[0] == f"{lost.order.number} CHARGE {lost.tid} SUCCESS_PAYMENT"
    assert PaymentTransaction.objects.values().get() == before
    assert ProviderCall.objects.count() == calls
    assert ReconciliationRun.objects.count() == 0


def test_pending_as_json(lost):
    """What was asked about stands in the document."""
    told = json.loads(in_process("--older-than", "0", "--json")[1])
    assert told["asked"] == [
        {
            "order_number": lost.order.number,
            "kind": "CHARGE",
            "tid": lost.tid,
            "status": "SUCCEEDED",
        }
    ]
    assert told["counts"] == {"checked": 1, "settled": 1, "differences": 0, "unanswered": 0}
