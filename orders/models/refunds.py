from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.tracking import events_of
from orders.models.orders import Order, OrderLine
from orders.models.transactions import PaymentTransaction


class Refund(models.Model):
    """
    A decision to give something of an order back: its figures, who took it, and what came of it.

    Its money moves by its ``transaction``, whose outcome it shares; where only points or a coupon
    go back, or a refund waits for approval, there is none.
    """

    class Kind(models.TextChoices):
        FULL = "FULL", _("all that was left")
        LINES = "LINES", _("by line")
        AMOUNT = "AMOUNT", _("by amount")
        TERM = "TERM", _("the rest of a membership")

    class Status(models.TextChoices):
        WAITING = "WAITING", _("waits for approval")
        PROCESSING = "PROCESSING", _("outcome not known")
        SUCCEEDED = "SUCCEEDED", _("has gone back")
        FAILED = "FAILED", _("failed")
        REJECTED = "REJECTED", _("not approved")

    order = models.ForeignKey(
        Order, models.PROTECT, related_name="refunds", verbose_name=_("order")
    )
    transaction = models.OneToOneField(
        PaymentTransaction,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="refund",
        verbose_name=_("payment transaction"),
    )
    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    status = models.CharField(_("status"), max_length=10, choices=Status)
    reason = models.CharField(_("reason"), max_length=300, blank=True)

    amount = models.PositiveIntegerField(_("amount"), default=0, help_text=_("In won."))
    tax_free = models.PositiveIntegerField(_("tax-free part of the amount"), default=0)
    vat = models.PositiveIntegerField(_("VAT in the amount"), default=0)
    points = models.PositiveIntegerField(
        _("points"), default=0, help_text=_("Points used that go back to the buyer.")
    )
    returns_coupon = models.BooleanField(_("the coupon goes back"), default=False)
    with_delivery = models.BooleanField(_("with the delivery fee"), default=False)
    restock = models.BooleanField(_("goods go back into stock"), default=False)

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
        help_text=_("Nobody if the shop did by itself, or somebody at the provider."),
    )
    created_at = models.DateTimeField(_("requested at"), default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
        help_text=_("Who approved it, or did not."),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision = models.CharField(_("why so decided"), max_length=300, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-created_at", "-pk"]
        permissions = [("approve_refund", _("Can approve refunds that somebody else asked for"))]
        constraints = [
            models.UniqueConstraint(
                name="one_open_refund_per_order",
                fields=["order"],
                condition=Q(status__in=["WAITING", "PROCESSING"]),
            ),
            models.CheckConstraint(
                name="refund_tax_within_amount",
                condition=Q(amount__gte=F("tax_free") + F("vat")),
            ),
            models.CheckConstraint(
                name="money_by_a_transaction",
                condition=Q(amount=0, transaction=None)
                | Q(amount__gt=0, transaction__isnull=False)
                | Q(status__in=["WAITING", "REJECTED"], transaction=None),
            ),
            models.CheckConstraint(
                name="approved_by_somebody_else",
                condition=Q(decided_by=None)
                | Q(status="REJECTED")
                | Q(requested_by__isnull=False) & ~Q(decided_by=F("requested_by")),
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], name="refunds_to_approve", condition=Q(status="WAITING")
            ),
            models.Index(fields=["created_at"], name="refund_period"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order}"


class RefundLine(models.Model):
    """Pieces of one line of an order that a refund gives back the share of."""

    refund = models.ForeignKey(Refund, models.CASCADE, related_name="lines")
    line = models.ForeignKey(
        OrderLine, models.PROTECT, related_name="refund_lines", verbose_name=_("order line")
    )
    quantity = models.PositiveSmallIntegerField(_("quantity"))

    class Meta:
        verbose_name = _("refund line")
        verbose_name_plural = _("refund lines")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="one_refund_line_per_line", fields=["refund", "line"]),
            models.CheckConstraint(name="refund_quantity_positive", condition=Q(quantity__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.line.name}"


class RefundRequest(models.Model):
    """A buyer's wish to get money back for goods that were shipped; staff accept or decline it."""

    class Status(models.TextChoices):
        OPEN = "OPEN", _("not answered yet")
        ACCEPTED = "ACCEPTED", _("accepted")
        DECLINED = "DECLINED", _("declined")
        WITHDRAWN = "WITHDRAWN", _("withdrawn by the buyer")

    order = models.ForeignKey(
        Order, models.PROTECT, related_name="refund_requests", verbose_name=_("order")
    )
    status = models.CharField(_("status"), max_length=9, choices=Status, default=Status.OPEN)
    reason = models.CharField(_("reason"), max_length=300)
    refund = models.ForeignKey(
        Refund,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="requests",
        verbose_name=_("refund"),
        help_text=_("The refund that answers it."),
    )
    answer = models.CharField(
        _("answer"),
        max_length=300,
        blank=True,
        help_text=_("Why it was declined; the buyer reads it."),
    )
    created_at = models.DateTimeField(_("asked at"), default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund request")
        verbose_name_plural = _("refund requests")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_open_refund_request_per_order",
                fields=["order"],
                condition=Q(status="OPEN"),
            ),
            models.CheckConstraint(
                name="declined_with_an_answer", condition=~Q(status="DECLINED") | ~Q(answer="")
            ),
            models.CheckConstraint(
                name="accepted_by_a_refund",
                condition=~Q(status="ACCEPTED") | Q(refund__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], name="open_refund_requests", condition=Q(status="OPEN")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()} {self.order}"


class RefundRequestLine(models.Model):
    """Pieces of one line of an order that a buyer wants to give back."""

    request = models.ForeignKey(RefundRequest, models.CASCADE, related_name="lines")
    line = models.ForeignKey(
        OrderLine, models.PROTECT, related_name="+", verbose_name=_("order line")
    )
    quantity = models.PositiveSmallIntegerField(_("quantity"))

    class Meta:
        verbose_name = _("refund request line")
        verbose_name_plural = _("refund request lines")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="one_request_line_per_line", fields=["request", "line"]),
            models.CheckConstraint(name="requested_quantity_positive", condition=Q(quantity__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.line.name}"


class RefundEvent(
    events_of(  # type: ignore[misc]
        Refund,
        index="staff_moved_refunds",
        fields=["status", "amount", "points", "decided_by", "decision"],
    )
):
    """Each status that a refund has had; written by the database, never altered."""


class RefundRequestEvent(
    events_of(  # type: ignore[misc]
        RefundRequest,
        index="staff_moved_requests",
        fields=["status", "reason", "answer", "decided_by"],
    )
):
    """Each status that a refund request has had; written by the database, never altered."""
