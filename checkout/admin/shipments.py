"""The parcels: what is to be packed, where it goes, and how far it is."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from accounts.http import ShopperRequest
from checkout import parcels
from checkout.admin import shipping_lists
from checkout.admin.parcel_forms import MOVES, AddressForm, CarrierForm
from checkout.admin.parcel_words import why_not
from orders import carriers, overdue, shipping
from orders.admin import SHIPMENT_COLORS, FoundByOrder, LongList, PeriodFilter, delivery_label
from orders.models import Shipment

Status = Shipment.Status


STATES = {
    "to_ship": gettext_lazy("to be shipped"),
    "late": gettext_lazy("waiting for too long"),
    "shipped": Status.SHIPPED.label,
    "delivered": Status.DELIVERED.label,
}


class StateFilter(admin.SimpleListFilter):
    """Repeated as buttons above the list, since "to be shipped" is what staff come for."""

    title = gettext_lazy("delivery")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, str]]:
        return [(value, str(label)) for value, label in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Shipment]) -> QuerySet[Shipment]:
        if self.value() == "to_ship":
            return queryset.filter(pk__in=shipping.to_ship().order_by().values("pk"))
        if self.value() == "late":
            late = overdue.unshipped(now=timezone.now())
            return queryset.filter(pk__in=late.order_by().values("pk"))
        status = {"shipped": Status.SHIPPED, "delivered": Status.DELIVERED}.get(self.value() or "")
        return queryset.filter(status=status) if status else queryset


@admin.register(Shipment)
class ShipmentAdmin(FoundByOrder, LongList, ModelAdmin):
    """A list to work through, and a page for each parcel on which it is moved."""

    list_display = ("order_number", "recipient", "state", "money", "carrier", "number", "paid")
    list_display_links = ("order_number", "recipient")
    list_filter = (StateFilter, "carrier", ("order__placed_at", PeriodFilter))
    list_before_template = "admin/orders/shipment/states.html"
    list_select_related = ("order",)
    sortable_by = ("order_number",)
    search_help_text = gettext_lazy("Order number, name, phone or tracking number.")
    actions = ("mark_delivered",)

    @display(description=gettext_lazy("order"), ordering="order__number")
    def order_number(self, parcel: Shipment) -> str:
        return parcel.order.number

    @display(description=gettext_lazy("delivery"), label=SHIPMENT_COLORS)
    def state(self, parcel: Shipment) -> tuple[str, str]:
        return delivery_label(parcel)

    @display(description=gettext_lazy("payment"))
    def money(self, parcel: Shipment) -> str:
        return parcel.order.get_status_display()

    @display(description=gettext_lazy("tracking number"))
    def number(self, parcel: Shipment) -> str:
        return parcel.tracking_number or "–"

    @display(description=gettext_lazy("paid since"))
    def paid(self, parcel: Shipment) -> str:
        return timesince(parcel.order.paid_at, depth=1) if parcel.order.paid_at else "–"

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Of those to be shipped, who has waited longest comes first."""
        if request.GET.get("state") in {"to_ship", "late"}:
            return ("order__paid_at", "pk")
        return ("-order__placed_at", "-pk")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        current = request.GET.get("state", "")
        choices = [
            {
                "url": f"?state={value}" if value else "?",
                "label": label,
                "is_current": value == current,
            }
            for value, label in (("", _("all")), *STATES.items())
        ]
        context = {"states": choices, **(extra_context or {})}
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.address_view)
        own = path("<path:object_id>/address/", view, name="orders_shipment_address")
        return [own, *shipping_lists.urls(self), *super().get_urls()]

    def change_view(
        self,
        request: ShopperRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One parcel: what is in it, where it goes, and what can be done with it next."""
        parcel = self.get_object(request, object_id)
        if parcel is None:
            raise Http404
        if not self.has_view_permission(request, parcel):
            raise PermissionDenied
        if request.method != "POST":
            return self.parcel_page(request, parcel, CarrierForm.of(parcel))
        if not self.has_change_permission(request, parcel):
            raise PermissionDenied
        return self.move(request, parcel)

    def move(self, request: ShopperRequest, parcel: Shipment) -> HttpResponse:
        """Do what the pressed button says."""
        move = MOVES.get(request.POST.get("move", ""))
        form = CarrierForm(request.POST)
        if move is None or (move.needs_carrier and not form.is_valid()):
            return self.parcel_page(request, parcel, form, HTTPStatus.UNPROCESSABLE_ENTITY)
        try:
            messages.success(request, move.make(parcel, form, by=request.user))
        except carriers.BadTrackingNumber:
            form.add_error("tracking_number", form.BAD_NUMBER)
            return self.parcel_page(request, parcel, form, HTTPStatus.UNPROCESSABLE_ENTITY)
        except shipping.CannotMove as error:
            messages.error(request, why_not(error))
        return redirect("admin:orders_shipment_change", parcel.pk)

    def address_view(self, request: ShopperRequest, object_id: str) -> HttpResponse:
        """Put the address right while the parcel is still here."""
        parcel = self.get_object(request, object_id)
        if parcel is None:
            raise Http404
        if not self.has_change_permission(request, parcel):
            raise PermissionDenied
        if parcel.status != Status.PREPARING:
            messages.error(request, why_not(shipping.NotThere(parcel.status)))
            return redirect("admin:orders_shipment_change", parcel.pk)
        is_sent = request.method == "POST"
        form = AddressForm(request.POST) if is_sent else AddressForm.of(parcel, request.user)
        if not is_sent or not form.is_valid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY if is_sent else HTTPStatus.OK
            context = {"title": _("Correct the address"), "form": form}
            return self.page(request, parcel, "address", context, status)
        try:
            parcels.readdress(parcel.order_id, form.destination, by=request.user)
            messages.success(request, _("The address was corrected."))
        except shipping.CannotMove as error:
            messages.error(request, why_not(error))
        return redirect("admin:orders_shipment_change", parcel.pk)

    def parcel_page(
        self,
        request: HttpRequest,
        parcel: Shipment,
        form: CarrierForm,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        lines = parcel.order.lines.select_related("product")
        key, state = delivery_label(parcel)
        refusal = why_not_now(parcel)
        context = {
            "title": parcel.order.number,
            "form": form,
            "lines": [line for line in lines if line.needs_delivery],
            "not_packed": [line for line in lines if not line.needs_delivery],
            "may_ship": not refusal,
            "refusal": refusal,
            "may_change": self.has_change_permission(request, parcel),
            "state": state,
            "color": SHIPMENT_COLORS[key],
        }
        return self.page(request, parcel, "parcel", context, status)

    def page(
        self,
        request: HttpRequest,
        parcel: Shipment,
        name: str,
        context: dict[str, Any],
        status: HTTPStatus,
    ) -> HttpResponse:
        context |= {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "parcel": parcel,
            "original": parcel,
            "back": reverse("admin:orders_shipment_change", args=[parcel.pk]),
        }
        return render(request, f"admin/orders/shipment/{name}.html", context, status=status)

    @action(description=gettext_lazy("Mark delivered"), permissions=["change"])
    def mark_delivered(self, request: ShopperRequest, queryset: QuerySet[Shipment]) -> None:
        """Each by itself, and a word about each."""
        done = []
        for parcel in queryset.select_related("order"):
            try:
                parcels.deliver(parcel.order_id, by=request.user, now=timezone.now())
                done.append(parcel.order.number)
            except shipping.CannotMove as error:
                messages.error(request, f"{parcel.order.number}: {why_not(error)}")
        if done:
            messages.success(request, _("Delivered: %(numbers)s") % {"numbers": ", ".join(done)})


def why_not_now(parcel: Shipment) -> str:
    """Why it must not be shipped now; "" if it may."""
    try:
        shipping.expect_paid(parcel.order)
    except shipping.CannotMove as error:
        return why_not(error)
    return ""
