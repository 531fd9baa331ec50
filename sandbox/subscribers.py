"""Subscriptions as the sandbox holds them, and what their payers do, for people and programs."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias, TypedDict

from django.core.paginator import Paginator
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_stubs_ext import WithAnnotations

from . import clock, subscriptions
from .answers import kst
from .asking import Unclear, day, is_json, sent, span, whole
from .forms import DECLINES
from .ledger import PAGE_SIZE, every_payment
from .models import ApiCall, Method, Payment, Status, Subscription
from .refusals import METHOD_MESSAGES, Refused

REASON = re.compile(r"[0-9]{4}|[A-Z][A-Z_]{2,29}")
AT_ONCE = 2000
CALLS_SHOWN = 50
CHARGES = (
    Payment.objects.filter(subscription=OuterRef("pk"))
    .exclude(status=Status.ISSUED_SID)
    .order_by()
    .values("subscription")
    .annotate(number=Count("pk"))
    .values("number")
)


class Counted(TypedDict):
    """What is added to a subscription."""

    charges: int


CountedSubscription: TypeAlias = "WithAnnotations[Subscription, Counted]"


def every_subscription() -> QuerySet[CountedSubscription]:
    """Every subscription, newest first, with how often it took money as ``charges``."""
    counted = Coalesce(Subquery(CHARGES, output_field=IntegerField()), 0)
    return Subscription.objects.annotate(charges=counted)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Subscriptions, newest first, found by sid or partner_user_id."""
    query = request.GET.get("q", "").strip()
    found = every_subscription()
    if query:
        found = found.filter(Q(sid=query) | Q(partner_user_id__icontains=query))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "sandbox/subscriptions.html", {"page": page, "query": query})


@require_GET
def detail(request: HttpRequest, sid: str) -> HttpResponse:
    """One subscription with its payments, the calls about it, and what its payer can do."""
    return _detail(request, _find(sid))


@require_POST
def end(request: HttpRequest, sid: str) -> HttpResponse:
    """End a subscription as its payer does in the KakaoPay app."""
    subscription = _find(sid)
    try:
        subscriptions.end_as_payer(subscription, now=clock.now())
    except Refused:
        why = "이미 해지된 정기 결제입니다. / This subscription has already ended."
        return _unclear(request, subscription, why)
    return _done(request, sid)


@require_http_methods(["POST", "DELETE"])
def decline(request: HttpRequest, sid: str) -> HttpResponse:
    """
    POST lets the payer's card or bank decline the next charges; DELETE lets it approve again.

        {"reason": "NOT_ENOUGH_BALANCE", "times": 3}

    Without ``times`` it declines until it is cleared. An empty reason clears it, too.
    """
    subscription = _find(sid)
    reason, times = "", None
    if request.method == "POST":
        try:
            reason, times = _asked_decline(sent(request))
        except Unclear as unclear:
            return _unclear(request, subscription, str(unclear))
    subscriptions.decline_next(subscription, reason, times)
    return _done(request, sid)


def _asked_decline(fields: dict[str, Any]) -> tuple[str, int | None]:
    reason = fields.get("reason")
    if reason != "" and not (isinstance(reason, str) and REASON.fullmatch(reason)):
        raise Unclear(
            "reason: 3538이나 NOT_ENOUGH_BALANCE처럼 넣어 주세요. / "
            "reason is four digits of a card company or a bank's word such as NOT_ENOUGH_BALANCE."
        )
    if fields.get("times") in (None, ""):
        return reason, None
    return reason, whole(fields, "times", 1, 10_000)


@require_GET
def as_json(request: HttpRequest) -> JsonResponse:
    """The subscriptions with ``?sid=`` or ``?partner_user_id=``, newest first."""
    names = ("sid", "partner_user_id")
    wanted = {name: request.GET[name] for name in names if name in request.GET}
    if not wanted:
        return JsonResponse({"error": "sid or partner_user_id is needed"}, status=400)
    found = every_subscription().filter(**wanted)
    return JsonResponse({"subscriptions": [figures(subscription) for subscription in found]})


@require_GET
def as_lines(request: HttpRequest) -> HttpResponseBase:
    """Every subscription, oldest first, one JSON a line; ``?since=&until=`` by created_at."""
    try:
        created = span(day(request.GET, "since"), day(request.GET, "until"), "created_at")
    except Unclear as unclear:
        return JsonResponse({"error": str(unclear)}, status=400)
    found = every_subscription().filter(**created).order_by("id")
    return StreamingHttpResponse(_lines(found), content_type="application/x-ndjson")


def _lines(found: QuerySet[CountedSubscription]) -> Iterator[str]:
    for subscription in found.iterator(AT_ONCE):
        yield json.dumps(figures(subscription), ensure_ascii=False) + "\n"


def figures(subscription: CountedSubscription) -> dict[str, Any]:
    """A subscription of ``every_subscription`` in exact figures, its times in KST."""
    return {
        "sid": subscription.sid,
        "cid": subscription.cid,
        "partner_user_id": subscription.partner_user_id,
        "item_name": subscription.item_name,
        "status": subscription.status,
        "method": subscription.payment_method_type,
        "issuer": subscription.issuer or None,
        "created_at": kst(subscription.created_at),
        "last_approved_at": kst(subscription.last_approved_at),
        "inactivated_at": kst(subscription.inactivated_at),
        "inactivated_by": subscription.inactivated_by or None,
        "decline": subscription.decline or None,
        "decline_times": subscription.decline_times,
        "charges": subscription.charges,
    }


def _find(sid: str) -> CountedSubscription:
    """The subscription. :raises Http404:"""
    found = every_subscription().filter(sid=sid).first()
    if found is None:
        raise Http404(sid)
    return found


def _done(request: HttpRequest, sid: str) -> HttpResponse:
    """The figures to a program; a person goes back to the subscription's page."""
    if is_json(request) or request.method == "DELETE":
        return JsonResponse(figures(_find(sid)))
    return redirect("subscription", sid=sid)


def _unclear(request: HttpRequest, subscription: CountedSubscription, why: str) -> HttpResponse:
    if is_json(request):
        return JsonResponse({"error": why}, status=400)
    return _detail(request, subscription, error=why, status=400)


def _detail(
    request: HttpRequest, subscription: CountedSubscription, *, error: str = "", status: int = 200
) -> HttpResponse:
    payments = every_payment().filter(subscription=subscription)
    reasons = dict.fromkeys(
        [*DECLINES[Method(subscription.payment_method_type)], subscription.decline]
    )
    context = {
        "subscription": subscription,
        "page": Paginator(payments, PAGE_SIZE).get_page(request.GET.get("page")),
        "calls": ApiCall.objects.filter(sid=subscription.sid)[:CALLS_SHOWN],
        "reasons": [(code, METHOD_MESSAGES.get(code, "")) for code in reasons if code],
        "error": error,
    }
    return render(request, "sandbox/subscription.html", context, status=status)
