"""The page from which staff take orders, payments or refunds out of the shop as a file."""

from datetime import date
from functools import partial
from http import HTTPStatus
from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import INPUT_CLASSES, UnfoldAdminRadioSelectWidget

from accounts.http import ShopperRequest
from checkout import exporting
from checkout.exporting import Content, Export, Format

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class DayInput(forms.DateInput):
    """The browser's own calendar, which wants and sends ISO days."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d", attrs={"class": " ".join(INPUT_CLASSES)})


def day_field(label: Any) -> forms.DateField:
    error = gettext_lazy("Enter a day such as 2026-11-21.")
    return forms.DateField(
        label=label,
        input_formats=["%Y-%m-%d"],
        widget=DayInput,
        error_messages={"required": error, "invalid": error},
    )


class ExportForm(forms.Form):
    """What, of which days, and as what kind of file."""

    content = forms.TypedChoiceField(
        label=gettext_lazy("What to export"),
        choices=Content.choices,
        coerce=Content,
        widget=UnfoldAdminRadioSelectWidget,
        help_text=gettext_lazy(
            "Orders by the day on which they were placed, payment transactions by the day on "
            "which they were begun, refunds by the day on which they were asked for."
        ),
    )
    first = day_field(gettext_lazy("First day"))
    last = day_field(gettext_lazy("Last day"))
    format = forms.TypedChoiceField(
        label=gettext_lazy("Kind of file"),
        choices=Format.choices,
        coerce=Format,
        widget=UnfoldAdminRadioSelectWidget,
        help_text=gettext_lazy(
            "For Excel take XLSX: it keeps the zero at the beginning of a postal code, and long "
            "numbers as they are, and has at most 50,000 rows. CSV is for other programs, begins "
            "at once, and may be of any length."
        ),
    )

    @classmethod
    def for_this_month(cls, today: date) -> "ExportForm":
        first = today.replace(day=1)
        return cls(
            initial={
                **{"content": Content.ORDERS, "format": Format.XLSX},
                **{"first": first, "last": today},
            }
        )

    def clean(self) -> dict[str, Any] | None:
        """In order, not more than a year, and no longer than the kind of file may be."""
        said = super().clean()
        if said is None or not {"first", "last"} <= said.keys():
            return said
        if said["last"] < said["first"]:
            self.add_error("last", _("The last day is before the first: change one of them."))
        elif (said["last"] - said["first"]).days >= exporting.MOST_DAYS:
            self.add_error(
                "last",
                _("At most %(days)d days fit into one file: take an earlier last day.")
                % {"days": exporting.MOST_DAYS},
            )
        elif not self.errors and Export(**said).is_too_long:
            self.add_error(
                "format",
                _("These are more than %(rows)s rows: take CSV, or a shorter period.")
                % {"rows": f"{exporting.MOST_IN_XLSX:,}"},
            )
        return said


def urls(desk: Any) -> list[URLPattern]:
    view = desk.admin_site.admin_view(partial(export, desk))
    return [path("export/", view, name="orders_order_export")]


def may_export(request: HttpRequest) -> bool:
    return request.user.has_perm("orders.export_order")


def export(desk: Any, request: ShopperRequest) -> HttpResponseBase:
    """Ask for what, and give it out as a file; the log keeps who took it."""
    if not may_export(request):
        raise PermissionDenied
    if request.method != "POST":
        return page(desk, request, ExportForm.for_this_month(timezone.localdate()))
    form = ExportForm(request.POST)
    if not form.is_valid():
        return page(desk, request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    wanted = Export(**form.cleaned_data)
    log(wanted, request)
    return download(wanted)


def page(
    desk: Any, request: HttpRequest, form: ExportForm, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "title": _("Export"),
        "form": form,
    }
    return render(request, "admin/orders/export.html", context, status=status)


def download(wanted: Export) -> HttpResponseBase:
    if wanted.format == Format.XLSX:
        return FileResponse(
            exporting.as_xlsx(wanted),
            as_attachment=True,
            filename=wanted.file_name,
            content_type=XLSX,
        )
    named = str(content_disposition_header(True, wanted.file_name))
    return StreamingHttpResponse(
        exporting.as_csv(wanted), content_type=CSV, headers={"Content-Disposition": named}
    )


def log(wanted: Export, request: ShopperRequest) -> None:
    """Personal data leaves the shop: who took what of which days, when, and from where."""
    LogEntry.objects.create(
        user=request.user,
        content_type=ContentType.objects.get_for_model(wanted.table.model),
        object_repr=wanted.file_name,
        action_flag=CHANGE,
        change_message=_("Exported %(content)s of %(first)s – %(last)s as %(format)s, from %(ip)s.")
        % {
            "content": wanted.content.label,
            "first": wanted.first.isoformat(),
            "last": wanted.last.isoformat(),
            "format": wanted.format.upper(),
            "ip": get_adapter().get_client_ip(request),
        },
    )
