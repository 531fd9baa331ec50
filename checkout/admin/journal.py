import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from checkout.models import ProviderCall
from orders.admin import FoundByOrder, ReadOnlyAdmin


@admin.register(ProviderCall)
class ProviderCallAdmin(FoundByOrder, ReadOnlyAdmin):
    """Every request to a provider, with secrets masked."""

    list_display = ("started_at", "operation", "transaction", "http_status", "problem")
    list_filter = ("started_at",)
    list_select_related = ("transaction",)
    order_path = "transaction__order"
    readonly_fields = ("sent", "received")
    fields = (
        ("operation", "transaction"),
        ("started_at", "finished_at"),
        ("http_status", "problem"),
        "url",
        "sent",
        "received",
    )

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
