"""A shopper's orders and what became of them, for programs. Reads only."""

from datetime import datetime
from typing import Any

import django_filters
from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.pages import Pages
from orders import afterwards
from orders.api.answers import (
    OneOrderSerializer,
    OrderSerializer,
)
from orders.models import (
    Order,
    OrderLine,
    PaymentTransaction,
)

TAGS = ["Orders"]


def orders_of(user_id: int | None) -> QuerySet[Order]:
    """The shopper's own, with what their serializer shows, in a fixed number of queries."""
    transactions = PaymentTransaction.objects.select_related("order")
    return (
        Order.objects.filter(user=user_id)
        .select_related("shipment")
        .prefetch_related(
            Prefetch("lines", OrderLine.objects.select_related("product")),
            Prefetch("transactions", transactions),
        )
    )


def own_order(request: Request, number: str) -> Order:
    """:raises Http404: somebody else's order does not exist."""
    return get_object_or_404(orders_of(request.user.pk), number=number)


def described(order: Order, *, now: datetime) -> dict[str, Any]:
    """An order that ``own_order`` has read, with all that became of it."""
    after = afterwards.of(
        order,
        getattr(order, "shipment", None),
        order.lines.all(),
        refunds=afterwards.refunds_of(order),
        request=afterwards.request_of(order),
    )
    return OneOrderSerializer(order, context={"after": after, "now": now}).data


class OrderFilter(django_filters.FilterSet):
    status = django_filters.MultipleChoiceFilter(
        choices=Order.Status.choices, help_text="May be given several times."
    )

    class Meta:
        model = Order
        fields: list[str] = []


class NewestFirst(Pages):
    ordering = ("-placed_at", "-pk")


class Orders(ListAPIView[Order]):
    """The shopper's orders, newest first."""

    serializer_class = OrderSerializer
    pagination_class = NewestFirst
    filterset_class = OrderFilter

    def get_queryset(self) -> QuerySet[Order]:
        return orders_of(self.request.user.pk)

    @extend_schema(operation_id="orders", summary="My orders", tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class OneOrder(APIView):
    @extend_schema(
        operation_id="order", summary="One of my orders", tags=TAGS, responses=OneOrderSerializer
    )
    def get(self, request: Request, number: str) -> Response:
        return Response(described(own_order(request, number), now=timezone.now()))
