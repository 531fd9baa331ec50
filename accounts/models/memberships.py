from datetime import date, datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.agreements import BillingAgreement
from accounts.tracking import WHOLE_LIFE, events_of


class Plan(models.Model):
    """
    What a membership costs for a period of so many months, and what it is good for.

    A plan renews by itself, or is a pass: bought once, and over when its period is.
    """

    slug = models.SlugField(_("address"), unique=True)
    name = models.CharField(_("name"), max_length=60)
    price = models.PositiveIntegerField(
        _("price"), help_text=_("In won, VAT included, for one period.")
    )
    months = models.PositiveSmallIntegerField(
        _("months"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(36)],
        help_text=_("How long a period is."),
    )
    renews = models.BooleanField(
        _("renews by itself"),
        default=True,
        help_text=_("Otherwise it is a pass: bought once, and never charged again."),
    )
    trial_days = models.PositiveSmallIntegerField(
        _("trial days"),
        default=0,
        help_text=_("Free before the first period, once for each person; 0 is no trial."),
    )
    discount_percent = models.PositiveSmallIntegerField(
        _("price reduction"),
        default=0,
        validators=[MaxValueValidator(90)],
        help_text=_("Percent off all goods for members."),
    )
    has_free_delivery = models.BooleanField(_("free delivery"), default=False)
    is_active = models.BooleanField(_("on sale"), default=True)

    objects: ClassVar[models.Manager["Plan"]] = models.Manager()

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["price", "pk"]
        constraints = [
            models.CheckConstraint(name="plan_price_positive", condition=Q(price__gt=0)),
            models.CheckConstraint(name="plan_has_months", condition=Q(months__gte=1)),
            models.CheckConstraint(
                name="plan_reduces_by_percent", condition=Q(discount_percent__lte=90)
            ),
            models.CheckConstraint(
                name="only_what_renews_has_a_trial",
                condition=Q(trial_days=0) | Q(renews=True),
                violation_error_message=_("Only a plan that renews by itself can have a trial."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """
    A shopper's membership: there is one per account, however often it was begun and ended.

    It is paid for until ``paid_until`` and good until ``lasts_until``, which is later by the grace
    period while it renews. ``charge_at`` is when its next period is charged, and empty where nobody
    will: because it does not renew, or because its shopper must say first how to be charged.
    """

    class Refusal(models.TextChoices):
        PAYER = "PAYER", _("the card or account refused")
        ENDED = "ENDED", _("the agreement has ended")
        USED_UP = "USED_UP", _("the agreement was charged too often this month")
        OTHER_BUYER = "OTHER_BUYER", _("the provider knows no such agreement of theirs")
        SHOP = "SHOP", _("a fault of the shop's")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="membership",
        verbose_name=_("person"),
    )
    plan = models.ForeignKey(
        Plan, models.PROTECT, related_name="memberships", verbose_name=_("plan")
    )
    price = models.PositiveIntegerField(
        _("price"), help_text=_("In won: what its shopper agreed to pay for each period.")
    )
    next_plan = models.ForeignKey(
        Plan,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("next plan"),
        help_text=_("From the next period on."),
    )
    next_price = models.PositiveIntegerField(
        _("next price"),
        null=True,
        blank=True,
        help_text=_("In won: what the next plan cost when it was chosen."),
    )
    new_price = models.PositiveIntegerField(
        _("announced price"), null=True, blank=True, help_text=_("In won.")
    )
    new_price_from = models.DateTimeField(_("announced for"), null=True, blank=True)
    agreement = models.ForeignKey(
        BillingAgreement,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=_("payment agreement"),
    )
    language = models.CharField(
        _("language"), max_length=5, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    renews = models.BooleanField(_("renews"), default=False)
    day = models.PositiveSmallIntegerField(
        _("day of the month"),
        help_text=_("On which its periods begin; in a shorter month, on the last."),
    )
    started_at = models.DateTimeField(_("started at"))
    paid_until = models.DateTimeField(_("paid until"))
    lasts_until = models.DateTimeField(_("lasts until"))
    charge_at = models.DateTimeField(_("next charged at"), null=True, blank=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(
        _("failed attempts"), default=0, help_text=_("To charge the period that is due.")
    )
    refusal = models.CharField(_("failed because"), max_length=11, choices=Refusal, blank=True)
    canceled_at = models.DateTimeField(_("canceled at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["-started_at", "-pk"]
        permissions = [("manage_membership", _("Can cancel and resume memberships for people"))]
        constraints = [
            models.CheckConstraint(
                name="membership_lasts_as_paid", condition=Q(lasts_until__gte=F("paid_until"))
            ),
            models.CheckConstraint(
                name="only_what_renews_is_charged", condition=Q(charge_at=None) | Q(renews=True)
            ),
            models.CheckConstraint(
                name="an_ended_membership_does_not_renew",
                condition=Q(ended_at=None) | Q(renews=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["charge_at"],
                name="memberships_to_charge",
                condition=Q(charge_at__isnull=False),
            ),
            models.Index(
                fields=["lasts_until"], name="memberships_to_end", condition=Q(ended_at=None)
            ),
            models.Index(
                fields=["failing_since"],
                name="failing_memberships",
                condition=Q(failing_since__isnull=False),
            ),
            models.Index(fields=["-started_at", "-id"], name="newest_memberships"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} – {self.user}"

    def is_good(self, now: datetime) -> bool:
        """Is its shopper a member at this time?"""
        return self.ended_at is None and self.lasts_until > now

    @property
    def is_failing(self) -> bool:
        """Its period that is due could not be charged."""
        return self.failing_since is not None


class MembershipPeriod(models.Model):
    """
    A stretch of a membership that is paid for as one; the history of the membership.

    The database has each ``number``, and each beginning, once: no period is paid for twice.
    """

    class Status(models.TextChoices):
        DUE = "DUE", _("to be paid")
        PAID = "PAID", _("paid")
        UNPAID = "UNPAID", _("not paid")
        REFUNDED = "REFUNDED", _("ended early")

    membership = models.ForeignKey(
        Membership, models.PROTECT, related_name="periods", verbose_name=_("membership")
    )
    number = models.PositiveIntegerField(_("number"))
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+", verbose_name=_("plan"))
    price = models.PositiveIntegerField(_("price"), help_text=_("In won; 0 is a trial."))
    is_trial = models.BooleanField(_("trial"), default=False)
    status = models.CharField(_("status"), max_length=8, choices=Status)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)

    class Meta:
        verbose_name = _("membership period")
        verbose_name_plural = _("membership periods")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(name="one_period_per_number", fields=["membership", "number"]),
            models.UniqueConstraint(
                name="one_period_per_beginning",
                fields=["membership", "starts_at"],
                condition=Q(status__in=["DUE", "PAID"]),
            ),
            models.UniqueConstraint(
                name="one_due_period", fields=["membership"], condition=Q(status="DUE")
            ),
            models.CheckConstraint(
                name="period_begins_before_it_ends", condition=Q(ends_at__gt=F("starts_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.starts_at):%Y-%m-%d} – {self.last_day:%Y-%m-%d}"

    @property
    def last_day(self) -> date:
        """In Korea: one that ends at midnight has the day before as its last."""
        return timezone.localtime(self.ends_at - timedelta(microseconds=1)).date()


class PlanEvent(
    events_of(  # type: ignore[misc]
        Plan,
        index="staff_changed_plans",
        fields=[
            *("name", "price", "months", "renews", "trial_days", "discount_percent"),
            *("has_free_delivery", "is_active"),
        ],
        when=WHOLE_LIFE,
    )
):
    """Each set of terms that a plan has had; written by the database, never altered."""


class MembershipEvent(
    events_of(  # type: ignore[misc]
        Membership,
        index="staff_changed_memberships",
        fields=[
            *("plan", "next_plan", "price", "new_price", "agreement", "renews", "paid_until"),
            *("failing_since", "attempts", "refusal", "ended_at"),
        ],
    )
):
    """Each state that a membership has had; written by the database, never altered."""
