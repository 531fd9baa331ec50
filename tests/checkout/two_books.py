"""Sales that stand in our books and in the sandbox's alike, any number of them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from checkout.models import Discrepancy
from orders import pricing
from orders.models import Order, PaymentTransaction
from tests.conftest import CONTACT
from tests.kakaopay import KakaoPay

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status


@dataclass
class TwoBooks:
    """``sell`` writes into both; what is changed afterwards in one of them is a difference."""

    kakaopay: KakaoPay
    user: User
    at: datetime = field(default_factory=timezone.now)

    def sell(self, *, total: int = 11_000, refunds: tuple[int, ...] = ()) -> PaymentTransaction:
        """A paid order, perhaps refunded. Returns its charge."""
        return self.sell_all([(total, refunds)])[0]

    def sell_all(self, sales: list[tuple[int, tuple[int, ...]]]) -> list[PaymentTransaction]:
        """Each is a total and its refunds, in won."""
        orders = Order.objects.bulk_create(
            self.order(total, status=status_after(total, sum(refunds))) for total, refunds in sales
        )
        planted = self.kakaopay.import_payments(
            [
                self.theirs(order, cancels=[self.cancel(total, each) for each in refunds])
                for order, (total, refunds) in zip(orders, sales, strict=True)
            ]
        )
        charges, given_back = [], []
        for order, entry, (total, refunds) in zip(orders, planted, sales, strict=True):
            charges.append(self.ours(order, Kind.CHARGE, total, entry["tid"], entry["aid"]))
            for amount, aid in zip(refunds, entry["cancel_aids"], strict=True):
                given_back.append(self.ours(order, Kind.REFUND, amount, entry["tid"], aid))
        PaymentTransaction.objects.bulk_create([*charges, *given_back])
        return charges

    def begin(self, *, here: str = Status.CANCELED, **theirs: Any) -> PaymentTransaction:
        """A charge that was not paid here; ``theirs`` is how it stands there."""
        canceled = {"status": Order.Status.CANCELED, "cancel_reason": "EXPIRED"}
        order = self.order(11_000, **canceled, canceled_at=self.at)
        order.save()
        (entry,) = self.kakaopay.import_payments([self.theirs(order, **theirs)])
        charge = self.ours(order, Kind.CHARGE, 11_000, entry["tid"], "", status=here)
        charge.ready_at = self.at
        charge.save()
        return charge

    def order(self, total: int, **fields: Any) -> Order:
        amounts = {"subtotal": total, "total": total, "tax_free": 0}
        return Order(
            user=self.user,
            name=CONTACT.name,
            phone=CONTACT.phone,
            email=CONTACT.email,
            vat=pricing.vat_within(total, 0),
            consented_at=self.at,
            placed_at=self.at,
            deadline_at=self.at + timedelta(minutes=15),
            **(amounts | fields),
        )

    def ours(
        self, order: Order, kind: str, amount: int, tid: str, aid: str, **fields: Any
    ) -> PaymentTransaction:
        given = {"status": Status.SUCCEEDED, "approved_at": self.at, "settled_at": self.at}
        return PaymentTransaction(
            order=order,
            kind=kind,
            gateway="kakaopay",
            amount=amount,
            tax_free=0,
            vat=pricing.vat_within(amount, 0),
            tid=tid,
            aid=aid,
            created_at=self.at,
            **(given | fields),
        )

    def theirs(self, order: Order, **fields: Any) -> dict[str, Any]:
        return {
            "partner_order_id": order.number,
            "partner_user_id": self.user.public_id,
            "item_name": "컵",
            "quantity": 1,
            "total": order.total,
            "approved_at": self.at.isoformat(),
        } | fields

    def cancel(self, total: int, amount: int) -> dict[str, Any]:
        return {"total": amount, "vat": pricing.vat_within(amount, 0), "at": self.at.isoformat()}


def status_after(total: int, refunded: int) -> Order.Status:
    if not refunded:
        return Order.Status.PAID
    return Order.Status.REFUNDED if refunded == total else Order.Status.PARTIALLY_REFUNDED


def found() -> set[tuple[str, str, str]]:
    """The differences that are kept: kind, tid and aid."""
    return set(Discrepancy.objects.values_list("kind", "tid", "aid"))
