from django.db import models
from django.utils import timezone


class IdempotentRequest(models.Model):
    """
    A request that came with an ``Idempotency-Key``, and the answer that it got.

    Written before the request is worked on. One without a ``status`` is being worked on, or its
    process died: ``api.idempotency`` tells which.
    """

    owner = models.CharField(max_length=80, help_text="Whose key it is: an account or a visitor.")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="Of method, address and body.")
    subject = models.CharField(
        max_length=64,
        blank=True,
        help_text="What it has made, committed together with it.",
    )
    status = models.PositiveSmallIntegerField(null=True, help_text="Of the stored answer.")
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True, help_text="JSON, byte for byte.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_request_per_idempotency_key", fields=["owner", "key"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.owner} {self.key}"


class Usage(models.Model):
    """How often somebody has done what a limit counts, since ``began_at``."""

    limit = models.CharField(max_length=20)
    who = models.CharField(max_length=80)
    count = models.PositiveIntegerField()
    began_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_usage_per_limit", fields=["limit", "who"]),
        ]

    def __str__(self) -> str:
        return f"{self.who} {self.limit}: {self.count}"
