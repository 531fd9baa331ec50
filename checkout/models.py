from datetime import datetime, timedelta

import pghistory
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAgreement
from accounts.tracking import events_of
from orders.models import Order, PaymentTransaction, Refund, RefundRequest


class ProviderCall(models.Model):
    """
    One request to a provider, written before it is sent and completed after the answer.

    A row without ``finished_at`` is a call that we never saw the end of.
    """

    transaction = models.ForeignKey(
        PaymentTransaction,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="calls",
        verbose_name=_("payment transaction"),
    )
    agreement = models.ForeignKey(
        BillingAgreement,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="calls",
        verbose_name=_("payment agreement"),
        help_text=_("If it was about the agreement itself."),
    )
    operation = models.CharField(_("operation"), max_length=20)
    url = models.URLField(_("address"))
    request = models.JSONField(_("request"), help_text=_("Secrets are masked."))
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    response = models.JSONField(_("response"), null=True, blank=True)
    problem = models.CharField(
        _("problem"), max_length=300, blank=True, help_text=_("Why there is no answer to trust.")
    )

    class Meta:
        verbose_name = _("provider call")
        verbose_name_plural = _("provider calls")
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="call_is_about_something",
                condition=Q(transaction__isnull=False) | Q(agreement__isnull=False),
            ),
        ]
        indexes = [BrinIndex(fields=["started_at"], name="calls_by_time")]

    def __str__(self) -> str:
        return f"{self.operation} {timezone.localtime(self.started_at):%Y-%m-%d %H:%M:%S}"


#: News older than this is none. Staff find the mail, and why it was not sent, in the admin.
GIVE_UP_AFTER = timedelta(days=3)


class Mail(models.Model):
    """
    One message to a shopper about one event, written in the transaction that made it happen.

    It names what it is about, if that is not the order itself or its parcel: the money that moved
    (``transaction``), the ``refund``, the buyer's ``request``. Staff may send it once more: that is
    a row of its own, the ``nth``.
    """

    class Event(models.TextChoices):
        PAID = "PAID", _("order confirmation")
        REFUNDED = "REFUNDED", _("we refunded you")
        NOT_CHARGED = "NOT_CHARGED", _("your payment could not be confirmed")
        SHIPPED = "SHIPPED", _("your parcel is on its way")
        DECLINED = "DECLINED", _("your refund request was declined")
        REFUSED = "REFUSED", _("your membership could not be renewed")
        METHOD = "METHOD", _("register a payment method")
        UNPAID = "UNPAID", _("your membership has ended unpaid")
        ENDED = "ENDED", _("your membership has ended")
        STOPPED = "STOPPED", _("your membership will not renew")
        RESUMED = "RESUMED", _("your membership will renew")
        PRICE = "PRICE", _("your membership's price changes")
        TRIAL_ENDS = "TRIAL_ENDS", _("your trial ends")

    order = models.ForeignKey(Order, models.PROTECT, related_name="mails", verbose_name=_("order"))
    transaction = models.ForeignKey(
        PaymentTransaction,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mails",
        verbose_name=_("payment transaction"),
    )
    refund = models.ForeignKey(
        Refund,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mails",
        verbose_name=_("refund"),
    )
    request = models.ForeignKey(
        RefundRequest,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mails",
        verbose_name=_("refund request"),
    )
    event = models.CharField(_("event"), max_length=12, choices=Event)
    nth = models.PositiveSmallIntegerField(
        _("which time"), default=1, help_text=_("More than 1: sent again by staff.")
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("sent again by"),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    claimed_at = models.DateTimeField(_("last tried at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("mailed at"), null=True, blank=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_mail_per_event",
                fields=["order", "transaction", "refund", "request", "event", "nth"],
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="unsent_mails", condition=Q(sent_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} {self.order}"

    @property
    def is_given_up(self) -> bool:
        """It was not sent, and is too old to be."""
        after = told_before_it_counts() if self.event == self.Event.PRICE else GIVE_UP_AFTER
        return self.sent_at is None and self.created_at <= timezone.now() - after


def told_before_it_counts() -> timedelta:
    """So long a price that was announced is not charged yet: until then it is news."""
    return max(GIVE_UP_AFTER, timedelta(days=settings.MEMBERSHIP_NOTICE_DAYS))


def is_news(*, now: datetime) -> Q:
    """Mails that are not too old to be sent."""
    prices = Q(event=Mail.Event.PRICE, created_at__gt=now - told_before_it_counts())
    return Q(created_at__gt=now - GIVE_UP_AFTER) | prices


class ReconciliationRun(models.Model):
    """One comparison of our books with a provider's, and how it ended."""

    class Mode(models.TextChoices):
        PENDING = "PENDING", _("unknown outcomes")
        AUDIT = "AUDIT", _("audit of a period")
        STATEMENT = "STATEMENT", _("statement")

    class Outcome(models.TextChoices):
        RUNNING = "RUNNING", _("running, or killed")
        AGREED = "AGREED", _("all agree")
        DIFFERENT = "DIFFERENT", _("differences")
        INCOMPLETE = "INCOMPLETE", _("could not finish")

    mode = models.CharField(_("mode"), max_length=9, choices=Mode)
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=Outcome, default=Outcome.RUNNING
    )
    gateway = models.CharField(_("provider"), max_length=20)
    since = models.DateTimeField(_("since"), null=True, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    source = models.CharField(_("file"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    checked = models.PositiveIntegerField(_("compared"), default=0)
    settled = models.PositiveIntegerField(_("settled"), default=0)
    differences = models.PositiveIntegerField(_("differences"), default=0)
    unanswered = models.PositiveIntegerField(
        _("unanswered"),
        default=0,
        help_text=_("The provider did not say, or we did not understand."),
    )

    class Meta:
        verbose_name = _("reconciliation run")
        verbose_name_plural = _("reconciliation runs")
        ordering = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_mode_display()} {timezone.localtime(self.started_at):%Y-%m-%d %H:%M:%S}"


class StatementEntry(models.Model):
    """A line of a provider's statement, kept only while it is compared."""

    run = models.ForeignKey(ReconciliationRun, models.CASCADE, related_name="entries")
    line = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=PaymentTransaction.Kind)
    tid = models.CharField(max_length=40)
    aid = models.CharField(max_length=40, blank=True)
    order_number = models.CharField(max_length=100, blank=True)
    amount = models.PositiveIntegerField(help_text="In won; also of a refund.")
    moved_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["run", "tid", "kind"], name="statement_entries")]

    def __str__(self) -> str:
        return f"{self.line}: {self.kind} {self.tid}"


class Discrepancy(models.Model):
    """Money on which our books and the provider's differ, until somebody explains it."""

    class Kind(models.TextChoices):
        MISSING_HERE = "MISSING_HERE", _("missing here")
        MISSING_THERE = "MISSING_THERE", _("missing there")
        AMOUNT = "AMOUNT", _("amount differs")
        STATUS = "STATUS", _("status differs")
        DUPLICATE = "DUPLICATE", _("duplicate")
        NO_NAME = "NO_NAME", _("tid not known")

    run = models.ForeignKey(
        ReconciliationRun,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="discrepancies",
        verbose_name=_("found by"),
        help_text=_("Empty if a payment's own request or recovery came upon it."),
    )
    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    gateway = models.CharField(_("provider"), max_length=20)
    transaction = models.ForeignKey(
        PaymentTransaction,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="discrepancies",
        verbose_name=_("payment transaction"),
    )
    tid = models.CharField("tid", max_length=40, db_index=True)
    aid = models.CharField("aid", max_length=40, blank=True)
    order_number = models.CharField(_("order number"), max_length=100, blank=True)
    our_status = models.CharField(_("our status"), max_length=30, blank=True)
    our_amount = models.PositiveIntegerField(_("our amount"), null=True, blank=True)
    their_status = models.CharField(_("their status"), max_length=30, blank=True)
    their_amount = models.PositiveIntegerField(_("their amount"), null=True, blank=True)
    detail = models.CharField(_("what was found"), max_length=300, blank=True)
    found_at = models.DateTimeField(_("found at"), default=timezone.now)

    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("closed by"),
        help_text=_("Nobody if recovery put our books right by itself."),
    )
    evidence = models.TextField(_("evidence"), blank=True)
    explanation = models.TextField(_("explanation"), blank=True)

    class Meta:
        verbose_name = _("discrepancy")
        verbose_name_plural = _("discrepancies")
        ordering = ["-found_at", "-pk"]
        permissions = [("close_discrepancy", _("Can close discrepancies"))]
        constraints = [
            models.UniqueConstraint(
                name="one_open_discrepancy",
                fields=["gateway", "tid", "aid", "kind"],
                condition=Q(closed_at=None),
            ),
            models.CheckConstraint(
                name="closed_with_explanation",
                condition=Q(closed_at=None) | ~Q(explanation=""),
            ),
            models.CheckConstraint(
                name="closed_by_hand_with_evidence",
                condition=Q(closed_by=None) | ~Q(evidence=""),
            ),
        ]
        indexes = [
            models.Index(
                fields=["found_at"], name="open_discrepancies", condition=Q(closed_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.tid}"


class AdminLog(LogEntry):
    """What the admin's own log says of what staff did: tracked."""

    class Meta:
        proxy = True
        default_permissions = ()


class AdminLogEvent(
    events_of(  # type: ignore[misc]
        AdminLog,
        index="staff_logged",
        fields=["content_type", "object_id", "object_repr", "action_flag", "change_message"],
        row=("content_type", "object_id"),
        when=(pghistory.InsertEvent,),
        obj_field=None,
    )
):
    """Each line of the admin's log, with its origin; written by the database, never altered."""
