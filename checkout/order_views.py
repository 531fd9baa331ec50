"""What a buyer does about a paid order: cancel it, or ask for a refund and withdraw that."""

from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.http import ShopperRequest
from checkout import payments, refunds, requests
from checkout.forms import AskForm, CancelForm, wrong_number
from orders import afterwards, fulfilment, refunding
from orders.models import Order, PaymentTransaction, Refund, RefundRequest


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def cancel_order(request: ShopperRequest, number: str) -> HttpResponse:
    """What comes back if the order is canceled; sent, it is."""
    order = own_order(request, number)
    is_sent = request.method == "POST"
    form = CancelForm(request.POST if is_sent else None)
    try:
        if is_sent and form.is_valid():
            reason = form.cleaned_data["reason"]
            refund = payments.cancel(order, by=request.user, reason=reason, now=timezone.now())
            if refund.status == Refund.Status.SUCCEEDED:
                messages.success(request, _("Your order is canceled."))
            return redirect(order)
        transactions = list(order.transactions.all())
        plan = plan_to_cancel(order, transactions)
    except (refunds.NotCancelable, refunds.AlreadyOpen, refunding.RefundRefused) as error:
        messages.info(request, why_not_canceled(order, error))
        return redirect(order)
    context = {
        "order": order,
        "lines": [line for line in order.lines.select_related("product") if line.kept],
        "plan": plan,
        "refunded": fulfilment.balance_of(order, transactions).refunded,
        "form": form,
    }
    return render(request, "checkout/cancel_order.html", context, status=status_of(form))


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def ask_for_refund(request: ShopperRequest, number: str) -> HttpResponse:
    """Which pieces the buyer wants to give back, and why; sent, staff are asked."""
    order = own_order(request, number)
    lines = {line.pk: line for line in order.lines.select_related("product")}
    is_sent = request.method == "POST"
    kept = [line for line in lines.values() if line.kept]
    form = AskForm(request.POST if is_sent else None, lines=kept)
    try:
        requests.expect_askable(order, lines)
        if is_sent and form.is_valid():
            requests.ask(
                order,
                by=request.user,
                pieces=form.pieces,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            messages.success(request, _("We have your request and will write to you about it."))
            return redirect(order)
    except requests.NotAskable as error:
        messages.info(request, why_not_asked(order, error))
        return redirect(order)
    except requests.TooMany as error:  # some were refunded at this moment
        form.add_error(form.name_of(error.line), wrong_number(error.line))
    context = {"order": order, "form": form}
    return render(request, "checkout/ask_for_refund.html", context, status=status_of(form))


@login_required
@require_http_methods(["GET", "POST"])
def withdraw_request(request: ShopperRequest, number: str, pk: int) -> HttpResponse:
    """
    The buyer does not want the refund any more that they asked for. Who had to sign in on the way
    is asked again.
    """
    order = own_order(request, number)
    asked = get_object_or_404(RefundRequest, order=order, pk=pk)
    if request.method == "GET":
        return redirect(order)
    try:
        requests.withdraw(asked, by=request.user, now=timezone.now())
        messages.success(request, _("You have withdrawn your request."))
    except requests.AlreadyAnswered:
        messages.info(request, _("Your request was answered or withdrawn already."))
    return redirect(order)


def own_order(request: ShopperRequest, number: str) -> Order:
    """Somebody else's order does not exist."""
    return get_object_or_404(Order, number=number, user=request.user)


def plan_to_cancel(order: Order, transactions: list[PaymentTransaction]) -> refunding.Plan:
    """:raises refunds.NotCancelable, refunds.AlreadyOpen, refunding.RefundRefused: as canceling."""
    if not refunds.is_cancelable(order):
        raise refunds.NotCancelable
    return refunds.plan_of(order, transactions, refunding.everything(restock=True))


def status_of(form: CancelForm | AskForm) -> HTTPStatus:
    return HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK


def why_not_canceled(order: Order, error: Exception) -> str:
    order = Order.objects.select_related("shipment").get(pk=order.pk)
    if isinstance(error, refunds.AlreadyOpen):
        return under_way(error.refund)
    if order.status == Order.Status.REFUNDED:
        return _("This order is refunded already; nothing more goes back.")
    if not afterwards.may_be_asked_for(order, order.lines.all()):
        return _("This order is not paid, or nothing of it is left: there is nothing to cancel.")
    if order.plan_id:
        return _(
            "An order with a membership is not canceled as a whole: ask for a refund of its goods, "
            "and stop the membership on its own page."
        )
    if hasattr(order, "shipment"):
        return _("Your parcel has left, so the order can no longer be canceled. Ask for a refund.")
    return _("Nothing of this order is shipped, so it cannot be canceled here. Ask for a refund.")


def why_not_asked(order: Order, error: requests.NotAskable) -> str:
    if isinstance(error, requests.BeingRefunded):
        return under_way(refunds.open_refund_of(order))
    if isinstance(error, requests.StillHere):
        return _("This order has not left yet: you can cancel it.")
    if isinstance(error, requests.AlreadyAsked):
        return _("You have asked for a refund of this order already. We are looking at it.")
    return _("Nothing of this order is left that could be refunded.")


def under_way(refund: Refund | None) -> str:
    if refund and refund.status == Refund.Status.WAITING:
        return _("We are looking at a refund of this order already. You need not do anything.")
    return _("A refund of this order is being confirmed. You need not do anything.")
