"""The catalogue for staff. Stock is added to, never overwritten: sales go on meanwhile."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from modeltranslation.admin import TranslationAdmin
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from shop.models import Category, Product
from shop.templatetags.money import won

#: Of a product that is a membership, these are the plan's.
OF_PLAN = ("name_ko", "name_en", "price", "is_tax_free", "needs_delivery", "is_active")


class SoldOutFilter(admin.SimpleListFilter):
    """On sale, and nothing left: what the front page counts."""

    title = _("stock")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        return [("sold_out", _("sold out"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        if self.value() != "sold_out":
            return queryset
        return queryset.filter(is_active=True, stock=0)


class ProductForm(forms.ModelForm[Product]):
    delivery = forms.IntegerField(
        label=_("Add to stock"),
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Pieces that came in; a negative number for pieces that were lost."),
    )

    def clean_picture(self) -> Any:
        """SVG can carry scripts, so only the demo's own are served; uploads are plain pictures."""
        picture = self.cleaned_data["picture"]
        if isinstance(picture, UploadedFile) and str(picture.name).lower().endswith(".svg"):
            raise forms.ValidationError(_("Please upload a PNG, JPEG or WebP picture."))
        return picture

    def clean_delivery(self) -> int:
        pieces: int = self.cleaned_data["delivery"] or 0
        if self.instance.stock + pieces < 0:
            raise forms.ValidationError(
                _("There are only %(stock)d to take away."), params={"stock": self.instance.stock}
            )
        return pieces


@admin.register(Category)
class CategoryAdmin(ModelAdmin, TranslationAdmin[Category]):
    list_display = ["name", "slug", "position"]
    list_editable = ["position"]
    search_fields = ["name_ko", "name_en", "slug"]
    prepopulated_fields = {"slug": ["name_en"]}


@admin.register(Product)
class ProductAdmin(ModelAdmin, TranslationAdmin[Product]):
    form = ProductForm
    list_display = [
        "thumbnail",
        "name",
        "category",
        "amount",
        "stock",
        "is_tax_free",
        "needs_delivery",
        "is_active",
    ]
    list_display_links = ["thumbnail", "name"]
    list_filter = [SoldOutFilter, "category", "is_active", "is_tax_free", "needs_delivery"]
    list_select_related = ["category"]
    search_fields = ["name_ko", "name_en", "slug"]
    prepopulated_fields = {"slug": ["name_en"]}
    readonly_fields = ["stock"]
    fields = [
        "category",
        "name",
        "slug",
        "description",
        "price",
        "is_tax_free",
        "needs_delivery",
        "stock",
        "delivery",
        "is_active",
        "picture",
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        """What a membership is called and costs is said at its plan."""
        own = super().get_readonly_fields(request, obj)
        return [*own, "plan_link", *OF_PLAN] if obj and obj.plan_id else own

    def get_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        fields = super().get_fields(request, obj)
        return ["plan_link", *fields] if obj and obj.plan_id else fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        return {} if obj and obj.plan_id else super().get_prepopulated_fields(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Product | None = None) -> bool:
        """A membership's product goes with its plan."""
        is_of_plan = obj is not None and obj.plan_id is not None
        return super().has_delete_permission(request, obj) and not is_of_plan

    @admin.display(description=_("plan"))
    def plan_link(self, product: Product) -> str:
        address = reverse("admin:accounts_plan_change", args=[product.plan_id])
        link = '<a class="text-primary-600 underline dark:text-primary-500" href="{}">{}</a>'
        return format_html(link, address, product.plan)

    @admin.display(description=_("picture"))
    def thumbnail(self, product: Product) -> str:
        if not product.picture:
            return "–"
        return format_html('<img src="{}" alt="" width="48" height="48">', product.picture.url)

    @admin.display(description=_("price"), ordering="price")
    def amount(self, product: Product) -> str:
        return won(product.price)

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        """Save what the form shows; the delivery is added to whatever the stock is by now."""
        pieces = form.cleaned_data.get("delivery", 0)
        if not change:
            obj.stock = pieces
            obj.save()
            return
        obj.save(update_fields=[f.name for f in obj._meta.concrete_fields if is_described(f.name)])
        if pieces:
            left = Greatest(F("stock") + pieces, 0)
            Product.objects.filter(pk=obj.pk).update(stock=left)


def is_described(field: str) -> bool:
    """Is this a column of the product that its form may write?"""
    return field not in {"id", "stock"}
