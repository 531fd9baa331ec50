"""
The signed links through which a provider sends the buyer back.

The link, not the session, says which payment the buyer comes from: it works in another browser, in
an app's web view and after the session has ended. It shows nothing by itself.

A front end of its own, on another server or in an app, waits for the buyer at a ``return_url``.
Only what stands in the settings can be one: else whoever begins a payment could send a buyer
anywhere.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from django.core import signing
from django.http import QueryDict
from django.urls import reverse

from checkout.gateways.base import ReturnUrls
from orders.models import Order, PaymentTransaction

#: Of a ``return_url``; what is added to it must fit into the provider's 255 characters.
LONGEST_URL = 180
#: What a ``return_url`` may be written with (RFC 3986); no backslash, which browsers take for a /.
URL = re.compile(r"[A-Za-z0-9._~:/?&=%@!$'()*+,;-]+", re.ASCII)
A_WORD = re.compile(r"[\w.~-]{1,64}", re.ASCII)
signer = signing.Signer(salt="checkout.returning")


class NotOurLink(Exception):
    """The link was not made by this shop, or not for this."""


class NoToken(Exception):
    """The buyer came back to be charged with no ``pg_token``, or with more than one."""


class NotAllowed(Exception):
    """
    Buyers are not sent to this ``return_url``: it is none, or not on the list of the settings.
    """


@dataclass(frozen=True, slots=True)
class Back:
    """
    Where the buyer goes from the provider's page: to ``url``, through the shop; or without it, if
    the client ``is_callback``. With no ``url`` they stay in the shop.
    """

    url: str = ""
    is_callback: bool = False


TO_THE_SHOP = Back()


def back_to(url: str, *, is_callback: bool = False) -> Back:
    """
    :param is_callback: the provider itself sends the buyer there: to a web page, since providers
        take nothing else.
    :raises NotAllowed: it is not an address of one of the shop's front ends.
    """
    if len(url) > LONGEST_URL or not URL.fullmatch(url):
        raise NotAllowed
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotAllowed from error
    scheme = url.partition(":")[0]  # as it was written: settings have it in small letters
    is_web = scheme in {"http", "https"}
    host = f"{parts.hostname}:{port}" if port is not None else parts.hostname
    origin = f"{scheme}://{host}"
    if is_web:
        is_known = origin in settings.CLIENT_ORIGINS and parts.netloc == host
    else:
        is_known = scheme in settings.CLIENT_APP_SCHEMES and url.startswith(f"{scheme}://")
    ours = {"order_number", "status", "payment_id", "result", "pg_token"}
    names = {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)}
    if not is_known or "@" in parts.netloc or (is_callback and not is_web) or ours & names:
        raise NotAllowed
    return Back(url, is_callback)


def with_query(url: str, **values: str) -> str:
    """The address with more in its query; what is there stays."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(values)}"


def address_after(order: Order, return_url: str) -> str:
    """Where the buyer's front end learns how the order stands: its number and status, no more."""
    return with_query(return_url, order_number=order.number, status=order.status)


def token_for(txn: PaymentTransaction) -> str:
    return signer.sign(txn.public_id.hex)


def urls_for(txn: PaymentTransaction) -> ReturnUrls:
    """The three addresses given to the provider; KakaoPay allows 255 characters each."""
    if txn.is_client_called_back:
        about = {"payment_id": str(txn.public_id)}
        results = ("approve", "cancel", "fail")
        return ReturnUrls(*(with_query(txn.return_url, **about, result=each) for each in results))
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
