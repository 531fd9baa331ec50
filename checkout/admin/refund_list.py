"""Refunds as they were decided, and the page on which somebody else approves one, or does not."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from accounts.http import ShopperRequest
from accounts.models import User
from checkout import limits, payments, refunds
from checkout.admin import refund_outlook, signed_out
from checkout.admin.refund_forms import RejectForm
from checkout.admin.refund_states import ListedByState, StatusFilter
from checkout.admin.refund_words import STATE_COLORS, tell, why_failed, why_not, worth
from orders import fulfilment, refunding
from orders.admin import FoundByOrder, ReadOnlyAdmin
from orders.models import Refund
from shop.templatetags.money import won

Status = Refund.Status


class RefundFilter(StatusFilter):
    states = {"waiting": Status.WAITING, "unknown": Status.PROCESSING}


@admin.register(Refund)
class RefundAdmin(ListedByState, FoundByOrder, ReadOnlyAdmin):
    """Nothing is edited here: a refund that waits is approved or rejected."""

    list_display = (
        *("order_number", "kind", "state", "amount_won", "points_back"),
        *("requested_by", "decided_by", "created_at"),
    )
    state_filter = RefundFilter
    list_filter = (RefundFilter, "kind", "created_at")
    list_select_related = ("order", "requested_by", "decided_by")

    @display(description=gettext_lazy("order"), ordering="order__number")
    def order_number(self, refund: Refund) -> str:
        return refund.order.number

    @display(description=gettext_lazy("state"), ordering="status", label=STATE_COLORS)
    def state(self, refund: Refund) -> tuple[str, str]:
        return refund.status, refund.get_status_display()

    @display(description=gettext_lazy("amount"), ordering="amount")
    def amount_won(self, refund: Refund) -> str:
        return won(refund.amount)

    @display(description=gettext_lazy("points"), ordering="points")
    def points_back(self, refund: Refund) -> str:
        return f"{refund.points:,}" if refund.points else "–"

    def get_urls(self) -> list[URLPattern]:
        ways = (("approve", self.approve_view), ("reject", self.reject_view))
        own = [
            path(
                f"<path:object_id>/{way}/",
                self.admin_site.admin_view(view),
                name=f"orders_refund_{way}",
            )
            for way, view in ways
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: ShopperRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One refund: what goes back, who decided it, and why."""
        return self.page(request, self.refund_of(request, object_id), RejectForm())

    def approve_view(self, request: ShopperRequest, object_id: str) -> HttpResponse:
        """Let it go on: what somebody else asked for is given back."""
        refund = self.refund_of(request, object_id)
        if not may_approve(request.user, refund):
            raise PermissionDenied
        if request.method != "POST":
            return signed_out.back_to(request, "orders_refund", refund.pk)
        try:
            tell(request, payments.approve_refund(refund, by=request.user, now=timezone.now()))
        except (refunds.AlreadyDecided, refunding.NotNamed) as error:
            messages.warning(request, why_not(error))
        except (refunds.NotAsSeen, refunding.RefundRefused):
            sentence = _("The order has changed since it was asked for: reject it, and ask anew.")
            messages.error(request, sentence)
        return redirect("admin:orders_refund_change", refund.pk)

    def reject_view(self, request: ShopperRequest, object_id: str) -> HttpResponse:
        """End it; who asked for it takes it back in this way."""
        refund = self.refund_of(request, object_id)
        if not may_reject(request.user, refund):
            raise PermissionDenied
        if request.method != "POST":
            return signed_out.back_to(request, "orders_refund", refund.pk)
        form = RejectForm(request.POST)
        if not form.is_valid():
            return self.page(request, refund, form, HTTPStatus.UNPROCESSABLE_ENTITY)
        try:
            why = form.cleaned_data["why"]
            now = timezone.now()
            tell(request, payments.reject_refund(refund, by=request.user, why=why, now=now))
        except refunds.AlreadyDecided as error:
            messages.warning(request, why_not(error))
        return redirect("admin:orders_refund_change", refund.pk)

    def refund_of(self, request: ShopperRequest, object_id: str) -> Refund:
        """:raises Http404, PermissionDenied:"""
        refund: Refund | None = self.get_object(request, unquote(object_id))
        if refund is None:
            raise Http404
        if not self.has_view_permission(request, refund):
            raise PermissionDenied
        return refund

    def page(
        self,
        request: ShopperRequest,
        refund: Refund,
        form: RejectForm,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        waits = refund.status == Status.WAITING
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Refund"),
            "original": refund,
            "refund": refund,
            "worth": worth(refund),
            "lines": refund.lines.select_related("line"),
            "requests": refund.requests.all(),
            "state_color": STATE_COLORS[Status(refund.status)],
            "why_failed": why_failed(refund),
            "form": form,
            "may_approve": waits and may_approve(request.user, refund),
            "may_reject": waits and may_reject(request.user, refund),
            "standing": standing_of(refund) if waits else None,
            "is_own": refund.requested_by == request.user,
        }
        return render(request, "admin/orders/refund/refund.html", context, status=status)


@dataclass(frozen=True, slots=True)
class Worth:
    """Won, and points."""

    money: int
    points: int


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How an order stands whose refund is decided: what went back ``before``, what of it remains
    ``after`` this one, and whether its parcel has left.
    """

    before: Worth
    after: Worth
    has_parcel: bool
    parcel_left_at: datetime | None


def standing_of(refund: Refund) -> Standing:
    order = refund_outlook.orders_to_refund().get(pk=refund.order_id)
    balance = fulfilment.balance_of(order, list(order.transactions.all()))
    points_left = order.points - order.points_refunded - refund.points
    parcel = getattr(order, "shipment", None)
    return Standing(
        before=Worth(balance.refunded, order.points_refunded),
        after=Worth(max(balance.left - refund.amount, 0), max(points_left, 0)),
        has_parcel=parcel is not None,
        parcel_left_at=parcel.shipped_at if parcel and refund_outlook.has_left(order) else None,
    )


def may_approve(person: User, refund: Refund) -> bool:
    try:
        limits.expect_approver(person, refund.order, refund.requested_by_id)
    except limits.MayNot:
        return False
    return True


def may_reject(person: User, refund: Refund) -> bool:
    return person.pk == refund.requested_by_id or may_approve(person, refund)
