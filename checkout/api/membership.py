"""A shopper's membership, for programs: what it is, and going on with it."""

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Plan, User
from api.idempotency import idempotent
from api.limits import READY, limited
from api.problems import Problem
from api.schema import may_refuse
from checkout import members, standing
from checkout.api.beginning import (
    BackSerializer,
    StartedSerializer,
    back_of,
    begun,
    later,
    refusing,
)
from checkout.api.members import (
    CHANGES,
    IN_DOUBT,
    NO_SUCH_PLAN,
    NOT_A_MEMBER,
    NOT_RENEWING,
    TAGS,
    MembershipSerializer,
    changing,
    stands,
)
from checkout.api.refusals import NOT_PAYABLE, PAYMENT_IN_PROGRESS, RETURN_URL, UNAVAILABLE
from checkout.standing import State


class PlanSerializer(serializers.ModelSerializer[Plan]):
    product = serializers.SlugField(source="product.slug", help_text="What is put into the cart.")

    class Meta:
        model = Plan
        fields = [
            *("slug", "name", "product", "price", "months", "renews", "trial_days"),
            *("discount_percent", "has_free_delivery"),
        ]
        read_only_fields = fields


class ChosenSerializer(serializers.Serializer[Any]):
    plan = serializers.SlugField(max_length=50)


class Plans(APIView):
    permission_classes = []
    authentication_classes = []

    @extend_schema(
        operation_id="plans",
        summary="Memberships on sale",
        tags=TAGS,
        responses=PlanSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        plans = Plan.objects.filter(is_active=True, product__is_active=True)
        return Response(PlanSerializer(plans.select_related("product"), many=True).data)


class Membership(APIView):
    @extend_schema(
        operation_id="membership",
        summary="My membership",
        tags=TAGS,
        responses=MembershipSerializer,
    )
    def get(self, request: Request) -> Response:
        return stands(request)


class Resume(APIView):
    @extend_schema(
        operation_id="membership_resume",
        summary="Renew it after all",
        tags=TAGS,
        request=None,
        responses=MembershipSerializer,
    )
    @may_refuse(*CHANGES)
    @idempotent
    def post(self, request: Request) -> Response:
        with changing():
            members.resume(cast(User, request.user), now=timezone.now())
        return stands(request)


class ChangePlan(APIView):
    @extend_schema(
        operation_id="membership_plan",
        summary="Another plan from the next period on",
        tags=TAGS,
        request=ChosenSerializer,
        responses=MembershipSerializer,
    )
    @may_refuse(*CHANGES, NO_SUCH_PLAN)
    @idempotent
    def post(self, request: Request) -> Response:
        sent = ChosenSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        plan = Plan.objects.filter(slug=sent.validated_data["plan"]).first()
        if plan is None:
            raise Problem(NO_SUCH_PLAN)
        with changing():
            members.change_plan(cast(User, request.user), plan, now=timezone.now())
        return stands(request)


class Method(APIView):
    throttle_classes = [limited(READY)]

    @extend_schema(
        operation_id="membership_method",
        summary="Register anew how it is paid",
        description="What is due is paid with it. The buyer goes to `redirect_url`.",
        tags=TAGS,
        request=BackSerializer,
        responses={201: StartedSerializer},
    )
    @may_refuse(
        *(RETURN_URL, NOT_A_MEMBER, NOT_RENEWING, IN_DOUBT, PAYMENT_IN_PROGRESS, NOT_PAYABLE),
        UNAVAILABLE,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        sent = BackSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        back = back_of(sent.validated_data)
        user = cast(User, request.user)
        found = standing.of(user.pk, now=timezone.now())
        if found is not None and found.state == State.IN_DOUBT:
            raise later(IN_DOUBT)
        with changing(), refusing():
            charge = members.register(user, back=back, now=timezone.now())
        return begun(charge, sent.validated_data["client"])
