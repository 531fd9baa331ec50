from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import PostalAddress
from accounts.tracking import events_of
from orders.models.orders import Order


class Shipment(PostalAddress):
    """An order's parcel: where it goes, and how far it is. An order of tickets only has none."""

    class Status(models.TextChoices):
        PREPARING = "PREPARING", _("being prepared")
        SHIPPED = "SHIPPED", _("on its way")
        DELIVERED = "DELIVERED", _("delivered")

    class Carrier(models.TextChoices):
        CJ = "CJ", _("CJ Logistics")
        EPOST = "EPOST", _("Korea Post")
        HANJIN = "HANJIN", _("Hanjin")
        LOTTE = "LOTTE", _("Lotte Global Logistics")
        LOGEN = "LOGEN", _("Logen")
        OWN = "OWN", _("the shop itself")

    order = models.OneToOneField(
        Order, models.CASCADE, related_name="shipment", verbose_name=_("order")
    )
    status = models.CharField(
        _("delivery status"), max_length=9, choices=Status, default=Status.PREPARING
    )
    carrier = models.CharField(_("carrier"), max_length=6, choices=Carrier, blank=True)
    tracking_number = models.CharField(_("tracking number"), max_length=30, blank=True)
    shipped_at = models.DateTimeField(_("shipped at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    has_left = models.BooleanField(
        default=False,
        editable=False,
        help_text="Was it ever marked as shipped, if by mistake? Then staff decide what goes back.",
    )

    class Meta:
        verbose_name = _("shipment")
        verbose_name_plural = _("shipments")
        ordering = ["-order__placed_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="shipped_by_a_carrier",
                condition=Q(status="PREPARING", shipped_at=None, delivered_at=None)
                | Q(status="SHIPPED", shipped_at__isnull=False, delivered_at=None) & ~Q(carrier="")
                | Q(status="DELIVERED", shipped_at__isnull=False, delivered_at__isnull=False)
                & ~Q(carrier=""),
            )
        ]
        indexes = [
            models.Index(fields=["order"], name="parcels_to_ship", condition=Q(status="PREPARING")),
            models.Index(
                fields=["tracking_number"],
                name="parcel_tracking_number",
                condition=~Q(tracking_number=""),
            ),
            models.Index(fields=["phone"], name="parcel_phone"),
            models.Index(
                fields=["recipient"],
                name="parcel_recipient",
                opclasses=["varchar_pattern_ops"],
            ),
            models.Index(
                fields=["order"], name="parcels_on_their_way", condition=Q(status="SHIPPED")
            ),
        ]

    def __str__(self) -> str:
        return str(self.order)


class ShipmentEvent(
    events_of(  # type: ignore[misc]
        Shipment, index="staff_moved_parcels", fields=["status", "carrier", "tracking_number"]
    )
):
    """Each place where a parcel has been; written by the database, never altered."""
