"""What states are called in the admin, and in which colour."""

from django.utils.translation import gettext_lazy as _

from orders.models import Order, PaymentTransaction, Shipment
from orders.shipping import SHIPPABLE

ORDER_COLORS = {
    Order.Status.PENDING: "warning",
    Order.Status.PAID: "success",
    Order.Status.PARTIALLY_REFUNDED: "info",
    Order.Status.REFUNDED: "info",
    Order.Status.CANCELED: "default",
}
TRANSACTION_COLORS = {
    PaymentTransaction.Status.CREATED: "default",
    PaymentTransaction.Status.READY: "info",
    PaymentTransaction.Status.PROCESSING: "warning",
    PaymentTransaction.Status.SUCCEEDED: "success",
    PaymentTransaction.Status.FAILED: "danger",
    PaymentTransaction.Status.CANCELED: "default",
}
KIND_LABELS = {Order.Kind.RENEWAL: _("renewal"), Order.Kind.METHOD: _("registration")}
KIND_COLORS = {Order.Kind.RENEWAL: "info", Order.Kind.METHOD: "info"}
NOT_PAID = "NOT_PAID"
SHIPMENT_COLORS = {
    Shipment.Status.PREPARING: "warning",
    Shipment.Status.SHIPPED: "info",
    Shipment.Status.DELIVERED: "success",
    NOT_PAID: "default",
}


def delivery_label(parcel: Shipment) -> tuple[str, str]:
    """A key of ``SHIPMENT_COLORS``, and what to call it: nobody prepares what is not paid for."""
    if parcel.status == Shipment.Status.PREPARING and parcel.order.status not in SHIPPABLE:
        return NOT_PAID, str(_("not to be shipped"))
    return parcel.status, parcel.get_status_display()
