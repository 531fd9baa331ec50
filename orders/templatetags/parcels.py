from django import template

from orders import carriers
from orders.models import Shipment

register = template.Library()


@register.filter
def tracking_url(shipment: Shipment) -> str:
    """The carrier's public page about the parcel; empty if there is none."""
    return carriers.tracking_url(shipment.carrier, shipment.tracking_number)
