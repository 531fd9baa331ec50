"""What became of the order and of its money, from the states that the database has noted."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from checkout.timeline.entries import (
    Entry,
    Kind,
    Tone,
    buyer,
    email_of,
    kakaopay,
    shop,
    staff_of,
    words,
    worth,
)
from orders.models import (
    Order,
    OrderEvent,
    PaymentTransaction,
    PaymentTransactionEvent,
    Refund,
    RefundEvent,
    RefundRequest,
    RefundRequestEvent,
)
from shop.templatetags.money import won

CancelReason = Order.CancelReason
Status = PaymentTransaction.Status

#: These ends of an order are its buyer's doing.
BY_BUYER = {CancelReason.QUIT, CancelReason.FAILED, CancelReason.SUPERSEDED}


def of_order(order: Order) -> Iterator[Entry]:
    """Placed, then each status that it had."""
    for event in OrderEvent.objects.filter(pgh_obj=order).order_by("pgh_id"):
        who, what, why, tone = order_step(order, event)
        yield Entry(event.pgh_created_at, Kind.ORDER, who, what, why, tone)


def order_step(order: Order, event: Any) -> tuple[str, str, str, Tone]:
    """Who, what, why and how it went."""
    if event.pgh_label == "insert":
        who, what = placed(order)
        return who, what % {"goods": order.title, "total": won(order.total)}, "", Tone.PLAIN
    if event.status == Order.Status.CANCELED and event.cancel_reason:
        who = buyer() if event.cancel_reason in BY_BUYER else shop(event)
        why = str(CancelReason(event.cancel_reason).label)
        return who, _("The order was canceled"), why, Tone.BAD
    if event.status == Order.Status.CANCELED:
        return shop(event), _("The canceled order was taken up again: it was paid"), "", Tone.OPEN
    status = Order.Status(event.status)
    tone = Tone.GOOD if status == Order.Status.PAID else Tone.PLAIN
    return shop(event), _("The order is now: %(status)s") % {"status": status.label}, "", tone


def placed(order: Order) -> tuple[str, str]:
    """Who placed it, and what it was."""
    if order.kind == Order.Kind.RENEWAL:
        return shop(), _("Ordered for the next period: %(goods)s, %(total)s")
    if order.kind == Order.Kind.METHOD:
        return buyer(), _("Began to register a payment method: %(goods)s, %(total)s")
    return buyer(), _("Ordered: %(goods)s, %(total)s")


def of_charges(order: Order) -> Iterator[Entry]:
    """Each step of each attempt to pay; and why the provider declined a refund."""
    events = PaymentTransactionEvent.objects.filter(pgh_obj__order=order).select_related(
        "pgh_obj__order"
    )
    for event in events.order_by("pgh_id"):
        txn = event.pgh_obj
        is_charge = txn.kind == PaymentTransaction.Kind.CHARGE
        step = charge_step(event, txn) if is_charge else refusal_of_refund(event, txn)
        if step:
            who, what, why, tone = step
            kind = Kind.PAYMENT if is_charge else Kind.REFUND
            yield Entry(event.pgh_created_at, kind, who, what, why, tone)


def charge_step(event: Any, txn: PaymentTransaction) -> tuple[str, str, str, Tone] | None:
    amount = {"amount": won(txn.amount)}
    if event.status == Status.READY:
        what = _("Sent the buyer to KakaoPay to pay %(amount)s") % amount
        return shop(event), what, txn.tid, Tone.PLAIN
    if event.status == Status.PROCESSING and txn.is_by_agreement:
        return shop(event), _("Charged the agreement: %(amount)s") % amount, "", Tone.OPEN
    if event.status == Status.PROCESSING:
        return buyer(), _("Came back, having agreed to pay %(amount)s") % amount, "", Tone.OPEN
    if event.status == Status.SUCCEEDED:
        what = _("Payment approved: %(amount)s") % amount
        unnamed = "" if txn.tid else _("its tid is not known")
        method = words(txn.get_method_display(), txn.card_issuer, txn.aid, unnamed)
        return kakaopay(event), what, method, Tone.GOOD
    if event.status == Status.FAILED:
        what = _("Payment declined: %(amount)s") % amount
        return kakaopay(event), what, words(event.reason, event.reason_code), Tone.BAD
    if event.status == Status.CANCELED:
        return given_up(event) if txn.agreement_id else closed(event, txn.order)
    return None


def given_up(event: Any) -> tuple[str, str, str, Tone]:
    """Nothing was sent: KakaoPay had said before that it could not be charged."""
    what = _("The agreement could not be charged")
    return kakaopay(event), what, words(event.reason, event.reason_code), Tone.BAD


def closed(event: Any, order: Order) -> tuple[str, str, str, Tone]:
    """An attempt that nobody can pay through any more; or KakaoPay would not begin it."""
    if reason := why_closed(event.reason_code, order):
        return shop(event), _("The payment was closed unpaid"), reason, Tone.PLAIN
    why = words(event.reason, event.reason_code)
    return kakaopay(), _("The payment could not be begun"), why, Tone.BAD


def why_closed(reason_code: str, order: Order) -> str:
    """In words, if the shop closed an attempt to pay; else ""."""
    if reason_code == CancelReason.SUPERSEDED.lower() and order.status != Order.Status.CANCELED:
        return _("the order was paid by another attempt")
    ends = {reason.lower(): str(reason.label) for reason in CancelReason}
    return ends.get(reason_code, "")


def refusal_of_refund(event: Any, txn: PaymentTransaction) -> tuple[str, str, str, Tone] | None:
    """The rest of what became of a refund, its own states tell."""
    if event.status != Status.FAILED:
        return None
    what = _("Refund declined: %(amount)s; no money moved") % {"amount": won(txn.amount)}
    return kakaopay(event), what, words(event.reason, event.reason_code), Tone.BAD


def of_refunds(order: Order) -> Iterator[Entry]:
    """Asked for, approved or rejected, given back."""
    events = RefundEvent.objects.filter(pgh_obj__order=order).order_by("pgh_id")
    related = ("pgh_obj__requested_by", "pgh_obj__transaction", "decided_by")
    for event in events.select_related(*related):
        refund = event.pgh_obj
        is_new = event.pgh_label == "insert"
        step = decision(event, order, refund) if is_new else refund_step(event, refund)
        if step:
            who, what, why, tone = step
            yield Entry(event.pgh_created_at, Kind.REFUND, who, what, why, tone)


def decision(event: Any, order: Order, refund: Refund) -> tuple[str, str, str, Tone]:
    amount = {"amount": worth(event.amount, event.points)}
    if is_external(refund):
        what = _("Refunded in KakaoPay's own site, and entered here: %(amount)s") % amount
        return kakaopay(), what, "", Tone.OPEN
    is_by_buyer = refund.requested_by_id == order.user_id
    if is_by_buyer and not staff_of(event):  # staff may buy, too
        if refund.kind == Refund.Kind.TERM:
            what = _("Stopped the membership at once: %(amount)s") % amount
            return buyer(), what, refund.reason, Tone.OPEN
        return buyer(), _("Canceled the order: %(amount)s") % amount, refund.reason, Tone.OPEN
    who = email_of(refund.requested_by, shop(event))
    if event.status == Refund.Status.WAITING:
        what = _("Asked for a refund that somebody else must approve: %(amount)s") % amount
        return who, what, refund.reason, Tone.OPEN
    return who, _("Refund begun: %(amount)s") % amount, refund.reason, Tone.OPEN


def refund_step(event: Any, refund: Refund) -> tuple[str, str, str, Tone] | None:
    amount = {"amount": worth(event.amount, event.points)}
    decider = email_of(event.decided_by, shop(event))
    if event.status == Refund.Status.PROCESSING:
        return decider, _("Refund approved: %(amount)s") % amount, event.decision, Tone.OPEN
    if event.status == Refund.Status.REJECTED:
        what = _("Refund rejected: %(amount)s") % amount
        if event.decided_by_id == refund.requested_by_id:
            what = _("Refund taken back: %(amount)s") % amount
        return decider, what, event.decision, Tone.BAD
    if event.status == Refund.Status.SUCCEEDED and not is_external(refund):
        who = kakaopay(event) if refund.transaction else shop(event)
        coupon = _("with the coupon") if refund.returns_coupon else ""
        stock = _("back into stock") if refund.restock else ""
        aid = refund.transaction.aid if refund.transaction else ""
        what = _("Refunded: %(amount)s") % amount
        return who, what, words(coupon, stock, aid), Tone.GOOD
    return None  # that it failed, its transaction tells, with the reason


def is_external(refund: Refund) -> bool:
    return refund.transaction is not None and refund.transaction.is_external


def of_requests(order: Order) -> Iterator[Entry]:
    """What the buyer asked for, and the answer."""
    events = RefundRequestEvent.objects.filter(pgh_obj__order=order).select_related("decided_by")
    for event in events.order_by("pgh_id"):
        who, what, why, tone = request_step(event)
        yield Entry(event.pgh_created_at, Kind.REQUEST, who, what, why, tone)


def request_step(event: Any) -> tuple[str, str, str, Tone]:
    decider = email_of(event.decided_by, shop(event))
    if event.pgh_label == "insert":
        return buyer(), _("Asked for a refund"), event.reason, Tone.OPEN
    if event.status == RefundRequest.Status.ACCEPTED:
        return decider, _("Accepted the buyer's request"), "", Tone.GOOD
    if event.status == RefundRequest.Status.DECLINED:
        return decider, _("Declined the buyer's request"), event.answer, Tone.BAD
    if event.status == RefundRequest.Status.WITHDRAWN:
        return buyer(), _("Withdrew the request"), "", Tone.PLAIN
    return shop(event), _("The buyer's request waits for an answer again"), "", Tone.OPEN
