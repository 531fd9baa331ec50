"""Orders and payments, as every answer of the API has them."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders import afterwards
from orders.api.amounts import AmountsSerializer
from orders.models import (
    Order,
    OrderLine,
    PaymentTransaction,
    Refund,
    RefundRequest,
    Shipment,
)


class PaymentSerializer(serializers.ModelSerializer[PaymentTransaction]):
    """
    One movement of money, or an attempt at it. PROCESSING is an outcome that is not known yet: the
    shop keeps asking, so ask again later.
    """

    payment_id = serializers.UUIDField(source="public_id")
    order_number = serializers.CharField(source="order.number")
    method = serializers.ChoiceField(
        PaymentTransaction.Method.choices,
        allow_blank=True,
        help_text="How the buyer paid; empty while that is not known.",
    )
    failure = serializers.SerializerMethodField(
        help_text="Of what FAILED: the sentence that the buyer may be shown."
    )

    class Meta:
        model = PaymentTransaction
        fields = [
            *("payment_id", "order_number", "kind", "status", "amount", "tax_free", "vat"),
            *("gateway", "tid", "aid", "method", "card_issuer", "installment_months"),
            *("failure", "created_at", "approved_at"),
        ]
        read_only_fields = fields
        extra_kwargs = {
            "amount": {"help_text": "In won."},
            "gateway": {"help_text": "The provider, such as `kakaopay`."},
            "installment_months": {"help_text": "0 is paid at once."},
        }

    @extend_schema_field({"type": "string"})
    def get_failure(self, txn: PaymentTransaction) -> str:
        return txn.buyer_message if txn.status == PaymentTransaction.Status.FAILED else ""


class LineSerializer(serializers.ModelSerializer[OrderLine]):
    """One product as it was when it was ordered; amounts in won."""

    id = serializers.IntegerField(source="pk")
    product = serializers.SlugField(source="product.slug")
    amount = serializers.IntegerField()
    total = serializers.IntegerField(help_text="What is paid for it in money.")

    class Meta:
        model = OrderLine
        fields = [
            *("id", "product", "name", "unit_price", "quantity", "refunded", "amount"),
            *("discount", "points", "total", "vat", "is_tax_free", "needs_delivery"),
        ]
        read_only_fields = fields
        extra_kwargs = {"refunded": {"help_text": "Pieces whose share has gone back."}}


class ContactSerializer(serializers.Serializer[Order]):
    name = serializers.CharField()
    phone = serializers.CharField(help_text="E.164, such as +821012345678.")
    email = serializers.EmailField()


class ShipmentSerializer(serializers.ModelSerializer[Shipment]):
    """Where the parcel goes, and how far it is."""

    phone = serializers.CharField()
    carrier = serializers.ChoiceField(Shipment.Carrier.choices, allow_blank=True)

    class Meta:
        model = Shipment
        fields = [
            *("recipient", "phone", "postcode", "line1", "line2", "memo"),
            *("status", "carrier", "tracking_number", "shipped_at", "delivered_at"),
        ]
        read_only_fields = fields


class PiecesSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(source="line_id", help_text="The id of a line of the order.")
    quantity = serializers.IntegerField(min_value=1)


class RefundSerializer(serializers.ModelSerializer[Refund]):
    """What has gone back, or may have: PROCESSING is an outcome that is not known yet."""

    id = serializers.IntegerField(source="pk")
    pieces = PiecesSerializer(source="lines", many=True)

    class Meta:
        model = Refund
        fields = [
            *("id", "status", "amount", "tax_free", "vat", "points", "returns_coupon"),
            *("with_delivery", "pieces", "created_at", "settled_at"),
        ]
        read_only_fields = fields
        extra_kwargs = {"amount": {"help_text": "In won."}}


class RefundRequestSerializer(serializers.ModelSerializer[RefundRequest]):
    """What the buyer asked to give back, and what staff answered."""

    id = serializers.IntegerField(source="pk")
    pieces = PiecesSerializer(source="lines", many=True)

    class Meta:
        model = RefundRequest
        fields = ["id", "status", "reason", "answer", "pieces", "created_at", "decided_at"]
        read_only_fields = fields


class OrderSerializer(serializers.ModelSerializer[Order]):
    """An order: a snapshot of what was agreed, and the money that moved for it."""

    is_confirming = serializers.SerializerMethodField(
        help_text="Has a payment an outcome that is not known yet? Paying again is not needed."
    )
    cancel_reason = serializers.ChoiceField(Order.CancelReason.choices, allow_blank=True)
    contact = ContactSerializer(source="*")
    amounts = AmountsSerializer(source="*")
    coupon = serializers.CharField(source="coupon_name")
    lines = LineSerializer(many=True)
    transactions = PaymentSerializer(many=True)
    shipment = serializers.SerializerMethodField(help_text="Null where nothing is delivered.")

    class Meta:
        model = Order
        fields = [
            *("number", "kind", "status", "cancel_reason", "is_confirming", "title"),
            *("contact", "amounts", "coupon", "earns", "lines", "transactions", "shipment"),
            *("placed_at", "deadline_at", "paid_at", "canceled_at"),
        ]
        read_only_fields = fields
        extra_kwargs = {
            "earns": {"help_text": "Points that its payment earns."},
            "deadline_at": {"help_text": "Until then a PENDING order can be paid."},
        }

    @extend_schema_field(bool)
    def get_is_confirming(self, order: Order) -> bool:
        unknown = PaymentTransaction.Status.PROCESSING
        return any(
            txn.status == unknown and txn.kind == PaymentTransaction.Kind.CHARGE
            for txn in order.transactions.all()
        )

    @extend_schema_field(ShipmentSerializer(allow_null=True))
    def get_shipment(self, order: Order) -> Any:
        parcel = getattr(order, "shipment", None)
        return ShipmentSerializer(parcel).data if parcel else None


class OneOrderSerializer(OrderSerializer):
    """With what went back, and what its buyer can do about it now."""

    refunds = serializers.SerializerMethodField()
    refund_request = serializers.SerializerMethodField(
        help_text="The latest that was not withdrawn; else null."
    )
    can_pay = serializers.SerializerMethodField(help_text="By `POST orders/<number>/pay/`.")
    can_cancel = serializers.SerializerMethodField(help_text="By `POST orders/<number>/cancel/`.")
    can_ask_for_refund = serializers.SerializerMethodField(
        help_text="By `POST orders/<number>/refund-requests/`."
    )

    class Meta(OrderSerializer.Meta):
        fields = [
            *OrderSerializer.Meta.fields,
            *("refunds", "refund_request", "can_pay", "can_cancel", "can_ask_for_refund"),
        ]
        read_only_fields = fields

    @property
    def after(self) -> afterwards.Afterwards:
        return cast(afterwards.Afterwards, self.context["after"])

    @extend_schema_field(RefundSerializer(many=True))
    def get_refunds(self, order: Order) -> Any:
        return RefundSerializer(self.after.refunds, many=True).data

    @extend_schema_field(RefundRequestSerializer(allow_null=True))
    def get_refund_request(self, order: Order) -> Any:
        asked = self.after.request
        return RefundRequestSerializer(asked).data if asked else None

    @extend_schema_field(bool)
    def get_can_pay(self, order: Order) -> bool:
        is_open = order.status == Order.Status.PENDING and order.kind != Order.Kind.RENEWAL
        return (
            is_open
            and not order.is_past_deadline(self.context["now"])
            and not (self.get_is_confirming(order))
        )

    @extend_schema_field(bool)
    def get_can_cancel(self, order: Order) -> bool:
        return self.after.can_cancel

    @extend_schema_field(bool)
    def get_can_ask_for_refund(self, order: Order) -> bool:
        return self.after.can_ask
