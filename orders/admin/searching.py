"""
Which orders somebody means, among a million: each kind of word is looked up by an index of its own.
"""

import re
import unicodedata
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Collate, Lower
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import NumberParseException

from accounts.models import User
from orders import carriers
from orders.models import Order, PaymentTransaction, Shipment

#: An order number or its beginning, at least the day: with or without the hyphen.
NUMBER = re.compile(r"(?P<day>\d{8})(?P<rest>[0-9A-Z]{0,8})")
#: As people write phone numbers, here or abroad.
PHONE = re.compile(r"\+?[\d\s().\-‐-―−]{8,20}")
#: What an e-mail address may begin with.
MAILBOX = re.compile(r"[\w.%+'-]{3,}", re.ASCII)
SHORTEST_NAME = 2


def orders_meant(words: str) -> QuerySet[Any]:
    """
    The ids of orders with this number, e-mail address, or name of the buyer or the recipient (or
    the beginning of one), tid, aid, tracking number, or phone number however it is written.
    """
    words = unicodedata.normalize("NFKC", words).strip()
    orders = Order.objects.order_by()
    folded = Collate(Lower("email"), "C")  # as the index has it, which so finds beginnings
    by_email = orders.alias(folded=folded).filter(folded__startswith=words.lower())
    if "@" in words:
        return by_email.values("pk")
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
    if MAILBOX.fullmatch(words):
        found.append(by_email.values("pk"))
    if PHONE.fullmatch(words) and (phone := as_stored(words)):
        found.append(orders.filter(phone=phone).values("pk"))
        found.append(parcels.filter(phone=phone).values("order"))
    if len(words) >= SHORTEST_NAME and not any(letter.isdigit() for letter in words):
        found.append(orders.filter(name__startswith=words).values("pk"))
        found.append(parcels.filter(recipient__startswith=words).values("order"))
    return found[0].union(*found[1:], all=True)


def as_stored(phone: str) -> str:
    """The number as the database has it, such as ``+821012345678``; "" if it is none."""
    try:
        return str(PhoneNumber.from_string(phone).as_e164)
    except NumberParseException:
        return ""


def of_people_meant(rows: QuerySet[Any], words: str) -> QuerySet[Any]:
    """Those of the rows whose ``user`` has this e-mail address, or an order that is meant."""
    if not words:
        return rows
    all_rows = rows.model._default_manager.order_by()
    people = User.objects.alias(lower=Lower("email")).filter(lower=words.lower())
    buyers = Order.objects.filter(pk__in=orders_meant(words)).order_by().values("user")
    found = all_rows.filter(user__in=people.values("pk")).union(all_rows.filter(user__in=buyers))
    return rows.filter(pk__in=found.values("pk"))
