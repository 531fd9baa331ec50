"""The cart and what it comes to, for programs: a shopper's, or a visitor's who keeps cookies."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import gates
from api.idempotency import idempotent, made_before
from api.schema import may_refuse
from orders.api.amounts import AmountsSerializer
from orders.quoting import quote_of
from shop import carts
from shop.api import (
    NOT_ENOUGH,
    ONLY_ONE,
    TOO_MANY,
    UNKNOWN_LINE,
    UNKNOWN_PRODUCT,
    AddSerializer,
    CartLineSerializer,
    QuantitySerializer,
    refused,
)

TAGS = ["Cart"]


class CartSerializer(serializers.Serializer[Any]):
    """
    What is in the cart. ``quote`` leaves out what is no longer sold, and knows no coupon and no
    points: ``POST checkout/quote/`` does.
    """

    items = CartLineSerializer(many=True)
    quote = AmountsSerializer()


class Cart(APIView):
    permission_classes = []

    @extend_schema(operation_id="cart", summary="The cart", tags=TAGS, responses=CartSerializer)
    def get(self, request: Request) -> Response:
        return Response(seen(request))


class Items(APIView):
    permission_classes = []

    @extend_schema(
        operation_id="cart_add",
        summary="Put a product into the cart",
        description="Quantities add up. A membership takes the place of another in the cart.",
        tags=TAGS,
        request=AddSerializer,
        responses={201: CartSerializer},
    )
    @may_refuse(UNKNOWN_PRODUCT, NOT_ENOUGH, ONLY_ONE, TOO_MANY)
    @idempotent
    def post(self, request: Request) -> Response:
        wanted = AddSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        sent = wanted.validated_data
        if not made_before():
            try:
                carts.add(request, sent["product"], sent["quantity"])
            except carts.CannotChangeCart as error:
                raise refused(error) from error
        return Response(seen(request), status=201)


class Item(APIView):
    permission_classes = []

    @extend_schema(
        operation_id="cart_set_quantity",
        summary="Change how many of a product the cart holds",
        tags=TAGS,
        request=QuantitySerializer,
        responses=CartSerializer,
    )
    @may_refuse(UNKNOWN_LINE, UNKNOWN_PRODUCT, NOT_ENOUGH, ONLY_ONE)
    def patch(self, request: Request, pk: int) -> Response:
        wanted = QuantitySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            carts.set_quantity(request, pk, wanted.validated_data["quantity"])
        except carts.CannotChangeCart as error:
            raise refused(error) from error
        return Response(seen(request))

    @extend_schema(
        operation_id="cart_remove",
        summary="Take a product out of the cart",
        tags=TAGS,
        request=None,
        responses={200: CartSerializer},
    )
    @may_refuse(UNKNOWN_LINE)
    def delete(self, request: Request, pk: int) -> Response:
        try:
            carts.remove(request, pk)
        except carts.CannotChangeCart as error:
            raise refused(error) from error
        return Response(seen(request))


def seen(request: Request) -> dict[str, Any]:
    """The cart as it is now, at this shopper's prices."""
    terms = gates.terms(request)
    cart = carts.for_request(request)
    lines = carts.priced(carts.lines_of(cart), terms)
    sold = [line for line in lines if line.product.is_active]
    return CartSerializer({"items": lines, "quote": quote_of(sold, terms=terms)}).data
