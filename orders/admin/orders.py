"""The list of orders. The page of one is the desk's: ``checkout.admin.order_page``."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from orders import shipping
from orders.admin.labels import (
    KIND_COLORS,
    KIND_LABELS,
    NOT_PAID,
    ORDER_COLORS,
    SHIPMENT_COLORS,
    delivery_label,
)
from orders.admin.periods import PeriodFilter
from orders.admin.reading import FoundByOrder, ReadOnlyAdmin
from orders.models import Order, Shipment
from shop.templatetags.money import won


class DeliveryFilter(admin.SimpleListFilter):
    """As the column shows it: a parcel that nobody has paid for is not being prepared."""

    title = _("delivery")
    parameter_name = "delivery"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        return Shipment.Status.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if self.value() == Shipment.Status.PREPARING:
            return queryset.filter(pk__in=shipping.to_ship().order_by().values("order"))
        if self.value() in Shipment.Status.values:
            return queryset.filter(shipment__status=self.value())
        return queryset


@admin.register(Order)
class OrderAdmin(FoundByOrder, ReadOnlyAdmin):
    list_display = ("number", "state", "what", "delivery", "amount", "name", "email", "placed_at")
    list_filter = ("status", "kind", DeliveryFilter, ("placed_at", PeriodFilter))
    list_select_related = ("shipment",)
    ordering = ("-placed_at", "-pk")
    sortable_by = ("number", "placed_at")
    order_path = "pk"

    @display(description=_("status"), label=ORDER_COLORS)
    def state(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description=_("kind"), label=KIND_COLORS)
    def what(self, order: Order) -> tuple[str, str] | None:
        """Only where the shopper's cart is not what made it."""
        label = KIND_LABELS.get(Order.Kind(order.kind))
        return (order.kind, str(label)) if label else None

    @display(description=_("delivery"), label=SHIPMENT_COLORS)
    def delivery(self, order: Order) -> tuple[str, str] | None:
        parcel = getattr(order, "shipment", None)
        key, label = delivery_label(parcel) if parcel else (NOT_PAID, "")
        return None if key == NOT_PAID else (key, label)

    @display(description=_("total"))
    def amount(self, order: Order) -> str:
        return won(order.total)
