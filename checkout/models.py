from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models import PaymentTransaction


class ProviderCall(models.Model):
    """
    One request to a provider, written before it is sent and completed after the answer.

    A row without ``finished_at`` is a call that we never saw the end of.
    """

    transaction = models.ForeignKey(
        PaymentTransaction,
        models.PROTECT,
        related_name="calls",
        verbose_name=_("payment transaction"),
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

    def __str__(self) -> str:
        return f"{self.operation} {self.started_at:%Y-%m-%d %H:%M:%S}"
