"""The page about one order: how it stands, what staff can do with it, and how it came to that."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.http import ShopperRequest
from accounts.models import User
from checkout import limits, notes, timeline
from checkout.admin import refund_outlook
from checkout.admin.journal import pretty
from checkout.admin.refund_words import STATE_COLORS, why_failed, worth
from checkout.models import Discrepancy, Mail
from orders import fulfilment
from orders.admin import ORDER_COLORS, SHIPMENT_COLORS, TRANSACTION_COLORS, delivery_label
from orders.models import (
    Order,
    PaymentTransaction,
    Refund,
    RefundEvent,
    RefundLine,
    RefundRequest,
)

TEMPLATE = "admin/orders/order/page.html"
HANDLE = "orders.handle_order"
PARCEL = "orders.view_shipment"
BOOKS = "checkout.view_discrepancy"
CALLS = "checkout.view_providercall"
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
    orders = Order.objects.select_related("user", "shipment", "redemption", "period")
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
        **parts_of(order, request.user),
        **buttons_of(order, request),
        "opts": desk.opts,
        "title": order.number,
        "original": order,
        "order": order,
        "form": form,
    }
    return render(request, TEMPLATE, context, status=status)


def parts_of(order: Order, user: User) -> dict[str, Any]:
    """All that the page shows this person, in a fixed number of queries."""
    transactions = list(order.transactions.order_by("pk"))
    refunds = list(refunds_of(order))
    open_refund = next((each for each in refunds if is_open(each)), None)
    parcel = getattr(order, "shipment", None)
    parcel_state, parcel_label = delivery_label(parcel) if parcel else ("", "")
    unanswered = order.refund_requests.filter(status=RefundRequest.Status.OPEN)
    differences = Discrepancy.objects.filter(transaction__order=order, closed_at=None)
    may_see_books, may_see_calls = user.has_perm(BOOKS), user.has_perm(CALLS)
    entries = [
        entry for entry in timeline.of(order) if may_see_books or entry.kind != timeline.Kind.BOOKS
    ]
    return {
        "state_color": ORDER_COLORS[Order.Status(order.status)],
        "lines": list(order.lines.order_by("pk")),
        "balance": fulfilment.balance_of(order, transactions),
        "shipping_paid": order.shipping - order.shipping_points,
        "points_left": order.points - order.points_refunded,
        "redemption": getattr(order, "redemption", None),
        "payments": [
            (txn, TRANSACTION_COLORS[Status(txn.status)], why_ended(txn, order))
            for txn in transactions
        ],
        "unknown": [txn for txn in transactions if txn.status == Status.PROCESSING],
        "refunds": [
            (refund, worth(refund), STATE_COLORS[Refund.Status(refund.status)], why_failed(refund))
            for refund in refunds
        ],
        "open_refund": open_refund,
        "open_worth": worth(open_refund) if open_refund else "",
        "asked": unanswered.prefetch_related("lines__line").first(),
        "differences": list(differences) if may_see_books else [],
        "parcel": parcel,
        "parcel_label": parcel_label,
        "parcel_color": SHIPMENT_COLORS.get(parcel_state, "default"),
        "mails": list(Mail.objects.filter(order=order).order_by("pk")),
        "entries": [
            (entry, ICONS[entry.kind], bodies_of(entry) if may_see_calls else None)
            for entry in entries
        ],
        "is_cut": sum(entry.call is not None for entry in entries) == timeline.CALLS,
    }


def refunds_of(order: Order) -> Any:
    """
    Newest first, with what they give back, who decided, and whether they were asked for in the
    admin (``is_by_staff``): its buyer may be staff, too.
    """
    pieces = Prefetch("lines", RefundLine.objects.select_related("line"))
    related = ("requested_by", "decided_by", "transaction")
    begun = RefundEvent.objects.filter(pgh_obj=OuterRef("pk"), pgh_label="insert")
    is_by_staff = Exists(begun.filter(pgh_context__isnull=False))
    refunds = order.refunds.select_related(*related).prefetch_related(pieces)
    return refunds.annotate(is_by_staff=is_by_staff)


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
        "may_see_parcel": has_parcel and user.has_perm(PARCEL),
        "may_see_refunds": user.has_perm("orders.view_refund"),
        "may_see_requests": user.has_perm("orders.view_refundrequest"),
        "may_see_payments": user.has_perm("orders.view_paymenttransaction"),
        "may_see_account": user.has_perm("accounts.view_user"),
        "may_see_books": user.has_perm(BOOKS),
        "may_see_calls": user.has_perm(CALLS),
        "has_receipt": order.paid_at is not None,
        "may_see_membership": bool(order.period) and user.has_perm("accounts.view_membership"),
    }


def why_ended(txn: PaymentTransaction, order: Order) -> str:
    """Why no money moved; "" if it did, or may."""
    closed = timeline.money.why_closed(txn.reason_code, order)
    return closed or f"{txn.reason} {txn.reason_code}".strip()
