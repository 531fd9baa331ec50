"""Orders for staff to read. Nothing that money depends on can be edited here."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from orders import carriers
from orders.models import CouponRedemption, Order, OrderLine, PaymentTransaction, Shipment
from orders.shipping import SHIPPABLE
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
NOT_PAID = "NOT_PAID"
COUPON = ("coupon__code", "coupon__name_ko", "coupon__name_en")
SHIPMENT_COLORS = {
    Shipment.Status.PREPARING: "warning",
    Shipment.Status.SHIPPED: "info",
    Shipment.Status.DELIVERED: "success",
    NOT_PAID: "default",
}
LINK = '<a class="text-primary-600 underline dark:text-primary-500" href="{}">{}</a>'

Found = tuple[QuerySet[Model], bool]


def found_by_any_spelling(
    search: Callable[[str], Found], queryset: QuerySet[Model], words: str
) -> Found:
    """
    What ``search`` finds for the words as they were typed, and for what they may mean.

    A Korean phone number is found however it is written, and so is a tracking number.
    """
    number = carriers.compact(words)
    spellings = {words}
    if any(letter.isdigit() for letter in number):
        spellings.add(number)
    if number.isdecimal() and number.startswith("0"):
        spellings.add(f"+82{number[1:]}")
    found, has_duplicates = queryset.none(), False
    for spelling in spellings:
        rows, may_repeat = search(spelling)
        found |= rows
        has_duplicates |= may_repeat
    return found, has_duplicates


def delivery_label(parcel: Shipment) -> tuple[str, str]:
    """A key of ``SHIPMENT_COLORS``, and what to call it: nobody prepares what is not paid for."""
    if parcel.status == Shipment.Status.PREPARING and parcel.order.status not in SHIPPABLE:
        return NOT_PAID, str(_("not to be shipped"))
    return parcel.status, parcel.get_status_display()


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
    fields = (
        *("name", "price", "quantity", "amount", "coupon_share", "points_share", "vat_share"),
        *("is_tax_free", "needs_delivery"),
    )
    readonly_fields = ("price", "amount", "coupon_share", "points_share", "vat_share")

    @display(description=_("unit price"))
    def price(self, line: OrderLine) -> str:
        return won(line.unit_price)

    @display(description=_("amount"))
    def amount(self, line: OrderLine) -> str:
        return won(line.amount)

    @display(description=_("coupon discount"))
    def coupon_share(self, line: OrderLine) -> str:
        return won(-line.discount)

    @display(description=_("points"))
    def points_share(self, line: OrderLine) -> str:
        return won(-line.points)

    @display(description=_("VAT"))
    def vat_share(self, line: OrderLine) -> str:
        return won(line.vat)


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
    list_display = ("number", "state", "delivery", "amount", "name", "email", "placed_at")
    list_filter = ("status", "shipment__status", "placed_at", "paid_at")
    list_select_related = ("shipment",)
    date_hierarchy = "placed_at"
    search_fields = ("number", "transactions__tid", "email", "phone", "shipment__tracking_number")
    search_help_text = _("Order number, tid, e-mail, phone or tracking number.")
    inlines = (LineInline, TransactionInline)
    readonly_fields = (
        *("goods", "coupon_discount", "points_used", "delivery_fee", "amount"),
        *("tax_free_part", "vat_part", "points_earned", "phone_number", "parcel"),
    )
    fieldsets = (
        (None, {"fields": (("number", "status"), ("cancel_reason", "user"))}),
        (_("Contact"), {"fields": (("name", "phone_number"), ("email", "consented_at"))}),
        (_("Delivery"), {"fields": ("parcel",)}),
        (
            _("Amounts"),
            {
                "fields": (
                    ("goods", "coupon_discount"),
                    ("points_used", "delivery_fee"),
                    ("amount", "points_earned"),
                    ("tax_free_part", "vat_part"),
                )
            },
        ),
        (_("Times"), {"fields": (("placed_at", "deadline_at"), ("paid_at", "canceled_at"))}),
    )

    @display(description=_("status"), ordering="status", label=ORDER_COLORS)
    def state(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description=_("delivery"), ordering="shipment__status", label=SHIPMENT_COLORS)
    def delivery(self, order: Order) -> tuple[str, str] | None:
        parcel = getattr(order, "shipment", None)
        key, label = delivery_label(parcel) if parcel else (NOT_PAID, "")
        return None if key == NOT_PAID else (key, label)

    @display(description=_("parcel"))
    def parcel(self, order: Order) -> str:
        """How far it is and where it goes, linked to the page on which staff move it."""
        parcel = getattr(order, "shipment", None)
        if parcel is None:
            return str(_("nothing to deliver"))
        where = f"{parcel.recipient}, ({parcel.postcode}) {parcel.line1} {parcel.line2}".strip()
        address = reverse("admin:orders_shipment_change", args=[parcel.pk])
        return format_html(f"{LINK} – {{}}", address, delivery_label(parcel)[1], where)

    @display(description=_("goods"))
    def goods(self, order: Order) -> str:
        return won(order.subtotal)

    @display(description=_("coupon discount"))
    def coupon_discount(self, order: Order) -> str:
        return f"{won(-order.discount)} {order.coupon_name}".strip()

    @display(description=_("points"))
    def points_used(self, order: Order) -> str:
        return won(-order.points)

    @display(description=_("delivery fee"))
    def delivery_fee(self, order: Order) -> str:
        return won(order.shipping)

    @display(description=_("total"), ordering="total")
    def amount(self, order: Order) -> str:
        return won(order.total)

    @display(description=_("points that its payment earns"))
    def points_earned(self, order: Order) -> str:
        return f"{order.earns:,}"

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
    ) -> Found:
        search = super().get_search_results
        return found_by_any_spelling(
            lambda term: search(request, queryset, term), queryset, search_term
        )


@admin.register(CouponRedemption)
class CouponRedemptionAdmin(ReadOnlyAdmin):
    list_display = ("coupon", "order", "user", "discount", "created_at", "given_back_at")
    list_filter = ("created_at", ("given_back_at", admin.EmptyFieldListFilter))
    list_select_related = ("coupon", "order", "user")
    search_fields = ("order__number", "user__email", *COUPON)
    search_help_text = _("Order number, e-mail, name or code of the coupon.")

    @display(description=_("coupon discount"), ordering="order__discount")
    def discount(self, redemption: CouponRedemption) -> str:
        return won(redemption.order.discount)


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
