"""Who was granted a coupon. Grants are made on the coupon's page; here they are taken back."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from shop.models import CouponGrant


@admin.register(CouponGrant)
class CouponGrantAdmin(ModelAdmin):
    list_display = ["coupon", "user", "granted_at"]
    list_display_links = None
    list_select_related = ["coupon", "user"]
    search_fields = ["user__email", "user__name", "coupon__name_ko", "coupon__code"]
    search_help_text = _("E-mail or name of the person, name or code of the coupon.")
    date_hierarchy = "granted_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
