"""The order admin, with a page for those who may give money back."""

from http import HTTPStatus

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

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

    def has_refund_permission(self, request: ShopperRequest, obj: object = None) -> bool:
        """Named in ``permissions`` above: "orders.refund_order" there would ask the database."""
        return request.user.has_perm("orders.refund_order")

    def refund_page(
        self, request: HttpRequest, order: Order, form: RefundForm, status: HTTPStatus
    ) -> HttpResponse:
        transactions = list(order.transactions.all())
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Refund"),
            "original": order,
            "form": form,
            "charged": fulfilment.moved(transactions, Kind.CHARGE).total,
            "refunded": fulfilment.moved(transactions, Kind.REFUND).total,
            "left": fulfilment.refundable(transactions).total,
            "in_flight": [
                txn
                for txn in transactions
                if txn.kind == Kind.REFUND and txn.status == Status.PROCESSING
            ],
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
