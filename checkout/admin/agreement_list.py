"""Agreements to be charged: the list, and the page of one. What charges them is never shown."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from accounts.http import ShopperRequest
from accounts.models import BillingAgreement
from checkout import agreements_by_hand, attention, trail
from checkout.admin import signed_out
from checkout.admin.membership_page import (
    EVENTS,
    LONGEST_ID,
    MANAGE,
    calls_about,
    charges_of,
)
from checkout.admin.membership_words import AGREEMENT_COLORS, day, how_charged, moment
from checkout.agreements_by_hand import Answer, Said
from orders.admin import ORDER_COLORS, FoundByOrder, ReadOnlyAdmin
from orders.admin.searching import of_people_meant
from orders.models import Order, PaymentTransaction

Status = BillingAgreement.Status
TEMPLATE = "admin/accounts/billingagreement/page.html"
#: An agreement is charged once a month.
ORDERS = 60


class StuckFilter(admin.SimpleListFilter):
    """To be ended for over a day: what the front page counts."""

    title = gettext_lazy("attention")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        return [("stuck", gettext_lazy("to be ended for over a day"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[BillingAgreement]
    ) -> QuerySet[BillingAgreement]:
        if self.value() != "stuck":
            return queryset
        return queryset & attention.long_ending(now=timezone.now())


@admin.register(BillingAgreement)
class AgreementAdmin(FoundByOrder, ReadOnlyAdmin):
    list_display = ("name", "person", "state", "charged_by", "made", "used", "checked", "ended_by")
    list_filter = (StuckFilter, "status", "ended_by")
    list_select_related = ("user",)
    ordering = ("-pk",)
    sortable_by = ()
    search_help_text = gettext_lazy("E-mail address, name, phone or order number.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """By whatever tells of one of the person's orders, or by the address of the account."""
        return of_people_meant(queryset, search_term.strip()), False

    def get_urls(self) -> list[URLPattern]:
        ways: dict[str, Callable[..., None]] = {"ask": self.ask, "end": self.end}
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(partial(self.handled, view)),
                name=f"accounts_billingagreement_{name}",
            )
            for name, view in ways.items()
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: ShopperRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """How it stands, what was charged by it, and what was asked about it."""
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        agreement = agreement_of(unquote(object_id))
        context = {
            **self.admin_site.each_context(request),
            **parts_of(agreement, request),
            "opts": self.opts,
            "title": _("Payment agreement #%(number)d") % {"number": agreement.pk},
            "original": agreement,
            "agreement": agreement,
        }
        return render(request, TEMPLATE, context)

    def handled(
        self, do: Callable[..., None], request: ShopperRequest, object_id: str
    ) -> HttpResponse:
        """:raises PermissionDenied, Http404:"""
        if not (request.user.has_perm(MANAGE) and self.has_view_permission(request)):
            raise PermissionDenied
        agreement = agreement_of(object_id)
        if request.method != "POST":
            return signed_out.back_to(request, "accounts_billingagreement", agreement.pk)
        do(request, agreement)
        return redirect("admin:accounts_billingagreement_change", agreement.pk)

    def ask(self, request: ShopperRequest, agreement: BillingAgreement) -> None:
        answer = agreements_by_hand.ask(agreement, now=timezone.now())
        self.log_change(request, agreement, _("Asked KakaoPay."))
        LOUDNESS[answer.said](request, sentence_about(answer))

    def end(self, request: ShopperRequest, agreement: BillingAgreement) -> None:
        try:
            has_ended = agreements_by_hand.end(agreement, now=timezone.now())
        except agreements_by_hand.Needed:
            messages.error(
                request,
                _("A membership is charged by it: it cannot be ended before that has ended."),
            )
            return
        self.log_change(request, agreement, _("Ended it at KakaoPay."))
        if has_ended:
            messages.success(request, _("It has ended at KakaoPay: nobody can charge it again."))
            return
        sentence = _("KakaoPay did not end it now. It is tried again by itself.")
        messages.warning(request, sentence)

    @display(description="ID")
    def name(self, agreement: BillingAgreement) -> str:
        return f"#{agreement.pk}"

    @display(description=gettext_lazy("person"))
    def person(self, agreement: BillingAgreement) -> str:
        return agreement.user.email

    @display(description=gettext_lazy("status"), label=AGREEMENT_COLORS)
    def state(self, agreement: BillingAgreement) -> tuple[str, str]:
        return agreement.status, agreement.get_status_display()

    @display(description=gettext_lazy("paid by"))
    def charged_by(self, agreement: BillingAgreement) -> str:
        return how_charged(agreement)

    @display(description=gettext_lazy("made on"))
    def made(self, agreement: BillingAgreement) -> str:
        return day(agreement.created_at)

    @display(description=gettext_lazy("last used at"))
    def used(self, agreement: BillingAgreement) -> str:
        return moment(agreement.used_at)

    @display(description=gettext_lazy("last checked at"))
    def checked(self, agreement: BillingAgreement) -> str:
        return moment(agreement.checked_at)


def agreement_of(object_id: str) -> BillingAgreement:
    """:raises Http404:"""
    if not object_id.isdecimal() or len(object_id) > LONGEST_ID:
        raise Http404
    agreement = BillingAgreement.objects.select_related("user").filter(pk=object_id).first()
    if agreement is None:
        raise Http404
    return agreement


def parts_of(agreement: BillingAgreement, request: ShopperRequest) -> dict[str, Any]:
    user = request.user
    may_manage = user.has_perm(MANAGE)
    used_by = list(agreement.memberships.filter(ended_at=None).select_related("plan"))
    orders = Order.objects.filter(transactions__agreement=agreement).distinct()
    charges = PaymentTransaction.objects.filter(agreement=agreement)
    may_see_calls = user.has_perm("checkout.view_providercall")
    return {
        "state_color": AGREEMENT_COLORS[Status(agreement.status)],
        "how_charged": how_charged(agreement),
        "used_by": used_by,
        "orders": [
            (order, ORDER_COLORS[Order.Status(order.status)], charges_of(order))
            for order in orders.prefetch_related("transactions").order_by("-pk")[:ORDERS]
        ],
        "calls": calls_about(charges, agreement) if may_see_calls else [],
        "history": trail.read(
            trail.Wanted(BillingAgreement, agreement.pk, everybody=True), per_page=EVENTS
        ),
        "may_ask": may_manage,
        "may_end": may_manage and not used_by and agreement.status != Status.ENDED,
        "may_see_account": user.has_perm("accounts.view_user"),
        "may_see_orders": user.has_perm("orders.view_order"),
        "may_see_memberships": user.has_perm("accounts.view_membership"),
    }


LOUDNESS: dict[Said, Callable[..., None]] = {
    Said.GOOD: messages.success,
    Said.NEWS: messages.warning,
    Said.OVER: messages.success,
    Said.ALIVE: messages.error,
    Said.NO_ANSWER: messages.error,
}


def sentence_about(answer: Answer) -> str:
    return {
        Said.GOOD: _("KakaoPay says that it can be charged."),
        Said.NEWS: _(
            "Its shopper has ended it at KakaoPay. A membership that was charged by it does not "
            "renew any more, and its shopper is told by mail."
        ),
        Said.OVER: _("KakaoPay says that it has ended, as our books do."),
        Said.ALIVE: _(
            "KakaoPay says that it can still be charged, though it has ended here: end it in "
            "KakaoPay's partner site."
        ),
        Said.NO_ANSWER: _("KakaoPay did not answer. %(detail)s") % {"detail": answer.detail},
    }[answer.said]
