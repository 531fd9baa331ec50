"""What of an order goes back, and what stays: exact figures, worked out without a database."""

import pytest

from orders import pricing, refunding
from orders.models import Order, OrderLine, PaymentTransaction
from orders.pricing import Item, Part, Reduction
from orders.refunding import NothingLeft, TooMuch, by_amount, by_line, everything
from shop.delivery import Delivery

CUP, TEA, TICKET = 1, 2, 3


def bought(*, coupon: Reduction | None = None, points: int = 0, fee: int = 3_000):
    """
    Three cups of 11,000 won, two taxed; two teas of 5,000 won, tax-free; one ticket of 2,000 won.
    With all its lines and its paid charge.
    """
    items = [
        Item(CUP, 11_000, 3, is_tax_free=False),
        Item(TEA, 5_000, 2, is_tax_free=True),
        Item(TICKET, 2_000, 1, is_tax_free=False, needs_delivery=False),
    ]
    quote = pricing.quote(items, coupon=coupon, points=points, delivery=Delivery(fee=fee))
    order = Order(
        status="PAID",
        subtotal=quote.subtotal,
        discount=quote.discount,
        coupon_name="봄" if coupon else "",
        points=quote.points,
        shipping=quote.shipping,
        total=quote.total,
        tax_free=quote.tax_free,
        vat=quote.vat,
        shipping_points=quote.delivery.points,
        shipping_vat=quote.delivery.vat,
        earns=pricing.earned(quote.goods_total, 1),
    )
    lines = [
        OrderLine(
            pk=item.product_id,
            name=str(item.product_id),
            unit_price=item.unit_price,
            quantity=item.quantity,
            is_tax_free=item.is_tax_free,
            discount=share.discount,
            points=share.points,
            vat=share.vat,
        )
        for item, share in zip(quote.items, quote.lines, strict=True)
    ]
    return order, lines, [moved("CHARGE", quote.total, quote.tax_free, quote.vat)]


def moved(kind: str, amount: int, tax_free: int, vat: int) -> PaymentTransaction:
    given = {"amount": amount, "tax_free": tax_free, "vat": vat}
    return PaymentTransaction(kind=kind, status="SUCCEEDED", **given)


class TestByLine:
    def test_a_piece_costs_what_was_paid_for_it(self):
        """No reductions: its price and its VAT; of 450 points earned, 346 stay with 37,000 won."""
        plan = refunding.plan(*bought(), by_line({CUP: 1}))
        assert plan.money == Part(11_000, 0, 1_000)
        assert (plan.left, plan.takes_back) == (Part(37_000, 10_000, 2_455), 104)
        assert (plan.points, plan.returns_coupon, plan.with_delivery) == (0, False, False)

    def test_with_its_share_of_coupon_and_points(self):
        """4,500 won off and 9,000 points on 48,000 won: the line's shares, cut by piece."""
        order, lines, transactions = bought(coupon=Reduction(won=4_500), points=9_000)
        assert (lines[0].discount, lines[0].points, lines[0].vat) == (3_300, 6_145, 2_141)
        plans = []
        for _ in range(3):
            plan = refunding.plan(order, lines, transactions, by_line({CUP: 1}))
            plans.append((*vars_of(plan.money), plan.points))
            lines[0].refunded += 1
            order.points_refunded += plan.points
            transactions.append(moved("REFUND", *vars_of(plan.money)))
        assert plans == [(7_851, 0, 713, 2_049), (7_852, 0, 714, 2_048), (7_852, 0, 714, 2_048)]

    def test_tax_free_goods(self):
        """All of it is tax-free, and there is no VAT in it."""
        assert refunding.plan(*bought(), by_line({TEA: 2})).money == Part(10_000, 10_000, 0)

    def test_the_delivery_fee(self):
        """Alone, or with goods; it carries VAT."""
        alone = refunding.plan(*bought(), by_line({}, with_delivery=True))
        assert (alone.money, alone.pieces) == (Part(3_000, 0, 273), {})
        both = refunding.plan(*bought(), by_line({TICKET: 1}, with_delivery=True))
        assert both.money == Part(5_000, 0, 455)

    def test_a_delivery_fee_that_there_is_not(self):
        """It was free, or has gone back: ticking it changes nothing."""
        order, lines, transactions = bought(fee=0)
        free = refunding.plan(order, lines, transactions, by_line({CUP: 1}, with_delivery=True))
        assert (free.money.total, free.with_delivery) == (11_000, False)
        order, lines, transactions = bought()
        order.is_shipping_refunded = True
        gone = refunding.plan(order, lines, transactions, by_line({CUP: 1}, with_delivery=True))
        assert (gone.money.total, gone.with_delivery) == (11_000, False)

    def test_the_last_of_it_is_all_that_is_left(self):
        """Whatever was given back by amount before; with points, coupon and the last won of VAT."""
        order, lines, transactions = bought(coupon=Reduction(won=4_500), points=9_000)
        transactions.append(moved("REFUND", 1_000, 0, 0))
        pieces = {CUP: 3, TEA: 2, TICKET: 1}
        plan = refunding.plan(order, lines, transactions, by_line(pieces, with_delivery=True))
        assert plan.money == Part(order.total - 1_000, order.tax_free, order.vat)
        assert (plan.points, plan.returns_coupon, plan.left.total) == (9_000, True, 0)

    def test_no_more_than_is_left(self):
        """What went back by amount is not paid a second time with the line."""
        order, lines, transactions = bought()
        transactions.append(moved("REFUND", 40_000, 3_000, 3_000))
        plan = refunding.plan(order, lines, transactions, by_line({CUP: 1}))
        assert plan.money == Part(8_000, 7_000, 455)
        assert plan.left == Part(0, 0, 0)

    def test_without_the_delivery_fee_something_stays(self):
        """All goods go back, the fee does not: so the coupon does not either."""
        order, lines, transactions = bought(coupon=Reduction(won=4_500))
        plan = refunding.plan(order, lines, transactions, by_line({CUP: 3, TEA: 2, TICKET: 1}))
        assert (plan.left, plan.returns_coupon) == (Part(3_000, 0, 273), False)

    @pytest.mark.parametrize(
        ("pieces", "left", "name"), [({CUP: 4}, 3, "1"), ({TEA: -1}, 2, "2"), ({9: 1}, 0, "")]
    )
    def test_more_pieces_than_there_are(self, pieces, left, name):
        """Refused, with the line and how many it has."""
        with pytest.raises(TooMuch) as refused:
            refunding.plan(*bought(), by_line(pieces))
        assert (refused.value.left, refused.value.name) == (left, name)

    def test_pieces_that_went_back_are_gone(self):
        """Two of three cups went back: one is left."""
        order, lines, transactions = bought()
        lines[0].refunded = 2
        with pytest.raises(TooMuch) as refused:
            refunding.plan(order, lines, transactions, by_line({CUP: 2}))
        assert refused.value.left == 1

    def test_points_that_went_back_are_gone(self):
        """No more than are left, should a late refund have given back these pieces' before."""
        order, lines, transactions = bought(points=9_000)
        order.points_refunded = 8_500
        plan = refunding.plan(order, lines, transactions, by_line({CUP: 1}))
        assert (plan.points, plan.points_left) == (500, 0)

    def test_nothing_chosen(self):
        """Neither pieces nor the fee."""
        with pytest.raises(NothingLeft):
            refunding.plan(*bought(), by_line({CUP: 0}))

    def test_goods_that_only_points_paid(self):
        """No money moves; the points of these goods go back, and the order is not over."""
        order, lines, transactions = bought(points=48_000)
        assert (order.total, transactions[0].amount) == (0, 0)
        plan = refunding.plan(order, lines, [], by_line({TEA: 1}))
        assert (plan.money, plan.points, plan.points_left) == (Part(0, 0, 0), 5_000, 43_000)
        assert not plan.returns_coupon


class TestByAmount:
    def test_its_tax_follows_from_what_is_left(self):
        """Tax-free in proportion; goods, points and the coupon stay."""
        plan = refunding.plan(*bought(points=8_000), by_amount(10_000))
        assert plan.money == Part(10_000, 2_084, 720)
        assert (plan.points, plan.pieces, plan.with_delivery) == (0, {}, False)

    def test_the_last_won(self):
        """Is all that is left: goods, points and the coupon, too."""
        order, lines, transactions = bought(coupon=Reduction(won=4_500), points=9_000)
        plan = refunding.plan(order, lines, transactions, by_amount(order.total))
        assert (plan.kind, plan.pieces) == ("FULL", {CUP: 3, TEA: 2, TICKET: 1})
        assert plan.money == Part(order.total, order.tax_free, order.vat)
        assert (plan.points, plan.returns_coupon, plan.takes_back) == (9_000, True, order.earns)

    @pytest.mark.parametrize("amount", [0, -1, 48_001])
    def test_no_such_amount(self, amount):
        """Refused, with what is left."""
        with pytest.raises(TooMuch) as refused:
            refunding.plan(*bought(), by_amount(amount))
        assert refused.value.left == 48_000


class TestEverything:
    def test_what_is_left_of_it(self):
        """Of goods, fee, money and points."""
        order, lines, transactions = bought(points=9_000)
        lines[1].refunded, order.points_refunded = 1, 937
        transactions.append(moved("REFUND", 4_063, 4_063, 0))
        plan = refunding.plan(order, lines, transactions, everything(restock=True))
        assert plan.pieces == {CUP: 3, TEA: 1, TICKET: 1}
        assert (plan.with_delivery, plan.restock) == (True, True)
        assert plan.money == Part(order.total - 4_063, order.tax_free - 4_063, order.vat)
        assert (plan.points, plan.points_left, plan.left.total) == (8_063, 0, 0)

    def test_paid_by_a_coupon_alone(self):
        """Neither money nor points: the coupon and the goods go back."""
        order, lines, _ = bought(coupon=Reduction(percent=100), fee=0)
        plan = refunding.plan(order, lines, [], everything())
        assert (plan.worth, plan.returns_coupon) == (0, True)
        half = refunding.plan(order, lines, [], by_line({CUP: 3}))
        assert (half.worth, half.returns_coupon) == (0, False)

    def test_money_that_came_too_late(self):
        """The order had ended and holds nothing: only the money goes back."""
        order, lines, transactions = bought(coupon=Reduction(won=4_500), points=9_000)
        order.status = "CANCELED"
        plan = refunding.plan(order, lines, transactions, everything(restock=True))
        assert plan.money.total == order.total
        assert (plan.points, plan.pieces, plan.restock) == (0, {}, False)
        assert (plan.returns_coupon, plan.with_delivery, plan.takes_back) == (False, False, 0)

    @pytest.mark.parametrize("status", ["PENDING", "CANCELED", "REFUNDED"])
    def test_nothing_to_give_back(self, status):
        """Nobody paid, or all has gone back."""
        order, lines, _ = bought()
        order.status = status
        with pytest.raises(NothingLeft):
            refunding.plan(order, lines, [], everything())


def vars_of(part: Part) -> tuple[int, int, int]:
    return part.total, part.tax_free, part.vat
