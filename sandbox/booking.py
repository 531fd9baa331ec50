"""How orders and movements of money are written into the ledger."""

from datetime import datetime
from typing import Any

from .amounts import Amount, included_vat
from .models import Action, Payment, new_id
from .refusals import Refused


def ordered(fields: dict[str, Any]) -> dict[str, Any]:
    """
    The columns of a payment that say what was ordered, its VAT worked out if it was not sent.

    :raises Refused: -722 if the tax-free part, the VAT and the deposit do not fit into the total.
    """
    total, tax_free, vat = (fields[f"{n}_amount"] for n in ("total", "tax_free", "vat"))
    if vat is None:
        vat = included_vat(max(total - tax_free, 0))
    green_deposit = fields["green_deposit"] or 0
    if not Amount(total, tax_free, vat, green_deposit=green_deposit).consistent:
        raise Refused(-722)
    copied = ("cid", "partner_order_id", "partner_user_id", "item_name", "quantity")
    return {name: fields[name] for name in copied} | {
        "item_code": fields["item_code"] or "",
        "total_amount": total,
        "tax_free_amount": tax_free,
        "vat_amount": vat,
        "green_deposit": green_deposit,
    }


def book(
    payment: Payment,
    type: Action.Type,
    amount: Amount,
    *,
    now: datetime,
    payload: str = "",
    by: Action.By = Action.By.API,
) -> Action:
    """Write down that ``amount`` moved. The caller holds the transaction."""
    return Action.objects.create(
        payment=payment,
        aid=new_id("A", now),
        type=type,
        by=by,
        total=amount.total,
        tax_free=amount.tax_free,
        vat=amount.vat,
        green_deposit=amount.green_deposit,
        payload=payload,
        at=now,
    )
