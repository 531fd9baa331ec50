"""
Comparing our books with the sandbox's, to the won and movement by movement; and what orders hold,
which is stock, coupons and points, with what became of them.
"""

from collections import Counter
from collections.abc import Iterable

from accounts.models import PointEntry
from checkout.models import Mail
from orders import pricing
from orders.models import (
    CouponRedemption,
    Order,
    PaymentTransaction,
    Refund,
    RefundLine,
    Shipment,
)
from orders.shipping import SHIPPABLE
from shop.models import Coupon
from tests.kakaopay import KakaoPay
from tests.points import points_differences

Status = PaymentTransaction.Status
SOLD = (Order.Status.PENDING, Order.Status.PAID, "PARTIALLY_REFUNDED", "REFUNDED")
#: These hold the coupon and the points that they are paid with.
HOLDING = {Order.Status.PENDING, Order.Status.PAID, Order.Status.PARTIALLY_REFUNDED}


def differences(orders: list[Order], kakaopay: KakaoPay) -> list[str]:
    """
    What is wrong once everything has been recovered; [] if nothing is lost, doubled or guessed.
    """
    money = [wrong for order in orders for wrong in of_order(order, kakaopay)]
    return money + holdings(orders)


def of_order(order: Order, kakaopay: KakaoPay) -> list[str]:
    order = Order.objects.get(pk=order.pk)
    rows = list(order.transactions.all())
    theirs = kakaopay.payments(order.number)
    wrong = []
    unsettled = [row for row in rows if row.status == Status.PROCESSING]
    if unsettled:
        wrong.append(f"still not known: {unsettled}")
    ours = Counter((t.tid, t.kind, t.aid, t.amount) for t in rows if t.status == Status.SUCCEEDED)
    moved = Counter(
        (payment.tid, "CHARGE" if each.type == "PAYMENT" else "REFUND", each.aid, each.amount)
        for payment in theirs
        for each in payment.actions
    )
    if ours != moved:
        wrong.append(f"ours {sorted(ours)} but theirs {sorted(moved)}")
    if sum(1 for _tid, kind, _aid, _amount in moved.elements() if kind == "CHARGE") > 1:
        wrong.append("charged more than once")
    left = [(p.available_total, p.available_tax_free, p.available_vat) for p in theirs]
    charged, refunded = sums(rows, "CHARGE"), sums(rows, "REFUND")
    our_left = tuple(a - b for a, b in zip(charged, refunded, strict=True))
    if tuple(map(sum, zip(*left, strict=True))) not in {our_left, ()}:
        wrong.append(f"left to refund: ours {our_left}, theirs {left}")
    if order.status != status_for(order, charged[0], refunded[0]):
        wrong.append(f"{order.status} with {charged[0]} charged and {refunded[0]} refunded")
    wrong += wrong_refunds(order, rows)
    return [f"{order}: {each}" for each in wrong + wrong_mails(order, rows)]


def wrong_refunds(order: Order, rows: list[PaymentTransaction]) -> list[str]:
    """Each refund of money was decided, has that outcome and those amounts, and is counted once."""
    wrong = []
    refunds = {refund.transaction_id: refund for refund in order.refunds.exclude(transaction=None)}
    for row in rows:
        if row.kind == "CHARGE":
            continue
        decided = refunds.pop(row.pk, None)
        facts = (row.status, row.amount, row.tax_free, row.vat)
        if decided is None:
            wrong.append(f"nobody decided {row}")
        elif (decided.status, decided.amount, decided.tax_free, decided.vat) != facts:
            wrong.append(f"{decided} is {decided.status}, its transaction {facts}")
    done = order.refunds.filter(status=Refund.Status.SUCCEEDED)
    points = sum(done.values_list("points", flat=True))
    if points != order.points_refunded:
        wrong.append(f"{order.points_refunded} points counted as given back, not {points}")
    for line in order.lines.all():
        pieces = sum(
            RefundLine.objects.filter(refund__in=done, line=line).values_list("quantity", flat=True)
        )
        if line.refunded != pieces:
            wrong.append(f"{line.refunded} of {line} counted as refunded, not {pieces}")
    return wrong


def sums(rows: list[PaymentTransaction], kind: str) -> tuple[int, int, int]:
    """Won that moved: in all, tax-free, VAT."""
    moved = [row for row in rows if row.kind == kind and row.status == Status.SUCCEEDED]
    return sum(t.amount for t in moved), sum(t.tax_free for t in moved), sum(t.vat for t in moved)


def status_for(order: Order, charged: int, refunded: int) -> str:
    """
    The only status that fits the money and the points; an order that nobody paid waits or has
    ended.
    """
    if charged == 0 and order.total > 0:
        ended = order.status in {Order.Status.CANCELED, Order.Status.PENDING}
        return order.status if ended else Order.Status.CANCELED
    if not order.refunds.filter(status=Refund.Status.SUCCEEDED).exists():
        return Order.Status.PAID
    if order.canceled_at:
        return Order.Status.CANCELED
    is_over = charged == refunded and order.points == order.points_refunded
    if order.total + order.points == 0:
        is_over = all(line.kept == 0 for line in order.lines.all())
    return Order.Status.REFUNDED if is_over else Order.Status.PARTIALLY_REFUNDED


def told_without_money(order: Order) -> int:
    """How many refunds of points or a coupon alone its buyer was to be told of."""
    done = list(order.refunds.filter(status=Refund.Status.SUCCEEDED).order_by("pk"))
    is_over = order.status == Order.Status.REFUNDED
    told = [each for each in done if each.points or (is_over and each == done[-1])]
    return sum(1 for each in told if each.amount == 0)


def wrong_mails(order: Order, rows: list[PaymentTransaction]) -> list[str]:
    """
    One confirmation for a charge that came, or for an order of 0 won; one notice for each refund,
    of money or of points alone; and no others.
    """
    mails = Counter(Mail.objects.filter(order=order).values_list("transaction", "event"))
    due = Counter({(None, "PAID"): int(order.total == 0)})
    due[None, "REFUNDED"] = told_without_money(order)
    for row in rows:
        event = "PAID" if row.kind == "CHARGE" else "REFUNDED"
        is_late = row.kind == "CHARGE" and order.canceled_at is not None
        due[row.pk, event] = int(row.status == Status.SUCCEEDED and not is_late)
    wrong = [
        f"{mails[about]} mails {about[1]} for transaction {about[0]}, not {times}"
        for about, times in due.items()
        if mails[about] != times
    ]
    for row in rows:
        if mails[row.pk, "NOT_CHARGED"] and row.status == Status.SUCCEEDED:
            wrong.append(f"the buyer of {row} was told that nothing was charged")
    return wrong


def holdings(orders: Iterable[Order], coupons: Iterable[Coupon] = ()) -> list[str]:
    """
    What of coupons, points and parcels does not fit the orders; [] if all does.

    They change in the transactions in which the orders do, so this is true at every moment, not
    only once all has been recovered. The orders' own ``coupons`` need not be named.
    """
    orders = list(
        Order.objects.filter(pk__in=[order.pk for order in orders])
        .select_related("redemption", "shipment")
        .prefetch_related("transactions", "lines")
    )
    wrong = [
        f"{order}, {order.status}: {each}"
        for order in orders
        for each in wrong_coupon(order) + wrong_points(order) + wrong_parcel(order)
    ]
    used = {order.redemption.coupon_id for order in orders if hasattr(order, "redemption")}
    wrong += wrong_counts(used | {coupon.pk for coupon in coupons})
    people = {order.user_id for order in orders}
    return wrong + [each for person in sorted(people) for each in points_differences(person)]


def wrong_coupon(order: Order) -> list[str]:
    """An order with a coupon holds one use of it, until it is canceled or wholly refunded."""
    redemption = getattr(order, "redemption", None)
    if bool(order.coupon_name) != bool(redemption):
        return [f"the coupon is {order.coupon_name or 'none'!r}, the redemption {redemption}"]
    is_live = redemption is not None and redemption.given_back_at is None
    if is_live != (redemption is not None and order.status in HOLDING):
        return [f"its coupon was {'not ' if is_live else ''}given back"]
    return []


def wrong_points(order: Order) -> list[str]:
    """What it holds, that it used them for good once, what it earned, and what was taken back."""
    points, times = Counter(), Counter()
    for kind, amount in PointEntry.objects.filter(order_number=order.number).values_list(
        "kind", "amount"
    ):
        points[kind] += amount
        times[kind] += 1
    rows = list(order.transactions.all())
    charged, refunded = sums(rows, "CHARGE")[0], sums(rows, "REFUND")[0]
    is_paid = order.paid_at is not None
    stays = pricing.kept(order.earns, charged=charged, left=charged - refunded)
    kept = (order.points - order.points_refunded) * (order.status in HOLDING)
    facts = {
        "held": (-points["HELD"] - points["RETURNED"], kept),
        "times spent": (times["SPENT"], int(is_paid and order.points > 0)),
        "earned": (points["EARNED"], order.earns * is_paid),
        "taken back": (-points["TAKEN_BACK"], (order.earns - stays) * is_paid),
    }
    return [f"{name}: {are}, not {due}" for name, (are, due) in facts.items() if are != due]


def wrong_parcel(order: Order) -> list[str]:
    """It has one if anything in it is delivered, and staff find it while it is to be shipped."""
    has, needs = hasattr(order, "shipment"), any(x.needs_delivery for x in order.lines.all())
    if has != needs:
        return [f"parcel: {has}, needed: {needs}"]
    is_here = has and order.shipment.status == Shipment.Status.PREPARING
    if is_here and order.status in SHIPPABLE and not order.is_to_ship:
        return ["its parcel is in no list of parcels to be shipped"]
    return []


def wrong_counts(coupon_ids: Iterable[int]) -> list[str]:
    """A coupon counts its live uses, of which there are no more than it allows."""
    live = CouponRedemption.objects.filter(given_back_at=None)
    wrong = []
    for coupon in Coupon.objects.filter(pk__in=coupon_ids):
        users = Counter(live.filter(coupon=coupon).values_list("user", flat=True))
        if coupon.redeemed != users.total():
            wrong.append(f"{coupon}: counts {coupon.redeemed}, but {users.total()} are live")
        if coupon.limit is not None and coupon.redeemed > coupon.limit:
            wrong.append(f"{coupon}: redeemed {coupon.redeemed} times of {coupon.limit}")
        if coupon.per_person is not None and max(users.values(), default=0) > coupon.per_person:
            wrong.append(f"{coupon}: one person has {max(users.values())} uses")
    return wrong


def pieces_out(product_id: int) -> int:
    """Pieces that orders hold or that were sold."""
    lines = Order.objects.filter(status__in=SOLD, lines__product=product_id)
    back = RefundLine.objects.filter(
        line__product=product_id, refund__status=Refund.Status.SUCCEEDED, refund__restock=True
    )
    sold = sum(lines.values_list("lines__quantity", flat=True))
    return sold - sum(back.values_list("quantity", flat=True))
