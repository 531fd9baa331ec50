"""Who asks, for programs: their account and their membership, as JSON."""

from datetime import datetime
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import gates
from accounts.forms import ProfileForm
from accounts.memberships import next_price
from accounts.models import Membership, User
from api.forms import typed

TAGS = ["Me"]


class IsPremium(BasePermission):
    """Lets members pass: ``permission_classes = [IsPremium]``."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return gates.is_premium(request)


class MembershipNowSerializer(serializers.Serializer[Any]):
    """
    ``status`` is ACTIVE, FAILING where the last period could not be charged, or ENDING where
    nothing renews it; ``price`` is in won, of the next period if there will be one.
    """

    plan = serializers.SlugField()
    status = serializers.ChoiceField(["ACTIVE", "FAILING", "ENDING"])
    active_until = serializers.DateTimeField()
    renews = serializers.BooleanField()
    price = serializers.IntegerField()
    next_charge_at = serializers.DateTimeField(allow_null=True)


class MeSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    name = serializers.CharField()
    phone = serializers.CharField(help_text="E.164; empty if it is not known.")
    membership = MembershipNowSerializer(
        allow_null=True, help_text="Null for who is no member now."
    )


class ProfileSerializer(serializers.Serializer[Any]):
    """What is left out stays as it is."""

    name = serializers.CharField(max_length=50, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=30, required=False, allow_blank=True)


class Me(APIView):
    @extend_schema(operation_id="me", summary="Who I am", tags=TAGS, responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(about(request))

    @extend_schema(
        operation_id="me_change",
        summary="What checkout remembers of me",
        tags=TAGS,
        request=ProfileSerializer,
        responses=MeSerializer,
    )
    def patch(self, request: Request) -> Response:
        user = User.objects.get(pk=cast(int, request.user.pk))
        sent = ProfileSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        now = {"name": user.name, "phone": user.phone.as_e164 if user.phone else ""}
        form = ProfileForm(now | sent.validated_data, instance=user)
        typed(form)
        request.user = form.save()
        return Response(about(request))


def about(request: Request) -> dict[str, Any]:
    terms = gates.terms(request)
    membership = terms.membership if terms.is_member else None
    user = cast(User, request.user)
    return {
        "email": user.email,
        "name": user.name,
        "phone": user.phone.as_e164 if user.phone else "",
        "membership": membership and described(membership, now=timezone.now()),
    }


def described(membership: Membership, *, now: datetime) -> dict[str, Any]:
    """As ``MembershipNowSerializer`` says."""
    status = "ACTIVE" if membership.renews else "ENDING"
    until = membership.paid_until if membership.paid_until > now else membership.lasts_until
    charge_at = membership.charge_at
    return {
        "plan": membership.plan.slug,
        "status": "FAILING" if membership.is_failing else status,
        "active_until": timezone.localtime(until),
        "renews": membership.renews,
        "price": next_price(membership) if membership.renews else membership.price,
        "next_charge_at": charge_at and timezone.localtime(charge_at),
    }
