"""Many orders, and what staff do with the lists of them: shared by tests and ``tests.volume``."""

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import User
from orders.models import Order, PaymentTransaction, Shipment
from shop.models import Category, Product

#: Tables that are never read from end to end.
LONG = {
    *("orders_order", "orders_orderline", "orders_paymenttransaction", "orders_shipment"),
    "checkout_mail",
}
LISTS = ("order", "paymenttransaction", "shipment")
MOST_QUERIES = 9

#: What of an order somebody has at hand, and how it is typed into the search box.
KNOWN: dict[str, Callable[[Order], str]] = {
    "number": lambda order: order.number,
    "number in small letters, without hyphen": lambda order: order.number.lower().replace("-", ""),
    "day": lambda order: order.number[:8],
    "tid": lambda order: order.transactions.get(kind="CHARGE").tid,
    "aid": lambda order: order.transactions.get(kind="CHARGE").aid,
    "e-mail": lambda order: order.email.upper(),
    "phone": lambda order: order.phone.as_national,
    "phone abroad": lambda order: order.phone.as_international,
    "tracking number": lambda order: order.shipment.tracking_number,
    "name": lambda order: order.name,
}

#: Parts of lists that staff open, by their addresses.
PARTS = {
    "order": [
        "",
        *(f"status__exact={status}" for status in Order.Status.values),
        *(f"delivery={status}" for status in Shipment.Status.values),
        "status__exact=PAID&delivery=SHIPPED",
        "placed_at_to={day}",
        "placed_at_from={day}&placed_at_to={day}&status__exact=REFUNDED",
        "p=100",
        "o=1",
    ],
    "paymenttransaction": [
        "",
        *(f"status__exact={status}" for status in PaymentTransaction.Status.values),
        "kind__exact=REFUND",
        "kind__exact=REFUND&status__exact=FAILED",
        "created_at_to={day}",
        "state=unconfirmed",
    ],
    "shipment": ["", *(f"state={state}" for state in ("to_ship", "late", "shipped", "delivered"))],
}


def goods() -> None:
    """Three kinds of them to order; one is a ticket."""
    shelf = Category.objects.create(slug="many", name_ko="주방", name_en="Kitchen")
    for number, price in enumerate((11_000, 22_900, 60_000)):
        Product.objects.create(
            category=shelf,
            slug=f"many-{number}",
            name_ko=f"컵 {number}",
            name_en=f"Cup {number}",
            price=price,
            stock=1_000,
            is_tax_free=number == 1,
            needs_delivery=number != 2,
        )


def desk() -> Client:
    """A browser in which a superuser is signed in."""
    client = Client()
    client.force_login(User.objects.get(email="desk@example.com"))
    return client


def an_old_order() -> Order:
    """Delivered, from the middle of all."""
    middle = Order.objects.order_by("pk").filter(shipment__status="DELIVERED", status="PAID")
    first, last = (
        Order.objects.order_by(by).values_list("pk", flat=True)[0] for by in ("pk", "-pk")
    )
    return middle.filter(pk__gte=(first + last) // 2)[0]


def open_list(client: Client, name: str, part: str = "") -> Any:
    """The answer to opening a list, or a part of it."""
    return client.get(f"{reverse(f'admin:orders_{name}_changelist')}?{part}")
