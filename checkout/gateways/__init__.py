"""The payment providers, by name. Nothing in here knows our models or our database."""

from django.conf import settings

from checkout.gateways.base import Gateway, Journal
from checkout.gateways.kakaopay import Credentials, KakaoPay, Timeouts

DEFAULT = "kakaopay"


def get(name: str, journal: Journal) -> Gateway:
    """
    The provider of that name; each of its requests is entered in ``journal``.

    :raises KeyError: if there is none.
    """
    return {"kakaopay": kakaopay}[name](journal)


def kakaopay(journal: Journal) -> KakaoPay:
    return KakaoPay(
        api_url=settings.KAKAOPAY_API_URL,
        credentials=Credentials(
            secret_key=settings.KAKAOPAY_SECRET_KEY,
            cid=settings.KAKAOPAY_CID,
            cid_secret=settings.KAKAOPAY_CID_SECRET,
            subscription_cid=settings.KAKAOPAY_SUBSCRIPTION_CID,
            subscription_cid_secret=settings.KAKAOPAY_SUBSCRIPTION_CID_SECRET,
        ),
        timeouts=Timeouts(
            connect=settings.KAKAOPAY_CONNECT_TIMEOUT_SECONDS,
            read=settings.KAKAOPAY_READ_TIMEOUT_SECONDS,
        ),
        journal=journal,
    )
