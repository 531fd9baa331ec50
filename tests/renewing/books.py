"""Both books as they are in the end, read once."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from accounts.models import Membership, MembershipEvent, MembershipPeriod
from checkout.models import Discrepancy, Mail
from orders.models import Order, PaymentTransaction
from tests.kakaopay import KakaoPay, Payment, Subscription
from tests.renewing import months

DECLINED, INACTIVE, USED_UP = -782, -751, -752


@dataclass(frozen=True)
class Call:
    """A request for a recurring charge, as the sandbox noted it; ``fault`` is how it went wrong."""

    order_number: str
    sid: str
    at: datetime
    tid: str
    error: int
    reason: str
    fault: str

    @property
    def day(self) -> date:
        return months.day_of(self.at)


@dataclass
class Books:
    """``made_by`` has the tid of the payment that made an agreement, by the agreement's sid."""

    now: datetime
    memberships: list[Membership]
    periods: dict[int, list[MembershipPeriod]]
    orders: dict[str, Order]
    transactions: dict[int, list[PaymentTransaction]]
    mails: list[Mail]
    discrepancies: list[Discrepancy]
    ended: dict[int, list[datetime]]
    payments: list[Payment]
    made_by: dict[str, str]
    subscriptions: dict[str, Subscription]
    calls: list[Call]
    lost: int

    def orders_of(self, period: MembershipPeriod) -> list[Order]:
        return self.orders_by_period.get(period.pk, [])

    def was_heard(self, call: Call) -> bool:
        """Did the shop hear why it was refused? Not if the answer or the worker was lost."""
        rows = self.transactions.get(self.orders[call.order_number].pk, [])
        return any(row.reason_code.startswith(str(call.error)) for row in rows)

    def __post_init__(self) -> None:
        paying = [order for order in self.orders.values() if order.period_id]
        self.orders_by_period = grouped(paying, "period_id")
        self.payments_by_order: dict[str, list[Payment]] = grouped(
            self.payments, "partner_order_id"
        )
        self.calls_by_order: dict[str, list[Call]] = grouped(self.calls, "order_number")


def read(kakaopay: KakaoPay, ledger: Path, now: datetime) -> Books:
    """Everything of this shop, and of this sandbox whose file is ``ledger``."""
    ended = MembershipEvent.objects.exclude(ended_at=None).order_by("pgh_id")
    payments = list(kakaopay.ledger())
    return Books(
        now=now,
        memberships=list(Membership.objects.select_related("user", "plan", "agreement")),
        periods=grouped(
            MembershipPeriod.objects.select_related("plan").order_by("number"), "membership_id"
        ),
        orders={order.number: order for order in Order.objects.order_by("pk")},
        transactions=grouped(
            PaymentTransaction.objects.select_related("agreement").order_by("pk"), "order_id"
        ),
        mails=list(Mail.objects.all()),
        discrepancies=list(Discrepancy.objects.all()),
        ended={
            membership: sorted({event.ended_at for event in events})
            for membership, events in grouped(ended, "pgh_obj_id").items()
        },
        payments=[each for each in payments if moved(each)],
        made_by={each.sid: each.tid for each in reversed(payments) if each.sid},
        subscriptions={each.sid: each for each in kakaopay.subscriptions()},
        calls=calls_in(ledger),
        lost=lost_in(ledger),
    )


def moved(payment: Payment) -> bool:
    """Did money move? For 0 won none does."""
    return any(action.type == "PAYMENT" and action.amount for action in payment.actions)


def calls_in(ledger: Path) -> list[Call]:
    rows = query(
        ledger,
        "SELECT request, sid, received_at, tid, answer, fault FROM sandbox_apicall"
        " WHERE endpoint = 'subscription' AND request <> '' ORDER BY id",
    )
    return [call_from(*row) for row in rows]


def call_from(request: str, sid: str, at: str, tid: str, answer: str, fault: str) -> Call:
    try:
        told = json.loads(answer or "{}")
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    return Call(
        order_number=json.loads(request)["partner_order_id"],
        sid=sid,
        at=datetime.fromisoformat(at + "+00:00"),
        tid=tid,
        error=told.get("error_code") or 0,
        reason=(told.get("extras") or {}).get("method_result_code") or "",
        fault=fault,
    )


def lost_in(ledger: Path) -> int:
    """How many answers were lost, to whatever was asked."""
    return query(ledger, "SELECT count(*) FROM sandbox_apicall WHERE fault <> ''")[0][0]


def query(ledger: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def grouped(rows: Iterable[Any], by: str) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, by)].append(row)
    return found
