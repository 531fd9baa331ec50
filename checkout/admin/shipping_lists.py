"""The page on which staff give a list of parcels, see what would become of it, and ship them."""

from functools import partial
from http import HTTPStatus
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from accounts.http import ShopperRequest
from checkout import shipping_files, shipping_lists
from checkout.admin.parcel_words import why_not
from checkout.shipping_lists import Entry, Result, Row, Wrong
from orders.models import Shipment

SENTENCES = {
    Wrong.INCOMPLETE: gettext_lazy(
        "Write order number, carrier and tracking number, with commas or tabs between them."
    ),
    Wrong.CARRIER: gettext_lazy(
        "Name a carrier that the shop knows, or choose one for all lines below."
    ),
    Wrong.TRACKING_NUMBER: gettext_lazy(
        "This is no tracking number: they have 8 to 20 digits and letters. Look at the label."
    ),
    Wrong.ORDER_AGAIN: gettext_lazy("The order stands in the list more than once: keep one line."),
    Wrong.PARCEL_AGAIN: gettext_lazy(
        "Another line has this tracking number, and goes to another address: look at the labels."
    ),
    Wrong.UNKNOWN: gettext_lazy("There is no order with this number: look at it again."),
}


class ListForm(forms.Form):
    """A list, pasted or as a file, and who carries the parcels for which it does not say."""

    text = forms.CharField(
        label=gettext_lazy("List"),
        required=False,
        max_length=100_000,
        widget=UnfoldAdminTextareaWidget(
            attrs={
                "rows": 10,
                "spellcheck": "false",
                "placeholder": "20261121-7KQ4MX9T, CJ, 123456789012",
            }
        ),
        help_text=gettext_lazy(
            "A line for each parcel: order number, carrier, tracking number; pasted from a "
            "spreadsheet, or with commas between them. At most 500 lines."
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a file"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,.xlsx"}),
        help_text=gettext_lazy(
            "CSV or XLSX. With headings the columns may stand in any order, and others are ignored."
        ),
    )
    carrier = forms.TypedChoiceField(
        label=gettext_lazy("Carrier of lines that name none"),
        required=False,
        choices=[("", "–"), *Shipment.Carrier.choices],
        coerce=Shipment.Carrier,
        empty_value=None,
        widget=UnfoldAdminSelectWidget,
    )

    def clean(self) -> dict[str, Any] | None:
        """``entries``: what the lines of the one that was given mean."""
        said = super().clean()
        if said is None or self.errors:
            return said
        text, file = said["text"], said["file"]
        field = "file" if file else "text"
        if bool(text) == bool(file):
            self.add_error(field, _("Paste a list or choose a file, not both."))
            return said
        try:
            lines = shipping_files.lines_of(file) if file else shipping_lists.lines_in(text)
            said["entries"] = shipping_lists.read(lines, said["carrier"])
        except shipping_files.Unreadable as error:
            self.add_error(field, str(error))
        except shipping_lists.TooMany:
            self.add_error(field, too_many())
        else:
            if not said["entries"]:
                self.add_error(field, _("The list is empty."))
        return said


class SeenForm(forms.Form):
    """The lines that were seen and are to be shipped, and those that are to be corrected."""

    text = forms.CharField(max_length=100_000, widget=forms.HiddenInput)
    rest = forms.CharField(max_length=100_000, widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any]:
        """``entries``: what the lines to be shipped mean."""
        said = super().clean() or {}
        try:
            said["entries"] = shipping_lists.read(shipping_lists.lines_in(said.get("text", "")))
        except shipping_lists.TooMany:
            self.add_error("text", too_many())
        return said


def too_many() -> str:
    return _("These are more than %(most)d parcels: divide the list.") % {
        "most": shipping_lists.MOST_ROWS
    }


def urls(desk: Any) -> list[URLPattern]:
    view = desk.admin_site.admin_view(partial(ship_list, desk))
    return [path("ship-list/", view, name="orders_shipment_ship_list")]


def ship_list(desk: Any, request: ShopperRequest) -> HttpResponse:
    """First show what would become of each line; a second press ships what was shown."""
    if not desk.has_change_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return page(desk, request, ListForm())
    if "rest" in request.POST:
        return ship(desk, request)
    form = ListForm(request.POST, request.FILES)
    if not form.is_valid():
        return page(desk, request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return preview(desk, request, form.cleaned_data["entries"])


def preview(desk: Any, request: HttpRequest, entries: list[Entry]) -> HttpResponse:
    rows = shipping_lists.plan(entries)
    good = [row for row in rows if row.may_ship]
    seen = SeenForm(initial={"text": as_text(good), "rest": as_text(wrong(rows))})
    context = {"rows": [line_of(row) for row in rows], "count": len(good), "seen": seen}
    return page(desk, request, with_text(as_text(rows)), context)


def ship(desk: Any, request: ShopperRequest) -> HttpResponse:
    form = SeenForm(request.POST)
    if not form.is_valid():
        return page(desk, request, ListForm(), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    entries = form.cleaned_data["entries"]
    results = shipping_lists.ship(entries, by=request.user, now=timezone.now())
    left = [form.cleaned_data["rest"], as_text(wrong([result.row for result in results]))]
    context = {
        "results": [line_of(result.row, result) for result in results],
        "shipped": sum(result.is_shipped for result in results),
    }
    return page(desk, request, with_text("\n".join(filter(None, left))), context)


def wrong(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.refusal is not None]


def as_text(rows: list[Row]) -> str:
    return "\n".join(row.entry.text for row in rows)


def with_text(text: str) -> ListForm:
    return ListForm(initial={"text": text})


def line_of(row: Row, result: Result | None = None) -> dict[str, Any]:
    """A line of the table: what became of the row, or what would."""
    color, word, sentence = "danger", _("not shipped"), ""
    if isinstance(row.refusal, Wrong):
        sentence = str(SENTENCES[row.refusal])
    elif row.refusal is not None:
        sentence = why_not(row.refusal)
    elif row.is_done:
        color, word = "default", _("shipped before")
        sentence = _("It was shipped under this number before; nothing is left to do.")
    elif result is None:
        color, word = "info", _("will be shipped")
    else:
        color, word = "success", _("shipped")
        if not result.is_told:
            sentence = _("The shopper was told before, and gets no second mail.")
    return {
        "row": row,
        "carrier": row.entry.carrier.label if row.entry.carrier else row.entry.carrier_name,
        "color": color,
        "word": word,
        "sentence": sentence,
    }


def page(
    desk: Any,
    request: HttpRequest,
    form: ListForm,
    context: dict[str, Any] | None = None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "title": _("Ship by a list"),
        "form": form,
        **(context or {}),
    }
    return render(request, "admin/orders/shipment/list.html", context, status=status)
