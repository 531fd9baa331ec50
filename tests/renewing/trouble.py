"""What goes wrong at the provider: answers that are lost, cards that decline."""

import random
from dataclasses import dataclass, field
from datetime import date, datetime

from accounts.models import BillingAgreement
from tests.kakaopay import KakaoPay

LOST = ("drop", "html_502", "http_500", "empty", "not_json", "garbled", "truncated")
#: A bank's clear no, and one that leaves open what it did.
NO, PERHAPS = "NOT_ENOUGH_BALANCE", "BANK_FIRM_UNKNOWN"


@dataclass
class Days:
    """On which days the clock was set back, and on which a worker was killed."""

    set_back: set[date] = field(default_factory=set)
    killed: set[date] = field(default_factory=set)


def lose_answers(kakaopay: KakaoPay, choose: random.Random, *, due: int) -> None:
    """Some of the coming calls are lost, before or after the sandbox has done what they ask for."""
    for _ in range(choose.randint(0, 1 + due // 8)):
        endpoint = choose.choices(["subscription", "status", "inactive"], [6, 3, 1])[0]
        kakaopay.fault(endpoint, **{choose.choice(["before", "after"]): choose.choice(LOST)})


def change_cards(
    kakaopay: KakaoPay, choose: random.Random, *, until: datetime, share: float
) -> None:
    """
    Of the agreements charged next, this ``share`` declines: a few times, or until its shopper
    registers another.
    """
    charged = BillingAgreement.objects.filter(
        status=BillingAgreement.Status.ACTIVE,
        memberships__charge_at__lte=until,
        memberships__failing_since=None,
    )
    for agreement in charged.order_by("pk"):
        if choose.random() < share:
            reason = choose.choices([NO, PERHAPS], [6, 1])[0]
            times = choose.choice([1, 1, 1, 2, 2, 3, 4, None]) if reason == NO else 1
            kakaopay.decline_subscription(agreement.sid, reason, times)
