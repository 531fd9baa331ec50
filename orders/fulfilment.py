"""What an order's money, or the end of hope for it, does to the order, the stock and the cart."""

from datetime import datetime

from django.db.models import Case, F, IntegerField, OuterRef, Q, Subquery, When

from orders import pricing
from orders.models import Order, PaymentTransaction
from shop.models import CartLine, Product

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status


class OutOfStock(Exception):
    """Somebody else was quicker: the guarded update found less stock than is wanted."""


def follow_the_money(
    order: Order, transactions: list[PaymentTransaction], *, now: datetime
) -> None:
    """
    Set the order's status from the money that moved in all its ``transactions``.

    The caller holds the order's lock. The first payment closes every other way to pay for the
    order, and empties the cart of what was bought. A canceled order stays canceled: money that
    comes for it is given back, unless it was revived.
    """
    charged = moved(transactions, Kind.CHARGE).total
    refunded = moved(transactions, Kind.REFUND).total
    if not charged or order.status == Order.Status.CANCELED:
        return
    if refunded == 0:
        order.status = Order.Status.PAID
    elif refunded < charged:
        order.status = Order.Status.PARTIALLY_REFUNDED
    else:
        order.status = Order.Status.REFUNDED
    if order.paid_at is None:
        order.paid_at = came_at(transactions) or now
        if any(is_open(txn) for txn in transactions):
            close_charges(order, reason_code="superseded", now=now)
        take_from_cart(order)
    order.save(update_fields=["status", "paid_at"])


def cancel(order: Order, reason: Order.CancelReason, *, now: datetime) -> bool:
    """
    Give up a pending order: its stock goes back, its cart stays. The caller holds the order's lock.

    An order whose payment has an unknown outcome, or that is no longer pending, is left as it is:
    returns whether it was canceled.
    """
    if order.status != Order.Status.PENDING:
        return False
    if order.transactions.filter(status__in=[Status.PROCESSING, Status.SUCCEEDED]).exists():
        return False
    close_charges(order, reason_code=reason.lower(), now=now)
    put_back(order)
    order.status = Order.Status.CANCELED
    order.cancel_reason = reason
    order.canceled_at = now
    order.save(update_fields=["status", "cancel_reason", "canceled_at"])
    return True


def came_at(transactions: list[PaymentTransaction]) -> datetime | None:
    """When the provider took the money, which may be long before we learned of it."""
    charges = (t for t in transactions if t.kind == Kind.CHARGE and t.status == Status.SUCCEEDED)
    return next((charge.approved_at for charge in charges), None)


def revive(order: Order) -> bool:
    """
    Take a canceled order up again, because it was paid after all. The caller holds its lock and
    lets the order follow the money.

    Returns False, and changes nothing, if its goods are gone or its cart was ordered anew since.
    """
    later = Order.objects.filter(cart=order.cart_id, placed_at__gt=order.placed_at)
    if order.cart_id and later.exclude(status=Order.Status.CANCELED).exists():
        return False
    wanted = {line.product_id: line.quantity for line in order.lines.all()}
    products = Product.objects.filter(pk__in=wanted).order_by("pk")
    stock = dict(products.select_for_update(no_key=True).values_list("pk", "stock"))
    if any(stock[pk] < quantity for pk, quantity in wanted.items()):
        return False
    take_from_stock(wanted)
    order.status = Order.Status.PENDING
    order.cancel_reason = ""
    order.canceled_at = None
    order.save(update_fields=["cancel_reason", "canceled_at"])
    return True


def refundable(transactions: list[PaymentTransaction]) -> pricing.Part:
    """What was charged and has not gone back; a refund on its way has not."""
    return moved(transactions, Kind.CHARGE) - moved(transactions, Kind.REFUND)


def close_charges(order: Order, *, reason_code: str, now: datetime) -> None:
    """Nobody can pay through the order's unfinished charges any more: they will not be captured."""
    order.transactions.filter(kind=Kind.CHARGE, status__in=[Status.CREATED, Status.READY]).update(
        status=Status.CANCELED, reason_code=reason_code, settled_at=now
    )


def take_from_stock(wanted: dict[int, int]) -> None:
    """
    Take pieces of products, all or none; the caller has locked the products in id order.

    :param wanted: pieces by product id.
    :raises OutOfStock: if any product has fewer; the transaction must be rolled back.
    """
    enough = Q()
    for product_id, quantity in wanted.items():
        enough |= Q(pk=product_id, stock__gte=quantity)
    taken = Product.objects.filter(enough).update(stock=F("stock") - pieces(wanted))
    if taken != len(wanted):
        raise OutOfStock


def put_back(order: Order) -> None:
    """Return the order's pieces to stock, locking the products in id order."""
    returned = {line.product_id: line.quantity for line in order.lines.all()}
    products = Product.objects.filter(pk__in=returned)
    list(products.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    products.update(stock=F("stock") + pieces(returned))
    CartLine.objects.filter(cart=order.cart_id, held__gt=0).update(held=0)


def take_from_cart(order: Order) -> None:
    """What was bought leaves the cart; what was put in since stays."""
    bought = Subquery(order.lines.filter(product=OuterRef("product")).values("quantity"))
    lines = CartLine.objects.filter(cart=order.cart_id, product__in=order.lines.values("product"))
    lines.filter(quantity__lte=bought).delete()
    lines.update(quantity=F("quantity") - bought, held=0)


def pieces(quantities: dict[int, int]) -> Case:
    """How many pieces each product gains or loses, as SQL."""
    return Case(
        *(When(pk=product_id, then=quantity) for product_id, quantity in quantities.items()),
        output_field=IntegerField(),
    )


def is_open(txn: PaymentTransaction) -> bool:
    return txn.kind == Kind.CHARGE and txn.status in {Status.CREATED, Status.READY}


def moved(transactions: list[PaymentTransaction], kind: PaymentTransaction.Kind) -> pricing.Part:
    """All that has moved in this direction."""
    done = (t for t in transactions if t.kind == kind and t.status == Status.SUCCEEDED)
    return sum((pricing.Part(t.amount, t.tax_free, t.vat) for t in done), pricing.NOTHING)
