"""The page on which staff decide what of an order goes back, and see it beforehand."""

from functools import partial
from http import HTTPStatus
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.http import ShopperRequest
from accounts.models import User
from checkout import limits, payments
from checkout.admin import refund_outlook
from checkout.admin.refund_forms import RefundForm
from checkout.admin.refund_words import REFUSALS, tell, why_not, worth
from orders.admin import ORDER_COLORS
from orders.models import Order, RefundRequest

LONGEST_ID = 18


def urls(desk: Any) -> list[URLPattern]:
    view = desk.admin_site.admin_view(partial(refund, desk))
    return [path("<path:object_id>/refund/", view, name="orders_order_refund")]


def refund(desk: Any, request: ShopperRequest, object_id: str) -> HttpResponse:
    """Ask what goes back and why, show what that comes to, and give it back."""
    if not (limits.may_refund(request.user) and desk.has_view_permission(request)):
        raise PermissionDenied
    order = order_of(object_id)
    asked = asked_for(request, order)
    if request.method != "POST":
        return page(desk, request, order, RefundForm.first(order, asked), asked=asked)
    form = RefundForm(request.POST, order=order)
    if "preview" in request.POST:
        form.forget_the_reason()
        return page(desk, request, order, form, asked=asked)
    if asked is None and "request" in request.GET:
        form.add_error(None, _("The buyer's request has been answered or withdrawn meanwhile."))
        return page(desk, request, order, form, status=HTTPStatus.CONFLICT)
    if not form.is_valid():
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return page(desk, request, order, form, asked=asked, status=status)
    try:
        made = payments.refund(
            order,
            form.scope,
            reason=form.cleaned_data["reason"],
            by=request.user,
            seen=form.cleaned_data["seen"],
            request=asked,
            now=timezone.now(),
        )
    except REFUSALS as error:
        form.add_error(None, why_not(error))
        is_forbidden = isinstance(error, limits.MayNot)
        status = HTTPStatus.FORBIDDEN if is_forbidden else HTTPStatus.CONFLICT
        return page(desk, request, order_of(object_id), form, asked=asked, status=status)
    tell(request, made)
    return redirect("admin:orders_order_change", order.pk)


def order_of(object_id: str) -> Order:
    """The order as it is now. :raises Http404:"""
    pk = unquote(object_id)
    if not pk.isdecimal() or len(pk) > LONGEST_ID:
        raise Http404
    return get_object_or_404(refund_outlook.orders_to_refund(), pk=pk)


def asked_for(request: ShopperRequest, order: Order) -> RefundRequest | None:
    """The buyer's open request that the page was come to from."""
    asked = refund_outlook.open_request(order)
    return asked if asked and str(asked.pk) == request.GET.get("request") else None


def page(
    desk: Any,
    request: ShopperRequest,
    order: Order,
    form: RefundForm,
    *,
    asked: RefundRequest | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    """The form as it is filled in, beside what would go back; for htmx, only the latter."""
    panel = panel_of(order, form, by=request.user)
    if request.htmx:
        return render(request, "admin/orders/order/refund_preview.html", panel)
    open_refund = refund_outlook.open_refund(order)
    is_typed = request.method == "POST"
    context = {
        **desk.admin_site.each_context(request),
        **panel,
        "opts": desk.opts,
        "title": _("Refund"),
        "state_color": ORDER_COLORS[Order.Status(order.status)],
        "address": f"{request.path}?request={asked.pk}" if asked else request.path,
        "asked": asked,
        "asked_lines": asked.lines.select_related("line") if asked else [],
        "unused_request": None if asked else refund_outlook.open_request(order),
        "open_refund": open_refund,
        "open_worth": worth(open_refund) if open_refund else "",
        "may_view_refunds": request.user.has_perm("orders.view_refund"),
        "rows": [(form[name], line, refund_outlook.per_piece(line)) for name, line in form.lines],
        "fee": refund_outlook.fee_share(order),
        "shows_form": bool(form.kinds) and (is_typed or open_refund is None),
    }
    return render(request, "admin/orders/order/refund.html", context, status=status)


def panel_of(order: Order, form: RefundForm, *, by: User) -> dict[str, Any]:
    """What would go back, or why nothing can."""
    if form.is_clear:
        outlook = refund_outlook.look(order, form.scope, by=by)
    else:
        outlook = refund_outlook.Outlook(problem=form.problem)
    pieces = outlook.plan.pieces if outlook.plan else {}
    return {
        "original": order,
        "form": form,
        "outlook": outlook,
        "plan": outlook.plan,
        "pieces": [(line, pieces[line.pk]) for line in order.lines.all() if line.pk in pieces],
    }
