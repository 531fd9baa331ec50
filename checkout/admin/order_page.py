"""The page about one order: how it stands, what staff can do with it, and how it came to that."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.http import ShopperRequest
from checkout import limits, notes, timeline
from checkout.admin import refund_outlook
from checkout.admin.journal import pretty
from checkout.admin.refund_words import STATE_COLORS, why_failed
from checkout.models import Discrepancy, Mail
from orders import fulfilment
from orders.admin import ORDER_COLORS, SHIPMENT_COLORS, TRANSACTION_COLORS, delivery_label
from orders.models import Order, PaymentTransaction, Refund, RefundLine, RefundRequest

TEMPLATE = "admin/orders/order/page.html"
HANDLE = "orders.handle_order"
LONGEST_ID = 18

Status = PaymentTransaction.Status

#: Material symbols.
ICONS = {
    timeline.Kind.ORDER: "shopping_bag",
    timeline.Kind.PAYMENT: "credit_card",
    timeline.Kind.REFUND: "undo",
    timeline.Kind.REQUEST: "contact_support",
    timeline.Kind.PARCEL: "local_shipping",
    timeline.Kind.MAIL: "mail",
    timeline.Kind.NOTE: "edit_note",
    timeline.Kind.BOOKS: "difference",
    timeline.Kind.CALL: "swap_horiz",
}


class NoteForm(forms.Form):
    """What staff want each other to know."""

    text = forms.CharField(
        label=_("Note for the others"),
        max_length=notes.LONGEST,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("The buyer never sees it. It cannot be changed or deleted."),
        error_messages={
            "required": _("Write what the others should know."),
            "max_length": _(
                "This is too long: up to %(limit_value)d characters, yours has %(show_value)d."
            ),
        },
    )


def order_of(object_id: str) -> Order:
    """The order with its buyer and its parcel. :raises Http404:"""
    if not object_id.isdecimal() or len(object_id) > LONGEST_ID:
        raise Http404
    orders = Order.objects.select_related("user", "shipment", "redemption")
    order: Order | None = orders.filter(pk=object_id).first()
    if order is None:
        raise Http404
    return order


def show(desk: Any, request: ShopperRequest, object_id: str) -> HttpResponse:
    """Nothing is changed here: each button has an address of its own."""
    if not desk.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
        raise PermissionDenied
    return page(desk, request, order_of(object_id), NoteForm())


def page(
    desk: Any,
    request: ShopperRequest,
    order: Order,
    form: NoteForm,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        **desk.admin_site.each_context(request),
        **parts_of(order),
        **buttons_of(order, request),
        "opts": desk.opts,
        "title": order.number,
        "original": order,
        "order": order,
        "form": form,
    }
    return render(request, TEMPLATE, context, status=status)


def parts_of(order: Order) -> dict[str, Any]:
    """All that the page shows, in a fixed number of queries."""
    transactions = list(order.transactions.order_by("pk"))
    refunds = list(refunds_of(order))
    parcel = getattr(order, "shipment", None)
    parcel_state, parcel_label = delivery_label(parcel) if parcel else ("", "")
    unanswered = order.refund_requests.filter(status=RefundRequest.Status.OPEN)
    differences = Discrepancy.objects.filter(transaction__order=order, closed_at=None)
    entries = timeline.of(order)
    return {
        "state_color": ORDER_COLORS[Order.Status(order.status)],
        "lines": list(order.lines.order_by("pk")),
        "balance": fulfilment.balance_of(order, transactions),
        "shipping_paid": order.shipping - order.shipping_points,
        "points_left": order.points - order.points_refunded,
        "redemption": getattr(order, "redemption", None),
        "payments": [(txn, TRANSACTION_COLORS[Status(txn.status)]) for txn in transactions],
        "unknown": [txn for txn in transactions if txn.status == Status.PROCESSING],
        "refunds": [
            (refund, STATE_COLORS[Refund.Status(refund.status)], why_failed(refund))
            for refund in refunds
        ],
        "open_refund": next((each for each in refunds if is_open(each)), None),
        "asked": unanswered.prefetch_related("lines__line").first(),
        "differences": list(differences),
        "parcel": parcel,
        "parcel_label": parcel_label,
        "parcel_color": SHIPMENT_COLORS.get(parcel_state, "default"),
        "mails": list(Mail.objects.filter(order=order).order_by("pk")),
        "entries": [(entry, ICONS[entry.kind], bodies_of(entry)) for entry in entries],
        "is_cut": sum(entry.call is not None for entry in entries) == timeline.CALLS,
    }


def refunds_of(order: Order) -> Any:
    """Newest first, with what they give back and who decided."""
    pieces = Prefetch("lines", RefundLine.objects.select_related("line"))
    related = ("requested_by", "decided_by", "transaction")
    return order.refunds.select_related(*related).prefetch_related(pieces)


def is_open(refund: Refund) -> bool:
    return refund.status in {Refund.Status.WAITING, Refund.Status.PROCESSING}


def bodies_of(entry: timeline.Entry) -> tuple[str, str] | None:
    """What was sent and what came back, of a provider call."""
    if entry.call is None:
        return None
    response = entry.call.response
    return pretty(entry.call.request), "" if response is None else pretty(response)


def buttons_of(order: Order, request: ShopperRequest) -> dict[str, bool]:
    """What this person may do with this order now."""
    user = request.user
    has_parcel = getattr(order, "shipment", None) is not None
    return {
        "may_refund": limits.may_refund(user) and bool(refund_outlook.kinds(order)),
        "may_handle": user.has_perm(HANDLE),
        "may_see_parcel": has_parcel and user.has_perm("orders.view_shipment"),
        "may_see_refunds": user.has_perm("orders.view_refund"),
        "may_see_requests": user.has_perm("orders.view_refundrequest"),
        "may_see_payments": user.has_perm("orders.view_paymenttransaction"),
        "may_see_account": user.has_perm("accounts.view_user"),
        "may_see_books": user.has_perm("checkout.view_discrepancy"),
        "may_see_calls": user.has_perm("checkout.view_providercall"),
        "has_receipt": order.paid_at is not None,
    }
