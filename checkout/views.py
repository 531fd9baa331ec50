from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.http import ShopperRequest
from checkout import offers, payments, returning
from checkout.devices import device_of
from checkout.forms import CheckoutForm
from orders import placing, pricing
from orders.models import Order, PaymentTransaction
from shop import carts


class SeeOther(HttpResponseRedirect):
    """303: go on with a GET, also after a POST."""

    status_code = 303


@never_cache
@login_required
@require_GET
def review(request: ShopperRequest) -> HttpResponse:
    """The last look before paying."""
    return review_page(request, CheckoutForm.for_user(request.user))


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def ready(request: ShopperRequest) -> HttpResponse:
    """Place the order and send the buyer to the provider's page for this device."""
    if request.method == "GET":  # after signing in again on the way
        return redirect("checkout:review")
    form = CheckoutForm(request.POST)
    if not form.is_valid():
        return review_page(request, form, status=422)
    seen = offers.opened(form.cleaned_data["seen"])
    try:
        charge = payments.start(
            user=request.user, contact=form.contact, seen=seen, now=timezone.now()
        )
    except placing.CartIsEmpty:
        return redirect("shop:cart")
    except placing.OfferChanged:
        return review_page(request, form, seen=seen, status=409)
    except placing.TooMuch:
        form.add_error(None, _("This is more than one payment can be. Please order in parts."))
        return review_page(request, form, status=422)
    except placing.PaymentInProgress as waiting:
        return redirect(waiting.order)
    except payments.ProviderUnavailable as unavailable:
        return unavailable_page(request, unavailable.order)
    return to_provider(request, charge)


@login_required
@require_POST
def reopen(request: ShopperRequest, number: str) -> HttpResponse:
    """Go on paying an order that waits for it."""
    order = get_object_or_404(Order, number=number, user=request.user)
    try:
        charge = payments.reopen(order, now=timezone.now())
    except (payments.NotPayable, placing.PaymentInProgress):
        return redirect(order)
    except payments.ProviderUnavailable as unavailable:
        return unavailable_page(request, unavailable.order)
    return to_provider(request, charge)


@never_cache
@require_GET
def approve(request: HttpRequest, token: str) -> HttpResponse:
    """The provider sends the buyer's browser back here once they agree to pay."""
    try:
        txn = returning.open_link(token)
        pg_token = returning.pg_token_of(request.GET)
    except returning.NotOurLink:
        return render(request, "checkout/bad_link.html", status=404)
    except returning.NoToken:
        return render(request, "checkout/no_token.html", {"order": txn.order}, status=400)
    txn = payments.capture(txn, pg_token=pg_token, now=timezone.now())
    return after_payment(request, txn)


@never_cache
@require_GET
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    """The buyer chose not to pay."""
    return came_back(request, token, Order.CancelReason.QUIT)


@never_cache
@require_GET
def fail(request: HttpRequest, token: str) -> HttpResponse:
    """The payment failed on the provider's page, or its time ran out."""
    return came_back(request, token, Order.CancelReason.FAILED)


def came_back(request: HttpRequest, token: str, reason: Order.CancelReason) -> HttpResponse:
    try:
        txn = returning.open_link(token)
    except returning.NotOurLink:
        return render(request, "checkout/bad_link.html", status=404)
    payments.abandon(txn, reason, now=timezone.now())
    return after_payment(request, txn)


def after_payment(request: HttpRequest, txn: PaymentTransaction) -> HttpResponse:
    """The owner sees the order; anybody else who holds the link learns only how it went."""
    if request.user == txn.order.user:
        return redirect(txn.order)
    order = Order.objects.get(pk=txn.order_id)
    return render(request, "checkout/returned.html", {"order": order, "transaction": txn})


def review_page(
    request: HttpRequest,
    form: CheckoutForm,
    *,
    seen: list[pricing.Item] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The review page, with what has changed since the buyer last ``seen`` it."""
    lines = list(placing.lines_of(carts.for_request(request)))
    if not lines:
        return redirect("shop:cart")
    items = [placing.item_of(line) for line in lines]
    context = {
        "form": form,
        "lines": lines,
        "quote": pricing.quote(items),
        "seen": offers.sealed(items),
        "changes": offers.changes(items if seen is None else seen, lines),
        "is_changed": status == HTTPStatus.CONFLICT,
    }
    return render(request, "checkout/review.html", context, status=status)


def unavailable_page(request: HttpRequest, order: Order) -> HttpResponse:
    return render(request, "checkout/unavailable.html", {"order": order}, status=503)


def to_provider(request: HttpRequest, charge: PaymentTransaction) -> HttpResponse:
    if charge.status != PaymentTransaction.Status.READY:  # the order ended meanwhile
        return redirect(charge.order)
    return SeeOther(charge.redirect_urls[device_of(request)])
