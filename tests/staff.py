"""People who work in the shop, and what they do with a few words."""

from importlib import import_module
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from accounts.models import User
from checkout import payments
from orders import refunding
from orders.models import Order, PaymentTransaction, Refund


def staff(email: str, *permissions: str) -> User:
    """A member of staff with these permissions, by their codenames."""
    user = User.objects.create_user(email, "open-sesame-2", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def member(group: str, email: str) -> User:
    """Somebody in one of the groups that the migration made: support, finance, manager."""
    groups = import_module("checkout.migrations.0002_groups")
    groups.make_groups(apps, None)  # other tests have emptied the tables
    user = User.objects.create_user(email, "open-sesame-2", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def operator() -> User:
    """Somebody who may do everything."""
    fields = {"is_staff": True, "is_superuser": True}
    return User.objects.get_or_create(email="operator@example.com", defaults=fields)[0]


def give_back(order: Order, scope: refunding.Scope, **more: Any) -> Refund:
    """Refund, by the operator unless somebody else is named."""
    given = {"reason": "찻잔이 깨져 왔어요", "now": timezone.now()}
    given["by"] = more.pop("by", None) or operator()
    return payments.refund(order, scope, **(given | more))


def refund(order: Order, amount: int, **more: Any) -> PaymentTransaction:
    """Refund an amount; the transaction that came of it."""
    return give_back(order, refunding.by_amount(amount), **more).transaction


def form_of(order: Order, scope: refunding.Scope, reason: str = "변심") -> dict[str, Any]:
    """What the refund page sends once it has shown what goes back."""
    lines, transactions = list(order.lines.order_by("pk")), list(order.transactions.all())
    form = {
        "kind": scope.kind.value,
        "amount": scope.amount or "",
        "reason": reason,
        "seen": refunding.plan(order, lines, transactions, scope).figures,
        **{f"pieces-{line_id}": pieces for line_id, pieces in scope.pieces.items()},
    }
    ticked = {"with_delivery": scope.with_delivery, "restock": scope.restock}
    return form | {name: "on" for name, is_on in ticked.items() if is_on}
