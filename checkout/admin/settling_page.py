"""The page on which somebody says what became of a transaction that recovery cannot end."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.http import ShopperRequest
from checkout import discrepancies, settling_by_hand
from checkout.admin.discrepancy_forms import SettlingForm
from checkout.admin.figures import amount_or_dash
from checkout.gateways.base import GatewayError, Movement
from checkout.models import Discrepancy
from checkout.settling_by_hand import Books, CannotSettle
from orders.models import PaymentTransaction


def settle(desk: Any, request: ShopperRequest, row: Discrepancy) -> HttpResponse:
    """Show what KakaoPay's books tell, ask what happened, and settle it so."""
    back = redirect("admin:checkout_discrepancy_change", row.pk)
    txn = row.transaction
    if txn is None or not settling_by_hand.is_stuck(row, now=timezone.now()):
        messages.warning(request, why_not(settling_by_hand.NotStuck(), txn))
        return back
    books, problem = look(txn)
    form, refused = form_for(request, txn, books)
    context = {"form": form, "books": books, "problem": problem, "refused": refused}
    if not form.is_valid():
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
        return page(desk, request, row, context, status)
    said = form.cleaned_data
    try:
        outcome = (
            settling_by_hand.moved(txn, form.moved_as, books, by=request.user)
            if form.moved_as
            else settling_by_hand.not_moved(said["explanation"])
        )
        settled = settling_by_hand.settle(
            row,
            outcome,
            by=request.user,
            evidence=said["evidence"],
            explanation=said["explanation"],
            now=timezone.now(),
        )
    except settling_by_hand.AidTaken as error:
        form.add_error(None, why_not(error, txn))
        return page(desk, request, row, context, HTTPStatus.CONFLICT)
    except settling_by_hand.NotStuck as error:
        messages.warning(request, why_not(error, txn))
    except discrepancies.AlreadyClosed:
        messages.warning(request, _("This discrepancy has been closed already."))
    else:
        messages.success(request, became(settled))
    return back


def form_for(
    request: ShopperRequest, txn: PaymentTransaction, books: Books | None
) -> tuple[SettlingForm, list[str]]:
    """What this person can say, and sentences that tell why they can say no more."""
    may_vouch = settling_by_hand.may_vouch(request.user)
    good: list[Movement] = []
    refused: list[CannotSettle] = []
    if books is not None:
        good, refused = settling_by_hand.possible(txn, books, by=request.user)
    elif not may_vouch:
        refused = [settling_by_hand.NotSeen()]
    may_type = books is None and may_vouch
    form = SettlingForm(request.POST or None, movements=good, may_type=may_type)
    return form, [why_not(each, txn) for each in refused]


def look(txn: PaymentTransaction) -> tuple[Books | None, str]:
    """What KakaoPay's books tell now, or why they do not."""
    try:
        return settling_by_hand.look(txn), ""
    except GatewayError as error:
        return None, str(error)


def why_not(error: CannotSettle, txn: PaymentTransaction | None) -> str:
    """The sentence for staff: what is in the way, and what to do."""
    match error:
        case settling_by_hand.AidTaken():
            words = {"aid": error.held_by.aid, "order": error.held_by.order.number}
            return _("%(aid)s is in our books already, in order %(order)s.") % words
        case settling_by_hand.OtherAmount():
            return other_amount(error.movement, txn)
        case settling_by_hand.NotInBooks():
            return _(
                "KakaoPay's books show no movement that could be this one, so it cannot be said "
                "that the money moved."
            )
        case settling_by_hand.NotSeen(movement=None):
            return _(
                "KakaoPay's books cannot be read now. Come back later, or ask somebody who may "
                "approve refunds: they may enter the approval number from the partner site."
            )
        case settling_by_hand.NotSeen():
            return _(
                "KakaoPay's books do not tell the amount of %(aid)s: only somebody who may "
                "approve refunds may say that it is this one."
            ) % {"aid": error.movement.aid if error.movement else ""}
    return _(
        "This cannot be settled by hand: its outcome is known by now, it was closed, or it was "
        "sent less than an hour ago, and KakaoPay may still tell."
    )


def other_amount(movement: Movement, txn: PaymentTransaction | None) -> str:
    amounts = {"theirs": amount_or_dash(movement.amount), "aid": movement.aid}
    amounts["ours"] = amount_or_dash(txn.amount if txn else None)
    if movement.is_refund:
        sentence = _(
            "%(aid)s gave back %(theirs)s and ours is %(ours)s: it is another refund, and cannot "
            "be chosen."
        )
    else:
        sentence = _(
            "KakaoPay took %(theirs)s (%(aid)s) and the order is %(ours)s, so it cannot be settled "
            "as paid: our books would hold an amount that never moved. Refund it in KakaoPay's "
            "partner site, then come back and choose “No money moved”; until then leave it open."
        )
    return sentence % amounts


def became(txn: PaymentTransaction) -> str:
    if txn.status == PaymentTransaction.Status.SUCCEEDED:
        return _("It was settled by hand: the money moved. The discrepancy is closed.")
    return _("It was settled by hand: no money moved. The discrepancy is closed.")


def page(
    desk: Any,
    request: ShopperRequest,
    row: Discrepancy,
    context: dict[str, Any],
    status: HTTPStatus,
) -> HttpResponse:
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "title": _("Settle by hand: %(tid)s") % {"tid": row.tid},
        "row": row,
        "txn": row.transaction,
        "order": row.transaction.order if row.transaction else None,
        "our_amount": amount_or_dash(row.transaction.amount if row.transaction else None),
        **context,
    }
    return render(request, "admin/checkout/discrepancy/settle.html", context, status=status)
