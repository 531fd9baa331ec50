"""
What became of a paid order, as its buyer sees it, and what they can still do about it themselves:
cancel it while its parcel is here, ask for a refund afterwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, Q

from orders import shipping
from orders.models import (
    Order,
    OrderLine,
    Refund,
    RefundLine,
    RefundRequest,
    RefundRequestLine,
    Shipment,
)

Status = Refund.Status

#: The buyer waits for these: nobody has looked at them, or somebody else must approve the refund.
UNANSWERED = Q(status=RefundRequest.Status.OPEN) | Q(
    status=RefundRequest.Status.ACCEPTED, refund__status=Status.WAITING
)


@dataclass(frozen=True, slots=True)
class Afterwards:
    """
    What went back of an order, or may have, oldest first (``refunds``); the refund whose outcome is
    ``unknown``; the buyer's own that ``failed``, unless another came after it; their latest
    ``request``, unless they withdrew it; and what they can do now.

    What staff asked for and was declined, or waits for approval, is not the buyer's business.
    ``goods_are_here`` where the order would be cancelable, had it no membership.
    """

    refunds: list[Refund]
    unknown: Refund | None
    failed: Refund | None
    request: RefundRequest | None
    is_unanswered: bool
    can_cancel: bool
    can_ask: bool
    goods_are_here: bool


def of(
    order: Order,
    parcel: Shipment | None,
    lines: Iterable[OrderLine],
    *,
    refunds: list[Refund],
    request: RefundRequest | None,
) -> Afterwards:
    """From all its ``lines``, ``refunds_of`` and ``request_of``; asks nothing more."""
    last = refunds[-1] if refunds else None
    is_own = last is not None and last.requested_by_id == order.user_id
    shown = [each for each in refunds if each.status in {Status.SUCCEEDED, Status.PROCESSING}]
    is_unanswered = request is not None and waits(request)
    is_free = not any(each.status in {Status.WAITING, Status.PROCESSING} for each in refunds)
    here = is_cancelable(order, parcel, lines)
    return Afterwards(
        refunds=shown,
        unknown=next((each for each in shown if each.status == Status.PROCESSING), None),
        failed=last if last and is_own and last.status == Status.FAILED else None,
        request=request,
        is_unanswered=is_unanswered,
        can_cancel=is_free and here,
        can_ask=is_free and not here and not is_unanswered and may_be_asked_for(order, lines),
        goods_are_here=are_here(order, parcel, lines),
    )


def is_cancelable(order: Order, parcel: Shipment | None, lines: Iterable[OrderLine]) -> bool:
    """
    Are its goods still here, and no membership with them? That is used from the moment it is paid,
    so it is not given back whole: it is stopped on its own page, and the goods are asked back.
    """
    return order.plan_id is None and are_here(order, parcel, lines)


def are_here(order: Order, parcel: Shipment | None, lines: Iterable[OrderLine]) -> bool:
    """
    Is it paid, is there something to send, and has its parcel never left? That it was marked as
    shipped and then not only staff can do, so what goes back after that only staff decide.
    """
    if parcel is None or parcel.has_left or order.status not in shipping.SHIPPABLE:
        return False
    is_here = parcel.status == Shipment.Status.PREPARING
    return is_here and any(line.needs_delivery and line.kept for line in lines)


def may_be_asked_for(order: Order, lines: Iterable[OrderLine]) -> bool:
    """Is it paid, did it cost anything, and has the buyer kept any of its goods?"""
    cost = order.subtotal + order.shipping
    is_paid = order.status in shipping.SHIPPABLE and cost > 0
    return is_paid and any(line.kept for line in lines)


def is_parcel_promised(order: Order, parcel: Shipment | None, lines: Iterable[OrderLine]) -> bool:
    """Has it left, or is there anything paid for to put into it?"""
    if parcel is None or parcel.status != Shipment.Status.PREPARING:
        return parcel is not None
    is_paid = order.status in shipping.SHIPPABLE
    return is_paid and any(line.needs_delivery and line.kept for line in lines)


def waits(request: RefundRequest) -> bool:
    """Is it one of the UNANSWERED?"""
    if request.status == RefundRequest.Status.ACCEPTED and request.refund:
        return request.refund.status == Status.WAITING
    return request.status == RefundRequest.Status.OPEN


def refunds_of(order: Order) -> list[Refund]:
    """Every refund, oldest first, with its pieces."""
    pieces = Prefetch("lines", RefundLine.objects.select_related("line"))
    return list(order.refunds.order_by("created_at", "pk").prefetch_related(pieces))


def request_of(order: Order) -> RefundRequest | None:
    """
    The latest, with its pieces and its refund; None if the buyer withdrew it, or if something went
    back after it was declined.
    """
    pieces = Prefetch("lines", RefundRequestLine.objects.select_related("line"))
    requests = order.refund_requests.select_related("refund").prefetch_related(pieces)
    latest = requests.first()
    if latest is None or latest.status == RefundRequest.Status.WITHDRAWN:
        return None
    if latest.status == RefundRequest.Status.DECLINED:
        later = order.refunds.filter(status=Status.SUCCEEDED, settled_at__gt=latest.decided_at)
        return None if later.exists() else latest
    return latest
