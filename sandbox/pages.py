"""The payer's pages: a waiting page with a QR code for a PC, and two steps on the phone."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import segno
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from . import clock, paying
from .answers import page_path
from .cards import ISSUERS
from .forms import MethodForm
from .models import PENDING, Method, Payment, Status

FAILURES = {"password": Status.FAIL_AUTH_PASSWORD, "method": Status.FAIL_PAYMENT}


@never_cache
@require_GET
def bridge(request: HttpRequest, device: str, page: str) -> HttpResponse:
    """Where ready's addresses lead: the waiting page on a PC, the choice of method elsewhere."""
    now = clock.now()
    payment = paying.open_page(page, now=now)
    if device == "pc":
        return _waiting_page(request, payment, now)
    if paying.way_on(payment, now=now):
        return _leave(request, payment, now)
    return _page(request, "method", payment, now, form=MethodForm(payment))


@never_cache
@require_GET
def state(request: HttpRequest, device: str, page: str) -> JsonResponse:
    """What the waiting page asks every other second: has the phone finished, and where to go."""
    payment = paying.find(page)
    way_on = paying.way_on(payment, now=clock.now())
    return JsonResponse({"status": payment.status, "way_on": way_on})


@never_cache
@require_POST
def choose(request: HttpRequest, device: str, page: str) -> HttpResponse:
    """Take the choice of method and go on to the password."""
    now = clock.now()
    payment = paying.find(page)
    form = MethodForm(payment, request.POST)
    if not form.is_valid():
        return _page(request, "method", payment, now, form=form, status=400)
    try:
        payment = paying.choose(page, **form.cleaned_data, now=now)
    except paying.Closed as closed:
        return _leave(request, closed.payment, now)
    path = f"{page_path(payment, device)}/password"
    return _see_other(f"{path}?via=qr" if _by_qr(request) else path)


@never_cache
def password(request: HttpRequest, device: str, page: str) -> HttpResponse:
    """Ask for the password; any will do."""
    now = clock.now()
    payment = paying.find(page)
    if request.method == "POST":
        try:
            payment = paying.agree(page, now=now)
        except paying.Closed as closed:
            payment = closed.payment
    if paying.way_on(payment, now=now):
        return _leave(request, payment, now)
    if payment.status != Status.SELECT_METHOD:
        return _see_other(page_path(payment, device))
    return _page(request, "password", payment, now, chosen=_chosen(payment))


@never_cache
@require_POST
def leave(request: HttpRequest, device: str, page: str, reason: str) -> HttpResponse:
    """The payer quits, or the payment fails for the reason the payer picked."""
    now = clock.now()
    status = FAILURES.get(reason, Status.QUIT_PAYMENT)
    try:
        payment = paying.leave(page, status, now=now)
    except paying.Closed as closed:
        payment = closed.payment
        if payment.status != status:
            return _leave(request, payment, now)
    if _by_qr(request):
        return _page(request, "elsewhere", payment, now)
    return _see_other(paying.way_on(payment, now=now))


def _waiting_page(request: HttpRequest, payment: Payment, now: datetime) -> HttpResponse:
    if way_on := paying.way_on(payment, now=now):
        return _see_other(way_on)
    phone = page_path(payment, "mobile-web")
    code = segno.make(f"{payment.site}{phone}?via=qr", error="m")
    picture = code.svg_data_uri(border=0, dark="#060b11", omitsize=True)
    return _page(request, "waiting", payment, now, qr=picture, phone=phone)


def _leave(request: HttpRequest, payment: Payment, now: datetime) -> HttpResponse:
    """On to the merchant if the payer has just agreed or came too late; else say what happened."""
    if payment.status == Status.AUTH_PASSWORD and _by_qr(request):
        return _page(request, "elsewhere", payment, now)
    if payment.status in PENDING:
        return _see_other(paying.way_on(payment, now=now))
    shop = urlsplit(payment.approval_url)
    return _page(
        request, "closed", payment, now, shop=f"{shop.scheme}://{shop.netloc}/", status=410
    )


def _chosen(payment: Payment) -> str:
    """How the payer chose to pay, in words."""
    if payment.payment_method_type == Method.MONEY:
        return Method.MONEY.label
    months = f"{payment.instalment}개월" if payment.instalment > 1 else "일시불"
    return f"{ISSUERS[payment.issuer].name}카드 · {months}"


def _by_qr(request: HttpRequest) -> bool:
    return "qr" in (request.GET.get("via"), request.POST.get("via"))


def _see_other(url: str) -> HttpResponse:
    response = redirect(url)
    response.status_code = 303
    return response


def _page(
    request: HttpRequest,
    name: str,
    payment: Payment,
    now: datetime,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    seconds_left = max(0, int((payment.expires_at - now).total_seconds()))
    context = {
        "payment": payment,
        "by_qr": _by_qr(request),
        "seconds_left": seconds_left,
        "time_left": f"{seconds_left // 60}:{seconds_left % 60:02}",
        "base": request.path.partition(payment.page)[0] + payment.page,
    }
    return render(request, f"sandbox/pay_{name}.html", context | more, status=status)
