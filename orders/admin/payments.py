from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from orders import overdue
from orders.admin.labels import TRANSACTION_COLORS
from orders.admin.periods import PeriodFilter
from orders.admin.reading import FoundByOrder, ReadOnlyAdmin
from orders.models import PaymentTransaction
from shop.templatetags.money import won


class WaitingFilter(admin.SimpleListFilter):
    title = _("attention")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        return [("unconfirmed", _("not confirmed for too long"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PaymentTransaction]
    ) -> QuerySet[PaymentTransaction]:
        if self.value() != "unconfirmed":
            return queryset
        return queryset & overdue.unconfirmed(now=timezone.now())


@admin.register(PaymentTransaction)
class PaymentTransactionAdmin(FoundByOrder, ReadOnlyAdmin):
    list_display = ("order", "kind", "state", "won", "tid", "aid", "created_at")
    list_filter = (WaitingFilter, "status", "kind", ("created_at", PeriodFilter))
    list_select_related = ("order",)
    ordering = ("-created_at", "-pk")
    sortable_by = ("created_at",)
    search_help_text = _("tid, aid, order number, e-mail, phone or tracking number.")
    exclude = ("pg_token", "redirect_urls")

    @display(description=_("status"), label=TRANSACTION_COLORS)
    def state(self, txn: PaymentTransaction) -> tuple[str, str]:
        return txn.status, txn.get_status_display()

    @display(description=_("amount"))
    def won(self, txn: PaymentTransaction) -> str:
        return won(txn.amount)
