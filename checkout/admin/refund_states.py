"""The states that a list is filtered by, also as buttons above it: staff come for one of them."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class StatusFilter(admin.SimpleListFilter):
    """``?state=…``, each with the status that it shows."""

    title = gettext_lazy("state")
    parameter_name = "state"
    states: ClassVar[Mapping[str, Any]]

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, str]]:
        return [(state, str(status.label)) for state, status in self.states.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        status = self.states.get(self.value() or "")
        return queryset.filter(status=status) if status else queryset

    @classmethod
    def buttons(cls, request: HttpRequest) -> list[dict[str, Any]]:
        """For ``states.html``, above the list."""
        current = request.GET.get("state", "")
        choices = [("", _("all")), *((key, status.label) for key, status in cls.states.items())]
        return [
            {
                "url": f"?state={state}" if state else "?",
                "label": label,
                "is_current": state == current,
            }
            for state, label in choices
        ]


class ListedByState:
    """A list that has the states of ``state_filter`` as buttons above it."""

    state_filter: ClassVar[type[StatusFilter]]
    list_before_template = "admin/orders/refund/states.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"states": self.state_filter.buttons(request), **(extra_context or {})}
        answer: HttpResponse = super().changelist_view(request, context)  # type: ignore[misc]
        return answer
