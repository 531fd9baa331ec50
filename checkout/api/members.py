"""How a membership stands, as programs see it, and why it cannot be changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import memberships
from accounts.models import MembershipPeriod, Plan
from api.problems import Kind, Problem
from checkout import members, refunds, standing
from checkout.api.beginning import later
from checkout.standing import State
from orders import refunding

TAGS = ["Membership"]
MOST_PERIODS = 24
NOT_A_MEMBER = Kind(
    "not_a_member",
    409,
    _("There is no membership now."),
    _("Put a plan into the cart to join."),
)
NOT_RENEWING = Kind(
    "not_renewing",
    409,
    _("The membership does not renew."),
    _("What was bought once cannot be changed; what was canceled can be resumed."),
)
UNPAID = Kind(
    "membership_unpaid",
    409,
    _("A period is due."),
    _("It is paid first: POST membership/method/."),
)
NEEDS_METHOD = Kind(
    "payment_method_required",
    409,
    _("Nobody can be charged for it."),
    _("Register a payment method: POST membership/method/."),
)
NO_SUCH_PLAN = Kind(
    "unknown_plan",
    409,
    _("This plan is not on sale, or does not renew."),
    _("Take one from GET membership/plans/."),
)
IN_DOUBT = Kind(
    "membership_in_doubt",
    409,
    _("The outcome of the last payment or refund is not known yet. Nothing was changed."),
    _("Try again in a few minutes."),
)
ALREADY_BEING_REFUNDED = Kind(
    "membership_refund_under_way",
    409,
    _("A refund of the membership's payment is being looked at. It does not renew any more."),
    _("Wait until it is done."),
)
NOT_REFUNDABLE = Kind(
    "membership_not_refundable",
    409,
    _("The last payment cannot be given back by itself. The membership does not renew any more."),
    _("Ask for a refund of the order."),
)
NOT_AS_SEEN = Kind(
    "refund_changed",
    409,
    _("What would go back is not what was seen. Nothing was changed."),
    _("Show GET membership/stop-at-once/ again."),
)
WHY_NOT: dict[type[Exception], Kind] = {
    memberships.NotAMember: NOT_A_MEMBER,
    memberships.NotRenewing: NOT_RENEWING,
    memberships.Unpaid: UNPAID,
    memberships.NeedsMethod: NEEDS_METHOD,
    memberships.NoSuchPlan: NO_SUCH_PLAN,
    members.InDoubt: IN_DOUBT,
    refunds.AlreadyOpen: ALREADY_BEING_REFUNDED,
    refunding.NotNamed: NOT_REFUNDABLE,
}
CHANGES = (NOT_A_MEMBER, NOT_RENEWING, UNPAID, NEEDS_METHOD, IN_DOUBT)


class MembershipStandingSerializer(serializers.Serializer[Any]):
    """How it stands. ``state`` is what matters most about it."""

    state = serializers.ChoiceField([each.value for each in State])
    plan = serializers.SlugField(source="membership.plan.slug")
    name = serializers.CharField(source="membership.plan.name")
    renews = serializers.BooleanField(source="membership.renews")
    last_day = serializers.DateField(help_text="The last day, in Korea, as things stand.")
    next_plan = serializers.SlugField(source="next_plan.slug")
    next_price = serializers.IntegerField(min_value=0, help_text="In won.")
    charged_on = serializers.DateField(
        allow_null=True, help_text="The day, in Korea, of the next charge; null if there is none."
    )
    method = serializers.CharField(help_text="How it is charged, in words; empty if nobody can be.")
    can_resume = serializers.BooleanField()
    can_change_plan = serializers.BooleanField()
    can_register = serializers.BooleanField(help_text="By `POST membership/method/`.")
    owes = serializers.BooleanField(help_text="Is something to be paid now?")


class PeriodSerializer(serializers.ModelSerializer[MembershipPeriod]):
    plan = serializers.SlugRelatedField[Plan](slug_field="slug", read_only=True)

    class Meta:
        model = MembershipPeriod
        fields = ["plan", "status", "price", "is_trial", "starts_at", "ends_at"]
        read_only_fields = fields


class MembershipSerializer(serializers.Serializer[Any]):
    standing = MembershipStandingSerializer(
        allow_null=True, help_text="Null for who never had one."
    )
    periods = PeriodSerializer(many=True, help_text="The last 24, newest first.")


@contextmanager
def changing() -> Iterator[None]:
    """Turn what may keep a membership from being changed into problems."""
    try:
        yield
    except tuple(WHY_NOT) as error:
        kind = WHY_NOT[type(error)]
        raise (later(kind) if kind is IN_DOUBT else Problem(kind)) from error


def described(request: Request) -> dict[str, Any]:
    found = standing.of(cast(int, request.user.pk), now=timezone.now())
    periods = MembershipPeriod.objects.none()
    if found:
        periods = MembershipPeriod.objects.filter(membership=found.membership)
    return {
        "standing": found,
        "periods": periods.select_related("plan")[:MOST_PERIODS],
    }


def stands(request: Request) -> Response:
    said = MembershipSerializer(described(request)).data
    return Response(said)
