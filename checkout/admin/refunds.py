"""The order admin, with a page for those who may give money back."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.http import ShopperRequest
from checkout import payments, refunds
from checkout.forms import RefundForm
from orders import fulfilment
from orders.admin import OrderAdmin
from orders.models import Order, PaymentTransaction
from shop.templatetags.money import won

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status

admin.site.unregister(Order)


class WithdrawForm(forms.Form):
    """Why an order of 0 won is undone."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Staff read it in the history of the order; the buyer does not."),
        error_messages={"required": gettext_lazy("Enter why the order is undone.")},
    )


@admin.register(Order)
class RefundableOrderAdmin(OrderAdmin):
    """Orders as staff read them, and a way to refund them."""

    actions_detail = ("refund",)

    @action(
        description=gettext_lazy("Refund…"),
        url_path="refund",
        permissions=["view", "refund"],
        icon="undo",
        variant=ActionVariant.PRIMARY,
    )
    def refund(self, request: ShopperRequest, object_id: str) -> HttpResponse:
        """Ask how much goes back and why, and give it back."""
        order = self.get_object(request, object_id)
        if order is None:
            raise Http404
        if order.total == 0:
            return self.withdraw(request, order)
        left = fulfilment.refundable(list(order.transactions.all())).total
        form = RefundForm(request.POST if request.method == "POST" else None, left=left)
        if not form.is_valid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
            return self.refund_page(request, order, form, status)
        try:
            txn = payments.refund(
                order,
                amount=form.cleaned_data["amount"],
                reason=form.cleaned_data["reason"],
                by=request.user,
                seen=form.cleaned_data["seen"],
                now=timezone.now(),
            )
        except refunds.AlreadyInFlight:
            form.add_error(
                None,
                _("Another refund of this order has not been answered yet. Wait until it is."),
            )
            return self.refund_page(request, order, form, HTTPStatus.CONFLICT)
        except refunds.NotRefundable as error:
            sentence = _("No more than %(left)s can be refunded.")
            form.add_error("amount", sentence % {"left": won(error.left.total)})
            return self.refund_page(request, order, form, HTTPStatus.CONFLICT)
        tell(request, txn)
        return redirect("admin:orders_order_change", order.pk)

    def withdraw(self, request: ShopperRequest, order: Order) -> HttpResponse:
        """Nothing was paid, so only ask why; points and coupon go back."""
        form = WithdrawForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
            return self.page(request, order, form, status)
        reason = form.cleaned_data["reason"]
        try:
            payments.withdraw(order, reason=reason, by=request.user, now=timezone.now())
            messages.success(request, _("The order was refunded; no money moved."))
        except fulfilment.NotWithdrawable:
            messages.warning(request, _("This order is refunded already; nothing more goes back."))
        return redirect("admin:orders_order_change", order.pk)

    def has_refund_permission(self, request: ShopperRequest, obj: object = None) -> bool:
        """Named in ``permissions`` above: "orders.refund_order" there would ask the database."""
        return request.user.has_perm("orders.refund_order")

    def refund_page(
        self, request: HttpRequest, order: Order, form: RefundForm, status: HTTPStatus
    ) -> HttpResponse:
        transactions = list(order.transactions.all())
        in_flight = [
            txn
            for txn in transactions
            if txn.kind == Kind.REFUND and txn.status == Status.PROCESSING
        ]
        balance = fulfilment.balance_of(order, transactions)
        return self.page(request, order, form, status, balance=balance, in_flight=in_flight)

    def page(
        self,
        request: HttpRequest,
        order: Order,
        form: forms.Form,
        status: HTTPStatus,
        **more: Any,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Refund"),
            "original": order,
            "form": form,
            **more,
        }
        return render(request, "admin/orders/order/refund.html", context, status=status)


def tell(request: HttpRequest, refund: PaymentTransaction) -> None:
    """What became of the refund, on the next page."""
    amount = {"amount": won(refund.amount)}
    if refund.status == Status.SUCCEEDED:
        messages.success(request, _("%(amount)s were refunded.") % amount)
    elif refund.status == Status.PROCESSING:
        messages.warning(
            request,
            _(
                "KakaoPay did not confirm the refund of %(amount)s yet. We keep asking: "
                "do not refund it again."
            )
            % amount,
        )
    else:
        sentence = _("KakaoPay declined the refund of %(amount)s; no money moved: %(reason)s")
        reason = refund.buyer_message or refund.reason or refund.reason_code
        messages.error(request, sentence % (amount | {"reason": reason}))
