"""What buyers ask to have refunded, and the page on which staff accept or decline it."""

from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from accounts.http import ShopperRequest
from accounts.models import User
from checkout import limits, requests
from checkout.admin import refund_outlook, signed_out
from checkout.admin.refund_forms import DeclineForm, RefundForm
from checkout.admin.refund_outlook import Outlook
from checkout.admin.refund_states import ListedByState, StatusFilter
from orders.admin import ORDER_COLORS, FoundByOrder, ReadOnlyAdmin
from orders.models import Order, RefundRequest

Status = RefundRequest.Status
REQUEST_COLORS = {
    Status.OPEN: "warning",
    Status.ACCEPTED: "success",
    Status.DECLINED: "danger",
    Status.WITHDRAWN: "default",
}


class RequestFilter(StatusFilter):
    states = {"open": Status.OPEN, "accepted": Status.ACCEPTED, "declined": Status.DECLINED}


@admin.register(RefundRequest)
class RefundRequestAdmin(ListedByState, FoundByOrder, ReadOnlyAdmin):
    """A request is accepted by a refund that answers it, or declined with an answer."""

    list_display = ("order_number", "state", "reason", "created_at", "decided_by", "decided_at")
    state_filter = RequestFilter
    list_filter = (RequestFilter, "created_at")
    list_select_related = ("order", "decided_by")

    @display(description=gettext_lazy("order"), ordering="order__number")
    def order_number(self, asked: RefundRequest) -> str:
        return asked.order.number

    @display(description=gettext_lazy("state"), ordering="status", label=REQUEST_COLORS)
    def state(self, asked: RefundRequest) -> tuple[str, str]:
        return asked.status, asked.get_status_display()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.decline_view)
        own = path("<path:object_id>/decline/", view, name="orders_refundrequest_decline")
        return [own, *super().get_urls()]

    def change_view(
        self,
        request: ShopperRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What the buyer asks for and why, and what can be answered."""
        return self.page(request, self.request_of(request, object_id), DeclineForm())

    def decline_view(self, request: ShopperRequest, object_id: str) -> HttpResponse:
        """Answer that nothing goes back; the buyer gets the answer by mail."""
        asked = self.request_of(request, object_id)
        if not limits.may_refund(request.user):
            raise PermissionDenied
        if request.method != "POST":
            return signed_out.back_to(request, "orders_refundrequest", asked.pk)
        form = DeclineForm(request.POST)
        if not form.is_valid():
            return self.page(request, asked, form, HTTPStatus.UNPROCESSABLE_ENTITY)
        try:
            answer = form.cleaned_data["answer"]
            requests.decline(asked, by=request.user, answer=answer, now=timezone.now())
            messages.success(
                request, _("The request was declined. The buyer is mailed the answer.")
            )
        except requests.AlreadyAnswered:
            messages.warning(request, _("This request has been answered or withdrawn already."))
        return redirect("admin:orders_refundrequest_change", asked.pk)

    def request_of(self, request: ShopperRequest, object_id: str) -> RefundRequest:
        """:raises Http404, PermissionDenied:"""
        asked: RefundRequest | None = self.get_object(request, unquote(object_id))
        if asked is None:
            raise Http404
        if not self.has_view_permission(request, asked):
            raise PermissionDenied
        return asked

    def page(
        self,
        request: ShopperRequest,
        asked: RefundRequest,
        form: DeclineForm,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        may_answer = asked.status == Status.OPEN and limits.may_refund(request.user)
        refund_page = reverse("admin:orders_order_refund", args=[asked.order_id])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Refund request"),
            "original": asked,
            "asked": asked,
            "lines": asked.lines.select_related("line"),
            "state_color": REQUEST_COLORS[Status(asked.status)],
            "order_color": ORDER_COLORS[Order.Status(asked.order.status)],
            "form": form,
            "refund_url": f"{refund_page}?request={asked.pk}",
            "may_answer": may_answer,
            "outlook": outlook_of(asked, by=request.user) if may_answer else None,
        }
        template = "admin/orders/refundrequest/request.html"
        return render(request, template, context, status=status)


def outlook_of(asked: RefundRequest, *, by: User) -> Outlook:
    """What would go back if ``by`` refunded the pieces that the buyer asks for."""
    order = refund_outlook.orders_to_refund().get(pk=asked.order_id)
    form = RefundForm.first(order, asked)
    if not form.pieces:
        return Outlook(problem=_("All that the buyer asks for has gone back already."))
    return refund_outlook.look(order, form.scope, by=by)
