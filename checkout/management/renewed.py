"""How a run of ``charge_memberships`` tells of itself: in words, or as one JSON document."""

import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.core.management.base import OutputWrapper
from django.db import connection
from django.utils import timezone

from accounts.models import Membership
from checkout.management.watching import Watching, dumped
from checkout.renewals import Renewal, Said

#: What calls to renew took since a moment, by the journal, so that nothing is held here.
LATENCY = """
    SELECT operation, count(*), percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
               ORDER BY extract(epoch FROM finished_at - started_at) * 1000)
    FROM checkout_providercall call
    JOIN orders_paymenttransaction txn ON txn.id = call.transaction_id AND txn.kind = 'CHARGE'
    JOIN orders_order ON orders_order.id = txn.order_id AND orders_order.kind = 'RENEWAL'
    WHERE started_at >= %s AND finished_at IS NOT NULL
    GROUP BY operation ORDER BY operation
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the provider took to answer so many calls, in milliseconds."""

    operation: str
    calls: int
    median: float
    p95: float


def latency_since(began: datetime) -> list[Latency]:
    """Of every call to renew that this shop has made since, on whatever machine."""
    with connection.cursor() as cursor:
        cursor.execute(LATENCY, [began])
        rows = cursor.fetchall()
    return [
        Latency(name, calls, *(round(each, 1) for each in shares)) for name, calls, shares in rows
    ]


class Tally:
    """What a run has done so far."""

    def __init__(self) -> None:
        self.began = timezone.now()
        self.clock = time.monotonic()
        self.said: Counter[Said] = Counter()
        self.won = 0
        self.ended = 0

    def take(self, renewal: Renewal) -> None:
        self.said[renewal.said] += 1
        if renewal.said == Said.RENEWED and renewal.transaction:
            self.won += renewal.transaction.amount

    @property
    def is_left(self) -> bool:
        """Is anything to be tried again that was due, or to be looked into?"""
        return any(self.said[each] for each in (Said.UNKNOWN, Said.POSTPONED, Said.FAULT))

    def figures(self, *, is_stopped: bool) -> dict[str, Any]:
        seconds = time.monotonic() - self.clock
        counts = {said.value: self.said[said] for said in Said if said != Said.NOTHING}
        return counts | {
            "ended": self.ended,
            "won": self.won,
            "stopped": is_stopped,
            "seconds": round(seconds, 2),
            "per_second": round(sum(self.said.values()) / seconds, 1),
            "latency": [asdict(each) for each in latency_since(self.began)],
        }


class Telling(Watching):
    """What is told of a run, as it goes and once it is over."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper) -> None:
        super().__init__(stdout, stderr)
        self.tally = Tally()

    def ended(self, membership: Membership) -> None:
        self.tally.ended += 1

    def renewed(self, renewal: Renewal) -> None:
        self.tally.take(renewal)
        if renewal.said != Said.RENEWED:
            self.not_renewed(renewal)
        self.step()

    def not_renewed(self, renewal: Renewal) -> None: ...


class InWords(Telling):
    """A line for each that was not renewed, then a summary."""

    def not_renewed(self, renewal: Renewal) -> None:
        self.say(" ".join(filter(None, [*names_of(renewal).values()])), self.stdout)

    def finish(self, *, is_stopped: bool) -> None:
        it = self.tally.figures(is_stopped=is_stopped)
        counts = ", ".join(f"{it[said]:,} {said}" for said in Said if said != Said.NOTHING)
        self.stdout.write(f"{counts}; {it['ended']:,} ended; {it['won']:,} won charged")
        self.stdout.write(f"{it['per_second']:,} memberships a second, {it['seconds']:,} s")
        for each in it["latency"]:
            self.stdout.write(
                f"the provider, asked {each['calls']:,} times ({each['operation']}): "
                f"median {each['median']:,} ms, 95 % within {each['p95']:,} ms"
            )
        if is_stopped:
            self.stdout.write("stopped before all that was due was charged: run it again")

    def fail(self, problem: str) -> None:
        """The sentence goes to stderr, as of every command."""


class InJson(Telling):
    """One document, written as it comes: those that are not renewed may be many."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper) -> None:
        super().__init__(stdout, stderr)
        self.begun = False

    def not_renewed(self, renewal: Renewal) -> None:
        self.write((",\n" if self.begun else '{"not_renewed": [\n') + dumped(names_of(renewal)))
        self.begun = True

    def finish(self, *, is_stopped: bool) -> None:
        self.end(self.tally.figures(is_stopped=is_stopped))

    def fail(self, problem: str) -> None:
        self.end({"error": problem})

    def end(self, rest: dict[str, Any]) -> None:
        start = "\n], " if self.begun else '{"not_renewed": [], '
        self.write(f"{start}{dumped(rest)[1:]}\n")

    def write(self, text: str) -> None:
        if self.bar is not None:
            self.bar.clear()
        self.stdout.write(text, ending="")


def names_of(renewal: Renewal) -> dict[str, str]:
    txn = renewal.transaction
    return {
        "membership": str(renewal.membership_pk),
        "order_number": txn.order.number if txn else "",
        "said": renewal.said.value,
        "why": renewal.why,
    }
