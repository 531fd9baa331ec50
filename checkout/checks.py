"""What Django's system checks say of the settings of the checkout; the database is not asked."""

from typing import Any

from django.conf import settings
from django.core import checks


def subscription_cid(**kwargs: Any) -> list[checks.CheckMessage]:
    """A warning where the shop is live and could charge no plan that renews by itself."""
    if settings.DEBUG or settings.KAKAOPAY_SUBSCRIPTION_CID:
        return []
    return [
        checks.Warning(
            "KAKAOPAY_SUBSCRIPTION_CID is not set: plans that renew cannot be bought.",
            hint=(
                "Set the CID of your contract for recurring payments. If you sell no such plan, "
                "add checkout.W001 to SILENCED_SYSTEM_CHECKS."
            ),
            id="checkout.W001",
        )
    ]
