from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.http import ShopperRequest
from orders import coupons, fulfilment
from orders.models import Order, PaymentTransaction
from shop import wording

ORDERS_PER_PAGE = 20


@never_cache
@login_required
@require_GET
def history(request: ShopperRequest) -> HttpResponse:
    """The shopper's orders, newest first."""
    unknown = PaymentTransaction.objects.filter(
        order=OuterRef("pk"), kind="CHARGE", status=PaymentTransaction.Status.PROCESSING
    )
    orders = Order.objects.filter(user=request.user).prefetch_related("lines__product")
    orders = orders.select_related("shipment").annotate(is_being_confirmed=Exists(unknown))
    page = Paginator(orders, ORDERS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "orders/history.html", {"page": page})


@never_cache
@login_required
@require_GET
def order(request: ShopperRequest, number: str) -> HttpResponse:
    """The receipt; or what the order is waiting for; or why it ended without money."""
    orders = Order.objects.select_related("shipment")
    order = get_object_or_404(orders, number=number, user=request.user)
    transactions = list(order.transactions.all())
    balance = fulfilment.balance_of(order, transactions)
    context = {
        "order": order,
        "is_delivered": hasattr(order, "shipment"),
        "earned": balance.earned,
        "lines": order.lines.select_related("product"),
        "charge": charge_to_show(transactions),
        "refunds": refunds_to_show(transactions),
        "left": balance.left,
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


def refunds_to_show(transactions: list[PaymentTransaction]) -> list[PaymentTransaction]:
    """Money that went back, or may have, oldest first; attempts that failed are not the buyer's."""
    shown = {PaymentTransaction.Status.SUCCEEDED, PaymentTransaction.Status.PROCESSING}
    refunds = [txn for txn in transactions if txn.kind == PaymentTransaction.Kind.REFUND]
    return [txn for txn in reversed(refunds) if txn.status in shown]
