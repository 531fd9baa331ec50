"""Comparisons with the provider's books, and what each of them came upon."""

from django.contrib import admin
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from checkout.admin.figures import KIND_COLORS, amount_or_dash
from checkout.models import Discrepancy, ReconciliationRun
from orders.admin import ReadOnly, ReadOnlyAdmin

OUTCOME_COLORS = {
    ReconciliationRun.Outcome.RUNNING: "info",
    ReconciliationRun.Outcome.AGREED: "success",
    ReconciliationRun.Outcome.DIFFERENT: "danger",
    ReconciliationRun.Outcome.INCOMPLETE: "warning",
}


class DiscrepancyInline(ReadOnly, TabularInline):
    model = Discrepancy
    show_change_link = True
    per_page = 50
    fields = ("what", "order_number", "tid", "aid", "ours", "theirs", "closed_at")
    readonly_fields = ("what", "ours", "theirs")

    @display(description=_("kind"), label=KIND_COLORS)
    def what(self, row: Discrepancy) -> tuple[str, str]:
        return row.kind, row.get_kind_display()

    @display(description=_("ours"))
    def ours(self, row: Discrepancy) -> str:
        return f"{row.our_status} {amount_or_dash(row.our_amount)}".strip()

    @display(description=_("theirs"))
    def theirs(self, row: Discrepancy) -> str:
        return f"{row.their_status} {amount_or_dash(row.their_amount)}".strip()


@admin.register(ReconciliationRun)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        *("started_at", "mode", "state", "span", "checked", "settled", "differences"),
        *("unanswered", "finished_at"),
    )
    list_filter = ("mode", "outcome", "started_at")
    date_hierarchy = "started_at"
    inlines = (DiscrepancyInline,)
    fieldsets = (
        (None, {"fields": (("mode", "outcome"), ("gateway", "source"))}),
        (_("Period"), {"fields": (("since", "until"),)}),
        (_("Times"), {"fields": (("started_at", "finished_at"),)}),
        (_("Counts"), {"fields": (("checked", "settled"), ("differences", "unanswered"))}),
    )

    @display(description=_("outcome"), ordering="outcome", label=OUTCOME_COLORS)
    def state(self, run: ReconciliationRun) -> tuple[str, str]:
        return run.outcome, run.get_outcome_display()

    @display(description=_("compared with"))
    def span(self, run: ReconciliationRun) -> str:
        """The file, or the period; nothing if it was about unknown outcomes."""
        if run.source or run.since is None or run.until is None:
            return run.source or "–"
        days = (date_format(localtime(day), "Y-m-d H:i") for day in (run.since, run.until))
        return " – ".join(days)
