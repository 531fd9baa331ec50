"""What our books and the provider's differ on, and the page on which somebody explains it."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from accounts.http import ShopperRequest
from checkout import discrepancies, settling_by_hand
from checkout.admin import naming_page, settling_page
from checkout.admin.discrepancy_forms import ClosingForm
from checkout.admin.figures import KIND_COLORS, amount_or_dash, telling
from checkout.models import Discrepancy
from orders.admin import ReadOnlyAdmin

LINK = '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>'


class OpenFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, str]]:
        return [("open", _("open")), ("closed", _("closed"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Discrepancy]
    ) -> QuerySet[Discrepancy]:
        if self.value() not in {"open", "closed"}:
            return queryset
        return queryset.filter(closed_at__isnull=self.value() == "open")


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyAdmin):
    """Open ones first. Closing one never moves money."""

    list_display = (
        *("found_at", "what", "state", "order_number", "tid", "our_figures", "their_figures"),
    )
    list_filter = (OpenFilter, "kind", "found_at")
    ordering = (F("closed_at").desc(nulls_first=True), "-found_at", "-pk")
    search_fields = ("tid", "aid", "order_number")
    search_help_text = gettext_lazy("Order number, tid or aid.")
    actions_detail = ("close", "settle", "name_payment")
    readonly_fields = ("order", "movement", "our_won", "their_won")
    fieldsets = (
        (None, {"fields": (("kind", "order"), ("tid", "transaction"), ("movement", "detail"))}),
        (
            gettext_lazy("Our books and theirs"),
            {"fields": (("our_status", "their_status"), ("our_won", "their_won"))},
        ),
        (gettext_lazy("Found"), {"fields": (("found_at", "run"),)}),
        (
            gettext_lazy("Closed"),
            {"fields": (("closed_at", "closed_by"), "evidence", "explanation")},
        ),
    )

    @display(description=gettext_lazy("kind"), ordering="kind", label=KIND_COLORS)
    def what(self, row: Discrepancy) -> tuple[str, str]:
        return row.kind, row.get_kind_display()

    @display(
        description=gettext_lazy("state"),
        ordering="closed_at",
        label={"open": "danger", "closed": "success"},
    )
    def state(self, row: Discrepancy) -> tuple[str, str]:
        return ("closed", _("closed")) if row.closed_at else ("open", _("open"))

    @display(description=gettext_lazy("ours"))
    def our_figures(self, row: Discrepancy) -> str:
        return telling(row)[0]

    @display(description=gettext_lazy("theirs"))
    def their_figures(self, row: Discrepancy) -> str:
        return telling(row)[1]

    @display(description=gettext_lazy("our amount"))
    def our_won(self, row: Discrepancy) -> str:
        return amount_or_dash(row.our_amount)

    @display(description=gettext_lazy("their amount"))
    def their_won(self, row: Discrepancy) -> str:
        return amount_or_dash(row.their_amount)

    @display(description="aid")
    def movement(self, row: Discrepancy) -> str:
        """Where the tid is not known, what stands there is a name of our own."""
        return (row.aid if row.tid else "") or "–"

    @display(description=gettext_lazy("order"))
    def order(self, row: Discrepancy) -> str:
        if row.transaction is None:
            return row.order_number or "–"
        address = reverse("admin:orders_order_change", args=[row.transaction.order_id])
        return format_html(LINK, address, row.transaction.order.number)

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[UnfoldAction]:
        """What is closed cannot be closed; the rest is for what is stuck, or has no tid."""
        rows = Discrepancy.objects.select_related("transaction")
        row = rows.filter(pk=object_id, closed_at=None).first()
        if row is None:
            return []
        offered: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        hidden = set()
        if not settling_by_hand.is_stuck(row, now=timezone.now()):
            hidden.add("checkout_discrepancy_settle")
        if not naming_page.is_to_name(row):
            hidden.add("checkout_discrepancy_name_payment")
        return [each for each in offered if each.action_name not in hidden]

    @action(
        description=gettext_lazy("Close…"),
        url_path="close",
        permissions=["view", "close"],
        icon="task_alt",
        variant=ActionVariant.PRIMARY,
    )
    def close(self, request: ShopperRequest, object_id: str) -> HttpResponse:
        """Ask for evidence and explanation, and keep them."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if row.closed_at is not None:
            messages.warning(request, _("This discrepancy has been closed already."))
            return redirect("admin:checkout_discrepancy_change", row.pk)
        form = ClosingForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
            return self.closing_page(request, row, form, status)
        try:
            discrepancies.close(row, by=request.user, now=timezone.now(), **form.cleaned_data)
            said = _("Closed: %(explanation)s")
            self.log_change(request, row, said % {"explanation": row.explanation})
            messages.success(request, _("The discrepancy was closed. No money was moved."))
        except discrepancies.AlreadyClosed:
            messages.warning(request, _("This discrepancy has been closed already."))
        return redirect("admin:checkout_discrepancy_change", row.pk)

    @action(
        description=gettext_lazy("Settle by hand…"),
        url_path="settle",
        permissions=["view", "close"],
        icon="gavel",
    )
    def settle(self, request: ShopperRequest, object_id: str) -> HttpResponse:
        """Say whether the money of a stuck transaction moved."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return settling_page.settle(self, request, row)

    @action(
        description=gettext_lazy("Enter the tid…"),
        url_path="name",
        permissions=["view", "close"],
        icon="badge",
    )
    def name_payment(self, request: ShopperRequest, object_id: str) -> HttpResponse:
        """Say under which tid KakaoPay took a payment whose answer was lost."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return naming_page.name(self, request, row)

    def has_close_permission(self, request: ShopperRequest, obj: object = None) -> bool:
        """Named in ``permissions`` above: "checkout.close_…" there would ask the database."""
        return request.user.has_perm("checkout.close_discrepancy")

    def closing_page(
        self, request: HttpRequest, row: Discrepancy, form: ClosingForm, status: HTTPStatus
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Close discrepancy %(tid)s") % {"tid": row.tid or row.order_number},
            "row": row,
            "form": form,
            "our_amount": amount_or_dash(row.our_amount),
            "their_amount": amount_or_dash(row.their_amount),
        }
        return render(request, "admin/checkout/discrepancy/close.html", context, status=status)
