"""Subscriptions that no payer agreed to, written into the books in bulk for load tests."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework import serializers

from . import clock, merchants
from .asking import Unclear
from .cards import ISSUERS
from .models import Method, Subscription, new_id
from .planting import read
from .serializers import Text

AT_ONCE = 5000
SID = r"^S[0-9a-f]{19}$"


class Planted(serializers.Serializer[Any]):
    """A subscription as it shall stand in the books."""

    sid = serializers.RegexField(SID, default=None)
    cid = Text(10, min_length=10, default=None)
    partner_user_id = Text(100)
    item_name = Text(100, default="정기 결제")
    method = serializers.ChoiceField(choices=Method.choices, default=Method.CARD)
    issuer = serializers.ChoiceField(choices=list(ISSUERS), default=None)
    status = serializers.ChoiceField(
        choices=Subscription.Status.choices, default=Subscription.Status.ACTIVE
    )
    created_at = serializers.DateTimeField(default=None)
    last_approved_at = serializers.DateTimeField(default=None)
    inactivated_at = serializers.DateTimeField(default=None)

    def validate_cid(self, cid: str | None) -> str | None:
        if cid is not None and not merchants.is_recurring(cid):
            raise serializers.ValidationError("this merchant takes no recurring payments")
        return cid

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        if fields["issuer"] and fields["method"] == Method.MONEY:
            raise serializers.ValidationError("KakaoPay Money has no issuer")
        if fields["inactivated_at"] and fields["status"] == Subscription.Status.ACTIVE:
            raise serializers.ValidationError("an ACTIVE subscription was not inactivated")
        return fields


def plant(entries: object) -> list[str]:
    """
    Write subscriptions into the books. All of them, or none.

    Returns the sid of each, in order.
    :raises Unclear: if an entry makes no sense or its sid is taken.
    """
    if not isinstance(entries, list) or not 1 <= len(entries) <= AT_ONCE:
        raise Unclear(
            f"정기 결제 1~{AT_ONCE}건의 목록이 아닙니다. / "
            f"Not a list of 1 to {AT_ONCE} subscriptions."
        )
    rules = Planted()  # one for all: to make its fields costs more than to use them
    planted = [read(rules, entry, where=f"[{number}] ") for number, entry in enumerate(entries)]
    now = clock.now()
    subscriptions = [_subscription(fields, now) for fields in planted]
    with transaction.atomic():
        _check_sids([subscription.sid for subscription in subscriptions])
        Subscription.objects.bulk_create(subscriptions)
    return [subscription.sid for subscription in subscriptions]


def _subscription(fields: dict[str, Any], now: datetime) -> Subscription:
    created = fields["created_at"] or now
    approved = fields["last_approved_at"] or created
    is_card = fields["method"] == Method.CARD
    ended = fields["status"] == Subscription.Status.INACTIVE
    return Subscription(
        sid=fields["sid"] or new_id("S", created),
        cid=fields["cid"] or settings.SANDBOX_RECURRING_CIDS[0],
        partner_user_id=fields["partner_user_id"],
        item_name=fields["item_name"],
        payment_method_type=fields["method"],
        issuer=(fields["issuer"] or "SHINHAN") if is_card else "",
        status=fields["status"],
        created_at=created,
        last_approved_at=approved,
        inactivated_at=(fields["inactivated_at"] or approved) if ended else None,
        inactivated_by=Subscription.By.PAYER if ended else "",
    )


def _check_sids(sids: list[str]) -> None:
    known, twice = set[str](), set[str]()
    for sid in sids:
        (twice if sid in known else known).add(sid)
    taken = twice | set(Subscription.objects.filter(sid__in=sids).values_list("sid", flat=True))
    if taken:
        raise Unclear(f"이미 있는 sid입니다. / These sids are taken: {', '.join(sorted(taken))}")
