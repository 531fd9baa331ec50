"""The list of payments, and the page of one: what the provider was told to do, and what it did."""

from collections.abc import Callable, Iterable
from datetime import datetime
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


def shown(name: str, words: Callable[[Any], str]) -> Any:
    """The field of this name, its value put into words."""
    field: Any = PaymentTransaction._meta.get_field(name)

    @display(description=field.verbose_name)
    def value(txn: PaymentTransaction) -> str:
        return words(getattr(txn, name))

    return value


def to_the_second(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


def times(*names: str) -> dict[str, Any]:
    return {name: shown(name, to_the_second) for name in names}


def amounts(*names: str) -> dict[str, Any]:
    return {name: shown(name, won) for name in names}


def as_they_are(*names: str) -> dict[str, Any]:
    return {name: name for name in names}


#: The page of one, part by part: the names of its fields, each with how it is shown.
PARTS: tuple[tuple[Any, dict[str, Any]], ...] = (
    (
        None,
        as_they_are("order", "kind", "status") | amounts("amount", "tax_free", "vat", "refundable"),
    ),
    (
        _("At the provider"),
        as_they_are(
            *("gateway", "tid", "aid", "method", "card_issuer", "installment_months"),
            *("is_external", "agreement"),
        ),
    ),
    (_("Reason"), as_they_are("reason", "reason_code", "buyer_message")),
    (
        _("When"),
        times(
            *("created_at", "ready_at", "returned_at", "agreement_charged_at", "sent_at"),
            *("approved_at", "settled_at"),
        ),
    ),
    (_("Asked about the outcome"), as_they_are("asks") | times("asked_at", "ask_at")),
)


def is_told(txn: PaymentTransaction, name: str) -> bool:
    """Is there anything to show? 0 months is an answer: paid at once."""
    value = getattr(txn, name)
    return bool(value) or (name == "installment_months" and value is not None)


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

    def get_fieldsets(self, request: HttpRequest, obj: PaymentTransaction | None = None) -> Any:
        """What is told of this one, in parts; never the keys to the buyer's payment page."""
        parts = [
            (title, [way for name, way in ways.items() if obj is None or is_told(obj, name)])
            for title, ways in PARTS
        ]
        return [(title, {"fields": fields}) for title, fields in parts if fields]

    @display(description=_("status"), label=TRANSACTION_COLORS)
    def state(self, txn: PaymentTransaction) -> tuple[str, str]:
        return txn.status, txn.get_status_display()

    @display(description=_("amount"))
    def won(self, txn: PaymentTransaction) -> str:
        return won(txn.amount)
