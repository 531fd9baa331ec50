"""The desk's order admin: orders as staff read them, and the pages on which they work on one."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from accounts.http import ShopperRequest
from checkout import limits
from checkout.admin import (
    exports,
    order_actions,
    order_page,
    printing,
    refund_pages,
    refund_selected,
)
from orders.admin import OrderAdmin
from orders.models import Order

admin.site.unregister(Order)


@admin.register(Order)
class DeskOrderAdmin(OrderAdmin):
    """Each page about one order has a module of its own, and brings its addresses."""

    actions = (refund_selected.refund_selected,)
    actions_list = ("to_export",)

    @action(
        description=gettext_lazy("Export…"),
        url_path="to-export",
        permissions=["export"],
        icon="download",
    )
    def to_export(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:orders_order_export")

    def has_export_permission(self, request: ShopperRequest, obj: object = None) -> bool:
        return exports.may_export(request)

    def has_refund_permission(self, request: ShopperRequest) -> bool:
        return limits.may_refund(request.user)

    def change_view(
        self,
        request: ShopperRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return order_page.show(self, request, unquote(object_id))

    def get_urls(self) -> list[URLPattern]:
        return [
            *order_actions.urls(self),
            *printing.urls(self),
            *refund_pages.urls(self),
            *refund_selected.urls(self),
            *exports.urls(self),
            *super().get_urls(),
        ]
