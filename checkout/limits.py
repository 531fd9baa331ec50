"""
Who may give back how much: up to REFUND_LIMIT won alone; more only with a permission of its own;
above REFUND_APPROVAL_ABOVE won only if somebody else approves.

What counts is all that has gone back of an order, in money and in points, this refund included, so
that nobody gets round a limit by giving back in small parts.
"""

from django.conf import settings

from accounts.models import User
from orders.models import Order

UP_TO_LIMIT = "orders.refund_order"
ABOVE_LIMIT = "orders.refund_order_above_limit"
APPROVE = "orders.approve_refund"


class MayNot(Exception):
    """This person may not give anything back."""


class AboveLimit(MayNot):
    """This person may give back no more than ``limit`` won of one order."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"above {limit} won")
        self.limit = limit


class OwnRefund(MayNot):
    """Nobody approves what they asked for themselves."""


class OwnOrder(MayNot):
    """Nobody decides what they get back for what they have bought."""


def needs_approval(by: User, order: Order, worth: int) -> bool:
    """
    Must somebody else approve that ``by`` lets ``worth`` won of the order go back in all?

    :raises MayNot, OwnOrder, AboveLimit: they may not even ask for it.
    """
    if not may_refund(by):
        raise MayNot
    if by.pk == order.user_id:
        raise OwnOrder
    if worth > settings.REFUND_LIMIT and not by.has_perm(ABOVE_LIMIT):
        raise AboveLimit(settings.REFUND_LIMIT)
    return worth > int(settings.REFUND_APPROVAL_ABOVE)


def may_refund(person: User) -> bool:
    """With or without a limit."""
    return person.has_perm(UP_TO_LIMIT) or person.has_perm(ABOVE_LIMIT)


def expect_approver(by: User, order: Order, requested_by_id: int | None) -> None:
    """:raises MayNot, OwnOrder, OwnRefund: this person may not approve it."""
    if not by.has_perm(APPROVE):
        raise MayNot
    if by.pk == order.user_id:
        raise OwnOrder
    if by.pk == requested_by_id:
        raise OwnRefund
