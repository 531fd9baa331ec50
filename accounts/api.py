"""Who asks, for programs: their account and their membership, as JSON."""

from datetime import datetime
from typing import Any, cast

from django.utils import timezone
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import gates
from accounts.memberships import next_price
from accounts.models import Membership, User


class IsPremium(BasePermission):
    """Lets members pass: ``permission_classes = [IsPremium]``."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return gates.is_premium(request)


class Me(APIView):
    """``membership`` is null for whoever is no member now."""

    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]
    renderer_classes = [JSONRenderer]

    def get(self, request: Request) -> Response:
        terms = gates.terms(request)
        membership = terms.membership if terms.is_member else None
        about = membership and described(membership, now=timezone.now())
        user = cast(User, request.user)
        said = {"email": user.email, "name": user.name, "membership": about}
        return Response(said, headers={"Cache-Control": "no-store"})


def described(membership: Membership, *, now: datetime) -> dict[str, Any]:
    """
    ``status`` is ACTIVE, FAILING where the last period could not be charged, or ENDING where
    nothing renews it; ``price`` is in won, of the next period if there will be one.
    """
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
