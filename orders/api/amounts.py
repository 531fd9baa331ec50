"""Amounts, as every answer of the API has them. All are whole won."""

from typing import Any

from rest_framework import serializers


class AmountsSerializer(serializers.Serializer[Any]):
    """``total`` = ``subtotal`` − ``discount`` − ``points`` + ``shipping``, in won."""

    subtotal = serializers.IntegerField(min_value=0, help_text="The goods.")
    discount = serializers.IntegerField(min_value=0, help_text="What a coupon takes off.")
    points = serializers.IntegerField(min_value=0, help_text="Paid with points.")
    shipping = serializers.IntegerField(min_value=0, help_text="The delivery fee.")
    total = serializers.IntegerField(min_value=0, help_text="What is paid in money.")
    tax_free = serializers.IntegerField(min_value=0, help_text="The tax-free part of the total.")
    vat = serializers.IntegerField(min_value=0, help_text="The VAT in the total.")
