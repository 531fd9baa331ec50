"""
The order's lock.

Every change of an order or of its transactions happens inside ``locked``. Where more than one lock
is needed they are taken in this order: Cart, Order, Product, Coupon, User, and their PointEntry and
Address, Membership, BillingAgreement; a cart's lines follow their cart, or the order that was made
of it. Who has locked a membership locks no order, but may place one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from orders.models import Order


@contextmanager
def locked(order_pk: int) -> Iterator[Order]:
    """Start a transaction, lock the order and read it; the end of the block commits."""
    with transaction.atomic(durable=True):
        orders = Order.objects.select_related("user")
        yield orders.select_for_update(of=("self",), no_key=True).get(pk=order_pk)
