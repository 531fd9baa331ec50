from django.contrib import admin

from checkout.models import ProviderCall
from orders.admin import ReadOnlyAdmin


@admin.register(ProviderCall)
class ProviderCallAdmin(ReadOnlyAdmin):
    """Every request to a provider, with secrets masked."""

    list_display = ("started_at", "operation", "transaction", "http_status", "problem")
    list_filter = ("operation", "started_at")
    list_select_related = ("transaction",)
    search_fields = ("transaction__tid", "transaction__order__number")
