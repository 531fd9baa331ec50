import uuid
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAgreement
from accounts.tracking import events_of
from orders.models.orders import Order


class IllegalMove(Exception):
    """The transaction is not where it was thought to be, or there is no way from there."""


class PaymentTransaction(models.Model):
    """One instruction to a payment provider, and what came of it."""

    class Kind(models.TextChoices):
        CHARGE = "CHARGE", _("charge")
        REFUND = "REFUND", _("refund")

    class Status(models.TextChoices):
        CREATED = "CREATED", _("created")
        READY = "READY", _("waiting for the buyer")
        PROCESSING = "PROCESSING", _("outcome not known")
        SUCCEEDED = "SUCCEEDED", _("succeeded")
        FAILED = "FAILED", _("failed")
        CANCELED = "CANCELED", _("canceled")

    #: Only the provider's own books lead on from FAILED or CANCELED: money came after all.
    MOVES = {
        Status.CREATED: {Status.READY, Status.PROCESSING, Status.CANCELED},
        Status.READY: {Status.PROCESSING, Status.CANCELED},
        Status.PROCESSING: {Status.SUCCEEDED, Status.FAILED},
        Status.FAILED: {Status.SUCCEEDED},
        Status.CANCELED: {Status.SUCCEEDED},
    }

    class Method(models.TextChoices):
        CARD = "CARD", _("card")
        MONEY = "MONEY", _("KakaoPay Money")

    public_id = models.UUIDField(unique=True, editable=False, default=uuid.uuid4)
    order = models.ForeignKey(
        Order, models.PROTECT, related_name="transactions", verbose_name=_("order")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.CREATED)
    gateway = models.CharField(_("provider"), max_length=20)
    amount = models.PositiveIntegerField(
        _("amount"), help_text=_("In won, which has no smaller unit.")
    )
    tax_free = models.PositiveIntegerField(_("tax-free part of the amount"))
    vat = models.PositiveIntegerField(_("VAT in the amount"))

    tid = models.CharField(
        "tid", max_length=40, blank=True, help_text=_("The provider's name for the payment.")
    )
    aid = models.CharField(
        "aid", max_length=40, blank=True, help_text=_("The provider's name for this movement.")
    )
    agreement = models.ForeignKey(
        BillingAgreement,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="transactions",
        verbose_name=_("payment agreement"),
        help_text=_("By which it was charged, or that it made."),
    )
    agreement_charged_at = models.DateTimeField(
        _("agreement charged before"),
        null=True,
        blank=True,
        help_text=_("When the agreement had been charged last, just before this charge was sent."),
    )
    pg_token = models.CharField(max_length=64, blank=True, editable=False)
    redirect_urls = models.JSONField(
        default=dict, blank=True, editable=False, help_text="Where to send the buyer, by device."
    )
    return_url = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        editable=False,
        help_text="Where the buyer's own front end waits for them; empty: in the shop.",
    )
    is_client_called_back = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Does the provider send the buyer there by itself, and not through the shop?",
    )

    method = models.CharField(_("paid by"), max_length=8, choices=Method, blank=True)
    card_issuer = models.CharField(_("card issuer"), max_length=40, blank=True)
    installment_months = models.PositiveSmallIntegerField(
        _("instalment months"), null=True, blank=True, help_text=_("0 is paid at once.")
    )
    reason_code = models.CharField(_("reason code"), max_length=60, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    buyer_message = models.CharField(
        _("told to the buyer"),
        max_length=300,
        blank=True,
        help_text=_("Why the card or account refused, in the provider's words."),
    )
    is_our_fault = models.BooleanField(
        _("by a fault of the shop's"),
        default=False,
        db_default=False,
        help_text=_("It failed because of the shop's connection, its settings or its books."),
    )

    refundable = models.PositiveIntegerField(
        _("refundable before"),
        null=True,
        blank=True,
        help_text=_("What could be refunded when this refund was recorded, in won."),
    )
    is_external = models.BooleanField(
        _("made at the provider"),
        default=False,
        help_text=_("A refund that was made in the provider's own site, and entered here later."),
    )

    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    ready_at = models.DateTimeField(_("ready at"), null=True, blank=True)
    returned_at = models.DateTimeField(_("buyer returned at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    asks = models.PositiveSmallIntegerField(
        _("asked"), default=0, help_text=_("How often the provider was asked about the outcome.")
    )
    asked_at = models.DateTimeField(_("last asked at"), null=True, blank=True)
    ask_at = models.DateTimeField(_("asked again at"), null=True, blank=True)

    class Meta:
        verbose_name = _("payment transaction")
        verbose_name_plural = _("payment transactions")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="amount_positive", condition=Q(amount__gt=0) | Q(kind="CHARGE")
            ),
            models.CheckConstraint(
                name="sent_charge_can_be_looked_up",
                condition=~Q(kind="CHARGE", status="PROCESSING", tid="")
                | Q(agreement__isnull=False, agreement_charged_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="one_charge_in_flight_per_agreement",
                fields=["agreement"],
                condition=Q(kind="CHARGE", status="PROCESSING"),
            ),
            models.UniqueConstraint(
                name="one_live_charge_per_order",
                fields=["order"],
                condition=Q(kind="CHARGE", status__in=["PROCESSING", "SUCCEEDED"]),
            ),
            models.UniqueConstraint(
                name="one_refund_in_flight_per_order",
                fields=["order"],
                condition=Q(kind="REFUND", status="PROCESSING"),
            ),
            models.UniqueConstraint(
                name="one_charge_per_tid",
                fields=["gateway", "tid"],
                condition=Q(kind="CHARGE") & ~Q(tid=""),
            ),
            models.UniqueConstraint(
                name="one_transaction_per_aid", fields=["gateway", "aid"], condition=~Q(aid="")
            ),
            models.CheckConstraint(
                name="waiting_charge_has_tid", condition=~Q(status="READY") | ~Q(tid="")
            ),
            models.CheckConstraint(
                name="refund_within_refundable",
                condition=Q(refundable=None) | Q(refundable__gte=F("amount")),
            ),
        ]
        indexes = [
            models.Index(
                fields=["sent_at"], name="unsettled_transactions", condition=Q(status="PROCESSING")
            ),
            models.Index(fields=["tid"], name="transaction_tid"),
            models.Index(
                fields=["created_at", "status"], name="transaction_period", include=["kind"]
            ),
            models.Index(fields=["status", "-created_at", "-id"], name="transactions_by_status"),
            models.Index(
                fields=["-created_at", "-id"],
                name="refund_transactions",
                condition=Q(kind="REFUND"),
            ),
            models.Index(
                fields=["approved_at"],
                name="money_moved",
                include=["kind", "amount"],
                condition=Q(status="SUCCEEDED"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.tid or self.public_id}"

    @property
    def is_by_agreement(self) -> bool:
        """Was it charged without its buyer? Then only the agreement tells what became of it."""
        return self.agreement_charged_at is not None

    @property
    def is_unnamed(self) -> bool:
        """Is it a charge that was paid, and that nobody can look up or give back by its ``tid``?"""
        is_paid = self.kind == self.Kind.CHARGE and self.status == self.Status.SUCCEEDED
        return is_paid and not self.tid

    def move_to(self, status: Status, only_if: Any = None, **fields: Any) -> None:
        """
        Change the status, and ``fields`` with it, by compare-and-swap. There is no way back.

        :param only_if: a condition that must be true of the row as well.
        :raises IllegalMove: if the row's status is not what this object holds, if the condition is
            not met, or if no move leads on.
        """
        is_possible = status in self.MOVES.get(self.Status(self.status), ())
        if (self.status, status) == (self.Status.CREATED, self.Status.PROCESSING):
            is_possible = self.agreement_id is not None  # else its buyer has to agree first
        if not is_possible:
            raise IllegalMove(f"{self}: {self.status} to {status}")
        fields["status"] = status
        here = PaymentTransaction.objects.filter(pk=self.pk, status=self.status)
        if only_if is not None:
            here = here.filter(only_if)
        if not here.update(**fields):
            raise IllegalMove(f"{self}: no longer {self.status}")
        for name, value in fields.items():
            setattr(self, name, value)


class PaymentTransactionEvent(
    events_of(  # type: ignore[misc]
        PaymentTransaction,
        index="staff_moved_transactions",
        fields=["status", "reason_code", "reason"],
    )
):
    """Each status that a transaction has had; written by the database, never altered."""
