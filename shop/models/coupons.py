"""Reductions that shoppers redeem."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.tracking import WHOLE_LIFE, events_of
from shop.models.goods import Category, Product


class Coupon(models.Model):
    """
    A reduction that shoppers redeem, by its code or because it was granted to them.

    For everything, or for any of its ``products`` and ``categories``: where these are deleted it is
    for nothing, never for everything.
    """

    class Kind(models.TextChoices):
        FIXED = "FIXED", _("fixed amount")
        PERCENT = "PERCENT", _("percent")

    name = models.CharField(_("name"), max_length=60)
    code = models.CharField(
        _("code"),
        max_length=20,
        unique=True,
        null=True,
        blank=True,
        validators=[
            RegexValidator(r"^[A-Z0-9-]{3,20}\Z", _("Use capital letters, digits and hyphens."))
        ],
        help_text=_("Whoever knows it may redeem it. Without a code it must be granted."),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.FIXED)
    value = models.PositiveIntegerField(
        _("value"), help_text=_("Won, or percent from 1 to 100, of the goods it is for.")
    )
    cap = models.PositiveIntegerField(
        _("at most"), null=True, blank=True, help_text=_("In won; only for percent.")
    )
    minimum = models.PositiveIntegerField(
        _("minimum spend"), default=0, help_text=_("In won, on the goods it is for.")
    )
    valid_from = models.DateTimeField(_("valid from"), default=timezone.now)
    valid_until = models.DateTimeField(
        _("valid until"),
        null=True,
        blank=True,
        help_text=_("From this moment on it cannot be used; empty: without end."),
    )
    is_for_all = models.BooleanField(_("for everything"), default=True)
    products = models.ManyToManyField(
        Product, blank=True, related_name="+", verbose_name=_("products")
    )
    categories = models.ManyToManyField(
        Category, blank=True, related_name="+", verbose_name=_("categories")
    )
    limit = models.PositiveIntegerField(
        _("uses in all"),
        null=True,
        blank=True,
        help_text=_("By all shoppers together. Empty: no limit."),
    )
    per_person = models.PositiveSmallIntegerField(
        _("uses per person"), null=True, blank=True, default=1, help_text=_("Empty: no limit.")
    )
    redeemed = models.PositiveIntegerField(
        _("redeemed"),
        default=0,
        editable=False,
        help_text=_("By orders that are paid or wait for payment."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Coupon"]] = models.Manager()

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="coupon_value_fits_its_kind",
                condition=Q(kind="FIXED", value__gt=0, cap=None)
                | Q(kind="PERCENT", value__gt=0, value__lte=100),
                violation_error_message=_(
                    "A fixed amount is at least 1 won and has no “at most”; a percentage is from "
                    "1 to 100."
                ),
            ),
            models.CheckConstraint(
                name="coupon_within_its_limit",
                condition=Q(limit=None) | Q(redeemed__lte=F("limit")),
                violation_error_message=_("It has been redeemed more often than that already."),
            ),
            models.CheckConstraint(
                name="coupon_begins_before_it_ends",
                condition=Q(valid_until=None) | Q(valid_until__gt=F("valid_from")),
                violation_error_message=_("It must end after it begins."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def last_moment(self) -> datetime | None:
        """When it can still be used: what ends at midnight is good until the day before."""
        return self.valid_until and self.valid_until - timedelta(microseconds=1)


class CouponGrant(models.Model):
    """A coupon that a person was given, and sees at checkout."""

    coupon = models.ForeignKey(
        Coupon, models.CASCADE, related_name="grants", verbose_name=_("coupon")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="coupon_grants",
        verbose_name=_("person"),
    )
    granted_at = models.DateTimeField(_("granted at"), default=timezone.now)

    class Meta:
        verbose_name = _("granted coupon")
        verbose_name_plural = _("granted coupons")
        ordering = ["-granted_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                name="a_coupon_is_granted_once",
                fields=["coupon", "user"],
                violation_error_message=_("This person has this coupon already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.coupon} – {self.user}"


class CouponEvent(
    events_of(  # type: ignore[misc]
        Coupon,
        index="staff_changed_coupons",
        fields=[
            *("name", "code", "kind", "value", "cap", "minimum", "valid_from", "valid_until"),
            *("is_for_all", "limit", "per_person", "is_active"),
        ],
        when=WHOLE_LIFE,
    )
):
    """Each set of terms that a coupon has had; written by the database, never altered."""
