"""Who may let what go back, what then happens, and that it happens once."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import points
from checkout import limits, parcels, payments, reconciliation, refunds, settling
from checkout.gateways.base import Approved
from checkout.models import Mail, ProviderCall
from orders import refunding, shipping
from orders.locking import locked
from orders.models import Order, OrderEvent, Refund, RefundRequest, Shipment
from orders.quoting import Wish
from orders.refunding import by_amount, by_line, everything
from shop.models import Coupon
from tests.books import differences
from tests.races import all_at_once, at_once
from tests.staff import give_back, operator, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def low_limits(settings):
    """20,000 won alone, and up to 30,000 without somebody else."""
    settings.REFUND_LIMIT, settings.REFUND_APPROVAL_ABOVE = 20_000, 30_000


@pytest.fixture
def support(db):
    return staff("support@example.com", "refund_order")


@pytest.fixture
def finance(db):
    return staff("finance@example.com", "refund_order_above_limit")


@pytest.fixture
def manager(db):
    return staff("manager@example.com", "approve_refund")


def line(order, name):
    names = {"cup": 11_000, "tea": 5_000, "ticket": 2_000}
    return order.lines.get(unit_price=names[name])


def left_at(kakaopay, order):
    """What KakaoPay would still give back, in won."""
    return kakaopay.payments(order.number)[0].available_total


def usable(order):
    return points.usable(order.user_id, now=timezone.now())


def stock(goods):
    for product in goods.values():
        product.refresh_from_db()
    return {name: product.stock for name, product in goods.items()}


class TestGoingBack:
    def test_line_by_line_to_the_end(self, order, goods, kakaopay):
        """Money, points, coupon, stock and status, each to the won, at KakaoPay as here."""
        assert (order.total, order.tax_free, order.vat) == (34_500, 7_138, 2_487)
        earned, before = usable(order), stock(goods)
        first = give_back(order, by_line({line(order, "cup").pk: 1}, restock=True))
        assert (first.amount, first.tax_free, first.vat, first.points) == (7_851, 0, 713, 2_049)
        order.refresh_from_db()
        assert (order.status, order.points_refunded) == ("PARTIALLY_REFUNDED", 2_049)
        assert stock(goods) == before | {"cup": before["cup"] + 1}
        rest = {each.pk: each.kept for each in order.lines.all()}
        last = give_back(order, by_line(rest, with_delivery=True))
        assert (last.amount, last.points, last.returns_coupon) == (26_649, 6_951, True)
        order.refresh_from_db()
        assert (order.status, order.points_refunded) == ("REFUNDED", 9_000)
        assert (usable(order), Coupon.objects.get().redeemed) == (earned - order.earns + 9_000, 0)
        assert stock(goods) == before | {"cup": before["cup"] + 1}
        (payment,) = kakaopay.payments(order.number)
        assert (payment.status, payment.available_total) == ("CANCEL_PAYMENT", 0)
        assert differences([order], kakaopay) == []
        assert Mail.objects.filter(event="REFUNDED").count() == 2

    def test_the_last_won_by_amount(self, order, goods, kakaopay):
        """Is all that is left: the goods are counted, and go back into stock if that is wanted."""
        before = stock(goods)["cup"]
        refund = give_back(order, by_amount(34_500, restock=True))
        assert (refund.kind, refund.points, refund.returns_coupon) == ("FULL", 9_000, True)
        assert (line(order, "cup").kept, stock(goods)["cup"]) == (0, before + 3)
        assert differences([order], kakaopay) == []

    def test_all_of_it_in_the_providers_site(self, order, kakaopay):
        """Points and coupon go back with the money."""
        tid = kakaopay.payments(order.number)[0].tid
        kakaopay.http.post(f"{kakaopay.url}/ledger/{tid}/refund/", data={"amount": 34_500})
        payments.external.look(order.transactions.get(), now=timezone.now())
        refund = Refund.objects.get()
        assert (refund.points, refund.returns_coupon) == (9_000, True)
        assert Order.objects.get().status == "REFUNDED"
        assert differences([order], kakaopay) == []

    def test_goods_go_back_only_once_the_money_did(self, order, goods, kakaopay):
        """While the outcome is not known nothing follows; then all of it does."""
        before = stock(goods)
        kakaopay.fault("cancel", after="drop")
        refund = give_back(order, by_line({line(order, "tea").pk: 2}, restock=True))
        assert (refund.status, stock(goods)) == ("PROCESSING", before)
        assert (line(order, "tea").refunded, Order.objects.get().points_refunded) == (0, 0)
        now = timezone.now() + reconciliation.LONGEST_INTERVAL
        list(reconciliation.settle_stale(reconciliation.unsettled(now), now=now))
        assert stock(goods) == before | {"tea": before["tea"] + 2}
        assert line(order, "tea").refunded == 2
        assert differences([order], kakaopay) == []

    def test_a_declined_one_changes_nothing(self, order, goods, kakaopay):
        """Neither goods nor points; it can be tried again."""
        before = stock(goods)
        kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
        assert give_back(order, everything(restock=True)).status == "FAILED"
        assert (stock(goods), Order.objects.get().status) == (before, "PAID")
        assert differences([order], kakaopay) == []
        assert give_back(order, everything(restock=True)).status == "SUCCEEDED"
        assert stock(goods) == {
            name: pieces + n for (name, pieces), n in zip(before.items(), (3, 2, 1), strict=True)
        }

    def test_without_money(self, buy, kakaopay):
        """Paid by points: a line, then the rest; nobody asks the provider, the buyer has mail."""
        order = buy(wish=Wish("", 50_000))
        assert (order.total, order.points) == (0, 48_000)
        first = give_back(order, by_line({line(order, "cup").pk: 2}))
        assert (first.status, first.amount, first.points) == ("SUCCEEDED", 0, 22_000)
        order.refresh_from_db()
        assert (order.status, usable(order)) == ("PARTIALLY_REFUNDED", 24_000)
        assert give_back(order, everything()).points == 26_000
        order.refresh_from_db()
        assert (order.status, usable(order), ProviderCall.objects.count()) == (
            "REFUNDED",
            50_000,
            0,
        )
        assert differences([order], kakaopay) == []
        with pytest.raises(refunding.NothingLeft):
            give_back(order, everything())

    def test_eight_operators_at_once(self, order, goods, kakaopay):
        """Of two cups left at most two go back, and each once."""
        give_back(order, by_line({line(order, "cup").pk: 1}))
        cup, done = line(order, "cup").pk, []
        order.refresh_from_db()

        def press():
            try:
                done.append(give_back(order, by_line({cup: 2}, restock=True)).status)
            except (refunds.AlreadyOpen, refunding.RefundRefused) as refusal:
                done.append(type(refusal).__name__)

        at_once(press, times=8)
        assert done.count("SUCCEEDED") == 1
        assert line(order, "cup").refunded == 3
        assert differences([order], kakaopay) == []

    def test_money_that_went_back_after_it_was_given_up(self, order, goods, kakaopay):
        """Meanwhile the same cups went back by another refund: what is left of them does."""
        kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
        cup, before = line(order, "cup").pk, stock(goods)["cup"]
        given_up = give_back(order, by_line({cup: 2}, restock=True))
        assert give_back(order, by_line({cup: 2}, restock=True)).status == "SUCCEEDED"
        late = Approved("A" + "7" * 19, given_up.amount, timezone.now())
        settling.settle(given_up.transaction, late, now=timezone.now())
        assert (line(order, "cup").refunded, stock(goods)["cup"]) == (3, before + 3)
        given_up.refresh_from_db()
        assert (given_up.status, given_up.points) == ("SUCCEEDED", 4_097)
        order.refresh_from_db()
        assert order.points_refunded == 2 * 4_097

    def test_the_database_counts_too(self, order):
        """More pieces, or more points, than there were: not even by mistake."""
        for change in (
            lambda: order.lines.update(refunded=100),
            lambda: Order.objects.update(points_refunded=9_001),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                change()

    def test_one_decision_at_a_time(self, order):
        """A second open refund of an order cannot be written."""
        given = {"kind": "AMOUNT", "status": "WAITING", "amount": 1}
        order.refunds.create(**given)
        with pytest.raises(IntegrityError), transaction.atomic():
            order.refunds.create(**given)


@pytest.mark.usefixtures("low_limits")
class TestLimits:
    def test_up_to_the_limit(self, order, support):
        """20,000 won alone; not a won more, nor in two parts."""
        with pytest.raises(limits.AboveLimit) as refused:
            give_back(order, by_amount(20_001), by=support)
        assert refused.value.limit == 20_000
        assert give_back(order, by_amount(12_000), by=support).status == "SUCCEEDED"
        with pytest.raises(limits.AboveLimit):
            give_back(order, by_amount(8_001), by=support)
        assert give_back(order, by_amount(8_000), by=support).status == "SUCCEEDED"
        assert Refund.objects.count() == 2

    def test_points_count(self, order, support):
        """What goes back in points is worth as much: two cups are 15,703 won and 4,097 points."""
        cups, ticket = line(order, "cup").pk, line(order, "ticket").pk
        with pytest.raises(limits.AboveLimit):
            give_back(order, by_line({cups: 2, ticket: 1}), by=support)
        assert give_back(order, by_line({cups: 2}), by=support).amount == 15_703
        with pytest.raises(limits.AboveLimit):
            give_back(order, by_line({ticket: 1}), by=support)

    def test_nobody_decides_about_their_own_order(self, buy, goods, kakaopay):
        """Neither what goes back nor whether somebody else's decision is right."""
        own = operator()
        order = buy({"cup": 5}, Wish(), user=own)
        with pytest.raises(limits.OwnOrder):
            give_back(order, by_amount(1), by=own)
        finance = staff("finance@example.com", "refund_order_above_limit")
        waiting = give_back(order, everything(), by=finance)
        with pytest.raises(limits.OwnOrder):
            payments.approve_refund(waiting, by=own, now=timezone.now())
        assert left_at(kakaopay, order) == 55_000

    def test_who_may_not(self, order, manager, kakaopay):
        """Approving is not refunding: nothing is recorded, nothing moves."""
        with pytest.raises(limits.MayNot):
            give_back(order, by_amount(1), by=manager)
        assert (Refund.objects.count(), len(kakaopay.payments(order.number)[0].actions)) == (0, 1)


@pytest.mark.usefixtures("low_limits")
class TestApproval:
    @pytest.fixture
    def waiting(self, order, finance):
        return give_back(order, everything(restock=True), by=finance)

    def test_it_waits(self, waiting, order, goods, kakaopay):
        """Nothing moves; no other refund of the order may begin; its parcel stays here."""
        assert (waiting.status, waiting.transaction) == ("WAITING", None)
        assert (waiting.amount, waiting.points) == (34_500, 9_000)
        assert len(kakaopay.payments(order.number)[0].actions) == 1
        with pytest.raises(refunds.AlreadyOpen) as refused:
            give_back(order, by_amount(1))
        assert refused.value.refund == waiting
        with pytest.raises(shipping.BeingRefunded):
            shipping.expect_paid(order)

    def test_somebody_else_approves(self, waiting, manager, finance, order, kakaopay):
        """It goes back as it was decided; both names stay."""
        done = payments.approve_refund(waiting, by=manager, now=timezone.now())
        assert (done.status, done.amount, done.restock) == ("SUCCEEDED", 34_500, True)
        assert (done.requested_by, done.decided_by) == (finance, manager)
        assert Order.objects.get().status == "REFUNDED"
        assert differences([order], kakaopay) == []

    def test_never_ones_own(self, waiting, finance, order):
        """Not even with every permission; nor does the database take it."""
        finance.is_superuser = True
        finance.save()
        with pytest.raises(limits.OwnRefund):
            payments.approve_refund(waiting, by=finance, now=timezone.now())
        with pytest.raises(IntegrityError), transaction.atomic():
            Refund.objects.update(status="PROCESSING", decided_by=finance)
        assert Refund.objects.get().status == "WAITING"

    def test_who_may_not_approve(self, waiting, support):
        """Refunding is not approving."""
        with pytest.raises(limits.MayNot):
            payments.approve_refund(waiting, by=support, now=timezone.now())
        with pytest.raises(limits.MayNot):
            payments.reject_refund(waiting, by=support, why="", now=timezone.now())
        assert Refund.objects.get().status == "WAITING"

    def test_rejected(self, waiting, manager, order):
        """With a reason; nothing moves, and the order may be refunded otherwise."""
        payments.reject_refund(waiting, by=manager, why="영수증이 없습니다", now=timezone.now())
        refund = Refund.objects.get()
        assert (refund.status, refund.decision) == ("REJECTED", "영수증이 없습니다")
        assert (refund.decided_by, Order.objects.get().status) == (manager, "PAID")
        with pytest.raises(refunds.AlreadyDecided):
            payments.approve_refund(waiting, by=manager, now=timezone.now())
        assert give_back(order, by_amount(1)).status == "SUCCEEDED"

    def test_taken_back_by_who_asked(self, waiting, finance):
        """They thought again."""
        payments.reject_refund(waiting, by=finance, why="", now=timezone.now())
        assert Refund.objects.get().status == "REJECTED"

    def test_money_went_back_meanwhile(self, waiting, manager, order, kakaopay):
        """In the provider's site: what was decided is not what would go back."""
        tid = kakaopay.payments(order.number)[0].tid
        kakaopay.http.post(f"{kakaopay.url}/ledger/{tid}/refund/", data={"amount": 1_000})
        charge = order.transactions.get(kind="CHARGE")
        payments.external.look(charge, now=timezone.now())
        with pytest.raises(refunds.NotAsSeen) as refused:
            payments.approve_refund(waiting, by=manager, now=timezone.now())
        assert refused.value.plan.money.total == 33_500
        assert Refund.objects.get(pk=waiting.pk).status == "WAITING"

    def test_approved_and_rejected_at_once(self, waiting, manager, order, kakaopay):
        """One of them is what happens."""
        operator()
        told = []

        def decide(do, **more):
            try:
                told.append(do(waiting, now=timezone.now(), **more).status)
            except refunds.AlreadyDecided:
                told.append("too late")

        all_at_once(
            [lambda: decide(payments.approve_refund, by=manager)] * 4
            + [lambda: decide(payments.reject_refund, by=operator(), why="아니요")] * 4
        )
        assert told.count("too late") == 7
        assert Refund.objects.get().status in told
        assert differences([order], kakaopay) == []


class TestRequests:
    @pytest.fixture
    def request_(self, order):
        return order.refund_requests.create(reason="색이 달라요")

    def test_answered_by_a_refund(self, order, request_, support):
        """Accepted by whoever refunds, and linked to the refund."""
        refund = give_back(order, by_amount(100), by=support, request=request_)
        request_.refresh_from_db()
        assert (request_.status, request_.refund) == ("ACCEPTED", refund)
        assert request_.decided_by == support

    @pytest.mark.usefixtures("low_limits")
    def test_open_again(self, order, request_, finance, manager, kakaopay):
        """If the refund is not approved, or declined, the buyer still waits for an answer."""
        refund = give_back(order, everything(), by=finance, request=request_)
        payments.reject_refund(refund, by=manager, why="안 됩니다", now=timezone.now())
        request_.refresh_from_db()
        assert (request_.status, request_.refund, request_.decided_by) == ("OPEN", refund, None)
        kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
        given_up = give_back(order, by_amount(1), request=request_)
        request_.refresh_from_db()
        assert (given_up.status, request_.status) == ("FAILED", "OPEN")
        late = Approved("A" + "7" * 19, 1, timezone.now())
        settling.settle(given_up.transaction, late, now=timezone.now())
        request_.refresh_from_db()  # its money had gone back after all: that is the answer
        assert (request_.status, request_.refund) == ("ACCEPTED", given_up)

    def test_only_the_orders_own(self, order, make_order):
        """Somebody else's request is not answered with it: nothing is recorded."""
        other = make_order(status="PAID").refund_requests.create(reason="다른 주문")
        with pytest.raises(refunds.RequestAnswered):
            give_back(order, by_amount(1), request=other)
        assert (Refund.objects.count(), RefundRequest.objects.get().status) == (0, "OPEN")

    def test_withdrawn_meanwhile(self, order, request_):
        """The buyer changed their mind before staff pressed the button: nothing goes back."""
        order.refund_requests.update(status="WITHDRAWN")
        with pytest.raises(refunds.RequestAnswered):
            give_back(order, by_amount(1), request=request_)
        assert Refund.objects.count() == 0

    def test_all_has_gone_back_otherwise(self, order, request_):
        """Nobody has to answer it any more."""
        refund = give_back(order, everything())
        request_.refresh_from_db()
        assert (request_.status, request_.refund) == ("ACCEPTED", refund)


class TestCanceling:
    def cancel(self, order, **more):
        given = {"by": order.user, "reason": "마음이 바뀌었어요", "now": timezone.now()}
        return payments.cancel(order, **(given | more))

    def test_all_of_it(self, order, goods, kakaopay):
        """Without any limit or approval; the goods are for sale again."""
        before = stock(goods)
        refund = self.cancel(order)
        assert (refund.status, refund.amount, refund.points) == ("SUCCEEDED", 34_500, 9_000)
        assert (refund.requested_by, Order.objects.get().status) == (order.user, "REFUNDED")
        assert stock(goods)["cup"] == before["cup"] + 3
        assert differences([order], kakaopay) == []

    @pytest.mark.parametrize("status", ["SHIPPED", "DELIVERED"])
    def test_too_late(self, order, status):
        """It has left."""
        now = timezone.now()
        delivered = now if status == "DELIVERED" else None
        Shipment.objects.update(
            status=status, carrier="OWN", shipped_at=now, delivered_at=delivered
        )
        with pytest.raises(refunds.NotCancelable):
            self.cancel(order)
        assert Refund.objects.count() == 0

    def test_marked_as_shipped_by_mistake(self, order, support):
        """Only staff can undo that, so only staff decide what goes back: no limit is got round."""
        now = timezone.now()
        parcels.ship(order.pk, carrier="OWN", tracking_number="", by=support, now=now)
        parcels.undo(order.pk, by=support)
        with pytest.raises(refunds.NotCancelable):
            self.cancel(order)
        assert list(shipping.to_ship()) == [order.shipment]

    def test_only_what_is_not_delivered_is_left(self, order):
        """The ticket may have been used."""
        pieces = {line(order, "cup").pk: 3, line(order, "tea").pk: 2}
        give_back(order, by_line(pieces))
        with pytest.raises(refunds.NotCancelable):
            self.cancel(order)

    def test_nothing_to_deliver(self, buy):
        """Tickets may have been used: the buyer asks."""
        order = buy({"ticket": 1}, Wish())
        with pytest.raises(refunds.NotCancelable):
            self.cancel(order)

    def test_shipped_and_canceled_at_once(self, order, kakaopay):
        """One of them happens, not both."""
        told = []

        def ship():
            with locked(order.pk) as row:
                parcel = shipping.parcel_of(row)
                try:
                    shipping.ship(parcel, carrier="OWN", tracking_number="", now=timezone.now())
                    told.append("shipped")
                except shipping.CannotMove:
                    told.append("stays")

        def cancel():
            try:
                told.append(self.cancel(order).status)
            except (refunds.NotCancelable, refunds.AlreadyOpen, refunding.NothingLeft):
                told.append("refused")

        all_at_once([ship, ship, cancel, cancel])
        is_shipped = Shipment.objects.get().status == "SHIPPED"
        assert is_shipped == ("SUCCEEDED" not in told)
        assert told.count("SUCCEEDED") + told.count("shipped") == 1
        assert differences([order], kakaopay) == []

    def test_declined(self, order, kakaopay):
        """Staff are told, for nobody of them waits for it."""
        kakaopay.fault("cancel", before="error:-781:BANK_ACCOUNT_BLOCKED")
        refund = self.cancel(order)
        assert refund.status == "FAILED"
        assert refund.transaction.discrepancies.count() == 1


def test_the_database_remembers(order):
    """Each status that the order had, in order, whoever moved it."""
    give_back(order, by_amount(1))
    give_back(order, everything())
    statuses = OrderEvent.objects.filter(pgh_obj=order).order_by("pgh_id")
    assert list(statuses.values_list("status", flat=True)) == [
        "PENDING",
        "PAID",
        "PARTIALLY_REFUNDED",
        "REFUNDED",
    ]
