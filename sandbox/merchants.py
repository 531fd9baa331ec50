"""Who may call, as which merchant, and which sites they registered."""

import secrets
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from django.conf import settings

from .refusals import Refused

SCHEMES = ("SECRET_KEY", "DEV_SECRET_KEY")


def authorise(header: str | None) -> None:
    """
    Let in who sends ``Authorization: SECRET_KEY <key>`` (or ``DEV_SECRET_KEY <key>``).

    :raises Refused: -400 without the header, -401 if it is not our key.
    """
    if not header:
        raise Refused(-400)
    scheme, _, key = header.partition(" ")
    known = secrets.compare_digest(key.encode(), settings.SANDBOX_SECRET_KEY.encode())
    if scheme not in SCHEMES or not known:
        raise Refused(-401)


def check_cid(cid: str, cid_secret: str | None) -> None:
    """:raises Refused: -731 if no merchant has this cid, -733 if its secret is wrong."""
    if cid not in settings.SANDBOX_ONE_TIME_CIDS and not is_recurring(cid):
        raise Refused(-731)
    if settings.SANDBOX_CID_SECRET and cid_secret != settings.SANDBOX_CID_SECRET:
        raise Refused(-733)


def is_recurring(cid: str) -> bool:
    """Whether approving a payment of this merchant issues a SID."""
    return cid in settings.SANDBOX_RECURRING_CIDS or is_sequential(cid)


def is_sequential(cid: str) -> bool:
    """Whether this merchant uses the flow that lists the payer's methods in order."""
    return cid in settings.SANDBOX_SEQUENTIAL_CIDS


def check_domain(field: str, url: str) -> None:
    """:raises Refused: -799 if ``url`` is not on a registered site."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    if not any(fnmatchcase(origin, domain) for domain in settings.SANDBOX_DOMAINS):
        raise Refused(-799, f"{field}({url}) does not match registered website domain.")
