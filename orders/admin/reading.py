"""What the lists of the desk have in common: they are long, and most are only to be read."""

from typing import Any

from django.contrib.admin import ShowFacets
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from orders.admin.paging import BoundedPaginator
from orders.admin.searching import orders_meant


class BoundedList(ChangeList):
    """Tells the number of its rows once, under the list, where it can say "and more"."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


class LongList:
    """A list that may have a million rows: it is never counted or sorted as a whole."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_disable_select_all = True
    ordering: Any = ("-pk",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedList


class FoundByOrder:
    """Searched by whatever tells which order is meant; ``order_path`` leads to it."""

    order_path = "order"
    search_fields: Any = ("order__number",)  # makes the search box appear
    list_after_template = "admin/nothing_found.html"
    search_help_text: Any = _("Order number, tid, e-mail, phone, name or tracking number.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        if not search_term.strip():
            return queryset, False
        meant = {f"{self.order_path}__in": orders_meant(search_term)}
        return queryset.filter(**meant), False


class ReadOnly:
    """Look, do not touch: rows are written by the shop, never by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, LongList, ModelAdmin):
    """Look, do not touch: rows are written by the shop, never by hand. The newest come first."""
