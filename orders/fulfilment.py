"""
What an order's money, or the end of hope for it, does to the order, and to what it holds: stock,
the use of a coupon, points; and to the cart.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Case, F, IntegerField, Q, When

from accounts import points
from orders import coupons, joining, pricing, redemptions
from orders.models import Order, PaymentTransaction
from shop.models import CartLine, Product

Kind = PaymentTransaction.Kind
Status = PaymentTransaction.Status


#: One statement, because a buyer is waiting: to delete some lines and to shorten others are two.
TAKE_FROM_CART = """
    WITH bought AS (
        SELECT product_id, quantity FROM orders_orderline WHERE order_id = %(order)s
    ), emptied AS (
        DELETE FROM shop_cartline AS line USING bought
        WHERE line.cart_id = %(cart)s AND line.product_id = bought.product_id
          AND line.quantity <= bought.quantity
    )
    UPDATE shop_cartline AS line SET quantity = line.quantity - bought.quantity, held = 0
    FROM bought
    WHERE line.cart_id = %(cart)s AND line.product_id = bought.product_id
      AND line.quantity > bought.quantity
"""


class OutOfStock(Exception):
    """Somebody else was quicker: the guarded update found less stock than is wanted."""


@dataclass(frozen=True, slots=True)
class Balance:
    """
    What moved for an order, in won: ``left`` was charged and has not gone back; a refund on its way
    has not. And the points that it ``earned`` and keeps.
    """

    charged: int
    refunded: int
    left: int
    earned: int


def balance_of(order: Order, transactions: list[PaymentTransaction]) -> Balance:
    """The order's balance, from all its ``transactions``."""
    charged = moved(transactions, Kind.CHARGE).total
    refunded = moved(transactions, Kind.REFUND).total
    left = charged - refunded
    return Balance(charged, refunded, left, pricing.kept(order.earns, charged=charged, left=left))


def follow_the_money(
    order: Order, transactions: list[PaymentTransaction], *, now: datetime
) -> bool:
    """
    Make the order paid if the money that came, by all its ``transactions``, pays it.

    The caller holds the order's lock. That closes every other way to pay for the order, uses its
    points for good, earns it new ones, empties the cart of what was bought, and begins or renews a
    membership; an order of 0 won is paid as it is. A canceled order stays canceled: money that
    comes for it is given back, unless it was revived. What a refund does, ``orders.refunding``
    says.

    :returns: False if it was paid for nothing: its membership's period was paid otherwise, or is
        over. The caller gives it all back.
    """
    if order.status != Order.Status.PENDING or moved(transactions, Kind.CHARGE).total < order.total:
        return True
    order.status = Order.Status.PAID
    order.paid_at = came_at(transactions) or now
    if any(is_open(txn) for txn in transactions):
        close_charges(order, reason_code="superseded", now=now)
    points.settle(order.user_id, order.number, used=order.points, earned=order.earns, now=now)
    take_from_cart(order)
    order.save(update_fields=["status", "paid_at"])
    return joining.follow(order, transactions, now=now)


def give_back(order: Order, *, now: datetime) -> None:
    """The order's points and its use of a coupon go back to the buyer."""
    if order.coupon_name:
        redemptions.give_back(order, now=now)
    if order.points:
        points.give_back(order.number, now=now)


def cancel(order: Order, reason: Order.CancelReason, *, now: datetime) -> bool:
    """
    Give up a pending order: its stock, points and coupon go back, its cart stays. The caller holds
    the order's lock.

    An order whose payment has an unknown outcome, or that is no longer pending, is left as it is:
    returns whether it was canceled.
    """
    if order.status != Order.Status.PENDING:
        return False
    if order.transactions.filter(status__in=[Status.PROCESSING, Status.SUCCEEDED]).exists():
        return False
    close_charges(order, reason_code=reason.lower(), now=now)
    if order.kind == Order.Kind.SALE:
        put_back(order)
    give_back(order, now=now)
    order.status = Order.Status.CANCELED
    order.cancel_reason = reason
    order.canceled_at = now
    order.is_to_ship = False
    order.save(update_fields=["status", "cancel_reason", "canceled_at", "is_to_ship"])
    return True


def came_at(transactions: list[PaymentTransaction]) -> datetime | None:
    """When the provider took the money, which may be long before we learned of it."""
    charges = (t for t in transactions if t.kind == Kind.CHARGE and t.status == Status.SUCCEEDED)
    return next((charge.approved_at for charge in charges), None)


def revive(order: Order, *, now: datetime) -> bool:
    """
    Take a canceled order up again, because it was paid after all. The caller holds its lock and
    lets the order follow the money.

    Returns False, and changes nothing, if its goods, its points or its coupon are gone, or if its
    cart was ordered anew since.
    """
    if not joining.is_wanted(order):
        return False
    later = Order.objects.filter(cart=order.cart_id, placed_at__gt=order.placed_at)
    if order.cart_id and later.exclude(status=Order.Status.CANCELED).exists():
        return False
    try:
        with transaction.atomic():
            take_again(order, now=now)
    except (OutOfStock, coupons.CouponRefused, points.NotEnoughPoints):
        return False
    order.status = Order.Status.PENDING
    order.cancel_reason = ""
    order.canceled_at = None
    order.is_to_ship = order.lines.filter(needs_delivery=True).exists()
    order.save(update_fields=["cancel_reason", "canceled_at", "is_to_ship"])
    return True


def take_again(order: Order, *, now: datetime) -> None:
    """:raises OutOfStock, coupons.CouponRefused, points.NotEnoughPoints: roll back."""
    if order.kind != Order.Kind.SALE:
        return  # it took nothing
    wanted = {line.product_id: line.quantity for line in order.lines.all()}
    products = Product.objects.filter(pk__in=wanted).order_by("pk")
    list(products.select_for_update(no_key=True).values_list("pk"))
    take_from_stock(wanted)
    if order.coupon_name:
        redemptions.redeem_again(order)
    if order.points:
        points.hold(order.user_id, order.number, order.points, now=now)


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
    """What was bought leaves the cart, if it came from one; what was put in since stays."""
    if order.cart_id is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(TAKE_FROM_CART, {"order": order.pk, "cart": order.cart_id})


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
