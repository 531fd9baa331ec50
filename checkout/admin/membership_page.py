"""The page about one membership: how it stands, what staff can do, and how it came to that."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import memberships
from accounts.http import ShopperRequest
from accounts.models import BillingAgreement, Membership, MembershipPeriod, User
from checkout import limits, trail
from checkout.admin.journal import pretty
from checkout.admin.membership_words import (
    AGREEMENT_COLORS,
    DUE,
    PERIOD_COLORS,
    STATE_COLORS,
    STATE_LABELS,
    how_charged,
    price_of,
    sentence_about,
    state_of,
)
from checkout.models import Mail, ProviderCall
from checkout.standing import State
from orders.admin import ORDER_COLORS, TRANSACTION_COLORS
from orders.models import Order, PaymentTransaction

TEMPLATE = "admin/accounts/membership/page.html"
MANAGE = "accounts.manage_membership"
LONGEST_ID = 18
#: Of each, the latest are enough: the lists have the rest.
PERIODS, CALLS, MAILS, EVENTS = 60, 50, 50, 60

AgreementStatus = BillingAgreement.Status
PeriodStatus = MembershipPeriod.Status
Status = PaymentTransaction.Status
CHARGE = PaymentTransaction.Kind.CHARGE


def membership_of(object_id: str) -> Membership:
    """:raises Http404:"""
    if not object_id.isdecimal() or len(object_id) > LONGEST_ID:
        raise Http404
    rows = Membership.objects.select_related("user", "plan", "next_plan", "agreement")
    membership: Membership | None = rows.filter(pk=object_id).first()
    if membership is None:
        raise Http404
    return membership


def show(desk: Any, request: ShopperRequest, object_id: str) -> HttpResponse:
    """Nothing is changed here: each button has an address of its own."""
    if not desk.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
        raise PermissionDenied
    membership = membership_of(object_id)
    now = timezone.now()
    context = {
        **desk.admin_site.each_context(request),
        **parts_of(membership, request.user, now=now),
        "opts": desk.opts,
        "title": str(membership.user),
        "original": membership,
        "membership": membership,
    }
    return render(request, TEMPLATE, context, status=HTTPStatus.OK)


def parts_of(membership: Membership, user: User, *, now: datetime) -> dict[str, Any]:
    """All that the page shows this person, in a fixed number of queries."""
    periods = list(periods_of(membership))
    in_trial = is_trial(periods, now=now)
    state = state_of(membership, is_in_doubt=is_in_doubt(periods), is_trial=in_trial, now=now)
    agreement = membership.agreement
    may_see_calls = user.has_perm("checkout.view_providercall")
    everything = trail.Wanted(Membership, membership.pk, everybody=True)
    return {
        "state": STATE_LABELS[state],
        "state_color": STATE_COLORS[state],
        "sentence": sentence_about(membership, state, is_trial=in_trial),
        "price": price_of(membership),
        "periods": [
            (each, PERIOD_COLORS[PeriodStatus(each.status)], paid_by(each)) for each in periods
        ],
        "registrations": [(each, charges_of(each)) for each in registrations_of(membership)],
        "agreement": agreement,
        "agreement_color": AGREEMENT_COLORS[AgreementStatus(agreement.status)] if agreement else "",
        "how_charged": how_charged(agreement) if agreement else "",
        "mails": list(mails_of(membership)),
        "history": trail.read(everything, per_page=EVENTS),
        "calls": calls_of(membership) if may_see_calls else [],
        "may_see_account": user.has_perm("accounts.view_user"),
        "may_see_agreement": user.has_perm("accounts.view_billingagreement"),
        "may_see_orders": user.has_perm("orders.view_order"),
        **buttons_of(membership, state, user),
    }


def periods_of(membership: Membership) -> QuerySet[MembershipPeriod]:
    """The latest first, each with its orders and their charges."""
    charges = Prefetch("transactions", PaymentTransaction.objects.order_by("pk"))
    orders = Prefetch("orders", Order.objects.order_by("pk").prefetch_related(charges))
    periods = membership.periods.select_related("plan").order_by("-number")
    return periods.prefetch_related(orders)[:PERIODS]


def paid_by(period: MembershipPeriod) -> list[tuple[Order, str, list[tuple[Any, str]]]]:
    """Each order that paid the period, or was to, with its transactions."""
    return [
        (order, ORDER_COLORS[Order.Status(order.status)], charges_of(order))
        for order in period.orders.all()
    ]


def charges_of(order: Order) -> list[tuple[PaymentTransaction, str]]:
    return [(txn, TRANSACTION_COLORS[Status(txn.status)]) for txn in order.transactions.all()]


def registrations_of(membership: Membership) -> QuerySet[Order]:
    """How its shopper said by what they are charged, where no period was paid with it."""
    orders = Order.objects.filter(user=membership.user_id, kind=Order.Kind.METHOD, period=None)
    return orders.prefetch_related("transactions").order_by("-placed_at")[:MAILS]


def mails_of(membership: Membership) -> QuerySet[Mail]:
    mails = Mail.objects.filter(order__user=membership.user_id, order__plan__isnull=False)
    return mails.select_related("order").order_by("-pk")[:MAILS]


def calls_of(membership: Membership) -> list[tuple[ProviderCall, str, str]]:
    """What was asked about its agreement and its charges, the latest first."""
    charges = PaymentTransaction.objects.filter(order__period__membership=membership)
    return calls_about(charges, membership.agreement)


def calls_about(
    charges: QuerySet[PaymentTransaction], agreement: BillingAgreement | None
) -> list[tuple[ProviderCall, str, str]]:
    """The latest calls, each with what was sent and what came back."""
    rows = ProviderCall.objects.order_by()
    ids = rows.filter(transaction__in=charges.order_by()).values("pk")
    if agreement is not None:
        ids = ids.union(rows.filter(agreement=agreement).values("pk"))
    calls = ProviderCall.objects.filter(pk__in=ids).order_by("-pk")[:CALLS]
    return [
        (call, pretty(call.request), "" if call.response is None else pretty(call.response))
        for call in calls
    ]


def is_in_doubt(periods: list[MembershipPeriod]) -> bool:
    """Told from the periods, as the list tells it."""
    orders = [order for each in periods for order in each.orders.all()]
    charges = [txn for order in orders for txn in order.transactions.all() if txn.kind == CHARGE]
    return any(txn.status == Status.PROCESSING for txn in charges)


def is_trial(periods: list[MembershipPeriod], *, now: datetime) -> bool:
    paid = [each for each in periods if each.status == PeriodStatus.PAID]
    return any(each.is_trial and each.starts_at <= now < each.ends_at for each in paid)


def buttons_of(membership: Membership, state: str, user: User) -> dict[str, bool]:
    """What this person may do with it now."""
    may = user.has_perm(MANAGE)
    is_good = state != State.ENDED
    can_renew = membership.plan.renews and memberships.can_be_charged(membership)
    return {
        "may_stop": may and is_good and membership.renews,
        "may_resume": may and is_good and not membership.renews and can_renew,
        "may_end": may and is_good and limits.may_refund(user),
        "may_charge": may and state == DUE,
    }
