"""What the sandbox holds, for people and for programs."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from . import clock, payments
from .answers import kst
from .models import ApiCall, Payment
from .refusals import Refused

PAGE_SIZE = 25


def every_payment() -> QuerySet[Payment]:
    """Every payment with its movements, newest first."""
    return Payment.objects.select_related("subscription").prefetch_related("actions")


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Payments, newest first, found by tid or partner_order_id."""
    query = request.GET.get("q", "").strip()
    found = every_payment()
    if query:
        found = found.filter(Q(tid=query) | Q(partner_order_id__icontains=query))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "query": query, "today": timezone.localdate(clock.now())}
    return render(request, "sandbox/ledger.html", context)


@require_GET
def detail(request: HttpRequest, tid: str) -> HttpResponse:
    """One payment with its movements and the calls about it."""
    return _detail(request, get_object_or_404(every_payment(), tid=tid))


@require_POST
def refund(request: HttpRequest, tid: str) -> HttpResponse:
    """Give money back by hand, as a merchant does in KakaoPay's partner site."""
    payment = get_object_or_404(every_payment(), tid=tid)
    amount = request.POST.get("amount", "")
    try:
        if not amount.isascii() or not amount.isdecimal() or int(amount) == 0:
            raise Refused(-722)
        payments.console_refund(payment, int(amount), now=clock.now())
    except Refused as refused:
        return _detail(request, payment, error=refused.body, status=400)
    return redirect("detail", tid=tid)


def _detail(
    request: HttpRequest,
    payment: Payment,
    *,
    error: dict[str, object] | None = None,
    status: int = 200,
) -> HttpResponse:
    calls = ApiCall.objects.filter(tid=payment.tid)
    context = {"payment": payment, "calls": calls, "error": error}
    return render(request, "sandbox/payment.html", context, status=status)


@require_GET
def as_json(request: HttpRequest) -> JsonResponse:
    """The payments with ``?tid=`` or ``?partner_order_id=``, newest first, in exact figures."""
    names = ("tid", "partner_order_id")
    wanted = {name: request.GET[name] for name in names if name in request.GET}
    if not wanted:
        return JsonResponse({"error": "tid or partner_order_id is needed"}, status=400)
    return JsonResponse(
        {"payments": [figures(payment) for payment in every_payment().filter(**wanted)]}
    )


def figures(payment: Payment) -> dict[str, Any]:
    """A payment in exact figures, amounts in won and times in KST."""
    canceled, available = payment.canceled, payment.available
    return {
        "tid": payment.tid,
        "cid": payment.cid,
        "sid": payment.subscription.sid if payment.subscription else None,
        "status": payment.status,
        "partner_order_id": payment.partner_order_id,
        "partner_user_id": payment.partner_user_id,
        "item_name": payment.item_name,
        "quantity": payment.quantity,
        "payment_method_type": payment.payment_method_type or None,
        "issuer": payment.issuer or None,
        "instalment": payment.instalment,
        "total": payment.total_amount,
        "tax_free": payment.tax_free_amount,
        "vat": payment.vat_amount,
        "canceled_total": canceled.total,
        "canceled_tax_free": canceled.tax_free,
        "canceled_vat": canceled.vat,
        "available_total": available.total,
        "available_tax_free": available.tax_free,
        "available_vat": available.vat,
        "created_at": kst(payment.created_at),
        "approved_at": kst(payment.approved_at),
        "canceled_at": kst(payment.canceled_at),
        "actions": [
            {
                "aid": action.aid,
                "type": action.type,
                "by": action.by,
                "amount": action.total,
                "tax_free": action.tax_free,
                "vat": action.vat,
                "at": kst(action.at),
                "payload": action.payload,
            }
            for action in payment.actions.all()
        ],
    }
