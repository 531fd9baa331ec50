"""
What a statement's entries and our books differ on, found by the database.

A payment is one ``tid`` and its approval; a refund is one ``aid``, or, where the file does not name
it, a part of the sum of its payment's refunds. What agrees never leaves the database.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta

from django.db.models import Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from checkout.discrepancies import Difference
from checkout.models import Discrepancy, StatementEntry
from checkout.naming import Named
from checkout.runs import Period
from checkout.statements.values import KST
from orders.models import PaymentTransaction

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status
DifferenceKind = Discrepancy.Kind
Entries = QuerySet[StatementEntry]
Ours = QuerySet[PaymentTransaction]

THEIR_STATUS = {Kind.CHARGE.value: "approved", Kind.REFUND.value: "refunded"}
NAMES = {Kind.CHARGE.value: "payment", Kind.REFUND.value: "refund"}
ROWS_AT_ONCE = 500


def days_of(entries: Entries) -> Period | None:
    """The Korean days from the first movement to the last; None without any."""
    span = entries.aggregate(first=Min("moved_at"), last=Max("moved_at"))
    if span["first"] is None:
        return None
    first, last = (span[name].astimezone(KST).date() for name in ("first", "last"))
    midnight = time(tzinfo=KST)
    until = datetime.combine(last + timedelta(days=1), midnight)
    return Period(datetime.combine(first, midnight), until)


def differences(
    entries: Entries, period: Period, *, gateway: str, named: Iterable[Named] = ()
) -> Iterator[Difference]:
    """
    Everything on which they differ, read as it goes.

    :param period: when our movements must have been to be expected among the entries.
    :param named: entries that are told of already: they name charges of ours.
    """
    ours = PaymentTransaction.objects.filter(gateway=gateway)
    yield from of_approvals(entries, ours, gateway, told={each.line for each in named})
    yield from of_refunds(entries, ours, gateway)
    yield from of_refund_sums(entries, ours, period, gateway)
    yield from missing_there(entries, ours, period)


def of_approvals(
    entries: Entries, ours: Ours, gateway: str, *, told: Container[int] = ()
) -> Iterator[Difference]:
    """
    Approvals that are not, or not so, a paid charge of ours; and those that stand twice. The lines
    ``told`` of are left out.
    """
    approvals = entries.filter(kind=Kind.CHARGE)
    agreeing = ours.filter(
        kind=Kind.CHARGE, tid=OuterRef("tid"), status=Status.SUCCEEDED, amount=OuterRef("amount")
    )
    earlier = approvals.filter(tid=OuterRef("tid"), line__lt=OuterRef("line"))
    suspicious = approvals.annotate(is_again=Exists(earlier)).filter(
        ~Exists(agreeing) | Q(is_again=True)
    )
    for entry in suspicious.order_by("line").iterator(ROWS_AT_ONCE):
        if entry.line in told:
            continue
        charge = ours.filter(kind=Kind.CHARGE, tid=entry.tid).select_related("order").first()
        if entry.is_again:
            detail = f"line {entry.line}: this payment stands in the file more than once"
            yield of(entry, DifferenceKind.DUPLICATE, gateway, charge, detail=detail)
        elif charge and charge.status == Status.SUCCEEDED:
            detail = f"line {entry.line}: the payment has another amount"
            yield of(entry, DifferenceKind.AMOUNT, gateway, charge, detail=detail)
        elif paid_by := another(entry, charge, approvals, ours):
            detail = f"line {entry.line}: the order was also paid by {paid_by}"
            yield of(entry, DifferenceKind.DUPLICATE, gateway, charge, detail=detail)
        elif charge:
            detail = f"line {entry.line}: the provider took a payment that we do not hold"
            yield of(entry, DifferenceKind.STATUS, gateway, charge, detail=detail)
        else:
            detail = f"line {entry.line}: we do not know this payment"
            yield of(entry, DifferenceKind.MISSING_HERE, gateway, None, detail=detail)


def another(
    entry: StatementEntry, charge: PaymentTransaction | None, approvals: Entries, ours: Ours
) -> str:
    """
    The other payment of the same order of ours: one that we hold, or one further up in the file.
    """
    number = charge.order.number if charge else entry.order_number
    charges = ours.filter(kind=Kind.CHARGE, order__number=number).exclude(tid__in=["", entry.tid])
    paid = charges.filter(status=Status.SUCCEEDED).values_list("tid", flat=True).first()
    if paid or not number:
        return paid or ""
    is_ours = charge or ours.filter(order__number=number).exists()
    named = Q(order_number=number) | Q(tid__in=charges.values("tid"))
    above = approvals.filter(named, line__lt=entry.line).exclude(tid=entry.tid)
    return (above.values_list("tid", flat=True).first() or "") if is_ours else ""


def of_refunds(entries: Entries, ours: Ours, gateway: str) -> Iterator[Difference]:
    """Refunds that the file names by ``aid``, and that are not, or not so, ours."""
    named = entries.filter(kind=Kind.REFUND).exclude(aid="")
    agreeing = ours.filter(
        kind=Kind.REFUND,
        tid=OuterRef("tid"),
        aid=OuterRef("aid"),
        status=Status.SUCCEEDED,
        amount=OuterRef("amount"),
    )
    earlier = named.filter(tid=OuterRef("tid"), aid=OuterRef("aid"), line__lt=OuterRef("line"))
    suspicious = named.annotate(is_again=Exists(earlier)).filter(
        ~Exists(agreeing) | Q(is_again=True)
    )
    for entry in suspicious.order_by("line").iterator(ROWS_AT_ONCE):
        of_payment = ours.filter(kind=Kind.REFUND, tid=entry.tid).select_related("order")
        refund = of_payment.filter(aid=entry.aid).first()
        if entry.is_again:
            detail = f"line {entry.line}: this refund stands in the file more than once"
            yield of(entry, DifferenceKind.DUPLICATE, gateway, refund, detail=detail)
        elif refund and refund.status == Status.SUCCEEDED:
            detail = f"line {entry.line}: the refund has another amount"
            yield of(entry, DifferenceKind.AMOUNT, gateway, refund, detail=detail)
        elif (
            refund := refund
            or of_payment.filter(status=Status.PROCESSING, amount=entry.amount).first()
        ):
            detail = f"line {entry.line}: the provider made a refund that we do not hold as made"
            yield of(entry, DifferenceKind.STATUS, gateway, refund, detail=detail)
        else:
            charge = ours.filter(kind=Kind.CHARGE, tid=entry.tid).select_related("order").first()
            detail = f"line {entry.line}: we do not know this refund"
            missing = of(entry, DifferenceKind.MISSING_HERE, gateway, None, detail=detail)
            number = charge.order.number if charge else entry.order_number
            yield replace(missing, transaction=charge, order_number=number)


def of_refund_sums(
    entries: Entries, ours: Ours, period: Period, gateway: str
) -> Iterator[Difference]:
    """Payments of whose refunds the file does not name each: what they come to together."""
    unnamed = entries.filter(kind=Kind.REFUND, tid=OuterRef("tid"), aid="")
    theirs = entries.filter(Exists(unnamed), kind=Kind.REFUND).order_by()
    held = refunded(ours, period).filter(tid=OuterRef("tid")).order_by().values("tid")
    sums = theirs.values("tid").annotate(
        sum=Sum("amount"),
        first=Min("line"),
        held=Coalesce(Subquery(held.annotate(sum=Sum("amount")).values("sum")), 0),
    )
    for row in sums.exclude(sum=F("held")).order_by("first").iterator(ROWS_AT_ONCE):
        charge = ours.filter(kind=Kind.CHARGE, tid=row["tid"]).select_related("order").first()
        kind = DifferenceKind.AMOUNT if row["held"] else DifferenceKind.MISSING_HERE
        yield Difference(
            kind=kind,
            gateway=gateway,
            tid=row["tid"],
            order_number=charge.order.number if charge else "",
            our_status=charge.status if charge else "",
            our_amount=row["held"] or None,
            their_status=THEIR_STATUS[Kind.REFUND],
            their_amount=row["sum"],
            detail=f"line {row['first']}: the refunds of this payment come to another sum",
            transaction=charge,
        )


def missing_there(entries: Entries, ours: Ours, period: Period) -> Iterator[Difference]:
    """What moved in our books in the period, and not in the file."""
    of_payment = entries.filter(tid=OuterRef("tid"), kind=OuterRef("kind"))
    same = of_payment.filter(Q(kind=Kind.CHARGE) | Q(aid__in=["", OuterRef("aid")]))
    missing = moved(ours, period).exclude(tid="").filter(~Exists(same))
    for txn in missing.select_related("order").order_by("pk").iterator(ROWS_AT_ONCE):
        yield Difference(
            kind=DifferenceKind.MISSING_THERE,
            gateway=txn.gateway,
            tid=txn.tid,
            aid=txn.aid if txn.kind == Kind.REFUND else "",
            order_number=txn.order.number,
            our_status=txn.status,
            our_amount=txn.amount,
            detail=f"we hold a {NAMES[txn.kind]} that is not in the file",
            transaction=txn,
        )


def moved(ours: Ours, period: Period) -> Ours:
    return ours.filter(
        status=Status.SUCCEEDED, approved_at__gte=period.since, approved_at__lt=period.until
    )


def refunded(ours: Ours, period: Period) -> Ours:
    return moved(ours, period).filter(kind=Kind.REFUND)


def of(
    entry: StatementEntry,
    kind: Discrepancy.Kind,
    gateway: str,
    txn: PaymentTransaction | None,
    *,
    detail: str,
) -> Difference:
    """A difference about this entry and, if we hold it, this transaction."""
    return Difference(
        kind=kind,
        gateway=gateway,
        tid=entry.tid,
        aid=entry.aid if entry.kind == Kind.REFUND else "",
        order_number=txn.order.number if txn else entry.order_number,
        our_status=txn.status if txn else "",
        our_amount=txn.amount if txn else None,
        their_status=THEIR_STATUS[entry.kind],
        their_amount=entry.amount,
        detail=detail,
        transaction=txn,
    )
