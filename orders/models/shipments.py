from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import PostalAddress
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

    def __str__(self) -> str:
        return str(self.order)
