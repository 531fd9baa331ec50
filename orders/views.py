from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.http import ShopperRequest
from orders import afterwards, coupons, fulfilment
from orders.models import Order, PaymentTransaction, Refund, RefundRequest, Shipment
from shop import wording

ORDERS_PER_PAGE = 20


@never_cache
@login_required
@require_GET
def history(request: ShopperRequest) -> HttpResponse:
    """The shopper's orders, newest first."""
    this = OuterRef("pk")
    unknown = PaymentTransaction.objects.filter(
        order=this, kind="CHARGE", status=PaymentTransaction.Status.PROCESSING
    )
    refunds = Refund.objects.filter(order=this, status=Refund.Status.PROCESSING)
    requests = RefundRequest.objects.filter(afterwards.UNANSWERED, order=this)
    orders = Order.objects.filter(user=request.user).prefetch_related("lines__product")
    orders = orders.select_related("shipment", "period").annotate(
        is_being_confirmed=Exists(unknown),
        is_being_refunded=Exists(refunds),
        is_asked_back=Exists(requests),
    )
    page = Paginator(orders, ORDERS_PER_PAGE).get_page(request.GET.get("page"))
    promised = {
        order.pk
        for order in page
        if afterwards.is_parcel_promised(order, parcel_of(order), order.lines.all())
    }
    return render(request, "orders/history.html", {"page": page, "promised": promised})


@never_cache
@login_required
@require_GET
def order(request: ShopperRequest, number: str) -> HttpResponse:
    """The receipt; or what the order is waiting for; or why it ended without money."""
    this = OuterRef("pk")
    orders = Order.objects.select_related("shipment", "period").annotate(  # so no more is asked
        has_refunds=Exists(Refund.objects.filter(order=this)),
        has_requests=Exists(RefundRequest.objects.filter(order=this)),
    )
    order = get_object_or_404(orders, number=number, user=request.user)
    parcel = parcel_of(order)
    transactions = list(order.transactions.all())
    lines = list(order.lines.select_related("product"))
    balance = fulfilment.balance_of(order, transactions)
    context = {
        "order": order,
        "is_delivered": parcel is not None,
        "is_parcel_promised": afterwards.is_parcel_promised(order, parcel, lines),
        "earned": balance.earned,
        "lines": lines,
        "charge": charge_to_show(transactions),
        "after": afterwards.of(
            order,
            parcel,
            lines,
            refunds=afterwards.refunds_of(order) if order.has_refunds else [],  # type: ignore[attr-defined]
            request=afterwards.request_of(order) if order.has_requests else None,  # type: ignore[attr-defined]
        ),
        "left": balance.left,
        "points_left": order.points - order.points_refunded,
        "is_late": order.is_past_deadline(timezone.now()),
    }
    return render(request, template_for(order, transactions), context)


@never_cache
@login_required
@require_GET
def own_coupons(request: ShopperRequest) -> HttpResponse:
    """The coupons that the shopper was given, and which of them can still be redeemed."""
    found = coupons.own(request.user.pk, now=timezone.now())
    rows = [
        {
            "coupon": coupon,
            "gift": wording.gift_of(coupon),
            "goods": "" if coupon.is_for_all else wording.goods_of(coupon),
            "refusal": refusal,
        }
        for coupon, refusal in found
    ]
    return render(request, "orders/coupons.html", {"rows": rows})


def parcel_of(order: Order) -> Shipment | None:
    """As it was read with the order."""
    return getattr(order, "shipment", None)


def template_for(order: Order, transactions: list[PaymentTransaction]) -> str:
    if order.status == Order.Status.CANCELED:
        return "orders/canceled.html"
    if order.status != Order.Status.PENDING:
        return "orders/receipt.html"
    if any(txn.status == PaymentTransaction.Status.PROCESSING for txn in transactions):
        return "orders/confirming.html"
    return "orders/waiting.html"


def charge_to_show(transactions: list[PaymentTransaction]) -> PaymentTransaction | None:
    """The charge that was paid, or else the one that failed, or else the latest attempt."""
    charges = [txn for txn in transactions if txn.kind == PaymentTransaction.Kind.CHARGE]
    paid = [txn for txn in charges if txn.status == PaymentTransaction.Status.SUCCEEDED]
    failed = [txn for txn in charges if txn.status == PaymentTransaction.Status.FAILED]
    return next(iter(paid or failed or charges), None)
