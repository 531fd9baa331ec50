"""
Memberships: who is a member and until when, and when the next period is charged.

Periods are whole days in Korea. They begin on the same day of each month, or on the last of a month
that is too short for it. Nothing here knows orders or moves money: whoever took it says that a
period is paid, and whoever was refused says that it is not. The caller has started a transaction.

    CannotChange
    ├── NotAMember    there is no membership, or it has ended
    ├── NotRenewing   it does not renew, so there is nothing to stop or to change
    ├── Unpaid        a period is due: it is paid first
    ├── NeedsMethod   nobody can be charged for it: a payment method has to be registered first
    └── NoSuchPlan    the plan is not for sale, or does not renew
"""

from accounts.memberships.joining import join, register
from accounts.memberships.leaving import (
    announce_price,
    cancel,
    change_plan,
    cut_short,
    end,
    overdue,
    resume,
    stop,
)
from accounts.memberships.renewing import (
    FOR_GOOD,
    due_period,
    give_up_due,
    next_attempt,
    next_price,
    owed_period,
    pay,
    refuse,
)
from accounts.memberships.standing import (
    CannotChange,
    NeedsMethod,
    NoSuchPlan,
    NotAMember,
    NotRenewing,
    Unpaid,
    can_be_charged,
    ended,
    good,
    is_postponed,
    lock,
    postponed,
    release,
)
from accounts.memberships.terms import NO_TERMS, Terms, is_member, terms_of

__all__ = [
    "FOR_GOOD",
    "NO_TERMS",
    "CannotChange",
    "NeedsMethod",
    "NoSuchPlan",
    "NotAMember",
    "NotRenewing",
    "Terms",
    "Unpaid",
    "announce_price",
    "can_be_charged",
    "cancel",
    "change_plan",
    "cut_short",
    "due_period",
    "end",
    "ended",
    "give_up_due",
    "good",
    "is_member",
    "is_postponed",
    "join",
    "lock",
    "next_attempt",
    "next_price",
    "overdue",
    "owed_period",
    "pay",
    "postponed",
    "refuse",
    "register",
    "release",
    "resume",
    "stop",
    "terms_of",
]
