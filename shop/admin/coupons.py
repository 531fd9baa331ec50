"""Coupons for staff. How often one was redeemed is counted by the orders, never written here."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from modeltranslation.admin import TranslationAdmin
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts.http import ShopperRequest
from shop.admin.coupon_forms import CouponForm, GrantForm
from shop.granting import Granted, grant
from shop.models import Coupon
from shop.wording import gift_of, goods_of


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("valid", _("can be redeemed now")),
            ("coming", _("not yet valid")),
            ("ended", _("ended")),
            ("used_up", _("used up")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Coupon]) -> QuerySet[Coupon]:
        state = self.value()
        return queryset.filter(in_state(state, now=timezone.now())) if state else queryset


def in_state(state: str, *, now: datetime) -> Q:
    """The coupons in one of the states of ``StateFilter``; any, if there is no such state."""
    match state:
        case "coming":
            return Q(valid_from__gt=now)
        case "ended":
            return Q(valid_until__lte=now)
        case "used_up":
            return Q(redeemed__gte=F("limit"))
        case "valid":
            goes_on = Q(valid_until=None) | Q(valid_until__gt=now)
            has_uses = Q(limit=None) | Q(redeemed__lt=F("limit"))
            return Q(is_active=True, valid_from__lte=now) & goes_on & has_uses
        case _:
            return Q()


@admin.register(Coupon)
class CouponAdmin(ModelAdmin, TranslationAdmin[Coupon]):
    form = CouponForm
    actions_detail = ("grant",)
    list_display = ["name", "code", "gives", "for_what", "validity", "uses", "is_active"]
    list_filter = [StateFilter, "is_active", "kind"]
    search_fields = ["name_ko", "name_en", "code"]
    search_help_text = gettext_lazy("Name or code.")
    autocomplete_fields = ["products", "categories"]
    readonly_fields = ["redeemed", "people"]
    fieldsets = [
        (None, {"fields": ["name", "code", "is_active"]}),
        (gettext_lazy("What it gives"), {"fields": ["kind", "value", "cap"]}),
        (
            gettext_lazy("For what"),
            {
                "fields": ["minimum", "is_for_all", "categories", "products"],
                "description": gettext_lazy(
                    "For everything, or for any of these categories and products."
                ),
            },
        ),
        (gettext_lazy("When"), {"fields": ["valid_from", "valid_until"]}),
        (
            gettext_lazy("How often, and by whom"),
            {"fields": ["limit", "per_person", "redeemed", "people"]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Coupon]:
        return super().get_queryset(request).prefetch_related("categories", "products")

    @admin.display(description=gettext_lazy("gives"))
    def gives(self, coupon: Coupon) -> str:
        return gift_of(coupon)

    @admin.display(description=gettext_lazy("for what"))
    def for_what(self, coupon: Coupon) -> str:
        return goods_of(coupon)

    @admin.display(description=gettext_lazy("valid"), ordering="valid_until")
    def validity(self, coupon: Coupon) -> str:
        return f"{moment(coupon.valid_from)} – {moment(coupon.valid_until)}".strip()

    @admin.display(description=gettext_lazy("redeemed"), ordering="redeemed")
    def uses(self, coupon: Coupon) -> str:
        return f"{coupon.redeemed} / {'∞' if coupon.limit is None else coupon.limit}"

    @admin.display(description=gettext_lazy("granted to"))
    def people(self, coupon: Coupon) -> str:
        """How many people it was granted to, and the way to their list."""
        count = coupon.grants.count() if coupon.pk else 0
        if not count:
            return _("nobody")
        url = f"{reverse('admin:shop_coupongrant_changelist')}?coupon__id__exact={coupon.pk}"
        said = ngettext("%(count)d person", "%(count)d people", count) % {"count": count}
        return format_html('<a href="{}" class="underline">{}</a>', url, said)

    def save_model(self, request: HttpRequest, obj: Coupon, form: Any, change: bool) -> None:
        """Save what the form shows: orders count their uses meanwhile."""
        if not change:
            obj.save()
            return
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=columns - {"id", "redeemed", "created_at"})

    @action(
        description=gettext_lazy("Grant…"),
        url_path="grant",
        permissions=["view", "grant"],
        icon="group_add",
        variant=ActionVariant.PRIMARY,
    )
    def grant(self, request: ShopperRequest, object_id: str) -> HttpResponse:
        """Ask to whom the coupon is granted, and say what became of each address."""
        coupon = self.get_object(request, object_id)
        if coupon is None:
            raise Http404
        form = GrantForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
            return self.grant_page(request, coupon, form, status=status)
        granted = grant(coupon, form.cleaned_data["people"], now=timezone.now())
        if granted.new:
            people = ", ".join(granted.new)
            self.log_change(request, coupon, _("Granted to %(people)s.") % {"people": people})
        left = GrantForm(initial={"people": "\n".join(granted.unknown)})
        return self.grant_page(request, coupon, left, granted)

    def has_grant_permission(self, request: ShopperRequest, obj: object = None) -> bool:
        return request.user.has_perm("shop.add_coupongrant")

    def grant_page(
        self,
        request: HttpRequest,
        coupon: Coupon,
        form: GrantForm,
        granted: Granted | None = None,
        *,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Grant “%(coupon)s”") % {"coupon": coupon},
            "original": coupon,
            "form": form,
            "granted": granted,
        }
        return render(request, "admin/shop/coupon/grant.html", context, status=status)


def moment(time: datetime | None) -> str:
    """To the minute in Seoul; nothing where there is no end."""
    return f"{timezone.localtime(time):%Y-%m-%d %H:%M}" if time else ""
