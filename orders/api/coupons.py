"""A shopper's coupons, for programs."""

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders import coupons
from shop import wording


class CouponSerializer(serializers.Serializer[Any]):
    """A coupon that the shopper was given."""

    key = serializers.CharField(help_text="What `coupon_code` takes: its code, or `#` and its id.")
    name = serializers.CharField(source="coupon.name")
    gift = serializers.CharField(help_text="What it takes off, in words.")
    valid_until = serializers.DateTimeField(source="coupon.valid_until", allow_null=True)
    is_usable = serializers.BooleanField()
    refusal = serializers.CharField(help_text="Why it cannot be used; empty if it can.")


class Coupons(APIView):
    @extend_schema(
        operation_id="coupons",
        summary="My coupons",
        tags=["Me"],
        responses=CouponSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = [
            {
                "key": coupons.key_of(coupon),
                "coupon": coupon,
                "gift": wording.gift_of(coupon),
                "is_usable": refusal is None,
                "refusal": str(refusal or ""),
            }
            for coupon, refusal in coupons.own(cast(int, request.user.pk), now=timezone.now())
        ]
        return Response(CouponSerializer(rows, many=True).data)
