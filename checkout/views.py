import math
from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts import addresses, gates, points
from accounts.http import ShopperRequest
from api import limits
from checkout import guessing, offers, payments, returning
from checkout.devices import device_of
from checkout.review import Forms, joining
from orders import coupons, placing, pricing, quoting
from orders.models import Order, PaymentTransaction
from shop import carts, savings

LONGEST_ID = 19


class SeeOther(HttpResponseRedirect):
    """303: go on with a GET, also after a POST."""

    status_code = 303


class ToFrontEnd(SeeOther):
    """To an address that ``returning.back_to`` has let pass, an app's too."""

    @property
    def allowed_schemes(self) -> list[str]:  # type: ignore[override]
        return ["http", "https", *settings.CLIENT_APP_SCHEMES]


@never_cache
@login_required
@require_GET
def review(request: ShopperRequest) -> HttpResponse:
    """The last look before paying."""
    cart = carts.for_request(request)
    forms = Forms.first(request.user, quoting.unpaid_of(cart, now=timezone.now()))
    return review_page(request, forms)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def quote(request: ShopperRequest) -> HttpResponse:
    """
    The review page with another coupon, other points or another saved address; for htmx, what
    changes of it. Nothing is placed.
    """
    if request.method == "GET":
        return redirect("checkout:review")
    forms = Forms.typed(request.POST.dict())
    if "address" in request.POST:
        pk = request.POST["address"]
        is_id = pk.isdecimal() and len(pk) < LONGEST_ID
        address = get_object_or_404(request.user.addresses, pk=pk if is_id else 0)
        forms = forms.at(address, request.user)
    return review_page(request, forms, seen=forms.seen)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def ready(request: ShopperRequest) -> HttpResponse:
    """Place the order and send the buyer to the provider's page for this device."""
    if request.method == "GET":  # after signing in again on the way
        return redirect("checkout:review")
    forms = Forms.sent(request.POST.dict())
    if not forms.are_valid():
        return review_page(request, forms, status=422)
    if not forms.is_promise_kept:
        return review_page(request, forms, seen=forms.seen, status=409)
    try:
        limits.READY.spend(request.user.pk, now=timezone.now())
        started = payments.start(
            user=request.user,
            contact=forms.contact.contact,
            seen=forms.seen,
            wish=forms.discounts.wish,
            destination=forms.destination,
            is_saved=forms.is_saved,
            now=timezone.now(),
        )
    except placing.CartIsEmpty:  # perhaps a second click, after the first was paid at once
        placed = placing.just_placed(request.user, forms.seen, now=timezone.now())
        return redirect(placed or "shop:cart")
    except (
        placing.CannotJoin,
        placing.OfferChanged,
        coupons.CouponRefused,
        points.NotEnoughPoints,
    ):
        return review_page(request, forms, seen=forms.seen, status=409)
    except limits.TooOften as error:
        forms.contact.add_error(None, wait_a_moment(error.seconds))
        return too_often(review_page(request, forms, status=429), error.seconds)
    except placing.TooMuch:
        said = _("This is more than one payment can be. Please order in parts.")
        forms.contact.add_error(None, said)
        return review_page(request, forms, status=422)
    except placing.PaymentInProgress as waiting:
        return redirect(waiting.order)
    except payments.ProviderUnavailable as unavailable:
        return unavailable_page(request, unavailable.order)
    if isinstance(started, Order):  # points and a coupon paid for all of it
        return SeeOther(started.get_absolute_url())
    return to_provider(request, started)


@login_required
@require_http_methods(["GET", "POST"])
def reopen(request: ShopperRequest, number: str) -> HttpResponse:
    """Go on paying an order that waits for it. Who had to sign in on the way is asked again."""
    order = get_object_or_404(Order, number=number, user=request.user)
    if request.method == "GET":
        return redirect(order)
    try:
        limits.READY.spend(request.user.pk, now=timezone.now())
        charge = payments.reopen(order, now=timezone.now())
    except limits.TooOften as error:
        messages.warning(request, wait_a_moment(error.seconds))
        return redirect(order)
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
        if txn.return_url:
            return after_payment(request, txn)
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
    """
    A front end of its own is told how the order stands. Else the owner sees the order; anybody else
    who holds the link learns only how it went.
    """
    if txn.return_url:
        order = Order.objects.get(pk=txn.order_id)
        return ToFrontEnd(returning.address_after(order, txn.return_url))
    if request.user == txn.order.user:
        return redirect(txn.order)
    order = Order.objects.get(pk=txn.order_id)
    return render(request, "checkout/returned.html", {"order": order, "transaction": txn})


def review_page(
    request: ShopperRequest,
    forms: Forms,
    *,
    seen: pricing.Quote | None = None,
    status: int = 200,
) -> HttpResponse:
    """The review page, with what has changed since the buyer last ``seen`` it."""
    cart = carts.for_request(request)
    use_all = "use_all" in request.POST
    now = timezone.now()
    basket = forms.basket(cart, request.user, use_all=use_all, now=now)
    if not basket.lines:
        return to_cart(request)
    is_placed = status == HTTPStatus.CONFLICT  # or only looked at with another coupon
    quote = basket.quote
    changes = offers.changes(
        seen or quote, quote, basket.lines, promise=forms.promise, only_goods=not is_placed
    )
    gates.remember(request, basket.terms)
    joins = joining(basket, now=now)
    if joins and joins.consent:
        forms.contact["consent"].label = joins.consent
    context = {
        "forms": forms,
        "form": forms.contact,
        "basket": basket,
        "lines": basket.lines,
        "quote": quote,
        "points_shown": forms.points_shown(basket),
        "coupon_name": basket.applied.coupon.name if basket.applied else "",
        "earns": quoting.earned_by(quote),
        "seen": offers.sealed(quote),
        "changes": changes,
        "joins": joins,
        "terms": basket.terms,
        "delivery_saved": savings.on_delivery(basket.lines, basket.terms),
        "is_changed": is_placed and not (joins and joins.hindrance),
        "is_own_wish": bool(changes) and all(change.is_wish for change in changes),
        "problems": forms.problems(basket) if is_placed else [],
        "addresses": request.user.addresses.all()[: addresses.MOST],
        "is_address_chosen": "address" in request.POST,
    }
    template = "checkout/_quoted.html" if request.htmx else "checkout/review.html"
    is_refused = basket.refusal or forms.discounts.errors
    if request.method == "POST" and status == HTTPStatus.OK and is_refused:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    if (wait := guessing.wait_of(basket)) is None:
        return render(request, template, context, status=status)
    return too_often(render(request, template, context, status=429), wait)


def wait_a_moment(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return ngettext(
        "You have tried to pay too often. Nothing was charged. Try again in %(minutes)d minute.",
        "You have tried to pay too often. Nothing was charged. Try again in %(minutes)d minutes.",
        minutes,
    ) % {"minutes": minutes}


def too_often(answer: HttpResponse, seconds: int) -> HttpResponse:
    answer["Retry-After"] = str(seconds)
    return answer


def to_cart(request: ShopperRequest) -> HttpResponse:
    """There is nothing to order any more."""
    if request.htmx:
        return HttpResponseClientRedirect(reverse("shop:cart"))
    return redirect("shop:cart")


def unavailable_page(request: HttpRequest, order: Order) -> HttpResponse:
    return render(request, "checkout/unavailable.html", {"order": order}, status=503)


def to_provider(request: HttpRequest, charge: PaymentTransaction) -> HttpResponse:
    if charge.status != PaymentTransaction.Status.READY:  # the order ended meanwhile
        return redirect(charge.order)
    return SeeOther(charge.redirect_urls[device_of(request)])
