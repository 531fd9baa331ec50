"""Why a parcel stays as it is, in sentences for staff."""

from django.utils.translation import gettext as _

from orders import shipping
from orders.models import Shipment

Status = Shipment.Status


def why_not(error: shipping.CannotMove) -> str:
    """A sentence for staff."""
    if isinstance(error, shipping.NotPaid):
        return _("The order is not paid, or its money went back: do not ship it.")
    if isinstance(error, shipping.BeingRefunded):
        return _("A refund of the order has not been answered yet: wait until it is, then ship.")
    if isinstance(error, shipping.NotThere):
        return {
            Status.PREPARING: _("The parcel is still being prepared. Mark it shipped first."),
            Status.SHIPPED: _("The parcel is on its way already."),
            Status.DELIVERED: _("The parcel was delivered already."),
        }[error.status]
    return _("This order has nothing to deliver.")
