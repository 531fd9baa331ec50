import json
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from checkout.models import ProviderCall
from orders.admin import FoundByOrder, ReadOnlyAdmin
from orders.admin.searching import orders_meant
from orders.models import PaymentTransaction


@admin.register(ProviderCall)
class ProviderCallAdmin(FoundByOrder, ReadOnlyAdmin):
    """Every request to a provider, with secrets masked."""

    list_display = ("started_at", "operation", "transaction", "agreement", "http_status", "problem")
    list_filter = ("started_at",)
    list_select_related = ("transaction", "agreement")
    readonly_fields = ("sent", "received")
    fields = (
        "operation",
        ("transaction", "agreement"),
        ("started_at", "finished_at"),
        ("http_status", "problem"),
        "url",
        "sent",
        "received",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """About the payments of an order, and about the agreement by which it was paid."""
        if not search_term.strip():
            return queryset, False
        paid = PaymentTransaction.objects.filter(order__in=orders_meant(search_term)).order_by()
        rows = ProviderCall.objects.order_by()
        found = rows.filter(transaction__in=paid).union(
            rows.filter(agreement__in=paid.filter(agreement__isnull=False).values("agreement"))
        )
        return queryset.filter(pk__in=found.values("pk")), False

    @display(description=_("request"))
    def sent(self, call: ProviderCall) -> str:
        return as_text(call.request)

    @display(description=_("response"))
    def received(self, call: ProviderCall) -> str:
        return "" if call.response is None else as_text(call.response)


def as_text(body: Any) -> str:
    return format_html('<pre class="overflow-x-auto text-xs">{}</pre>', pretty(body))


def pretty(body: Any) -> str:
    """JSON as a person reads it: indented, Korean as Korean."""
    return json.dumps(body, ensure_ascii=False, indent=2)
