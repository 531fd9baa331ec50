"""A shopper's saved addresses, for programs."""

from typing import Any, cast

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import addresses
from accounts.addresses import Destination
from accounts.api.me import TAGS
from accounts.forms import PostalForm
from accounts.models import Address, User
from api.forms import typed
from api.idempotency import idempotent, made_before
from api.problems import Kind, Problem
from api.schema import may_refuse

ADDRESS_SAVED = Kind(
    "address_saved_already",
    409,
    _("This address is saved already."),
    _("Use the one that is there."),
)
TOO_MANY_ADDRESSES = Kind(
    "too_many_addresses",
    409,
    _("No more addresses can be saved."),
    _("Delete one that is no longer needed."),
)


class DestinationSerializer(serializers.Serializer[Any]):
    """Where a parcel goes in Korea, and whom the courier calls."""

    recipient = serializers.CharField(max_length=50, allow_blank=True)
    phone = serializers.CharField(
        max_length=30, allow_blank=True, help_text="Korean, such as 010-1234-5678."
    )
    postcode = serializers.CharField(max_length=10, allow_blank=True, help_text="Five digits.")
    line1 = serializers.CharField(max_length=100, allow_blank=True, help_text="Street and number.")
    line2 = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="Flat, floor, building."
    )
    memo = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="A note for the courier."
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """By the very form that the shop's own pages have."""
        return {**data, "destination": typed(PostalForm(data)).destination}


class SentAddressSerializer(DestinationSerializer):
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=20, required=False, allow_blank=True
    )
    is_default = serializers.BooleanField(required=False, help_text="Is it offered first?")


class AddressSerializer(serializers.ModelSerializer[Address]):
    """One of the shopper's saved addresses."""

    phone = serializers.CharField(help_text="E.164.")

    class Meta:
        model = Address
        fields = [
            *("id", "recipient", "phone", "postcode", "line1", "line2", "memo"),
            *("label", "is_default"),
        ]
        read_only_fields = fields


class Addresses(APIView):
    @extend_schema(
        operation_id="addresses",
        summary="My saved addresses",
        description="In the order in which checkout offers them; at most 20.",
        tags=TAGS,
        responses=AddressSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        saved = cast(User, request.user).addresses.all()
        return Response(AddressSerializer(saved, many=True).data)

    @extend_schema(
        operation_id="address_add",
        summary="Save an address",
        tags=TAGS,
        request=SentAddressSerializer,
        responses={201: AddressSerializer},
    )
    @may_refuse(ADDRESS_SAVED, TOO_MANY_ADDRESSES)
    @idempotent
    def post(self, request: Request) -> Response:
        sent = SentAddressSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        if made := made_before():
            return Response(AddressSerializer(own_address(request, int(made))).data, status=201)
        try:
            saved = addresses.add(
                cast(int, request.user.pk), **written(sent.validated_data), now=timezone.now()
            )
        except addresses.CannotSave as error:
            raise unsaved(error) from error
        return Response(AddressSerializer(saved).data, status=201)


class OneAddress(APIView):
    @extend_schema(
        operation_id="address", summary="A saved address", tags=TAGS, responses=AddressSerializer
    )
    def get(self, request: Request, pk: int) -> Response:
        return Response(AddressSerializer(own_address(request, pk)).data)

    @extend_schema(
        operation_id="address_change",
        summary="Write over a saved address",
        tags=TAGS,
        request=SentAddressSerializer,
        responses=AddressSerializer,
    )
    @may_refuse(ADDRESS_SAVED)
    def put(self, request: Request, pk: int) -> Response:
        address = own_address(request, pk)
        sent = SentAddressSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            addresses.change(address, **written(sent.validated_data))
        except addresses.CannotSave as error:
            raise unsaved(error) from error
        return Response(AddressSerializer(own_address(request, pk)).data)

    @extend_schema(
        operation_id="address_delete",
        summary="Delete a saved address",
        tags=TAGS,
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, pk: int) -> Response:
        addresses.forget(own_address(request, pk))
        return Response(status=204)


def own_address(request: Request, pk: int) -> Address:
    """:raises Http404: somebody else's address does not exist."""
    return get_object_or_404(Address, pk=pk, user=cast(User, request.user))


def written(data: dict[str, Any]) -> dict[str, Any]:
    destination: Destination = data["destination"]
    label, is_default = data.get("label", ""), data.get("is_default", False)
    return {"destination": destination, "label": label, "is_default": is_default}


def unsaved(error: addresses.CannotSave) -> Problem:
    is_there = isinstance(error, addresses.SavedAlready)
    return Problem(ADDRESS_SAVED if is_there else TOO_MANY_ADDRESSES, str(error))
