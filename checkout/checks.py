"""What Django's system checks say of the settings of the checkout; the database is not asked."""

import re
from typing import Any

from django.conf import settings
from django.core import checks

ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", re.ASCII)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)
#: What browsers run, or open with anything at all.
NO_APPS = {
    *("about", "blob", "content", "data", "file", "filesystem", "ftp", "http", "https", "intent"),
    *("javascript", "mailto", "sms", "tel", "vbscript", "view-source", "ws", "wss"),
}


def memberships(**kwargs: Any) -> list[checks.CheckMessage]:
    """An error for each setting of memberships by which nobody could be charged as it says."""
    retry_days, grace_days = settings.MEMBERSHIP_RETRY_DAYS, settings.MEMBERSHIP_GRACE_DAYS
    wrong = {
        "MEMBERSHIP_CHARGE_HOUR must be an hour from 0 to 23.": (
            not 0 <= settings.MEMBERSHIP_CHARGE_HOUR <= 23
        ),
        "MEMBERSHIP_GRACE_DAYS must be 1 or more.": grace_days < 1,
        "MEMBERSHIP_RETRY_DAYS must be days within the grace period, from 1 on.": (
            any(not 1 <= days <= grace_days for days in retry_days)
        ),
        "MEMBERSHIP_NOTICE_DAYS must not be negative.": settings.MEMBERSHIP_NOTICE_DAYS < 0,
        "MEMBERSHIP_REMIND_DAYS must not be negative.": settings.MEMBERSHIP_REMIND_DAYS < 0,
        "AGREEMENT_CHECK_DAYS must be 1 or more.": settings.AGREEMENT_CHECK_DAYS < 1,
    }
    return [checks.Error(said, id="checkout.E001") for said, is_wrong in wrong.items() if is_wrong]


def front_ends(**kwargs: Any) -> list[checks.CheckMessage]:
    """An error for each front end to which no buyer could, or should, be sent."""
    wrong = [
        f"{origin!r} in CLIENT_ORIGINS is no origin such as https://app.example.com."
        for origin in settings.CLIENT_ORIGINS
        if not ORIGIN.fullmatch(origin)
    ]
    wrong += [
        f"{scheme!r} in CLIENT_APP_SCHEMES is not the scheme of an app of your own."
        for scheme in settings.CLIENT_APP_SCHEMES
        if not SCHEME.fullmatch(scheme) or scheme in NO_APPS
    ]
    return [checks.Error(said, id="checkout.E002") for said in wrong]


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
