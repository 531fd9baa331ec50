"""Pages made for paper: the buyer's receipt, and the slip that lies in the parcel."""

from functools import partial
from typing import Any

import segno
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone, translation
from django.views.decorators.http import require_safe

from accounts.http import ShopperRequest
from checkout.admin import order_page
from checkout.admin.shipments import why_not_now
from orders import afterwards, fulfilment
from orders.models import Order, PaymentTransaction, Shipment


def urls(desk: Any) -> list[URLPattern]:
    return [
        path(
            f"<path:object_id>/print/{name}/",
            desk.admin_site.admin_view(require_safe(partial(view, desk))),
            name=f"orders_order_{name}",
        )
        for name, view in (("receipt", receipt), ("packing", packing))
    ]


def receipt(desk: Any, request: ShopperRequest, object_id: str) -> HttpResponse:
    """For the buyer, in the language in which they ordered. :raises Http404: if it is not paid."""
    order = asked_for(desk, request, object_id)
    if order.paid_at is None:
        raise Http404
    transactions = list(order.transactions.order_by("pk"))
    with translation.override(order.language):
        context = {
            **heading(order),
            "lines": list(order.lines.order_by("pk")),
            "taxed": order.total - order.tax_free,
            "charge": paid_charge(transactions),
            "balance": fulfilment.balance_of(order, transactions),
            "points_left": order.points - order.points_refunded,
            "refunds": [
                refund for refund in afterwards.refunds_of(order) if refund.status == "SUCCEEDED"
            ],
        }
        return render(request, "admin/orders/order/print_receipt.html", context)


def packing(desk: Any, request: ShopperRequest, object_id: str) -> HttpResponse:
    """
    For who packs: where it goes, and what goes in.

    :raises PermissionDenied: for who may not look at parcels.
    :raises Http404: if nothing is delivered.
    """
    order = asked_for(desk, request, object_id)
    if not request.user.has_perm(order_page.PARCEL):
        raise PermissionDenied
    parcel: Shipment | None = getattr(order, "shipment", None)
    if parcel is None:
        raise Http404
    lines = list(order.lines.order_by("pk"))
    packed = [line for line in lines if line.needs_delivery and line.kept]
    code = segno.make_qr(order.number, error="m")
    context = {
        **heading(order),
        "parcel": parcel,
        "refusal": why_not_now(parcel) if parcel.status == Shipment.Status.PREPARING else "",
        "lines": packed,
        "left_out": [line for line in lines if line not in packed],
        "pieces": sum(line.kept for line in packed),
        "code": code.svg_data_uri(border=0, omitsize=True),
    }
    return render(request, "admin/orders/order/print_packing.html", context)


def asked_for(desk: Any, request: ShopperRequest, object_id: str) -> Order:
    """:raises PermissionDenied, Http404:"""
    if not desk.has_view_permission(request):
        raise PermissionDenied
    return order_page.order_of(object_id)


def heading(order: Order) -> dict[str, Any]:
    return {
        "order": order,
        "printed_at": timezone.now(),
        "shop_name": settings.SHOP_NAME,
        "shop_legal_notice": settings.SHOP_LEGAL_NOTICE,
        "site_url": settings.SITE_URL,
    }


def paid_charge(transactions: list[PaymentTransaction]) -> PaymentTransaction | None:
    """None where points and a coupon have paid for everything."""
    kind, status = PaymentTransaction.Kind.CHARGE, PaymentTransaction.Status.SUCCEEDED
    return next((t for t in transactions if t.kind == kind and t.status == status), None)
