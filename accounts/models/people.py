import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser, BaseUserManager, Group
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

from accounts.tracking import JOINED_OR_LEFT, WHOLE_LIFE, events_of


def new_public_id() -> str:
    return uuid.uuid4().hex


class UserManager(BaseUserManager["User"]):
    """People are known by their e-mail address; there is no user name."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A shopper or a member of staff."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail address"))
    name = models.CharField(_("name"), max_length=50, blank=True)
    phone = PhoneNumberField(_("phone"), blank=True)
    public_id = models.CharField(
        _("name at the provider"),
        max_length=32,
        unique=True,
        editable=False,
        default=new_public_id,
        help_text=_("What the payment provider knows them by: it says nothing about them."),
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()  # type: ignore[misc,assignment]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="one_account_per_email",
                violation_error_message=_("An account with this e-mail address already exists."),
            )
        ]

    def __str__(self) -> str:
        return self.email


class PostalAddress(models.Model):
    """Where a parcel goes in Korea, and whom the courier calls."""

    recipient = models.CharField(_("recipient"), max_length=50)
    phone = PhoneNumberField(_("recipient's phone"))
    postcode = models.CharField(
        _("postal code"),
        max_length=5,
        validators=[RegexValidator(r"^[0-9]{5}\Z", _("Enter the five digits of the postal code."))],
    )
    line1 = models.CharField(_("address"), max_length=100)
    line2 = models.CharField(_("flat, floor, building"), max_length=100, blank=True)
    memo = models.CharField(_("note for the courier"), max_length=100, blank=True)

    class Meta:
        abstract = True


class Address(PostalAddress):
    """One of a shopper's saved addresses. The one used last is offered first."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="addresses", verbose_name=_("person")
    )
    label = models.CharField(_("label"), max_length=20, blank=True)
    is_default = models.BooleanField(_("default"), default=False)
    used_at = models.DateTimeField(_("last used at"), default=timezone.now)

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        ordering = ["-is_default", "-used_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_default_address", fields=["user"], condition=Q(is_default=True)
            ),
            models.UniqueConstraint(
                name="an_address_is_saved_once",
                fields=["user", "recipient", "phone", "postcode", "line1", "line2"],
                violation_error_message=_("This address is saved already."),
            ),
        ]

    def __str__(self) -> str:
        return f"({self.postcode}) {self.line1} {self.line2}".strip()


class PointEntry(models.Model):
    """
    One change of a shopper's points; never altered, and gone only with their account.

    What came in (EARNED, GRANTED, and RETURNED once its source has expired) is used from until it
    expires: ``left`` counts what can still be used of it, and is the one column that changes. What
    went out names its ``source``. What was to be taken back and had been spent stands as a
    TAKEN_BACK without a source, whose ``left`` is below zero until later points have paid for it.
    """

    class Kind(models.TextChoices):
        EARNED = "EARNED", _("earned")
        GRANTED = "GRANTED", _("given by the shop")
        HELD = "HELD", _("held for an order")
        SPENT = "SPENT", _("used")
        RETURNED = "RETURNED", _("given back")
        TAKEN_BACK = "TAKEN_BACK", _("taken back after a refund")
        SET_OFF = "SET_OFF", _("set off against points owed")
        EXPIRED = "EXPIRED", _("expired")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="points", verbose_name=_("person")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    amount = models.IntegerField(
        _("points"),
        help_text=_("By how many the balance changed; 0 where held points were used for good."),
    )
    left = models.IntegerField(_("left of it"), default=0, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    source = models.ForeignKey(
        "self", models.RESTRICT, null=True, blank=True, related_name="+", verbose_name=_("source")
    )
    order_number = models.CharField(_("order number"), max_length=20, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("given by"),
    )
    created_at = models.DateTimeField(_("time"), default=timezone.now)

    class Meta:
        verbose_name = _("point entry")
        verbose_name_plural = _("points")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="points_are_not_overspent",
                condition=Q(amount__gte=0, left__gte=0, left__lte=F("amount"))
                | Q(amount__lt=0, left=0)
                | Q(kind="TAKEN_BACK", source=None, left__lte=0, left__gte=F("amount")),
            ),
            models.UniqueConstraint(
                name="points_earned_once",
                fields=["order_number"],
                condition=Q(kind="EARNED"),
            ),
            models.UniqueConstraint(
                name="points_spent_once",
                fields=["order_number"],
                condition=Q(kind="SPENT"),
            ),
        ]
        indexes = [
            models.Index(fields=["user", "expires_at"], name="open_points", condition=~Q(left=0)),
            models.Index(fields=["user", "-created_at"], name="point_history"),
            models.Index(
                fields=["order_number"], name="points_of_order", condition=~Q(order_number="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+,} {self.get_kind_display()}"


class PersonGroup(User.groups.through):  # type: ignore[name-defined]
    """Who is in which group: tracked."""

    class Meta:
        proxy = True
        default_permissions = ()


class PersonPermission(User.user_permissions.through):  # type: ignore[name-defined]
    """Who has which permission of their own: tracked."""

    class Meta:
        proxy = True
        default_permissions = ()


class GroupPermission(Group.permissions.through):  # type: ignore[name-defined]
    """Which permissions a group has: tracked."""

    class Meta:
        proxy = True
        default_permissions = ()


class UserEvent(
    events_of(  # type: ignore[misc]
        User,
        index="staff_changed_accounts",
        fields=["email", "is_active", "is_staff", "is_superuser"],
        when=WHOLE_LIFE,
    )
):
    """What an account might do; written by the database, never altered."""


class PersonGroupEvent(
    events_of(  # type: ignore[misc]
        PersonGroup, index="staff_changed_members", when=JOINED_OR_LEFT, obj_field=None
    )
):
    """Who joined or left a group; written by the database, never altered."""


class PersonPermissionEvent(
    events_of(  # type: ignore[misc]
        PersonPermission, index="staff_changed_rights", when=JOINED_OR_LEFT, obj_field=None
    )
):
    """Who was given a permission, or lost it; written by the database, never altered."""


class GroupPermissionEvent(
    events_of(  # type: ignore[misc]
        GroupPermission, index="staff_changed_groups", when=JOINED_OR_LEFT, obj_field=None
    )
):
    """What a group was allowed, or no longer; written by the database, never altered."""
