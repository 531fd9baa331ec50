"""
Which orders somebody means, among a million: each kind of word is looked up by an index of its own.
"""

import re
import unicodedata
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Lower

from orders import carriers
from orders.models import Order, PaymentTransaction, Shipment

#: An order number or its beginning, at least the day: with or without the hyphen.
NUMBER = re.compile(r"(?P<day>\d{8})(?P<rest>[0-9A-Z]{0,8})")
#: As people write phone numbers, here or abroad.
PHONE = re.compile(r"\+?[\d\s().\-‐-―−]{8,20}")
SHORTEST_NAME = 2


def orders_meant(words: str) -> QuerySet[Any]:
    """
    The ids of orders with this number (or the beginning of one), tid, aid, e-mail address, phone
    number however it is written, tracking number, or name of the buyer or the recipient.
    """
    words = unicodedata.normalize("NFKC", words).strip()
    orders = Order.objects.order_by()
    if "@" in words:
        return orders.alias(folded=Lower("email")).filter(folded=words.lower()).values("pk")
    payments = PaymentTransaction.objects.order_by()
    parcels = Shipment.objects.order_by()
    compact = carriers.compact(words)
    found: list[QuerySet[Any]] = [
        payments.filter(tid=words).values("order"),
        payments.filter(aid=words).exclude(aid="").values("order"),
        parcels.filter(tracking_number=compact).exclude(tracking_number="").values("order"),
    ]
    if number := NUMBER.fullmatch(compact):
        beginning = f"{number['day']}-{number['rest']}"
        found.append(orders.filter(number__startswith=beginning).values("pk"))
    if PHONE.fullmatch(words):
        phone = as_stored(words)
        found.append(orders.filter(phone=phone).values("pk"))
        found.append(parcels.filter(phone=phone).values("order"))
    if len(words) >= SHORTEST_NAME and not any(letter.isdigit() for letter in words):
        found.append(orders.filter(name__startswith=words).values("pk"))
        found.append(parcels.filter(recipient__startswith=words).values("order"))
    return found[0].union(*found[1:], all=True)


def as_stored(phone: str) -> str:
    """The number as the database has it: +82 and the digits, without the first 0."""
    digits = "".join(letter for letter in phone if letter.isdecimal())
    if phone.lstrip().startswith("+"):
        return f"+{digits}"
    return f"+82{digits.removeprefix('0')}"
