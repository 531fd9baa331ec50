"""The page on which somebody enters the tid of a payment whose answer was lost."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.http import ShopperRequest
from checkout import discrepancies, naming
from checkout.admin.discrepancy_forms import NamingForm
from checkout.admin.figures import amount_or_dash
from checkout.gateways.base import Found
from checkout.models import Discrepancy
from orders.models import PaymentTransaction
from shop.templatetags.money import won


def is_to_name(row: Discrepancy) -> bool:
    """Is it open, and about a payment that nobody can look up?"""
    txn = row.transaction
    return row.closed_at is None and txn is not None and txn.is_unnamed


def name(desk: Any, request: ShopperRequest, row: Discrepancy) -> HttpResponse:
    """Ask for the tid, let KakaoPay's books prove it, and keep it."""
    back = redirect("admin:checkout_discrepancy_change", row.pk)
    charge = row.transaction
    if charge is None or not is_to_name(row):
        messages.warning(request, why_not(naming.NotUnnamed(), charge))
        return back
    form = NamingForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
        return page(desk, request, row, charge, form, status)
    try:
        entered = naming.name(row, by=request.user, now=timezone.now(), **form.cleaned_data)
    except naming.NotUnnamed as error:
        messages.warning(request, why_not(error, charge))
        return back
    except discrepancies.AlreadyClosed:
        messages.warning(request, _("This discrepancy has been closed already."))
        return back
    except naming.CannotName as error:
        form.add_error("tid", why_not(error, charge))
        return page(desk, request, row, charge, form, HTTPStatus.CONFLICT)
    messages.success(
        request, _("KakaoPay's books prove it: the tid was kept, and the discrepancy is closed.")
    )
    for sentence in entered:
        messages.warning(request, sentence)
    return back


def why_not(error: naming.CannotName, charge: PaymentTransaction | None) -> str:
    """The sentence for staff: what is in the way, and what to do."""
    match error:
        case naming.NotATid():
            return _("This is no tid: copy it from the payment in the partner site.")
        case naming.TidTaken():
            words = {"order": error.held_by.order.number}
            return _("This payment is in our books already, in order %(order)s.") % words
        case naming.NotSeen():
            return _(
                "KakaoPay's books cannot be read now (%(why)s), so nothing is proven. Try again "
                "later."
            ) % {"why": error}
        case naming.NotProven():
            return not_proven(error, charge)
    return _("There is nothing to name: its tid is known by now, or the discrepancy is closed.")


def not_proven(error: naming.NotProven, charge: PaymentTransaction | None) -> str:
    """What stands under this tid instead."""
    found = error.found
    if not isinstance(found, Found):
        return _("KakaoPay knows no payment with this tid: check it in the partner site.")
    if found.approved is None or charge is None:
        return _("Under this tid KakaoPay took no money (%(status)s): it is another payment.") % {
            "status": found.status
        }
    words = {
        "theirs": won(found.paid.total),
        "their_order": found.order_number,
        "ours": won(charge.amount),
        "our_order": charge.order.number,
    }
    return (
        _(
            "Under this tid KakaoPay took %(theirs)s for order %(their_order)s, and this is "
            "%(ours)s for order %(our_order)s: it is another payment."
        )
        % words
    )


def page(
    desk: Any,
    request: ShopperRequest,
    row: Discrepancy,
    charge: PaymentTransaction,
    form: NamingForm,
    status: HTTPStatus,
) -> HttpResponse:
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "title": _("Enter the tid"),
        "row": row,
        "charge": charge,
        "order": charge.order,
        "amount": amount_or_dash(charge.amount),
        "form": form,
    }
    return render(request, "admin/checkout/discrepancy/name.html", context, status=status)
