"""
Comparing one payment: our charge and its refunds with what the provider's books have of it.

Nothing is asked of the provider here, and nothing is changed. What moved no money on either side
agrees, whatever it is called there; times are never compared. A transaction whose outcome is not
known differs from nothing yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from checkout.discrepancies import Difference
from checkout.gateways.base import Amounts, Declined, Found, State
from checkout.models import Discrepancy
from orders import fulfilment
from orders.models import PaymentTransaction

DifferenceKind = Discrepancy.Kind
Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status

NOTHING = Amounts(0, 0, 0)


class NotAnAnswer(Exception):
    """The provider refused to look: that tells nothing of the payment."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A charge, the refunds of it, and whether the order has another charge that was paid."""

    charge: PaymentTransaction
    refunds: tuple[PaymentTransaction, ...]
    has_another: bool

    @property
    def figures(self) -> list[tuple[int, str, str, int]]:
        """What a comparison depends on; it changes if somebody pays or refunds meanwhile."""
        rows = (self.charge, *self.refunds)
        return sorted((txn.pk, txn.status, txn.aid, txn.amount) for txn in rows)

    @property
    def returned(self) -> Amounts:
        moved = fulfilment.moved(list(self.refunds), Kind.REFUND)
        return Amounts(moved.total, moved.tax_free, moved.vat)


def ours_of(charge: PaymentTransaction) -> Ours:
    """What we hold of a charge now; the row itself is read anew."""
    transactions = list(charge.order.transactions.all())
    rows = {txn.pk: txn for txn in transactions}
    return Ours(
        charge=rows[charge.pk],
        refunds=tuple(t for t in transactions if t.kind == Kind.REFUND and t.tid == charge.tid),
        has_another=any(
            t.kind == Kind.CHARGE and t.status == Status.SUCCEEDED and t.pk != charge.pk
            for t in transactions
        ),
    )


def differences(ours: Ours, theirs: Found | Declined) -> list[Difference]:
    """
    Everything on which the two sides differ; [] if they agree.

    :raises NotAnAnswer: if they would not say.
    """
    charge = ours.charge
    if isinstance(theirs, Declined):
        if not theirs.is_not_known:
            raise NotAnAnswer(f"{theirs.code} {theirs.message}")
        return [not_known(charge, theirs)] if charge.status == Status.SUCCEEDED else []
    if charge.status == Status.PROCESSING:
        return []
    if theirs.approved is None:
        return [not_paid_there(charge, theirs)] if charge.status == Status.SUCCEEDED else []
    if charge.status != Status.SUCCEEDED:
        return [not_paid_here(ours, theirs)]
    found = [*of_payment(charge, theirs), *of_refunds(ours, theirs)]
    return list({(each.kind, each.aid): each for each in reversed(found)}.values())[::-1]


def difference(
    kind: Discrepancy.Kind,
    txn: PaymentTransaction,
    *,
    detail: str,
    aid: str = "",
    their_status: str = "",
    their_amount: int | None = None,
) -> Difference:
    """A difference about this transaction, with its figures as ours."""
    return Difference(
        kind=kind,
        gateway=txn.gateway,
        tid=txn.tid,
        aid=aid,
        order_number=txn.order.number,
        our_status=txn.status,
        our_amount=txn.amount,
        their_status=their_status,
        their_amount=their_amount,
        detail=detail,
        transaction=txn,
    )


def not_known(charge: PaymentTransaction, refusal: Declined) -> Difference:
    return difference(
        DifferenceKind.MISSING_THERE,
        charge,
        their_status=refusal.code,
        detail="we hold a payment that the provider does not know",
    )


def not_paid_there(charge: PaymentTransaction, theirs: Found) -> Difference:
    return difference(
        DifferenceKind.STATUS,
        charge,
        their_status=theirs.status,
        detail="we hold a payment that the provider did not take",
    )


def not_paid_here(ours: Ours, theirs: Found) -> Difference:
    kind, detail = DifferenceKind.STATUS, "the provider took a payment that we do not hold"
    if ours.has_another:
        kind = DifferenceKind.DUPLICATE
        detail = "the provider took a second payment for this order"
    return difference(
        kind,
        ours.charge,
        their_status=theirs.status,
        their_amount=theirs.paid.total,
        detail=detail,
    )


def of_payment(charge: PaymentTransaction, theirs: Found) -> Iterator[Difference]:
    """The approval: whose it is, how much, and that there is only one."""
    differs = partial(
        difference, txn=charge, their_status=theirs.status, their_amount=theirs.paid.total
    )
    if theirs.order_number != charge.order.number:
        yield differs(
            DifferenceKind.STATUS,
            detail=f"the provider took this payment for order {theirs.order_number[:100]}",
        )
    if theirs.paid != (held := Amounts(charge.amount, charge.tax_free, charge.vat)):
        yield differs(DifferenceKind.AMOUNT, detail=side_by_side("paid", held, theirs.paid))
    approvals = [each for each in theirs.movements if not each.is_refund]
    for again in approvals[1:]:
        yield difference(
            DifferenceKind.DUPLICATE,
            charge,
            aid=again.aid,
            their_status=theirs.status,
            their_amount=again.amount,
            detail=f"the provider took this payment {len(approvals)} times",
        )


def of_refunds(ours: Ours, theirs: Found) -> Iterator[Difference]:
    """Every refund by its ``aid``; where they all match, their sums too."""
    if any(refund.status == Status.PROCESSING for refund in ours.refunds):
        return
    here = {txn.aid: txn for txn in ours.refunds if txn.status == Status.SUCCEEDED}
    there = {each.aid: each for each in theirs.movements if each.is_refund}
    is_same = True
    for aid, txn in here.items():
        if aid not in there:
            is_same = False
            yield difference(
                DifferenceKind.MISSING_THERE,
                txn,
                aid=aid,
                their_status=theirs.status,
                detail="we hold a refund that the provider does not",
            )
        elif there[aid].amount not in (None, txn.amount):
            is_same = False
            yield difference(
                DifferenceKind.AMOUNT,
                txn,
                aid=aid,
                their_status=theirs.status,
                their_amount=there[aid].amount,
                detail="the refund has another amount at the provider",
            )
    new = [each for aid, each in there.items() if aid not in here]
    rest = theirs.returned.total - ours.returned.total if len(new) == 1 else None
    for movement in new:
        is_same = False
        missing = difference(
            DifferenceKind.MISSING_HERE,
            ours.charge,
            aid=movement.aid,
            their_status=theirs.status,
            their_amount=rest if movement.amount is None else movement.amount,
            detail="the provider gave money back that we do not hold",
        )
        yield replace(missing, our_status="", our_amount=None)
    if is_same:
        yield from of_sums(ours, theirs)


def of_sums(ours: Ours, theirs: Found) -> Iterator[Difference]:
    held = ours.returned
    if theirs.returned != held:
        kind, detail = DifferenceKind.AMOUNT, side_by_side("returned", held, theirs.returned)
    elif (theirs.state == State.RETURNED) != (held != NOTHING):
        kind, detail = DifferenceKind.STATUS, "the provider's status does not fit the refunds"
    else:
        return
    sums = difference(
        kind,
        ours.charge,
        their_status=theirs.status,
        their_amount=theirs.returned.total,
        detail=detail,
    )
    yield replace(sums, our_amount=held.total)


def side_by_side(what: str, ours: Amounts, theirs: Amounts) -> str:
    """All three figures of both sides, in won."""
    figures = [
        f"{each.total:,} (tax-free {each.tax_free:,}, VAT {each.vat:,})" for each in (ours, theirs)
    ]
    return f"{what}: ours {figures[0]}, theirs {figures[1]}"
