"""How a shopper let the shop charge them again."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import encryption
from accounts.tracking import events_of

AGREEMENT = "payment agreement"


class BillingAgreement(models.Model):
    """
    A shopper's agreement, made at the provider, to be charged again without being asked.

    Its name there, the ``sid``, is kept encrypted: whoever has it and our keys can charge.
    """

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE", _("can be charged")
        ENDING = "ENDING", _("to be ended at the provider")
        ENDED = "ENDED", _("ended")

    class By(models.TextChoices):
        SHOP = "SHOP", _("the shop")
        PAYER = "PAYER", _("the shopper, at the provider")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="agreements",
        verbose_name=_("person"),
    )
    gateway = models.CharField(_("provider"), max_length=20)
    sealed_sid = models.TextField(editable=False)
    status = models.CharField(_("status"), max_length=6, choices=Status, default=Status.ACTIVE)
    method = models.CharField(_("paid by"), max_length=8, blank=True)
    card_issuer = models.CharField(_("card issuer"), max_length=40, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    used_at = models.DateTimeField(
        _("last used at"),
        default=timezone.now,
        help_text=_("When we last charged it, or tried to, by our own clock."),
    )
    last_charged_at = models.DateTimeField(
        _("last charged at"), null=True, blank=True, help_text=_("By the provider's books.")
    )
    checked_at = models.DateTimeField(_("last checked at"), null=True, blank=True)
    tried_at = models.DateTimeField(
        _("last tried at"),
        null=True,
        blank=True,
        help_text=_("When we last set out to check it or to end it, whatever came of that."),
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    ended_by = models.CharField(_("ended by"), max_length=5, choices=By, blank=True)

    class Meta:
        verbose_name = _("payment agreement")
        verbose_name_plural = _("payment agreements")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="agreement_ended_by_somebody",
                condition=Q(status="ENDED", ended_at__isnull=False) & ~Q(ended_by="")
                | ~Q(status="ENDED") & Q(ended_at=None, ended_by=""),
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="ending_agreements", condition=Q(status="ENDING")),
            models.Index(
                fields=["checked_at"], name="agreements_to_check", condition=Q(status="ACTIVE")
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.card_issuer}".strip()

    @property
    def sid(self) -> str:
        """:raises ImproperlyConfigured: if the SECRET_KEY that encrypted it is not known."""
        return encryption.opened(self.sealed_sid, purpose=AGREEMENT)

    @sid.setter
    def sid(self, sid: str) -> None:
        self.sealed_sid = encryption.sealed(sid, purpose=AGREEMENT)


class BillingAgreementEvent(
    events_of(  # type: ignore[misc]
        BillingAgreement, index="staff_changed_agreements", fields=["status", "ended_by"]
    )
):
    """Each status that an agreement has had; written by the database, never altered."""
