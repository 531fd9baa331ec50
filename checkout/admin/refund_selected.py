"""Refunding several orders at once: a page that says what it comes to, then each by itself."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.http import ShopperRequest
from accounts.models import User
from checkout import limits, payments
from checkout.admin import refund_outlook
from checkout.admin.refund_forms import SelectedForm
from checkout.admin.refund_outlook import Outlook
from checkout.admin.refund_words import REFUSALS, STATE_COLORS, became, why_not
from orders import refunding
from orders.models import Order, Refund

MOST = 50
#: With a slow provider no further refund is begun after so many seconds: somebody is waiting.
PATIENCE_SECONDS = 10
LONGEST_ID = 18


@dataclass(frozen=True, slots=True)
class Row:
    """An order, and what would go back of it."""

    order: Order
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an order's refund, in a word and in a sentence."""

    order: Order
    color: str
    label: str
    sentence: str


def urls(desk: Any) -> list[URLPattern]:
    view = desk.admin_site.admin_view(partial(confirmed, desk))
    return [path("refund-selected/", view, name="orders_order_refund_selected")]


@admin.action(description=gettext_lazy("Refund selected orders…"), permissions=["refund"])
def refund_selected(
    desk: Any, request: ShopperRequest, queryset: QuerySet[Order]
) -> HttpResponse | None:
    """An action of the order list: asks whether that is meant."""
    chosen = list(queryset.order_by().values_list("pk", flat=True)[: MOST + 1])
    if len(chosen) > MOST:
        sentence = _("Refund no more than %(most)d orders at once: select fewer.")
        messages.error(request, sentence % {"most": MOST})
        return None
    return confirmation(desk, request, chosen)


def confirmed(desk: Any, request: ShopperRequest) -> HttpResponse:
    """Give back all that is left of each order, and say what became of each."""
    if not (limits.may_refund(request.user) and desk.has_view_permission(request)):
        raise PermissionDenied
    if request.method != "POST":
        return redirect("admin:orders_order_changelist")
    sent = request.POST.getlist("order")[:MOST]
    chosen = [int(pk) for pk in sent if pk.isdecimal() and len(pk) <= LONGEST_ID]
    form = SelectedForm(request.POST)
    if not form.is_valid():
        return confirmation(desk, request, chosen, form)
    seen = {pk: request.POST.get(f"seen-{pk}", "") for pk in chosen}
    results = list(refund_each(orders_of(chosen), seen=seen, by=request.user, **form.cleaned_data))
    context = {"title": _("Refunded orders"), "results": results}
    return page(desk, request, "refund_selected_results", context)


def refund_each(
    orders: Iterable[Order], *, seen: Mapping[int, str], reason: str, restock: bool, by: User
) -> Iterable[Result]:
    """Each by itself, so that one which is refused keeps no other back."""
    stop = time.monotonic() + PATIENCE_SECONDS
    for order in orders:
        if time.monotonic() > stop:
            sentence = _("KakaoPay was too slow for all of them. Select this one again.")
            yield Result(order, "warning", _("not begun"), sentence)
            continue
        try:
            refund = payments.refund(
                order,
                refunding.everything(restock=restock and refund_outlook.took_stock(order)),
                reason=reason,
                by=by,
                seen=seen[order.pk],
                request=refund_outlook.open_request(order),
                now=timezone.now(),
            )
        except REFUSALS as error:
            yield Result(order, "danger", _("refused"), why_not(error))
        else:
            color = STATE_COLORS[Refund.Status(refund.status)]
            yield Result(order, color, refund.get_status_display(), became(refund))


def confirmation(
    desk: Any, request: ShopperRequest, chosen: list[int], form: SelectedForm | None = None
) -> HttpResponse:
    """What would go back of each order, and of all; nothing has yet."""
    orders = list(orders_of(chosen))
    scope = refunding.everything()
    rows = [Row(order, refund_outlook.look(order, scope, by=request.user)) for order in orders]
    plans = [row.outlook.plan for row in rows if row.outlook.is_possible and row.outlook.plan]
    is_here = not any(refund_outlook.has_left(order) for order in orders)
    context = {
        "title": _("Refund selected orders"),
        "form": form or SelectedForm(initial={"restock": is_here}),
        "rows": rows,
        "possible": len(plans),
        "waiting": sum(row.outlook.waits for row in rows),
        "money": sum(plan.money.total for plan in plans),
        "points": sum(plan.points for plan in plans),
    }
    status = HTTPStatus.OK if form is None else HTTPStatus.UNPROCESSABLE_ENTITY
    return page(desk, request, "refund_selected", context, status)


def orders_of(chosen: Iterable[int]) -> QuerySet[Order]:
    return refund_outlook.orders_to_refund().filter(pk__in=chosen).order_by("-placed_at", "-pk")


def page(
    desk: Any,
    request: ShopperRequest,
    name: str,
    context: dict[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    context |= {**desk.admin_site.each_context(request), "opts": desk.opts}
    return render(request, f"admin/orders/order/{name}.html", context, status=status)
