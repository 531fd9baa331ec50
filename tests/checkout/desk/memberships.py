"""Members with what they have paid, for the tests of the desk."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAgreement, Membership, Plan, User
from checkout import reconciliation, renewals
from checkout.models import Discrepancy
from orders.models import Order, PaymentTransaction
from tests.checkout.memberships.conftest import membership_of
from tests.kakaopay import KakaoPay
from tests.staff import staff

KST = ZoneInfo("Asia/Seoul")
#: Whoever looks after members.
CLERK = ("view_membership", "view_billingagreement", "manage_membership", "view_order")
LIST = "/admin/accounts/membership/"


@pytest.fixture
def membership(buy: Callable[..., Order], monthly: Plan) -> Membership:
    """Bought just now: 4,900 won a month, renewing."""
    return membership_of(buy(monthly).user)


@pytest.fixture
def clerk(client: Client, db: None) -> User:
    """Signed in, and may look after members."""
    person = staff("clerk@example.com", *CLERK)
    client.force_login(person)
    return person


def text_of(client: Client, row: Membership | BillingAgreement) -> str:
    """Its page, in English."""
    answer = client.get(address(row), headers={"accept-language": "en"})
    assert answer.status_code == 200
    return answer.content.decode()


def fresh(membership: Membership) -> Membership:
    return membership_of(membership.user)


def address(row: Membership | BillingAgreement, name: str = "change") -> str:
    return reverse(f"admin:accounts_{row._meta.model_name}_{name}", args=[row.pk])


def told(answer) -> list[str]:
    """The sentences that the next page begins with."""
    return [str(message) for message in answer.wsgi_request._messages]


def press(client: Client, row: Membership | BillingAgreement, name: str, **form: str):
    return client.post(address(row, name), form, headers={"accept-language": "en"})


def allow(person: User, *codenames: str) -> None:
    person.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def make_due(membership: Membership, moment: datetime) -> Membership:
    """What was paid for is over since ``moment``, as if it had been bought earlier."""
    shift = membership.paid_until - moment
    for period in membership.periods.all():
        starts, ends = period.starts_at - shift, period.ends_at - shift
        membership.periods.filter(pk=period.pk).update(starts_at=starts, ends_at=ends)
    membership.paid_until = moment
    membership.lasts_until = moment + timedelta(days=7)
    membership.charge_at = moment
    membership.save()
    BillingAgreement.objects.update(used_at=moment - timedelta(days=1))
    return membership


def lose_the_answer(
    membership: Membership, kakaopay: KakaoPay, at: Callable[[datetime], datetime]
) -> Discrepancy:
    """Renew it; KakaoPay takes the money, and its answer, with the tid, is lost."""
    now = at(membership.charge_at)
    kakaopay.fault("subscription", after="drop")
    assert renewals.renew(membership.pk, now=now).said == "unknown"
    rows = PaymentTransaction.objects.filter(status="PROCESSING")
    (txn,) = reconciliation.settle_stale(rows, now=now + timedelta(minutes=1))
    assert (txn.status, txn.tid) == ("SUCCEEDED", "")
    return Discrepancy.objects.select_related("transaction__order").get(kind="NO_NAME")


def renewal_of(membership: Membership) -> Order:
    return Order.objects.filter(kind="RENEWAL", period__membership=membership).latest("pk")
