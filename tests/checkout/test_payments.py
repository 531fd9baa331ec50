"""Start, capture and abandon against the real sandbox: its books are asserted too."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.memberships import NO_TERMS
from checkout import payments, sending, settling
from checkout.calls import TransactionIsOpen
from checkout.gateways.base import Declined
from checkout.models import ProviderCall
from orders import placing, quoting
from orders.lines import lines_of
from orders.models import Order, PaymentTransaction
from shop.models import Cart, CartLine, Product
from tests.conftest import CONTACT
from tests.queries import queries_of
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentTransaction.Status


@pytest.fixture
def cup(make_product):
    return make_product(price=11_000, stock=5)


@pytest.fixture
def charge(start, fill_cart, cup, make_product):
    """A charge of 27,000 won, 5,000 of them tax-free, that waits for the buyer."""
    fill_cart((cup, 2), (make_product(price=5_000, is_tax_free=True), 1))
    return start()


class TestStart:
    def test_the_order_and_its_charge_are_kept_before_the_buyer_leaves(
        self, charge, kakaopay, shopper
    ):
        """Both books hold the same payment, waiting, with the same tax."""
        order = charge.order
        theirs = kakaopay.payment(charge.tid)
        assert (charge.status, order.status) == (Status.READY, Order.Status.PENDING)
        assert (theirs.status, theirs.partner_order_id) == ("READY", order.number)
        assert theirs.partner_user_id == shopper.public_id
        assert (theirs.total, theirs.tax_free, theirs.vat) == (27_000, 5_000, 2_000)
        assert (order.total, order.tax_free, order.vat) == (27_000, 5_000, 2_000)
        assert (theirs.item_name, theirs.quantity) == ("컵 1 외 1건", 3)

    def test_stock_is_taken_when_the_order_is_placed(self, charge, cup):
        """Two of five cups belong to the order now."""
        cup.refresh_from_db()
        assert cup.stock == 3

    def test_the_order_is_committed_before_the_provider_is_called(
        self, start, fill_cart, cup, kakaopay
    ):
        """A provider that is down leaves an order that can be resumed and a row that says why."""
        fill_cart((cup, 1))
        kakaopay.fault("ready", before="http_500")
        with pytest.raises(payments.ProviderUnavailable) as raised:
            start()
        order = Order.objects.get()
        assert raised.value.order == order
        assert order.status == Order.Status.PENDING
        assert order.transactions.get().status == Status.CANCELED
        again = payments.reopen(order, now=timezone.now())
        assert again.status == Status.READY
        assert Order.objects.get().deadline_at == order.deadline_at

    def test_a_provider_that_cannot_be_reached_was_sent_nothing(
        self, start, fill_cart, cup, settings
    ):
        """A refused connection is a definite no."""
        fill_cart((cup, 1))
        settings.KAKAOPAY_API_URL = "http://127.0.0.1:9"
        with pytest.raises(payments.ProviderUnavailable):
            start()
        assert PaymentTransaction.objects.get().reason_code == "NotSent"

    def test_checking_out_again_resumes_the_order(self, charge, start, cup):
        """Same cart, same order, same deadline; the stock is taken once."""
        again = start()
        assert again.order == charge.order
        assert again.order.deadline_at == charge.order.deadline_at
        assert Order.objects.count() == 1
        cup.refresh_from_db()
        assert cup.stock == 3

    def test_a_changed_cart_supersedes_the_order(self, charge, start, cup):
        """The old order gives its stock back and cannot be captured."""
        CartLine.objects.filter(product=cup).update(quantity=5)
        again = start()
        charge.refresh_from_db()
        cup.refresh_from_db()
        assert again.order != charge.order
        assert charge.order.cancel_reason == Order.CancelReason.SUPERSEDED
        assert (charge.status, cup.stock) == (Status.CANCELED, 0)

    def test_a_price_that_rose_asks_again(self, fill_cart, start, cup, kakaopay):
        """Nothing is placed, taken or announced at a price that the buyer has not seen."""
        cart = fill_cart((cup, 1))
        seen = quoting.quote_of(lines_of(cart, NO_TERMS), terms=NO_TERMS)
        cup.price = 12_000
        cup.save()
        with pytest.raises(placing.OfferChanged):
            start(seen=seen)
        cup.refresh_from_db()
        assert (Order.objects.count(), ProviderCall.objects.count(), cup.stock) == (0, 0, 5)

    def test_more_than_there_is_asks_again(self, fill_cart, start, cup):
        """Six of five cups cannot be ordered."""
        fill_cart((cup, 6))
        with pytest.raises(placing.OfferChanged):
            start()
        assert Order.objects.count() == 0

    def test_an_empty_cart_cannot_be_ordered(self, fill_cart, start):
        """There is nothing to order."""
        fill_cart()
        with pytest.raises(placing.CartIsEmpty):
            start()

    def test_eight_tabs_of_one_shopper_make_one_order(self, shopper, fill_cart, cup, kakaopay):
        """Each tab gets a charge of the same order; the stock is taken once."""
        cart = fill_cart((cup, 2))
        seen = quoting.quote_of(lines_of(cart, NO_TERMS), terms=NO_TERMS)
        orders = []

        def buy():
            charge = payments.start(user=shopper, contact=CONTACT, seen=seen, now=timezone.now())
            orders.append(charge.order.number)

        at_once(buy, times=8)
        cup.refresh_from_db()
        assert (len(orders), len(set(orders)), cup.stock) == (8, 1, 3)

    def test_the_products_are_locked_in_the_order_of_their_ids(
        self, fill_cart, start, make_product
    ):
        """So that two orders for the same things cannot wait for each other."""
        first, second = make_product(), make_product()
        fill_cart((second, 1), (first, 1))
        [locking] = [
            sql
            for sql in queries_of(start)
            if 'FROM "shop_product"' in sql and sql.endswith("FOR NO KEY UPDATE")
        ]
        assert locking.startswith('SELECT "shop_product"."id" AS "pk" FROM')
        assert locking.endswith("ORDER BY 1 ASC FOR NO KEY UPDATE")

    def test_two_shoppers_who_swap_their_orders_do_not_deadlock(
        self, make_product, django_user_model, kakaopay
    ):
        """Each gives back what the other takes, at the same moment, ten times over."""
        goods = make_product(stock=99), make_product(stock=99)
        carts = [
            Cart.objects.create(user=django_user_model.objects.create_user(f"s{n}@example.com"))
            for n in range(2)
        ]
        for turn in range(10):
            for number, cart in enumerate(carts):
                cart.lines.all().delete()
                cart.lines.create(product=goods[(number + turn) % 2], quantity=1)
            waiting = iter(carts)

            def swap(waiting=waiting):
                cart = next(waiting)
                seen = quoting.quote_of(lines_of(cart, NO_TERMS), terms=NO_TERMS)
                payments.start(user=cart.user, contact=CONTACT, seen=seen, now=timezone.now())

            at_once(swap, times=2)
        left = [Product.objects.get(pk=each.pk).stock for each in goods]
        assert left == [98, 98]

    def test_twenty_buyers_for_three_pieces(self, make_product, django_user_model, kakaopay):
        """Exactly three get one; nobody waits for a lock for ever; stock ends at zero."""
        cup = make_product(stock=3)
        buyers = [django_user_model.objects.create_user(f"b{n}@example.com") for n in range(20)]
        for buyer in buyers:
            Cart.objects.create(user=buyer).lines.create(product=cup, quantity=1)
        waiting = iter(buyers)
        results = []

        def buy():
            buyer = next(waiting)
            cart = Cart.objects.get(user=buyer)
            seen = quoting.quote_of(lines_of(cart, NO_TERMS), terms=NO_TERMS)
            try:
                payments.start(user=buyer, contact=CONTACT, seen=seen, now=timezone.now())
                results.append("ordered")
            except placing.OfferChanged:
                results.append("refused")

        at_once(buy, times=len(buyers))
        cup.refresh_from_db()
        assert (results.count("ordered"), results.count("refused")) == (3, 17)
        assert (Order.objects.count(), cup.stock) == (3, 0)


class TestReopen:
    def test_after_the_deadline_it_is_too_late(self, charge, kakaopay):
        """Also while nothing has closed the order yet; no new payment is announced."""
        with pytest.raises(payments.NotPayable):
            payments.reopen(charge.order, now=charge.order.deadline_at)
        assert len(kakaopay.payments(charge.order.number)) == 1

    def test_a_paid_order_is_not_paid_again(self, charge, pay):
        """There is nothing left to pay."""
        payments.capture(charge, pg_token=pay(charge), now=timezone.now())
        with pytest.raises(payments.NotPayable):
            payments.reopen(charge.order, now=timezone.now())

    def test_an_unknown_outcome_comes_first(self, charge, pay, kakaopay):
        """The buyer is not sent to pay again while the first payment may have gone through."""
        pg_token = pay(charge)
        kakaopay.fault("approve", after="drop")
        payments.capture(charge, pg_token=pg_token, now=timezone.now())
        with pytest.raises(placing.PaymentInProgress):
            payments.reopen(charge.order, now=timezone.now())

    def test_ordering_again_after_the_deadline_is_a_new_order(self, charge, start, cup):
        """With a deadline of its own; the late one gives its stock to it."""
        Order.objects.update(deadline_at=timezone.now())
        again = start()
        charge.order.refresh_from_db()
        cup.refresh_from_db()
        assert again.order != charge.order
        assert (charge.order.status, cup.stock) == (Order.Status.CANCELED, 3)

    def test_an_order_that_ended_while_we_announced_it(self, charge, kakaopay):
        """The provider's answer comes after the end: the charge stays canceled."""
        fresh = payments.open_charge(charge.order)
        payments.abandon(fresh, Order.CancelReason.QUIT, now=timezone.now())
        announced = payments.announce(fresh, now=timezone.now())
        assert (announced.status, announced.tid) == (Status.CANCELED, "")


class TestCapture:
    def test_an_approved_payment_makes_the_order_paid(self, charge, pay, kakaopay):
        """Card, issuer, instalment, aid and the provider's time are kept; the cart is empty."""
        paid = payments.capture(charge, pg_token=pay(charge, issuer="SHINHAN"), now=timezone.now())
        theirs = kakaopay.payment(charge.tid)
        assert (paid.status, paid.order.status) == (Status.SUCCEEDED, Order.Status.PAID)
        assert (theirs.status, theirs.total) == ("SUCCESS_PAYMENT", 27_000)
        assert paid.aid == theirs.actions[0].aid
        assert (paid.method, paid.card_issuer, paid.installment_months) == ("CARD", "신한", 0)
        assert paid.approved_at.strftime("%Y-%m-%dT%H:%M:%S")
        assert CartLine.objects.count() == 0

    def test_what_was_put_into_the_cart_meanwhile_stays(self, charge, pay, cup, make_product):
        """Only what was bought leaves the cart."""
        CartLine.objects.filter(product=cup).update(quantity=3)
        tea = make_product(name_ko="차")
        charge.order.cart.lines.create(product=tea, quantity=1)
        payments.capture(charge, pg_token=pay(charge), now=timezone.now())
        left = {line.product_id: line.quantity for line in CartLine.objects.all()}
        assert left == {cup.pk: 1, tea.pk: 1}

    def test_a_reload_changes_nothing(self, charge, pay, kakaopay):
        """The second time no call is made and the same charge comes back."""
        pg_token = pay(charge)
        first = payments.capture(charge, pg_token=pg_token, now=timezone.now())
        calls = ProviderCall.objects.count()
        second = payments.capture(charge, pg_token=pg_token, now=timezone.now())
        assert (second.aid, ProviderCall.objects.count()) == (first.aid, calls)
        assert len(kakaopay.payment(charge.tid).actions) == 1

    def test_a_declined_payment_ends_the_order(self, charge, pay, kakaopay, cup):
        """The buyer learns why, the stock is back, the cart is untouched."""
        failed = payments.capture(
            charge,
            pg_token=pay(charge, method="MONEY", decline="NOT_ENOUGH_BALANCE"),
            now=timezone.now(),
        )
        order = Order.objects.get()
        cup.refresh_from_db()
        assert (failed.status, failed.reason_code) == (Status.FAILED, "-780 NOT_ENOUGH_BALANCE")
        assert failed.buyer_message != ""
        assert (order.status, order.cancel_reason) == (Order.Status.CANCELED, "DECLINED")
        assert (cup.stock, CartLine.objects.count()) == (5, 2)
        assert kakaopay.payment(charge.tid).actions == ()

    def test_a_request_that_never_left_charges_nothing(self, charge, pay, kakaopay, settings):
        """The provider became unreachable before we asked: a definite no."""
        pg_token = pay(charge)
        settings.KAKAOPAY_API_URL = "http://127.0.0.1:9"
        failed = payments.capture(charge, pg_token=pg_token, now=timezone.now())
        assert (failed.status, failed.reason_code) == (Status.FAILED, "not_sent")
        assert kakaopay.payment(charge.tid).actions == ()

    def test_a_line_taken_out_and_put_back_is_emptied_all_the_same(self, charge, pay, cup):
        """What was paid for is not left in the cart to be bought twice."""
        cart = charge.order.cart
        cart.lines.get(product=cup).delete()
        cart.lines.create(product=cup, quantity=2)
        payments.capture(charge, pg_token=pay(charge), now=timezone.now())
        assert CartLine.objects.count() == 0

    def test_a_wrong_pg_token_charges_nothing(self, charge, pay, kakaopay):
        """The provider says no, and its books agree."""
        pay(charge)
        failed = payments.capture(charge, pg_token="0" * 20, now=timezone.now())
        assert (failed.status, failed.reason_code) == (Status.FAILED, "-708")
        assert kakaopay.payment(charge.tid).actions == ()

    @pytest.mark.parametrize("fault", ["html_502", "http_500", "http_503", "drop", "garbled"])
    def test_a_lost_answer_leaves_the_charge_processing(self, charge, pay, kakaopay, fault):
        """The provider took the money but its answer is lost: we say nothing we do not know."""
        pg_token = pay(charge)
        kakaopay.fault("approve", after=fault)
        txn = payments.capture(charge, pg_token=pg_token, now=timezone.now())
        assert txn.status == Status.PROCESSING
        assert Order.objects.get().status == Order.Status.PENDING
        assert kakaopay.payment(txn.tid).status == "SUCCESS_PAYMENT"
        assert ProviderCall.objects.get(operation="approve").problem != ""

    def test_a_canceled_order_is_not_captured(self, charge, pay, kakaopay):
        """Coming back after quitting charges nothing."""
        pg_token = pay(charge)
        payments.abandon(charge, Order.CancelReason.QUIT, now=timezone.now())
        txn = payments.capture(charge, pg_token=pg_token, now=timezone.now())
        assert txn.status == Status.CANCELED
        assert kakaopay.payment(charge.tid).actions == ()

    def test_two_tabs_are_charged_once(self, charge, start, pay, kakaopay):
        """Both tabs agreed to pay; the second to arrive finds the order paid."""
        other = start()
        tokens = {each: pay(each) for each in (charge, other)}
        first, second = (
            payments.capture(each, pg_token=tokens[each], now=timezone.now())
            for each in (charge, other)
        )
        assert (first.status, second.status) == (Status.SUCCEEDED, Status.CANCELED)
        assert [p.status for p in kakaopay.payments(charge.order.number)].count(
            "SUCCESS_PAYMENT"
        ) == 1

    def test_a_second_tab_waits_for_the_first_ones_outcome(self, charge, start, pay, kakaopay):
        """The first capture's answer is lost: the other tab must not be charged meanwhile."""
        other = start()
        tokens = {each: pay(each) for each in (charge, other)}
        kakaopay.fault("approve", after="drop")
        payments.capture(charge, pg_token=tokens[charge], now=timezone.now())
        second = payments.capture(other, pg_token=tokens[other], now=timezone.now())
        assert second.status == Status.READY
        assert kakaopay.payment(other.tid).actions == ()

    def test_sixteen_reloads_at_once_are_charged_once(self, charge, pay, kakaopay):
        """One of them captures; nobody sees an error."""
        pg_token = pay(charge)
        seen = []

        def reload():
            seen.append(payments.capture(charge, pg_token=pg_token, now=timezone.now()).status)

        at_once(reload, times=16)
        assert len(seen) == 16
        assert set(seen) <= {Status.PROCESSING, Status.SUCCEEDED}
        assert ProviderCall.objects.filter(operation="approve").count() == 1
        assert len(kakaopay.payment(charge.tid).actions) == 1

    def test_whoever_settles_second_changes_nothing(self, charge, pay):
        """The live answer and reconciliation may both arrive: the first one stands."""
        paid = payments.capture(charge, pg_token=pay(charge), now=timezone.now())
        again = settling.settle(paid, Declined("late", ""), now=timezone.now())
        assert (again.status, again.aid) == (Status.SUCCEEDED, paid.aid)
        assert Order.objects.get().status == Order.Status.PAID

    def test_no_provider_is_called_inside_a_transaction(self, charge):
        """The guard stops it before anything is sent."""
        with transaction.atomic(), pytest.raises(TransactionIsOpen):
            sending.send(payments.gateway_for(charge), charge)
        assert not ProviderCall.objects.filter(operation="approve").exists()

    def test_the_journal_masks_secrets(self, charge, pay):
        """A row for each call, complete, without the pg_token or the card's number."""
        payments.capture(charge, pg_token=pay(charge), now=timezone.now())
        ready, approve = ProviderCall.objects.order_by("pk")
        assert [ready.operation, approve.operation] == ["ready", "approve"]
        assert approve.request["pg_token"] == "***"
        assert approve.response["card_info"]["bin"] == "***"
        assert (approve.http_status, approve.problem) == (200, "")
        assert approve.finished_at >= approve.started_at


class TestAbandon:
    def test_quitting_gives_the_stock_back(self, charge, cup):
        """The cart is as it was."""
        payments.abandon(charge, Order.CancelReason.QUIT, now=timezone.now())
        order = Order.objects.get()
        cup.refresh_from_db()
        charge.refresh_from_db()
        assert (order.status, order.cancel_reason) == (Order.Status.CANCELED, "QUIT")
        assert (charge.status, charge.reason_code) == (Status.CANCELED, "quit")
        assert (cup.stock, CartLine.objects.count()) == (5, 2)

    def test_twice_gives_the_stock_back_once(self, charge, cup):
        """A reloaded cancel page does not invent goods."""
        for _ in range(2):
            payments.abandon(charge, Order.CancelReason.QUIT, now=timezone.now())
        cup.refresh_from_db()
        assert cup.stock == 5

    def test_a_paid_order_is_not_touched(self, charge, pay, kakaopay):
        """A late fail or cancel callback is only a hint."""
        payments.capture(charge, pg_token=pay(charge), now=timezone.now())
        payments.abandon(charge, Order.CancelReason.FAILED, now=timezone.now())
        assert Order.objects.get().status == Order.Status.PAID
        assert kakaopay.payment(charge.tid).status == "SUCCESS_PAYMENT"

    def test_an_unknown_outcome_is_not_touched(self, charge, pay, kakaopay):
        """Quitting while we wait for the provider's word cancels nothing."""
        pg_token = pay(charge)
        kakaopay.fault("approve", after="drop")
        payments.capture(charge, pg_token=pg_token, now=timezone.now())
        payments.abandon(charge, Order.CancelReason.QUIT, now=timezone.now())
        assert Order.objects.get().status == Order.Status.PENDING

    def test_quitting_an_older_tab_leaves_the_newer_one(self, charge, start, pay, cup):
        """The buyer may be paying there."""
        newer = start()
        payments.abandon(charge, Order.CancelReason.QUIT, now=timezone.now())
        paid = payments.capture(newer, pg_token=pay(newer), now=timezone.now())
        assert paid.status == Status.SUCCEEDED

    def test_quitting_the_only_tab_that_was_opened(self, charge, start, kakaopay, cup):
        """A later attempt that never reached the provider does not keep the order waiting."""
        kakaopay.fault("ready", before="http_500")
        with pytest.raises(payments.ProviderUnavailable):
            start()
        payments.abandon(charge, Order.CancelReason.QUIT, now=timezone.now())
        assert Order.objects.get().status == Order.Status.CANCELED


class TestCloseAbandoned:
    def test_an_order_not_paid_in_time_is_closed(self, charge, cup):
        """Its stock is back, and it can no longer be captured."""
        later = timezone.now() + timedelta(minutes=15, seconds=1)
        assert [order.number for order in payments.close_abandoned(now=later)] == [
            charge.order.number
        ]
        cup.refresh_from_db()
        assert (cup.stock, Order.objects.get().cancel_reason) == (5, "EXPIRED")

    def test_an_order_still_in_time_is_left(self, charge):
        """Fourteen minutes are not fifteen."""
        soon = timezone.now() + timedelta(minutes=14)
        assert list(payments.close_abandoned(now=soon)) == []

    def test_an_unknown_outcome_is_left(self, charge, pay, kakaopay):
        """What may have been paid is not closed."""
        pg_token = pay(charge)
        kakaopay.fault("approve", after="drop")
        payments.capture(charge, pg_token=pg_token, now=timezone.now())
        later = timezone.now() + timedelta(hours=1)
        assert list(payments.close_abandoned(now=later)) == []
