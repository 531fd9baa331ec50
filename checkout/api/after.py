"""What a buyer does about a paid order, for programs: cancel it, or ask for a refund."""

from typing import Any, cast

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from api.idempotency import idempotent, made_before
from api.problems import INVALID, Kind, Problem
from api.schema import may_refuse
from checkout import payments, refunds, requests
from checkout.api.beginning import RETRY_AFTER, own_order
from orders import refunding
from orders.api.answers import RefundRequestSerializer, RefundSerializer
from orders.models import Order, Refund, RefundRequest

TAGS = ["Orders"]
LONGEST_REASON = 300

NOT_CANCELABLE = Kind(
    "not_cancelable",
    409,
    _("This order cannot be canceled any more."),
    _("It was shipped, has nothing to ship, or is not paid. Ask for a refund if it is paid."),
)
REFUND_UNDER_WAY = Kind(
    "refund_under_way",
    409,
    _("A refund of this order is being looked at or confirmed."),
    _("Nothing needs to be done: ask for the order to see it."),
)
NOTHING_TO_REFUND = Kind(
    "nothing_to_refund",
    409,
    _("Nothing of this order is left that could be refunded."),
    _("Ask for the order to see what went back."),
)
CANCEL_INSTEAD = Kind(
    "cancel_instead",
    409,
    _("The parcel has not left."),
    _("Cancel the order: POST orders/<number>/cancel/."),
)
ASKED_ALREADY = Kind(
    "asked_already",
    409,
    _("A refund of this order was asked for already."),
    _("Wait for the answer, or withdraw the request."),
)
ANSWERED_ALREADY = Kind(
    "answered_already",
    409,
    _("The request was answered or withdrawn already."),
    _("Ask for the order to see the answer."),
)
TOO_MANY_PIECES = Kind(
    "too_many_pieces",
    409,
    _("There are not so many pieces left of a line."),
    _("Ask for no more than “left” of “line”."),
)


class CancelSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, allow_blank=True)


class WantedPiecesSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(min_value=1, help_text="The id of a line of the order.")
    quantity = serializers.IntegerField(min_value=1, max_value=99)


class AskSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=LONGEST_REASON)
    pieces = serializers.ListField(
        child=WantedPiecesSerializer(), min_length=1, max_length=100, help_text="Each line once."
    )

    def validate_pieces(self, pieces: list[dict[str, int]]) -> dict[int, int]:
        wanted = {each["line"]: each["quantity"] for each in pieces}
        if len(wanted) != len(pieces):
            raise serializers.ValidationError(_("Name each line once."), code="repeated")
        return wanted


class CancelOrder(APIView):
    @extend_schema(
        operation_id="order_cancel",
        summary="Cancel a paid order that was not shipped",
        description="All of it goes back, and the goods into stock. 202 while that is not known.",
        tags=TAGS,
        request=CancelSerializer,
        responses={200: RefundSerializer, 202: RefundSerializer},
    )
    @may_refuse(NOT_CANCELABLE, REFUND_UNDER_WAY, NOTHING_TO_REFUND)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        order = own_order(request, number)
        sent = CancelSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        user = cast(User, request.user)
        reason = sent.validated_data.get("reason", "")
        try:
            refund = payments.cancel(order, by=user, reason=reason, now=timezone.now())
        except (refunds.NotCancelable, refunds.AlreadyOpen, refunding.RefundRefused) as error:
            before = own_refund(order, user)
            if before is None:
                raise not_canceled(error) from error
            refund = before
        return gone_back(refund)


class RefundRequests(APIView):
    @extend_schema(
        operation_id="refund_requests",
        summary="What I asked to give back",
        tags=TAGS,
        responses=RefundRequestSerializer(many=True),
    )
    def get(self, request: Request, number: str) -> Response:
        asked = own_order(request, number).refund_requests.prefetch_related("lines")
        return Response(RefundRequestSerializer(asked, many=True).data)

    @extend_schema(
        operation_id="refund_request_add",
        summary="Ask for a refund",
        description="Of what was shipped, or has nothing to ship. Staff answer it.",
        tags=TAGS,
        request=AskSerializer,
        responses={201: RefundRequestSerializer},
    )
    @may_refuse(
        *(NOTHING_TO_REFUND, CANCEL_INSTEAD, ASKED_ALREADY, REFUND_UNDER_WAY, TOO_MANY_PIECES)
    )
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        order = own_order(request, number)
        sent = AskSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        if pk := made_before():
            asked = order.refund_requests.get(pk=pk)
        else:
            asked = ask(order, by=cast(User, request.user), **sent.validated_data)
        return Response(RefundRequestSerializer(asked).data, status=201)


class Withdraw(APIView):
    @extend_schema(
        operation_id="refund_request_withdraw",
        summary="Withdraw a request",
        tags=TAGS,
        request=None,
        responses=RefundRequestSerializer,
    )
    @may_refuse(ANSWERED_ALREADY)
    @idempotent
    def post(self, request: Request, number: str, pk: int) -> Response:
        order = own_order(request, number)
        asked = get_object_or_404(RefundRequest, order=order, pk=pk)
        try:
            asked = requests.withdraw(asked, by=cast(User, request.user), now=timezone.now())
        except requests.AlreadyAnswered as error:
            raise Problem(ANSWERED_ALREADY) from error
        return Response(RefundRequestSerializer(asked).data)


def ask(order: Order, *, by: User, reason: str, pieces: dict[int, int]) -> RefundRequest:
    """:raises Problem: nothing is recorded."""
    known = set(order.lines.values_list("pk", flat=True))
    if not pieces.keys() <= known:
        errors = [
            {
                "pointer": "#/pieces",
                "code": "unknown_line",
                "detail": str(_("This order has no such line.")),
            }
        ]
        raise Problem(INVALID, errors=errors)
    try:
        return requests.ask(order, by=by, pieces=pieces, reason=reason, now=timezone.now())
    except requests.NotAskable as error:
        raise Problem(WHY_NOT[type(error)]) from error
    except requests.TooMany as error:
        raise Problem(TOO_MANY_PIECES, line=error.line.pk, left=error.line.kept) from error


WHY_NOT = {
    requests.NothingToAskFor: NOTHING_TO_REFUND,
    requests.StillHere: CANCEL_INSTEAD,
    requests.AlreadyAsked: ASKED_ALREADY,
    requests.BeingRefunded: REFUND_UNDER_WAY,
}


def own_refund(order: Order, user: User) -> Refund | None:
    """The refund by which the buyer has canceled the order before, or is canceling it."""
    canceled = order.refunds.filter(requested_by=user, kind=Refund.Kind.FULL)
    return canceled.exclude(status__in=[Refund.Status.FAILED, Refund.Status.REJECTED]).first()


def not_canceled(error: Exception) -> Problem:
    if isinstance(error, refunds.AlreadyOpen):
        return Problem(REFUND_UNDER_WAY)
    if isinstance(error, refunds.NotCancelable):
        return Problem(NOT_CANCELABLE)
    return Problem(NOTHING_TO_REFUND)


def gone_back(refund: Refund) -> Response:
    said = RefundSerializer(refund).data
    if refund.status != Refund.Status.PROCESSING:
        return Response(said)
    return Response(said, status=202, headers={"Retry-After": str(RETRY_AFTER)})
