"""The list of memberships: who is to be charged, who cannot be, and whose has ended."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.http import ShopperRequest
from accounts.models import BillingAgreement, Membership, MembershipPeriod
from checkout import attention
from checkout.admin import membership_actions, membership_page, membership_stop
from checkout.admin import membership_words as words
from checkout.standing import State
from orders import renewing
from orders.admin import FoundByOrder, ReadOnlyAdmin
from orders.admin.searching import of_people_meant
from orders.models import PaymentTransaction
from shop.templatetags.money import won

CHARGE = PaymentTransaction.Kind.CHARGE


class StateFilter(admin.SimpleListFilter):
    """``?state=…``; what is failing or in doubt may be renewing as well."""

    title = _("status")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        return [(state.lower(), label) for state, label in words.STATE_LABELS.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Membership]
    ) -> QuerySet[Membership]:
        return queryset.filter(in_state((self.value() or "").upper()))


def in_state(state: str) -> Q:
    """All of them, if there is no such state."""
    now = timezone.now()
    good = Q(ended_at=None, lasts_until__gt=now)
    match state:
        case words.DUE:
            return Q(charge_at__lte=now)
        case State.FAILING:
            return Q(failing_since__isnull=False, ended_at=None)
        case State.IN_DOUBT:
            return Q(renewing.in_doubt(kind=CHARGE))
        case State.NO_METHOD:
            can_be_charged = Q(agreement__status=BillingAgreement.Status.ACTIVE)
            return good & Q(renews=True, failing_since=None) & ~can_be_charged
        case State.POSTPONED:
            return Q(pk__in=attention.postponed(now=now).values("pk"))
        case State.TRIAL:
            trials = MembershipPeriod.objects.filter(
                is_trial=True, status=MembershipPeriod.Status.PAID, ends_at__gt=now
            )
            return good & Q(pk__in=trials.values("membership"))
        case State.RENEWS:
            return good & Q(renews=True)
        case State.ENDS:
            return good & Q(renews=False)
        case State.ENDED:
            return ~good
    return Q()


@admin.register(Membership)
class MembershipAdmin(FoundByOrder, ReadOnlyAdmin):
    """Nothing is edited here: the page of one has a button for each thing that may be done."""

    list_display = (
        *("person", "plan", "state", "cost", "next_charge", "paid_to", "attempts", "started"),
    )
    list_filter = (StateFilter, "plan")
    list_select_related = ("user", "plan", "agreement")
    ordering = ("-started_at", "-pk")
    sortable_by = ("started",)
    search_help_text = _("E-mail address, name, phone or order number.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        now = timezone.now()
        trials = MembershipPeriod.objects.filter(
            *(Q(membership=OuterRef("pk"), is_trial=True), Q(starts_at__lte=now, ends_at__gt=now)),
            status=MembershipPeriod.Status.PAID,
        )
        rows: QuerySet[Membership] = super().get_queryset(request)
        return rows.annotate(is_in_doubt=renewing.in_doubt(kind=CHARGE), is_trial=Exists(trials))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """By whatever tells of one of the person's orders, or by the address of the account."""
        return of_people_meant(queryset, search_term.strip()), False

    def get_urls(self) -> list[URLPattern]:
        own = [*membership_actions.urls(self), *membership_stop.urls(self)]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: ShopperRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return membership_page.show(self, request, unquote(object_id))

    @display(description=_("person"))
    def person(self, membership: Membership) -> str:
        return membership.user.email

    @display(description=_("status"), label=words.STATE_COLORS)
    def state(self, membership: Any) -> tuple[str, str]:
        said = words.state_of(
            membership,
            is_in_doubt=membership.is_in_doubt,
            is_trial=membership.is_trial,
            now=timezone.now(),
        )
        return said, str(words.STATE_LABELS[said])

    @display(description=_("price"))
    def cost(self, membership: Membership) -> str:
        return won(membership.price)

    @display(description=_("next charged at"))
    def next_charge(self, membership: Membership) -> str:
        return words.moment(membership.charge_at)

    @display(description=_("paid until"))
    def paid_to(self, membership: Membership) -> str:
        return words.last(membership.paid_until)

    @display(description=_("started at"), ordering="started_at")
    def started(self, membership: Membership) -> str:
        return words.day(membership.started_at)
