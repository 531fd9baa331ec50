from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from orders.admin.periods import PeriodFilter
from orders.admin.reading import ReadOnlyAdmin
from orders.admin.searching import orders_meant
from orders.models import CouponRedemption
from shop.models import Coupon
from shop.templatetags.money import won


@admin.register(CouponRedemption)
class CouponRedemptionAdmin(ReadOnlyAdmin):
    list_display = ("coupon", "order", "user", "discount", "created_at", "given_back_at")
    list_filter = (("created_at", PeriodFilter), ("given_back_at", admin.EmptyFieldListFilter))
    list_select_related = ("coupon", "order", "user")
    sortable_by = ()
    search_fields = ("order__number", "coupon__code")
    search_help_text = _("Order number, e-mail, name or code of the coupon.")

    @display(description=_("coupon discount"))
    def discount(self, redemption: CouponRedemption) -> str:
        return won(redemption.order.discount)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """There are few coupons, so that any part of a name finds one."""
        words = search_term.strip()
        if not words:
            return queryset, False
        named = Q(code__iexact=words) | Q(name_ko__icontains=words) | Q(name_en__icontains=words)
        rows = CouponRedemption.objects.order_by()
        found = rows.filter(order__in=orders_meant(words)).union(
            rows.filter(coupon__in=Coupon.objects.filter(named).order_by())
        )
        return queryset.filter(pk__in=found.values("pk")), False
