"""How a reconciliation tells of itself: in words, or as one JSON document."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from django.core.management.base import OutputWrapper
from tqdm import tqdm

from checkout.discrepancies import Difference
from checkout.models import ReconciliationRun
from checkout.runs import Finding, Mode
from orders.models import PaymentTransaction

COUNTS = ("checked", "settled", "differences", "unanswered")


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """
    Ctrl-C and SIGTERM set ``stop`` for the time of the block: what is in hand is finished first.

    Once more, and they end the process as usual.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.getsignal(each) for each in signals}

    def asked_to_stop(signum: int, frame: Any) -> None:
        stop.set()
        if sys.stderr.isatty():
            sys.stderr.write("\nFinishing what is in hand; once more to end at once.\n")
        for each, handler in before.items():
            signal.signal(each, handler)

    for each in signals:
        signal.signal(each, asked_to_stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class Watching:
    """The progress bar, where somebody looks; and what could not be compared, on stderr."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.bar: tqdm[Any] | None = None

    def begin(self, total: int | None, unit: str) -> None:
        if sys.stderr.isatty():
            self.bar = tqdm(total=total, unit=f" {unit}", file=sys.stderr, leave=False)

    def step(self, steps: int = 1) -> None:
        if self.bar is not None:
            self.bar.update(steps)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

    def unanswered(self, txn: PaymentTransaction, why: str) -> None:
        self.say(f"{txn.order.number} {txn.kind} {txn.tid}: {why}", self.stderr)

    def say(self, line: str, where: OutputWrapper) -> None:
        if self.bar is not None:
            self.bar.clear()
        where.write(line)


class InWords(Watching):
    """A line for each payment asked about and each difference, then a summary."""

    def asked(self, txn: PaymentTransaction, says: str) -> None:
        self.say(f"{txn.order.number} {txn.kind} {txn.tid} {says}", self.stdout)

    def differs(self, found: Finding) -> None:
        self.say(told(found), self.stdout)

    def fail(self, problem: str) -> None:
        """The sentence goes to stderr, as of every command."""

    def finish(self, run: ReconciliationRun) -> None:
        if run.mode == Mode.PENDING:
            summary = f"{run.checked + run.unanswered} payments asked about"
            if run.differences:
                summary += f", {run.differences} differences"
        else:
            what = "lines" if run.mode == Mode.STATEMENT else "payments"
            summary = (
                f"{run.checked} {what} compared, {run.settled} outcomes settled, "
                f"{run.differences} differences, {run.unanswered} unanswered: "
                f"{run.outcome}"
            )
        self.stdout.write(summary)


class InJson(Watching):
    """One document, written as it comes: differences may be many."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper) -> None:
        super().__init__(stdout, stderr)
        self.begun = False
        self.payments: list[dict[str, str]] = []

    def asked(self, txn: PaymentTransaction, says: str) -> None:
        known = {"order_number": txn.order.number, "kind": txn.kind, "tid": txn.tid}
        self.payments.append(known | {"status": says})

    def differs(self, found: Finding) -> None:
        entry = figures(found.difference) | {"put_right": found.put_right}
        self.write((",\n" if self.begun else '{"differences": [\n') + dumped(entry))
        self.begun = True

    def fail(self, problem: str) -> None:
        self.end({"error": problem})

    def finish(self, run: ReconciliationRun) -> None:
        self.end(
            {
                "run": run.pk,
                "mode": run.mode,
                "outcome": run.outcome,
                "since": run.since and run.since.isoformat(),
                "until": run.until and run.until.isoformat(),
                "source": run.source,
                "started_at": run.started_at.isoformat(),
                "finished_at": run.finished_at and run.finished_at.isoformat(),
                "asked": self.payments,
                "counts": {name: getattr(run, name) for name in COUNTS},
            }
        )

    def end(self, rest: dict[str, Any]) -> None:
        start = "\n], " if self.begun else '{"differences": [], '
        self.write(f"{start}{dumped(rest)[1:]}\n")

    def write(self, text: str) -> None:
        if self.bar is not None:
            self.bar.clear()
        self.stdout.write(text, ending="")


def dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def figures(difference: Difference) -> dict[str, Any]:
    names = (field.name for field in fields(difference) if field.name != "transaction")
    return {name: getattr(difference, name) for name in names}


def told(found: Finding) -> str:
    """One line, with the figures of both sides."""
    it = found.difference
    names = " ".join(name for name in (it.kind, it.order_number, it.tid, it.aid) if name)
    done = f" [put right: {found.put_right}]" if found.put_right else ""
    ours, theirs = side(it.our_status, it.our_amount), side(it.their_status, it.their_amount)
    return f"{names}: ours {ours}, theirs {theirs}: {it.detail}{done}"


def side(status: str, amount: int | None) -> str:
    """What one side has: ``SUCCEEDED 12,000``, or ``nothing``."""
    return " ".join(filter(None, (status, "" if amount is None else f"{amount:,}"))) or "nothing"
