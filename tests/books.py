"""Comparing our books with the sandbox's, to the won and movement by movement."""

from collections import Counter

from checkout.models import Mail
from orders.models import Order, PaymentTransaction
from tests.kakaopay import KakaoPay

Status = PaymentTransaction.Status
SOLD = (Order.Status.PENDING, Order.Status.PAID, "PARTIALLY_REFUNDED", "REFUNDED")


def differences(orders: list[Order], kakaopay: KakaoPay) -> list[str]:
    """
    What is wrong once everything has been recovered; [] if nothing is lost, doubled or guessed.
    """
    return [wrong for order in orders for wrong in of_order(order, kakaopay)]


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
    return [f"{order}: {each}" for each in wrong + wrong_mails(rows)]


def sums(rows: list[PaymentTransaction], kind: str) -> tuple[int, int, int]:
    """Won that moved: in all, tax-free, VAT."""
    moved = [row for row in rows if row.kind == kind and row.status == Status.SUCCEEDED]
    return sum(t.amount for t in moved), sum(t.tax_free for t in moved), sum(t.vat for t in moved)


def status_for(order: Order, charged: int, refunded: int) -> str:
    """The only status that fits the money; an order that nobody paid waits or has ended."""
    if charged == 0:
        ended = order.status in {Order.Status.CANCELED, Order.Status.PENDING}
        return order.status if ended else Order.Status.CANCELED
    if refunded == 0:
        return Order.Status.PAID
    if refunded < charged:
        return Order.Status.PARTIALLY_REFUNDED
    return Order.Status.CANCELED if order.canceled_at else Order.Status.REFUNDED


def wrong_mails(rows: list[PaymentTransaction]) -> list[str]:
    """One confirmation for a charge that came, one notice for each refund, and no others."""
    mails = Counter(Mail.objects.filter(transaction__in=rows).values_list("transaction", "event"))
    wrong = []
    for row in rows:
        event = "PAID" if row.kind == "CHARGE" else "REFUNDED"
        is_late = row.kind == "CHARGE" and row.order.canceled_at is not None
        due = 1 if row.status == Status.SUCCEEDED and not is_late else 0
        if mails[row.pk, event] != due:
            wrong.append(f"{mails[row.pk, event]} mails {event} for {row}, {row.status}")
        if mails[row.pk, "NOT_CHARGED"] and row.status == Status.SUCCEEDED:
            wrong.append(f"the buyer of {row} was told that nothing was charged")
    return wrong


def pieces_out(product_id: int) -> int:
    """Pieces that orders hold or that were sold."""
    lines = Order.objects.filter(status__in=SOLD, lines__product=product_id)
    return sum(lines.values_list("lines__quantity", flat=True))
