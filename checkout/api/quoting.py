"""What the cart comes to with a coupon and points, for programs; and whether it still does."""

from dataclasses import asdict
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.limits import TooOften, refusal
from api.problems import TOO_OFTEN, Problem
from api.schema import may_refuse
from checkout import guessing, offers
from checkout.api.beginning import TAGS
from checkout.api.refusals import CART_IS_EMPTY, COUPON_REFUSED, OFFER_CHANGED
from checkout.review import Joining, joining
from orders import coupons, pricing, quoting
from orders.api.amounts import AmountsSerializer
from orders.quoting import Basket, Wish
from shop import carts
from shop.api import CartLineSerializer

#: What the quote seals, and what it seals about a membership.
BETWEEN = "~"


class WishSerializer(serializers.Serializer[Any]):
    coupon_code = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        help_text="A code, or the `key` of one of the shopper's coupons.",
    )
    points = serializers.IntegerField(
        min_value=0, max_value=pricing.MOST, default=0, help_text="How many to pay with."
    )


class WantedSerializer(WishSerializer):
    use_all_points = serializers.BooleanField(
        default=False, help_text="As many as this purchase can use."
    )


class ChoiceSerializer(serializers.Serializer[Any]):
    """One of the shopper's own coupons."""

    key = serializers.CharField()
    name = serializers.CharField(source="coupon.name")
    discount = serializers.IntegerField(min_value=0, help_text="What it takes off here, in won.")
    is_best = serializers.BooleanField()
    refusal = serializers.SerializerMethodField(help_text="Why it takes off nothing, or empty.")

    def get_refusal(self, choice: coupons.Choice) -> str:
        return str(choice.refusal or "")


class RefusalSerializer(serializers.Serializer[Any]):
    why = serializers.ChoiceField([each.value for each in coupons.Why])
    detail = serializers.CharField(source="*")


class JoiningSerializer(serializers.Serializer[Any]):
    """What the membership in the cart would be: to be shown before it is bought."""

    plan = serializers.SlugField(source="prospect.plan.slug")
    is_trial = serializers.BooleanField(source="prospect.is_trial")
    starts_at = serializers.DateTimeField(source="prospect.starts_at")
    ends_at = serializers.DateTimeField(source="prospect.ends_at")
    charge_at = serializers.DateTimeField(source="prospect.charge_at", allow_null=True)
    charge = serializers.IntegerField(
        source="prospect.charge", allow_null=True, help_text="In won, at `charge_at`."
    )
    hindrance = serializers.CharField(
        allow_null=True, help_text="`unpaid` or `renews`: why it cannot be bought now."
    )
    consent = serializers.CharField(
        help_text="The sentence that the buyer agrees to; empty where nothing is charged again."
    )


class QuoteSerializer(serializers.Serializer[Any]):
    """What the cart comes to with this coupon and these points."""

    items = CartLineSerializer(many=True)
    quote = AmountsSerializer()
    coupon = serializers.CharField(help_text="The name of the coupon that counts, or empty.")
    refusal = RefusalSerializer(allow_null=True, help_text="Why the wanted coupon does not count.")
    coupons = ChoiceSerializer(many=True)
    usable_points = serializers.IntegerField(min_value=0)
    earns = serializers.IntegerField(min_value=0, help_text="Points that paying it earns.")
    needs_address = serializers.BooleanField()
    membership = JoiningSerializer(allow_null=True)
    seen = serializers.CharField(
        help_text="All of this, sealed: sent with the order, exactly this is ordered or nothing."
    )


class ChangeSerializer(serializers.Serializer[Any]):
    what = serializers.ChoiceField([each.value for each in offers.What])
    name = serializers.CharField()
    was = serializers.IntegerField()
    now = serializers.IntegerField()


class Quote(APIView):
    @extend_schema(
        operation_id="quote",
        summary="What the cart comes to",
        description="Nothing is ordered. Codes that do not exist are counted: too many are 429.",
        tags=TAGS,
        request=WantedSerializer,
        responses=QuoteSerializer,
    )
    @may_refuse(CART_IS_EMPTY, TOO_OFTEN)
    def post(self, request: Request) -> Response:
        sent = WantedSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        wanted = sent.validated_data
        count = pricing.MOST if wanted["use_all_points"] else wanted["points"]
        basket = basket_of(request, Wish(wanted.get("coupon_code", ""), count))
        return Response(quoted(basket))


def basket_of(request: Request, wish: Wish) -> Basket:
    """
    What the cart comes to.

    :raises Problem: TOO_OFTEN, where codes were guessed; CART_IS_EMPTY.
    """
    cart = carts.for_request(request)
    user_id = cast(int, request.user.pk)
    basket = guessing.look(cart, wish, user_id=user_id, now=timezone.now())
    if (wait := guessing.wait_of(basket)) is not None:
        raise refusal(TooOften(wait))
    if not basket.lines:
        raise Problem(CART_IS_EMPTY)
    return basket


def quoted(basket: Basket) -> dict[str, Any]:
    joins = joining(basket, now=timezone.now())
    said = {
        "items": basket.lines,
        "quote": basket.quote,
        "coupon": basket.applied.coupon.name if basket.applied else "",
        "refusal": basket.refusal,
        "coupons": basket.choices,
        "usable_points": basket.usable,
        "earns": quoting.earned_by(basket.quote),
        "needs_address": basket.needs_delivery,
        "membership": joins,
        "seen": sealed(basket, joins),
    }
    return QuoteSerializer(said).data


def sealed(basket: Basket, joins: Joining | None) -> str:
    quote = offers.sealed(basket.quote)
    return f"{quote}{BETWEEN}{joins.promise.sealed}" if joins else quote


def is_as_seen(basket: Basket, wanted: dict[str, Any]) -> bool:
    if wanted["expected_total"] != basket.quote.total:
        return False
    if "seen" not in wanted:
        return True
    quote, _between, promise = wanted["seen"].partition(BETWEEN)
    promised = offers.Promise.opened(promise) if promise else None
    is_kept = promised is None or promised.is_kept()
    return offers.opened(quote) == basket.quote and is_kept


def changed(basket: Basket, seen: str) -> Problem:
    quote, _between, promise = seen.partition(BETWEEN)
    promised = offers.Promise.opened(promise) if promise else None
    before = offers.opened(quote) if quote else basket.quote
    found = offers.changes(before, basket.quote, basket.lines, promise=promised)
    return Problem(
        OFFER_CHANGED,
        quote=AmountsSerializer(basket.quote).data,
        changes=ChangeSerializer([asdict(each) for each in found], many=True).data,
    )


def refused_coupon(error: coupons.CouponRefused) -> Problem:
    return Problem(COUPON_REFUSED, str(error), why=error.why.value)
