"""Plans for staff: each is sold as a product, whose name and price are the plan's."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, ProtectedError, Q, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from modeltranslation.admin import TranslationAdmin
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.models import MembershipPeriod, Plan
from shop import plans
from shop.models import Category, Product
from shop.templatetags.money import won

LINK = '<a class="text-primary-600 underline dark:text-primary-500" href="{}">{}</a>'


class PlanForm(forms.ModelForm[Plan]):
    def clean_price(self) -> int:
        price: int = self.cleaned_data["price"]
        if price == 0:
            raise forms.ValidationError(_("Enter at least 1 won: a plan that is free sells none."))
        return price

    @property
    def has_new_price(self) -> bool:
        return self.instance.pk is not None and "price" in self.changed_data


class NewPlanForm(PlanForm):
    """Also where its product stands, and what is said of it there."""

    category = forms.ModelChoiceField(
        label=gettext_lazy("Category"),
        queryset=Category.objects.all(),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("In which its product stands; later it is moved there."),
    )
    description_ko = forms.CharField(
        label=gettext_lazy("Description (Korean)"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    description_en = forms.CharField(
        label=gettext_lazy("Description (English)"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )

    @property
    def descriptions(self) -> dict[str, str]:
        """By language."""
        languages = (language for language, _name in settings.LANGUAGES)
        return {each: self.cleaned_data.get(f"description_{each}", "") for each in languages}


@admin.register(Plan)
class PlanAdmin(ModelAdmin, TranslationAdmin[Plan]):
    """How long a period is and whether it renews is said once: members have agreed to it."""

    list_display = ("name", "cost", "benefits", "trial", "members", "is_active")
    list_filter = ("is_active", "renews")
    search_fields = ("name_ko", "name_en", "slug")
    prepopulated_fields = {"slug": ["name_en"]}
    readonly_fields = ("shelf", "members")
    actions = None
    fieldsets = (
        (None, {"fields": ["name", "slug", "is_active"]}),
        (
            gettext_lazy("What it costs"),
            {"fields": ["price", "months", "renews", "trial_days"]},
        ),
        (
            gettext_lazy("What members get"),
            {
                "fields": ["discount_percent", "has_free_delivery"],
                "description": gettext_lazy(
                    "What is changed here counts at once for all members of the plan, also in the "
                    "period that they have paid already. They are not told by mail."
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        now = timezone.now()
        good = Q(memberships__ended_at=None, memberships__lasts_until__gt=now)
        rows = super().get_queryset(request).select_related("product")
        return rows.annotate(good=Count("memberships", filter=good))

    def get_form(
        self, request: HttpRequest, obj: Plan | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kwargs["form"] = PlanForm if obj else NewPlanForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Plan | None = None) -> Any:
        """Of a new plan also where its product stands; of another, its members and product."""
        own = super().get_fieldsets(request, obj)
        new = ["category", "description_ko", "description_en"]
        return [*own, (_("Its product"), {"fields": ["shelf", "members"] if obj else new})]

    def get_readonly_fields(self, request: HttpRequest, obj: Plan | None = None) -> Any:
        return (*self.readonly_fields, *(("slug", "months", "renews") if obj else ()))

    def get_prepopulated_fields(self, request: HttpRequest, obj: Plan | None = None) -> Any:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "price":
            field.help_text = about_price()
        return field

    def save_model(self, request: HttpRequest, obj: Plan, form: BaseForm, change: bool) -> None:
        """The plan and its product are saved together."""
        if isinstance(form, NewPlanForm):
            category = form.cleaned_data["category"]
            plans.offer(obj, category=category, descriptions=form.descriptions)
            return
        plans.offer(obj, category=obj.product.category)
        if isinstance(form, PlanForm) and form.has_new_price:
            messages.info(request, told_of_price(obj))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        plan = self.get_object(request, object_id)
        try:
            may = self.has_delete_permission(request, plan)
            if may and MembershipPeriod.objects.filter(plan=plan).exists():
                return self.keep(request, object_id)
            return super().delete_view(request, object_id, extra_context)
        except ProtectedError:  # by an order that is not paid yet
            return self.keep(request, object_id)

    def keep(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say why it cannot be deleted, and what to do."""
        sentence = _(
            "This plan cannot be deleted: somebody has bought it, and that is kept. Take it "
            "off sale instead; its members keep it."
        )
        messages.error(request, sentence)
        return redirect("admin:accounts_plan_change", object_id)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its product goes with it, so whoever deletes it may delete that as well."""
        names = [str(plan) for plan in objs]
        may = request.user.has_perm("shop.delete_product")
        missing = set() if may else {str(Product._meta.verbose_name)}
        return names, {str(Plan._meta.verbose_name_plural): len(names)}, missing, []

    def delete_model(self, request: HttpRequest, obj: Plan) -> None:
        with transaction.atomic():
            obj.product.delete()
            obj.delete()

    @display(description=gettext_lazy("price"), ordering="price")
    def cost(self, plan: Plan) -> str:
        """``4,900원 / 1개월``, and whether it renews."""
        months = ngettext("%(count)d month", "%(count)d months", plan.months)
        period = months % {"count": plan.months}
        how = _("renews") if plan.renews else _("once")
        return f"{won(plan.price)} / {period}, {how}"

    @display(description=gettext_lazy("benefits"))
    def benefits(self, plan: Plan) -> str:
        parts = []
        if plan.discount_percent:
            parts.append(_("%(percent)d%% off") % {"percent": plan.discount_percent})
        if plan.has_free_delivery:
            parts.append(_("free delivery"))
        return ", ".join(parts) or "–"

    @display(description=gettext_lazy("trial"), ordering="trial_days")
    def trial(self, plan: Plan) -> str:
        if not plan.trial_days:
            return "–"
        words = ngettext("%(count)d day", "%(count)d days", plan.trial_days)
        return words % {"count": plan.trial_days}

    @display(description=gettext_lazy("members"), ordering="good")
    def members(self, plan: Plan) -> str:
        """How many there are, and the way to their list, for who may see it."""
        address = f"{reverse('admin:accounts_membership_changelist')}?plan__id__exact={plan.pk}"
        return format_html(LINK, address, f"{plan.good:,}")  # type: ignore[attr-defined]

    @display(description=gettext_lazy("product"))
    def shelf(self, plan: Plan) -> str:
        address = reverse("admin:shop_product_change", args=[plan.product.pk])
        return format_html(LINK, address, _("its description, category and picture"))


def about_price() -> str:
    """What a new price does to those who are members already."""
    days = settings.MEMBERSHIP_NOTICE_DAYS
    sentence = ngettext(
        "In won, VAT included, for one period. Members are told of a new price by mail %(days)d "
        "day ahead, and pay the old one until then.",
        "In won, VAT included, for one period. Members are told of a new price by mail %(days)d "
        "days ahead, and pay the old one until then.",
        days,
    )
    return sentence % {"days": days}


def told_of_price(plan: Plan) -> str:
    days = settings.MEMBERSHIP_NOTICE_DAYS
    sentence = ngettext(
        "From now on “%(plan)s” is sold for %(price)s. Its members are told by mail %(days)d day "
        "ahead, and pay what they agreed to until then.",
        "From now on “%(plan)s” is sold for %(price)s. Its members are told by mail %(days)d days "
        "ahead, and pay what they agreed to until then.",
        days,
    )
    return sentence % {"plan": plan, "price": won(plan.price), "days": days}
