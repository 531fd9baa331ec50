"""Parcels, and the desk at which staff move them."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from orders.models import Shipment

LIST = "admin:orders_shipment_changelist"


@pytest.fixture
def make_parcel(make_order):
    """Parcels of paid orders to one address."""

    def make(order_status: str = "PAID", *, hours: int = 1, **fields) -> Shipment:
        paid_at = timezone.now() - timedelta(hours=hours)
        order = make_order(status=order_status, paid_at=paid_at)
        address = {"recipient": "이두리", "phone": "+821055556666", "postcode": "06236"}
        fields = address | {"line1": "서울 강남구 테헤란로 123", "line2": "5층"} | fields
        return Shipment.objects.create(order=order, **fields)

    return make


@pytest.fixture
def parcel(make_parcel) -> Shipment:
    return make_parcel()


@pytest.fixture
def packer(db) -> User:
    """Staff who may look at parcels and send them."""
    return staff("packer@example.com", "view_shipment", "change_shipment")


@pytest.fixture
def desk(client, packer) -> Client:
    client.force_login(packer)
    return client


def staff(email: str, *permissions: str) -> User:
    user = User.objects.create_user(email, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def page_of(parcel: Shipment) -> str:
    return reverse("admin:orders_shipment_change", args=[parcel.pk])


def address_of(parcel: Shipment) -> str:
    return reverse("admin:orders_shipment_address", args=[parcel.pk])


def press(client: Client, parcel: Shipment, move: str, headers: dict | None = None, **changed: str):
    fields = {"carrier": "CJ", "tracking_number": "1234-5678-9012", "move": move}
    return client.post(page_of(parcel), fields | changed, headers=headers)


def row(parcel: Shipment) -> tuple[str, str, str]:
    parcel.refresh_from_db()
    return (parcel.status, parcel.carrier, parcel.tracking_number)


def told(answer) -> list[str]:
    """What the next page says first."""
    return [str(message) for message in answer.wsgi_request._messages]


def log() -> list[str]:
    return list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))


def found(client: Client, **query: str) -> list[Shipment]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)
