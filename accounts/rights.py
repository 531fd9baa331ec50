"""
Who may change whose rights. Nobody can give what they do not have, be it to themselves or through
somebody else's account.

What keeps refunds between two people is given and taken by superusers alone: whoever could give it
could be both of them.
"""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from accounts.models import User

#: Permissions that only superusers give and take, by app and codename.
OF_SUPERUSERS = Q(
    content_type__app_label="orders",
    codename__in=["approve_refund", "refund_order_above_limit"],
)


def may_manage(by: User, person: User) -> bool:
    """Has ``person`` no rights but such as ``by`` may give?"""
    if by.is_superuser:
        return True
    return not person.is_superuser and held(person) <= to_give(by)


def groups_to_give(by: User) -> QuerySet[Group]:
    """Those whose every permission ``by`` may give."""
    if by.is_superuser:
        return Group.objects.all()
    beyond = Permission.objects.exclude(pk__in=to_give(by))
    return Group.objects.exclude(permissions__in=beyond)


def to_give(by: User) -> set[int]:
    """The permissions that somebody who is no superuser may give: their own, but for some."""
    reserved = Permission.objects.filter(OF_SUPERUSERS)
    return held(by) - set(reserved.values_list("pk", flat=True))


def held(person: User) -> set[int]:
    """The permissions of their own and of their groups, also while the account is inactive."""
    theirs = Permission.objects.filter(Q(user=person) | Q(group__user=person))
    return set(theirs.values_list("pk", flat=True))
