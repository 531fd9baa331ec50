"""
A person's saved addresses: what checkout remembers, and what the account's pages change.

    CannotSave
    ├── SavedAlready   the account has this very address
    └── TooMany        the account has ``MOST`` addresses

Every change but ``remember`` locks the person first, so two tabs take turns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Address, User
from api import idempotency

MOST = 20
SAVED_ONCE = "an_address_is_saved_once"


class CannotSave(Exception):
    """The addresses are as they were; the message is a sentence for the shopper."""


class SavedAlready(CannotSave):
    def __init__(self) -> None:
        super().__init__(_("This address is saved already."))


class TooMany(CannotSave):
    def __init__(self) -> None:
        super().__init__(
            _("No more than %(most)d addresses can be saved. Delete one that you no longer need.")
            % {"most": MOST}
        )


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a parcel goes, and whom the courier calls: ``phone`` is E.164, as +821012345678."""

    recipient: str
    phone: str
    postcode: str
    line1: str
    line2: str = ""
    memo: str = ""


def remember(user_id: int, destination: Destination, *, now: datetime) -> None:
    """
    Save where an order goes, or that a saved address was used again; one query.

    May be part of a larger transaction, and done twice changes nothing more. It knows no limit: who
    asks for an address to be remembered is not refused while ordering, but when adding the next.
    """
    Address.objects.bulk_create(
        [Address(user_id=user_id, used_at=now, **asdict(destination))],
        update_conflicts=True,
        unique_fields=["user", "recipient", "phone", "postcode", "line1", "line2"],
        update_fields=["used_at", "memo"],
    )


def add(
    user_id: int, destination: Destination, *, label: str, is_default: bool, now: datetime
) -> Address:
    """
    Save one more address.

    :raises SavedAlready, TooMany: nothing has changed, neither has the default.
    """
    address = Address(user_id=user_id, label=label, is_default=is_default, used_at=now)
    with locked(user_id) as person:
        if person.addresses.count() >= MOST:
            raise TooMany
        save(address, destination)
        idempotency.made(address.pk)
    return address


def change(address: Address, destination: Destination, *, label: str, is_default: bool) -> None:
    """
    Write over a saved address.

    :raises SavedAlready: it would be the same as another; nothing has changed.
    :raises Address.DoesNotExist: it has been deleted meanwhile.
    """
    with locked(address.user_id) as person:
        current = person.addresses.get(pk=address.pk)
        current.label, current.is_default = label, is_default
        save(current, destination)


def make_default(address: Address) -> None:
    """
    Offer this address first, in place of the one that was.

    :raises Address.DoesNotExist: it has been deleted meanwhile; the default is as it was.
    """
    with locked(address.user_id) as person:
        current = person.addresses.get(pk=address.pk)
        person.addresses.filter(is_default=True).update(is_default=False)
        current.is_default = True
        current.save(update_fields=["is_default"])


def forget(address: Address) -> None:
    """Delete an address, if it is still there. Orders have kept their own copy."""
    with locked(address.user_id) as person:
        person.addresses.filter(pk=address.pk).delete()


@contextmanager
def locked(user_id: int) -> Iterator[User]:
    """
    Start a transaction and lock the person's addresses; the end of the block commits.

    What is locked is the person, since no lock on rows keeps others from being added.
    """
    try:
        with transaction.atomic(durable=True):
            yield User.objects.select_for_update(no_key=True).get(pk=user_id)
    except IntegrityError as error:
        if SAVED_ONCE not in str(error):
            raise
        raise SavedAlready from error


def save(address: Address, destination: Destination) -> None:
    """Save one address of a locked person; if it is the default, no other stays so."""
    for name, value in asdict(destination).items():
        setattr(address, name, value)
    if address.is_default:
        others = Address.objects.filter(user_id=address.user_id, is_default=True)
        others.exclude(pk=address.pk).update(is_default=False)
    address.save()
