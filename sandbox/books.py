"""The books, for programs: read all of them, and change them on purpose."""

import json
from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from . import planting, planting_sids
from .asking import Unclear, day, sent_json, span
from .ledger import every_payment, figures
from .models import Payment

PAYMENTS_AT_ONCE = 500


@require_GET
def as_lines(request: HttpRequest) -> HttpResponseBase:
    """Every payment, oldest first, one JSON object a line; ``?since=&until=`` by created_at."""
    try:
        created = span(day(request.GET, "since"), day(request.GET, "until"), "created_at")
    except Unclear as unclear:
        return JsonResponse({"error": str(unclear)}, status=400)
    found = every_payment().filter(**created).order_by("id")
    return StreamingHttpResponse(_lines(found), content_type="application/x-ndjson")


def _lines(found: QuerySet[Payment]) -> Iterator[str]:
    for payment in found.iterator(PAYMENTS_AT_ONCE):
        yield json.dumps(figures(payment), ensure_ascii=False) + "\n"


@require_POST
def plant(request: HttpRequest) -> JsonResponse:
    """Write a list of payments into the books; see ``planting.Planted``."""
    site = f"{request.scheme}://{request.get_host()}"
    try:
        planted = planting.plant(sent_json(request), site=site)
    except Unclear as unclear:
        return JsonResponse({"error": str(unclear)}, status=400)
    return JsonResponse(planted, status=201, safe=False)


@require_POST
def plant_subscriptions(request: HttpRequest) -> JsonResponse:
    """Write a list of subscriptions into the books; see ``planting_sids.Planted``."""
    try:
        planted = planting_sids.plant(sent_json(request))
    except Unclear as unclear:
        return JsonResponse({"error": str(unclear)}, status=400)
    return JsonResponse(planted, status=201, safe=False)


@require_http_methods(["POST", "DELETE"])
def change(request: HttpRequest, tid: str) -> HttpResponse:
    """POST writes over figures of a payment, DELETE takes it out of the books."""
    payment = every_payment().filter(tid=tid).first()
    if payment is None:
        return JsonResponse({"error": f"없는 tid입니다. / There is no payment {tid}."}, status=404)
    if request.method == "DELETE":
        planting.forget(payment)
        return HttpResponse(status=204)
    try:
        planting.alter(payment, sent_json(request))
    except Unclear as unclear:
        return JsonResponse({"error": str(unclear)}, status=400)
    return JsonResponse(figures(every_payment().get(tid=tid)))
