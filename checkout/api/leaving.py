"""Ending a membership, for programs: with what is paid for, or at once."""

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from api.idempotency import idempotent
from api.problems import Problem
from api.schema import may_refuse
from checkout import members, parting, standing
from checkout.api.members import (
    ALREADY_BEING_REFUNDED,
    CHANGES,
    IN_DOUBT,
    NOT_A_MEMBER,
    NOT_AS_SEEN,
    NOT_REFUNDABLE,
    TAGS,
    MembershipSerializer,
    changing,
    described,
    stands,
)
from orders.api.answers import RefundSerializer


class PartingSerializer(serializers.Serializer[Any]):
    """What goes back if it ends now: won, points, and earned points that are taken back."""

    money = serializers.IntegerField(min_value=0)
    points = serializers.IntegerField(min_value=0)
    takes_back = serializers.IntegerField(min_value=0)
    seen = serializers.CharField(source="figures", help_text="To be sent with the decision.")


class SeenSerializer(serializers.Serializer[Any]):
    seen = serializers.CharField(max_length=2_000, trim_whitespace=False, allow_blank=True)


class EndedSerializer(serializers.Serializer[Any]):
    refunds = RefundSerializer(many=True)
    membership = MembershipSerializer()


class Stop(APIView):
    @extend_schema(
        operation_id="membership_stop",
        summary="Do not renew it",
        description="It ends with what is paid for, and nothing more is charged.",
        tags=TAGS,
        request=None,
        responses=MembershipSerializer,
    )
    @may_refuse(*CHANGES)
    @idempotent
    def post(self, request: Request) -> Response:
        with changing():
            members.stop(cast(User, request.user), now=timezone.now())
        return stands(request)


class StopAtOnce(APIView):
    @extend_schema(
        operation_id="membership_parting",
        summary="What would go back if it ended now",
        tags=TAGS,
        responses=PartingSerializer,
    )
    @may_refuse(NOT_A_MEMBER, IN_DOUBT, ALREADY_BEING_REFUNDED, NOT_REFUNDABLE)
    def get(self, request: Request) -> Response:
        return Response(PartingSerializer(parting_of(request)).data)

    @extend_schema(
        operation_id="membership_stop_at_once",
        summary="End it now",
        description=(
            "What is left of it goes back, by days. Where a refund is still PROCESSING, its period "
            "goes on until the outcome is known."
        ),
        tags=TAGS,
        request=SeenSerializer,
        responses=EndedSerializer,
    )
    @may_refuse(NOT_A_MEMBER, IN_DOUBT, ALREADY_BEING_REFUNDED, NOT_REFUNDABLE, NOT_AS_SEEN)
    @idempotent
    def post(self, request: Request) -> Response:
        sent = SeenSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        leaving = parting_of(request)
        if sent.validated_data["seen"] != leaving.figures:
            raise Problem(NOT_AS_SEEN, parting=PartingSerializer(leaving).data)
        with changing():
            done = members.stop_at_once(cast(User, request.user), now=timezone.now())
        return Response(EndedSerializer({"refunds": done, "membership": described(request)}).data)


def parting_of(request: Request) -> parting.Parting:
    """:raises Problem: there is nothing to end, or it cannot be told yet."""
    now = timezone.now()
    found = standing.of(cast(int, request.user.pk), now=now)
    if found is None or not found.membership.is_good(now):
        raise Problem(NOT_A_MEMBER)
    with changing():
        return parting.parting_of(found.membership, now=now)
