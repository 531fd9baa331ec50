"""Ordering the cart, and going on with an order that waits, for programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import points
from accounts.api.addresses import DestinationSerializer
from accounts.models import User
from api.forms import typed
from api.idempotency import idempotent, made_before
from api.limits import READY, limited
from api.problems import Problem
from api.schema import may_refuse
from checkout import payments
from checkout.api.beginning import (
    TAGS,
    BackSerializer,
    StartedSerializer,
    back_of,
    begun,
    gone_on,
    own_order,
    refusing,
)
from checkout.api.quoting import WishSerializer, basket_of, changed, is_as_seen, refused_coupon
from checkout.api.refusals import (
    ADDRESS_REQUIRED,
    CANNOT_JOIN,
    CART_IS_EMPTY,
    CONSENT_REQUIRED,
    COUPON_REFUSED,
    NOT_ENOUGH_POINTS,
    NOT_PAYABLE,
    OFFER_CHANGED,
    PAYMENT_IN_PROGRESS,
    RETURN_URL,
    TOO_MUCH,
    UNAVAILABLE,
)
from checkout.forms import CheckoutForm
from checkout.review import joining
from orders import coupons, placing, pricing
from orders.quoting import Basket, Wish


class ContactSerializer(serializers.Serializer[Any]):
    """Whom to reach about the order."""

    name = serializers.CharField(max_length=50, allow_blank=True)
    phone = serializers.CharField(
        max_length=30, allow_blank=True, help_text="Korean, such as 010-1234-5678."
    )
    email = serializers.CharField(max_length=254, allow_blank=True)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """By the very form that the shop's own page has."""
        return {**data, "contact": typed(CheckoutForm(data | {"consent": True})).contact}


class ReadySerializer(WishSerializer, BackSerializer):
    contact = ContactSerializer()
    address = DestinationSerializer(required=False, help_text="Where something is delivered.")
    save_address = serializers.BooleanField(default=False)
    expected_total = serializers.IntegerField(
        min_value=0, max_value=pricing.MOST, help_text="What the buyer has seen, in won."
    )
    seen = serializers.CharField(
        max_length=20_000,
        required=False,
        help_text="What the quote gave: then all of it must be so.",
    )
    consent = serializers.BooleanField(
        default=False, help_text="To be charged again: needed for a membership that renews."
    )


class Ready(APIView):
    throttle_classes = [limited(READY)]

    @extend_schema(
        operation_id="checkout_ready",
        summary="Order the cart and announce its payment",
        description=(
            "The order is saved before the provider is asked. Ordering the same cart again goes on "
            "with the same order; its deadline stays what it was."
        ),
        tags=TAGS,
        request=ReadySerializer,
        responses={201: StartedSerializer},
    )
    @may_refuse(
        RETURN_URL,
        *(CART_IS_EMPTY, OFFER_CHANGED, COUPON_REFUSED, NOT_ENOUGH_POINTS, CANNOT_JOIN),
        *(CONSENT_REQUIRED, ADDRESS_REQUIRED, TOO_MUCH, PAYMENT_IN_PROGRESS, NOT_PAYABLE),
        UNAVAILABLE,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        sent = ReadySerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        wanted = sent.validated_data
        back = back_of(wanted)
        if number := made_before():
            return gone_on(own_order(request, number), wanted["client"], back)
        wish = Wish(wanted.get("coupon_code", ""), wanted["points"])
        basket = basket_of(request, wish)
        expect_as_seen(basket, wanted)
        with refusing_to_place(lambda: basket_of(request, wish)):
            started = payments.start(
                user=cast(User, request.user),
                contact=wanted["contact"]["contact"],
                seen=basket.quote,
                wish=wish,
                destination=wanted["address"]["destination"] if wanted.get("address") else None,
                is_saved=wanted["save_address"],
                back=back,
                now=timezone.now(),
            )
        return begun(started, wanted["client"])


class Pay(APIView):
    throttle_classes = [limited(READY)]

    @extend_schema(
        operation_id="order_pay",
        summary="Go on paying an order",
        description="Its deadline stays what it was.",
        tags=TAGS,
        request=BackSerializer,
        responses={201: StartedSerializer},
    )
    @may_refuse(RETURN_URL, PAYMENT_IN_PROGRESS, NOT_PAYABLE, UNAVAILABLE)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        order = own_order(request, number)
        sent = BackSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        with refusing():
            charge = payments.reopen(order, back=back_of(sent.validated_data), now=timezone.now())
        return begun(charge, sent.validated_data["client"])


def expect_as_seen(basket: Basket, wanted: dict[str, Any]) -> None:
    """:raises Problem: the cart cannot be ordered as the buyer wants it, or is not as they saw."""
    joins = joining(basket, now=timezone.now())
    if basket.refusal:
        raise refused_coupon(basket.refusal)
    if wanted["points"] > basket.usable:
        raise Problem(NOT_ENOUGH_POINTS, usable=basket.usable)
    if joins and joins.hindrance:
        raise Problem(CANNOT_JOIN, why=joins.hindrance.value)
    if joins and joins.consent and not wanted["consent"]:
        raise Problem(CONSENT_REQUIRED)
    if basket.needs_delivery and not wanted.get("address"):
        raise Problem(ADDRESS_REQUIRED)
    if not is_as_seen(basket, wanted):
        raise changed(basket, wanted.get("seen", ""))


@contextmanager
def refusing_to_place(look: Callable[[], Basket]) -> Iterator[None]:
    """
    Turn what may keep an order from being placed or paid into problems.

    :param look: the cart as it is by then.
    """
    try:
        with refusing():
            yield
    except placing.OfferChanged as error:
        raise changed(look(), "") from error
    except placing.CartIsEmpty as error:
        raise Problem(CART_IS_EMPTY) from error
    except placing.CannotJoin as error:
        raise Problem(CANNOT_JOIN, why="renews") from error
    except placing.NoDestination as error:
        raise Problem(ADDRESS_REQUIRED) from error
    except placing.TooMuch as error:
        raise Problem(TOO_MUCH) from error
    except coupons.CouponRefused as error:
        raise refused_coupon(error) from error
    except points.NotEnoughPoints as error:
        raise Problem(NOT_ENOUGH_POINTS) from error
