"""What a life came to: so that nobody takes lives in which nothing happens for proof."""

from collections import Counter

from accounts.models import PointEntry
from orders.models import Order


def results(orders: list[Order], *, late: set[str]) -> Counter[str]:
    """
    How often what random lives are about has happened in these orders.

    :param late: charges, by ``tid``, that came after their order had ended.
    """
    came_to: Counter[str] = Counter()
    for order in orders:
        moved = order.transactions.filter(status="SUCCEEDED")
        came_late = moved.filter(tid__in=late, kind="CHARGE").exists()
        is_paid = order.paid_at is not None
        came_to["charges"] += moved.filter(kind="CHARGE").count()
        came_to["refunds"] += moved.filter(kind="REFUND").count()
        done = order.refunds.filter(status="SUCCEEDED")
        came_to["by line"] += done.filter(kind="LINES").count()
        came_to["canceled by their buyer"] += done.filter(requested_by=order.user_id).count()
        came_to["orders paid with a coupon"] += is_paid and bool(order.coupon_name)
        came_to["with points"] += is_paid and order.points > 0
        came_to["with nothing else"] += is_paid and order.total == 0
        came_to["orders taken up again"] += came_late and is_paid
        came_to["or not"] += came_late and not is_paid
    entries = PointEntry.objects.filter(user__in={order.user_id for order in orders})
    came_to["lots expired"] += entries.filter(kind="EXPIRED").count()
    came_to["while held"] += entries.filter(kind="RETURNED", source=None).count()
    came_to["debts of points"] += entries.filter(kind="TAKEN_BACK", source=None).count()
    return came_to
