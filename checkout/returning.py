"""
The signed links through which a provider sends the buyer back.

The link, not the session, says which payment the buyer comes from: it works in another browser, in
an app's web view and after the session has ended. It shows nothing by itself.
"""

import re

from django.conf import settings
from django.core import signing
from django.http import QueryDict
from django.urls import reverse

from checkout.gateways.base import ReturnUrls
from orders.models import PaymentTransaction

A_WORD = re.compile(r"[\w.~-]{1,64}", re.ASCII)
signer = signing.Signer(salt="checkout.returning")


class NotOurLink(Exception):
    """The link was not made by this shop, or not for this."""


class NoToken(Exception):
    """The buyer came back to be charged with no ``pg_token``, or with more than one."""


def token_for(txn: PaymentTransaction) -> str:
    return signer.sign(txn.public_id.hex)


def urls_for(txn: PaymentTransaction) -> ReturnUrls:
    """The three addresses given to the provider; KakaoPay allows 255 characters each."""
    token = token_for(txn)
    approve, cancel, fail = (
        settings.SITE_URL + reverse(f"checkout:{name}", args=[token])
        for name in ("approve", "cancel", "fail")
    )
    return ReturnUrls(approve, cancel, fail)


def open_link(token: str) -> PaymentTransaction:
    """
    The transaction that a link was made for.

    :raises NotOurLink: if the signature is not ours or the transaction is gone.
    """
    try:
        public_id = signer.unsign(token)
        return PaymentTransaction.objects.select_related("order__user").get(public_id=public_id)
    except (signing.BadSignature, PaymentTransaction.DoesNotExist) as error:
        raise NotOurLink from error


def pg_token_of(query: QueryDict) -> str:
    """
    The provider's word that the buyer agreed to pay.

    :raises NoToken: if it is missing, repeated, or not a word such as providers send.
    """
    values = query.getlist("pg_token")
    if len(values) != 1 or not A_WORD.fullmatch(values[0]):
        raise NoToken
    return values[0]
