"""The API's own pages: what it can refuse, and the token against forged requests."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import problems


class Csrf(APIView):
    permission_classes = []

    @extend_schema(
        operation_id="csrf",
        summary="The CSRF token",
        description=(
            "For clients that sign in by cookie: send it as `X-CSRFToken` with what changes "
            "something. Only pages of an allowed origin can read it."
        ),
        tags=["Sign-in"],
        responses=inline_serializer("Csrf", {"csrf_token": serializers.CharField()}),
    )
    def get(self, request: Request) -> Response:
        token = get_token(request._request)
        return Response({"csrf_token": token})


@require_GET
def kinds(request: HttpRequest) -> HttpResponse:
    """Every problem that the API may answer with; their ``type`` leads here."""
    found = sorted(problems.KINDS.values(), key=lambda kind: (kind.status, kind.code))
    return render(request, "api/problems.html", {"kinds": found})


@csrf_exempt
@never_cache
def unknown(request: HttpRequest, rest: str = "") -> JsonResponse:
    return problems.not_found(request)
