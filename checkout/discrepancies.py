"""
Keeping what our books and a provider's differ on, until somebody explains it.

Nothing here moves money. One difference has one open row, however often it is found.
"""

from dataclasses import dataclass, fields
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import User
from checkout.models import Discrepancy, ReconciliationRun
from orders.models import PaymentTransaction


class CannotClose(Exception):
    """
    The discrepancy stays as it is.

    CannotClose
    ├── NotExplained    evidence or explanation is missing
    └── AlreadyClosed   somebody was quicker
    """


class NotExplained(CannotClose):
    """Evidence or explanation is missing."""


class AlreadyClosed(CannotClose):
    """Somebody was quicker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """
    What is in one of the books and not, or not so, in the other.

    Amounts are in won; None where that side has none. ``aid`` names the movement if it is about one
    refund, and is empty if it is about the payment.
    """

    kind: Discrepancy.Kind
    gateway: str
    tid: str
    aid: str = ""
    order_number: str = ""
    our_status: str = ""
    our_amount: int | None = None
    their_status: str = ""
    their_amount: int | None = None
    detail: str = ""
    transaction: PaymentTransaction | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes it the same difference, whatever the figures."""
        return (self.gateway, self.tid, self.aid, self.kind)


def report(
    difference: Difference,
    *,
    run: ReconciliationRun | None = None,
    put_right: str = "",
    now: datetime,
) -> Discrepancy | None:
    """
    Keep a difference. One that is still open is left as it was first found.

    :param run: which comparison found it; None if a payment's own request or recovery did.
    :param put_right: what recovery did about it by itself; the discrepancy is then closed at once.
    :returns: None if a person has explained the same figures before.
    """
    if not put_right and is_explained(difference):
        return None
    Discrepancy.objects.bulk_create(
        [
            Discrepancy(
                run=run,
                kind=difference.kind,
                gateway=difference.gateway,
                tid=difference.tid,
                aid=difference.aid,
                order_number=difference.order_number[:100],
                our_status=difference.our_status[:30],
                our_amount=difference.our_amount,
                their_status=difference.their_status[:30],
                their_amount=difference.their_amount,
                detail=difference.detail[:300],
                transaction=difference.transaction,
                found_at=now,
            )
        ],
        ignore_conflicts=True,  # the same difference is open already, or just became so elsewhere
    )
    row = like(difference).filter(closed_at=None).select_related("run").first()
    if row is None:
        return None  # a person closed it this very moment
    if run is not None and row.run is None:
        row.run = run
        row.save(update_fields=["run"])
    if put_right:
        row.closed_at, row.explanation = now, put_right
        row.save(update_fields=["closed_at", "explanation"])
    return row


def is_explained(difference: Difference) -> bool:
    """
    Has a person closed this difference before, with the same figures?

    Their status is not compared: an answer and a lookup name the same thing differently.
    """
    closed = like(difference).filter(closed_by__isnull=False)
    return closed.filter(
        our_status=difference.our_status[:30],
        our_amount=difference.our_amount,
        their_amount=difference.their_amount,
    ).exists()


def like(difference: Difference) -> QuerySet[Discrepancy]:
    return Discrepancy.objects.filter(
        gateway=difference.gateway,
        tid=difference.tid,
        aid=difference.aid,
        kind=difference.kind,
    )


def adopt(run: ReconciliationRun, txn: PaymentTransaction) -> list[Discrepancy]:
    """What recovery has just come upon on a payment while it worked for this run."""
    new = Discrepancy.objects.filter(gateway=run.gateway, tid=txn.tid, run=None, closed_at=None)
    if not txn.tid:  # others have no name either
        new = new.filter(transaction=txn)
    adopted = list(new.filter(found_at__gte=run.started_at).select_related("transaction__order"))
    Discrepancy.objects.filter(pk__in=[row.pk for row in adopted]).update(run=run)
    return adopted


def as_difference(row: Discrepancy) -> Difference:
    """The difference that was kept in this row."""
    return Difference(**{field.name: getattr(row, field.name) for field in fields(Difference)})


def close(
    discrepancy: Discrepancy, *, by: User, evidence: str, explanation: str, now: datetime
) -> None:
    """
    A person has found out why the books differ. No money moves.

    :param evidence: where it can be seen: a file, a mail, a page of the provider's site.
    :raises NotExplained: if evidence or explanation is empty.
    :raises AlreadyClosed: if it is closed.
    """
    evidence, explanation = evidence.strip(), explanation.strip()
    if not evidence or not explanation:
        raise NotExplained
    closing = {
        "closed_at": now,
        "closed_by": by,
        "evidence": evidence,
        "explanation": explanation,
    }
    if not Discrepancy.objects.filter(pk=discrepancy.pk, closed_at=None).update(**closing):
        raise AlreadyClosed
    for name, value in closing.items():
        setattr(discrepancy, name, value)
