"""Orders for staff to read. Nothing that money depends on can be edited here."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from orders.models import Order, OrderLine, PaymentTransaction
from shop.templatetags.money import won

ORDER_COLORS = {
    Order.Status.PENDING: "warning",
    Order.Status.PAID: "success",
    Order.Status.PARTIALLY_REFUNDED: "info",
    Order.Status.REFUNDED: "info",
    Order.Status.CANCELED: "default",
}
TRANSACTION_COLORS = {
    PaymentTransaction.Status.CREATED: "default",
    PaymentTransaction.Status.READY: "info",
    PaymentTransaction.Status.PROCESSING: "warning",
    PaymentTransaction.Status.SUCCEEDED: "success",
    PaymentTransaction.Status.FAILED: "danger",
    PaymentTransaction.Status.CANCELED: "default",
}


class ReadOnly:
    """Look, do not touch: rows are written by the shop, never by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, ModelAdmin):
    show_full_result_count = False


class LineInline(ReadOnly, TabularInline):
    model = OrderLine
    fields = ("name", "price", "quantity", "amount", "is_tax_free")
    readonly_fields = ("price", "amount")

    @display(description=_("unit price"))
    def price(self, line: OrderLine) -> str:
        return won(line.unit_price)

    @display(description=_("amount"))
    def amount(self, line: OrderLine) -> str:
        return won(line.amount)


class TransactionInline(ReadOnly, TabularInline):
    model = PaymentTransaction
    show_change_link = True
    fields = ("kind", "status", "won", "tid", "aid", "method", "approved_at", "reason_code")
    readonly_fields = ("won",)

    @display(description=_("amount"))
    def won(self, txn: PaymentTransaction) -> str:
        return won(txn.amount)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "state", "amount", "name", "phone_number", "email", "placed_at")
    list_filter = ("status", "placed_at", "paid_at")
    date_hierarchy = "placed_at"
    search_fields = ("number", "transactions__tid", "email", "phone")
    search_help_text = _("Order number, tid, e-mail or phone.")
    inlines = (LineInline, TransactionInline)
    readonly_fields = ("goods", "amount", "tax_free_part", "vat_part", "phone_number")
    fieldsets = (
        (None, {"fields": (("number", "status"), ("cancel_reason", "user"))}),
        (_("Contact"), {"fields": (("name", "phone_number"), ("email", "consented_at"))}),
        (_("Amounts"), {"fields": (("goods", "amount"), ("tax_free_part", "vat_part"))}),
        (_("Times"), {"fields": (("placed_at", "deadline_at"), ("paid_at", "canceled_at"))}),
    )

    @display(description=_("status"), ordering="status", label=ORDER_COLORS)
    def state(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description=_("total"), ordering="total")
    def amount(self, order: Order) -> str:
        return won(order.total)

    @display(description=_("goods"))
    def goods(self, order: Order) -> str:
        return won(order.subtotal)

    @display(description=_("tax-free part of the total"))
    def tax_free_part(self, order: Order) -> str:
        return won(order.tax_free)

    @display(description=_("VAT in the total"))
    def vat_part(self, order: Order) -> str:
        return won(order.vat)

    @display(description=_("phone"), ordering="phone")
    def phone_number(self, order: Order) -> str:
        return str(order.phone.as_national)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """A Korean phone number is found however it is written."""
        digits = search_term.replace("-", "").replace(" ", "")
        if digits.isdecimal() and digits.startswith("0"):
            search_term = f"+82{digits[1:]}"
        found: tuple[QuerySet[Model], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found


@admin.register(PaymentTransaction)
class PaymentTransactionAdmin(ReadOnlyAdmin):
    list_display = ("order", "kind", "state", "won", "tid", "aid", "created_at")
    list_filter = ("kind", "status", "gateway", "created_at")
    list_select_related = ("order",)
    search_fields = ("tid", "aid", "order__number", "order__email", "order__phone")
    search_help_text = _("tid, aid, order number, e-mail or phone.")
    exclude = ("pg_token", "redirect_urls")

    @display(description=_("status"), ordering="status", label=TRANSACTION_COLORS)
    def state(self, txn: PaymentTransaction) -> tuple[str, str]:
        return txn.status, txn.get_status_display()

    @display(description=_("amount"), ordering="amount")
    def won(self, txn: PaymentTransaction) -> str:
        return won(txn.amount)
