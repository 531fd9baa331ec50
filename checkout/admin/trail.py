"""The audit trail: what staff did, newest first, for superusers and who may view log entries."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from checkout import trail
from checkout.admin.trail_forms import TrailForm
from orders.admin import ReadOnlyAdmin


@admin.register(LogEntry)
class TrailAdmin(ReadOnlyAdmin):
    """Stands where the admin's own log would be listed, and tells of everything."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = TrailForm(request.GET)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Audit trail"),
            "form": form,
            "page": form.page(until=trail.moment_in(request.GET.get("until"))),
        }
        return render(request, "admin/trail.html", context)
