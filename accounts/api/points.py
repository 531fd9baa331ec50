"""A shopper's points, for programs."""

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import balances
from accounts.api.me import TAGS
from api.pages import Pages


class ExpiringSerializer(serializers.Serializer[Any]):
    last_day = serializers.DateField()
    points = serializers.IntegerField()


class BalanceSerializer(serializers.Serializer[Any]):
    """Points, each worth one won at checkout."""

    usable = serializers.IntegerField(min_value=0)
    held = serializers.IntegerField(min_value=0, help_text="By orders that wait for payment.")
    owed = serializers.IntegerField(min_value=0, help_text="The next ones pay for these.")
    expiring = ExpiringSerializer(many=True, help_text="What ends in the next 30 days.")


class Points(APIView):
    @extend_schema(
        operation_id="points", summary="My points", tags=TAGS, responses=BalanceSerializer
    )
    def get(self, request: Request) -> Response:
        balance = balances.balance(cast(int, request.user.pk), now=timezone.now())
        expiring = [{"last_day": day, "points": n} for day, n in balance.expiring.items()]
        said = {
            "usable": balance.usable,
            "held": sum(balance.held.values()),
            "owed": balance.owed,
            "expiring": expiring,
        }
        return Response(BalanceSerializer(said).data)


class MovementSerializer(serializers.Serializer[Any]):
    what = serializers.CharField(help_text="EARNED, GRANTED, HELD, SPENT, RETURNED, …")
    points = serializers.IntegerField(help_text="By how many the balance changed.")
    order_number = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="Until when new ones last.")


class MovementPages(Pages):
    ordering = ("-created_at", "-latest")


class PointHistory(ListAPIView[Any]):
    """How the balance came about, newest first."""

    serializer_class = MovementSerializer
    pagination_class = MovementPages

    def get_queryset(self) -> Any:
        return balances.history(cast(int, self.request.user.pk))

    @extend_schema(operation_id="point_history", summary="How my points came about", tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)
