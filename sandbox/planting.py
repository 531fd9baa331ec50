"""
Changing the books on purpose: payments that nobody made, figures that are wrong, rows that vanish.

For load tests, and to plant differences that a comparison of two books has to find.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework import serializers

from . import clock
from .amounts import included_vat
from .asking import Unclear
from .models import Action, Method, Payment, Status, new_id
from .serializers import MAX_INTEGER, Text, Won

AT_ONCE = 1000
MOVED = (Status.SUCCESS_PAYMENT, Status.PART_CANCEL_PAYMENT, Status.CANCEL_PAYMENT)
TID = r"^T[0-9a-f]{19}$"


class Cancel(serializers.Serializer[Any]):
    """Money that went back."""

    total = Won(1)
    tax_free = Won(default=0)
    vat = Won(default=None)
    by = serializers.ChoiceField(choices=Action.By.choices, default=Action.By.API)
    payload = Text(200, allow_blank=True, default="")
    at = serializers.DateTimeField(default=None)


class Planted(serializers.Serializer[Any]):
    """A payment as it shall stand in the books."""

    tid = serializers.RegexField(TID, default=None)
    cid = Text(10, min_length=10, default=None)
    partner_order_id = Text(100)
    partner_user_id = Text(100)
    item_name = Text(100)
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_INTEGER)
    total = Won(1)
    tax_free = Won(default=0)
    vat = Won(default=None)
    payment_method_type = serializers.ChoiceField(choices=Method.choices, default=Method.CARD)
    pg_token = Text(20, allow_blank=True, default="")
    approved_at = serializers.DateTimeField(default=None)
    status = serializers.ChoiceField(choices=Status.choices, default=None)
    cancels = Cancel(many=True, default=list)

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        given_back = sum(cancel["total"] for cancel in fields["cancels"])
        if given_back > fields["total"]:
            raise serializers.ValidationError("the cancels are more than the total")
        if fields["status"] is None:
            fields["status"] = _status_after(given_back, fields["total"])
        if given_back and fields["status"] not in MOVED:
            raise serializers.ValidationError(f"a payment in {fields['status']} has no cancels")
        return fields


class Altered(serializers.Serializer[Any]):
    """What may be written over in a payment; what is left out stays."""

    partner_order_id = Text(100, required=False)
    partner_user_id = Text(100, required=False)
    item_name = Text(100, required=False)
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_INTEGER, required=False)
    total = Won(required=False)
    tax_free = Won(required=False)
    vat = Won(required=False)
    status = serializers.ChoiceField(choices=Status.choices, required=False)


def plant(entries: object, *, site: str) -> list[dict[str, Any]]:
    """
    Write payments into the books, with their movements. All of them, or none.

    Returns the tid, the aid (None if no money moved) and the cancels' aids of each, in order.
    :raises Unclear: if an entry makes no sense or its tid is taken.
    """
    if not isinstance(entries, list) or not 1 <= len(entries) <= AT_ONCE:
        raise Unclear(
            f"결제 1~{AT_ONCE}건의 목록이 아닙니다. / Not a list of 1 to {AT_ONCE} payments."
        )
    rules = Planted()  # one for all: to make its fields costs more than to use them
    planted = [read(rules, entry, where=f"[{number}] ") for number, entry in enumerate(entries)]
    now = clock.now()
    payments = [_payment(fields, site, now) for fields in planted]
    actions = [list(_actions(p, f)) for p, f in zip(payments, planted, strict=True)]
    with transaction.atomic():
        _check_tids([payment.tid for payment in payments])
        Payment.objects.bulk_create(payments)
        Action.objects.bulk_create([action for group in actions for action in group])
    return [
        {
            "tid": payment.tid,
            "aid": group[0].aid if group else None,
            "cancel_aids": [action.aid for action in group[1:]],
        }
        for payment, group in zip(payments, actions, strict=True)
    ]


def alter(payment: Payment, changes: object) -> None:
    """
    Write over figures of a payment. A changed amount changes its approval as well.

    Without a ``vat`` of its own a changed amount gets the usual one.
    :raises Unclear: if there is nothing to change, or it makes no sense.
    """
    fields = read(Altered(), changes)
    if not fields or not isinstance(changes, dict) or set(changes) - set(fields):
        names = ", ".join(Altered().fields)
        raise Unclear(f"바꿀 수 없습니다. / What can be altered is {names}.")
    amounts = {name: fields.pop(name) for name in ("total", "tax_free", "vat") if name in fields}
    for name, value in fields.items():
        setattr(payment, name, value)
    if amounts:
        payment.total_amount = amounts.get("total", payment.total_amount)
        payment.tax_free_amount = amounts.get("tax_free", payment.tax_free_amount)
        taxable = max(payment.total_amount - payment.tax_free_amount, 0)
        payment.vat_amount = amounts.get("vat", included_vat(taxable))
    with transaction.atomic():
        payment.save()
        payment.actions.filter(type=Action.Type.PAYMENT).update(
            total=payment.total_amount, tax_free=payment.tax_free_amount, vat=payment.vat_amount
        )


def forget(payment: Payment) -> None:
    """Take a payment and its movements out of the books, as if it had never been."""
    with transaction.atomic():
        payment.actions.all().delete()
        payment.delete()


def read(rules: serializers.Serializer[Any], entry: object, *, where: str = "") -> dict[str, Any]:
    """The fields of an entry. :raises Unclear: saying ``where`` it breaks which rule."""
    try:
        return dict(rules.run_validation(entry))
    except serializers.ValidationError as error:
        raise Unclear(f"알 수 없는 값입니다. / {where}{error.detail}") from None


def _status_after(given_back: int, total: int) -> Status:
    if not given_back:
        return Status.SUCCESS_PAYMENT
    return Status.CANCEL_PAYMENT if given_back == total else Status.PART_CANCEL_PAYMENT


def _vat(amounts: dict[str, Any]) -> int:
    if amounts["vat"] is not None:
        return int(amounts["vat"])
    return included_vat(max(amounts["total"] - amounts["tax_free"], 0))


def _payment(fields: dict[str, Any], site: str, now: datetime) -> Payment:
    at = fields["approved_at"] or now
    moved = fields["status"] in MOVED
    cancels = [cancel["at"] or at for cancel in fields["cancels"]]
    method = fields["payment_method_type"]
    return Payment(
        tid=fields["tid"] or new_id("T", at),
        page=secrets.token_hex(32),
        site=site,
        cid=fields["cid"] or settings.SANDBOX_ONE_TIME_CIDS[0],
        status=fields["status"],
        partner_order_id=fields["partner_order_id"],
        partner_user_id=fields["partner_user_id"],
        item_name=fields["item_name"],
        quantity=fields["quantity"],
        total_amount=fields["total"],
        tax_free_amount=fields["tax_free"],
        vat_amount=_vat(fields),
        payment_method_type=method,
        issuer="SHINHAN" if method == Method.CARD else "",
        pg_token=fields["pg_token"],
        created_at=at,
        approved_at=at if moved else None,
        canceled_at=max(cancels, default=None),
    )


def _actions(payment: Payment, fields: dict[str, Any]) -> Iterator[Action]:
    if fields["status"] not in MOVED:
        return
    at = payment.created_at
    yield Action(
        aid=new_id("A", at),
        payment=payment,
        type=Action.Type.PAYMENT,
        total=payment.total_amount,
        tax_free=payment.tax_free_amount,
        vat=payment.vat_amount,
        at=at,
    )
    for cancel in fields["cancels"]:
        yield Action(
            aid=new_id("A", cancel["at"] or at),
            payment=payment,
            type=Action.Type.CANCEL,
            by=cancel["by"],
            total=cancel["total"],
            tax_free=cancel["tax_free"],
            vat=_vat(cancel),
            payload=cancel["payload"],
            at=cancel["at"] or at,
        )


def _check_tids(tids: list[str]) -> None:
    taken = set(Payment.objects.filter(tid__in=tids).values_list("tid", flat=True))
    taken |= {tid for tid in tids if tids.count(tid) > 1} if len(set(tids)) < len(tids) else set()
    if taken:
        raise Unclear(f"이미 있는 tid입니다. / These tids are taken: {', '.join(sorted(taken))}")
