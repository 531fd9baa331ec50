"""A payment, for programs: how it stands, and what a client reports to which its buyer returns."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.idempotency import idempotent
from api.limits import APPROVE, limited
from api.pages import Pages
from api.problems import Kind, Problem
from api.schema import may_refuse
from checkout import payments
from orders.api.answers import PaymentSerializer
from orders.models import Order, PaymentTransaction

TAGS = ["Payments"]
Status = PaymentTransaction.Status
#: While the outcome is not known, in seconds: the worker asks the provider every 20.
ASK_AGAIN = 5

NOT_A_CHARGE = Kind(
    "not_a_charge",
    409,
    _("This is a refund: there is nothing for its buyer to approve or to quit."),
    _("Ask for the payment to see how it stands."),
)


class TokenSerializer(serializers.Serializer[Any]):
    pg_token = serializers.RegexField(
        r"^[A-Za-z0-9_.~-]+\Z",
        max_length=64,
        help_text="What the provider sent the buyer back with.",
    )


class PaymentStandingSerializer(PaymentSerializer):
    """
    How a payment stands. READY waits for the buyer, who goes on at ``redirect_urls``; PROCESSING is
    an outcome that is not known yet; SUCCEEDED, FAILED and CANCELED are final for the buyer.
    """

    order_status = serializers.ChoiceField(Order.Status.choices, source="order.status")
    redirect_urls = serializers.SerializerMethodField(
        help_text="By device, while it is READY: pc, mobile, app, perhaps android and ios."
    )
    expires_at = serializers.DateTimeField(source="order.deadline_at")

    class Meta(PaymentSerializer.Meta):
        fields = [*PaymentSerializer.Meta.fields, "order_status", "redirect_urls", "expires_at"]
        read_only_fields = fields

    def get_redirect_urls(self, txn: PaymentTransaction) -> dict[str, str]:
        return txn.redirect_urls if txn.status == Status.READY else {}


class LatestFirst(Pages):
    ordering = ("-created_at", "-pk")


class Payments(ListAPIView[PaymentTransaction]):
    """Every charge and refund of the shopper's, newest first."""

    serializer_class = PaymentStandingSerializer
    pagination_class = LatestFirst

    def get_queryset(self) -> QuerySet[PaymentTransaction]:
        rows = PaymentTransaction.objects.filter(order__user=self.request.user.pk)
        return rows.select_related("order")

    @extend_schema(operation_id="payments", summary="My payments and refunds", tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class OnePayment(APIView):
    @extend_schema(
        operation_id="payment",
        summary="How a payment stands",
        description="What an app asks that was closed while its buyer paid.",
        tags=TAGS,
        responses=PaymentStandingSerializer,
    )
    def get(self, request: Request, payment_id: str) -> Response:
        return standing(own_payment(request, payment_id), is_told=True)


class Approve(APIView):
    throttle_classes = [limited(APPROVE)]

    @extend_schema(
        operation_id="payment_approve",
        summary="The buyer agreed to pay: take the payment",
        description=(
            "For clients that the provider sends the buyer back to (`callback: client`). Doing it "
            "again changes nothing."
        ),
        tags=TAGS,
        request=TokenSerializer,
        responses={200: PaymentStandingSerializer, 202: PaymentStandingSerializer},
    )
    @may_refuse(NOT_A_CHARGE)
    @idempotent
    def post(self, request: Request, payment_id: str) -> Response:
        txn = own_charge(request, payment_id)
        sent = TokenSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        pg_token = sent.validated_data["pg_token"]
        payments.capture(txn, pg_token=pg_token, now=timezone.now())
        return standing(own_payment(request, payment_id))


class Cancel(APIView):
    @extend_schema(
        operation_id="payment_cancel",
        summary="The buyer chose not to pay",
        description="Ends the order. What is paid, or being paid, is not changed.",
        tags=TAGS,
        request=None,
        responses={200: PaymentStandingSerializer, 202: PaymentStandingSerializer},
    )
    @may_refuse(NOT_A_CHARGE)
    @idempotent
    def post(self, request: Request, payment_id: str) -> Response:
        return came_back(request, payment_id, Order.CancelReason.QUIT)


class Fail(APIView):
    @extend_schema(
        operation_id="payment_fail",
        summary="The payment failed on the provider's page",
        description="Ends the order. What is paid, or being paid, is not changed.",
        tags=TAGS,
        request=None,
        responses={200: PaymentStandingSerializer, 202: PaymentStandingSerializer},
    )
    @may_refuse(NOT_A_CHARGE)
    @idempotent
    def post(self, request: Request, payment_id: str) -> Response:
        return came_back(request, payment_id, Order.CancelReason.FAILED)


def came_back(request: Request, payment_id: str, reason: Order.CancelReason) -> Response:
    payments.abandon(own_charge(request, payment_id), reason, now=timezone.now())
    return standing(own_payment(request, payment_id))


def own_payment(request: Request, payment_id: str) -> PaymentTransaction:
    """:raises Http404: somebody else's payment does not exist."""
    rows = PaymentTransaction.objects.select_related("order__user")
    return get_object_or_404(rows, public_id=payment_id, order__user=request.user.pk)


def own_charge(request: Request, payment_id: str) -> PaymentTransaction:
    """:raises Problem: NOT_A_CHARGE."""
    txn = own_payment(request, payment_id)
    if txn.kind != PaymentTransaction.Kind.CHARGE:
        raise Problem(NOT_A_CHARGE)
    return txn


def standing(txn: PaymentTransaction, *, is_told: bool = False) -> Response:
    """
    How it stands: 202 while that is not known, unless the payment itself was asked for.
    """
    is_unknown = txn.status == Status.PROCESSING
    headers = {"Retry-After": str(ASK_AGAIN)} if is_unknown else {}
    return Response(
        PaymentStandingSerializer(txn).data,
        status=202 if is_unknown and not is_told else 200,
        headers=headers,
    )
