"""Staff give money back on the order's refund page: who may, what they see first, and once."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import User
from checkout.admin.refund_words import why_not
from checkout.models import Mail
from orders.models import Order, Refund, RefundRequest, Shipment
from orders.pricing import Part
from orders.quoting import NO_WISH, Wish
from orders.refunding import TooMuch, by_amount, by_line, everything
from shop.models import Coupon
from tests.races import at_once
from tests.staff import form_of, give_back, staff

pytestmark = pytest.mark.django_db(transaction=True)

Status = Refund.Status
TYPED = {"kind": "AMOUNT", "amount": "1000", "reason": "변심", "seen": ""}


@pytest.fixture
def refunder(db) -> User:
    """Up to the limit; may look at refunds, too."""
    return staff("refunder@example.com", "view_order", "refund_order", "view_refund")


@pytest.fixture
def desk(refunder) -> Client:
    return signed_in(refunder)


def signed_in(person: User, **options) -> Client:
    """In English, which is what these tests read."""
    client = Client(headers={"Accept-Language": "en"}, **options)
    client.force_login(person)
    return client


def page_of(order: Order) -> str:
    return reverse("admin:orders_order_refund", args=[order.pk])


def text_of(answer) -> str:
    """The page with each run of white space as one blank."""
    return " ".join(answer.content.decode().split())


def told(answer) -> list[str]:
    """What the next page says first."""
    return [str(message) for message in answer.wsgi_request._messages]


def made() -> list[tuple[str, int, int]]:
    """Each refund: its status, won and points."""
    return list(Refund.objects.order_by("pk").values_list("status", "amount", "points"))


def line_of(order: Order, goods, name: str) -> int:
    return order.lines.get(product=goods[name]).pk


def moved(order: Order, kakaopay) -> list[int]:
    """What KakaoPay has given back, movement by movement."""
    (payment,) = kakaopay.payments(order.number)
    return [action.amount for action in payment.actions[1:]]


class TestWhoMay:
    def test_the_address(self, order):
        """It is the one that is documented."""
        assert page_of(order) == f"/admin/orders/order/{order.pk}/refund/"

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize(
        "permissions",
        [("view_order",), ("refund_order",), ("view_order", "approve_refund", "handle_order")],
    )
    def test_may_not(self, order, kakaopay, method, permissions):
        """Who may only look, only refund what they cannot see, or only approve: 403."""
        client = signed_in(staff("may-not@example.com", *permissions))
        form = form_of(order, everything())
        assert getattr(client, method)(page_of(order), form).status_code == 403
        assert client.post(page_of(order), form | {"preview": "1"}).status_code == 403
        assert (made(), moved(order, kakaopay)) == ([], [])

    def test_a_shopper(self, order, shopper):
        """Is sent to sign in as staff."""
        assert (
            signed_in(shopper).post(page_of(order), form_of(order, everything())).status_code == 302
        )
        assert made() == []

    def test_from_another_site(self, order, refunder):
        """A form without the CSRF token is refused."""
        client = signed_in(refunder, enforce_csrf_checks=True)
        assert client.post(page_of(order), form_of(order, everything())).status_code == 403
        assert made() == []

    def test_an_order_that_is_none(self, desk, order):
        """404, whatever stands in the address."""
        for pk in (order.pk + 1, "none", "_5F", "9" * 30, "0"):
            assert desk.get(f"/admin/orders/order/{pk}/refund/").status_code == 404


class TestSeeingItBeforehand:
    def test_all_that_is_left(self, desk, order):
        """Chosen when the page opens: who bought it, what goes, what remains; nothing moves."""
        answer = desk.get(page_of(order))
        text, plan = text_of(answer), answer.context["plan"]
        assert order.number in text
        assert "김하나 · hana@example.com" in text
        assert f'name="seen" value="{plan.figures}"' in text
        assert (plan.money, plan.left) == (Part(34_500, 7_138, 2_487), Part(0, 0, 0))
        assert (plan.points, plan.points_left, plan.takes_back) == (9_000, 0, order.earns)
        assert "“봄”: <strong" in text  # it goes back
        assert made() == []

    def test_a_piece(self, desk, order, goods):
        """Its shares of money, VAT, points and earned points; the coupon stays."""
        form = form_of(order, by_line({line_of(order, goods, "cup"): 1}, restock=True))
        answer = desk.post(page_of(order), form | {"preview": "1", "reason": ""})
        text = text_of(answer)
        assert f">{answer.context['plan'].takes_back} points<" in text
        for figure in ("₩7,851", "₩26,649", "₩713", "₩1,774", "₩7,138", "2,049 points"):
            assert f">{figure}<" in text
        assert "“봄”: stays used" in text
        assert "The goods go back into stock." in text
        assert f'name="seen" value="{form["seen"]}"' in text
        assert made() == []

    def test_for_htmx(self, desk, order, goods):
        """Only the panel, even while no reason is typed."""
        form = form_of(order, by_line({line_of(order, goods, "tea"): 2}, with_delivery=True))
        headers = {"HX-Request": "true"}
        answer = desk.post(page_of(order), form | {"preview": "1", "reason": ""}, headers=headers)
        assert answer.status_code == 200
        assert text_of(answer).startswith('<section id="refund-preview"')
        assert answer.context["plan"].money.tax_free == 7_138
        assert answer.context["plan"].with_delivery

    def test_keeps_what_was_typed(self, desk, order, goods):
        """Without JavaScript the whole page comes back, with no complaint about the reason."""
        pk = line_of(order, goods, "cup")
        form = form_of(order, by_line({pk: 2})) | {"preview": "1", "reason": ""}
        text = text_of(desk.post(page_of(order), form))
        assert f'name="pieces-{pk}" value="2"' in text
        assert "Enter why" not in text

    @pytest.mark.parametrize(
        ("typed", "sentence"),
        [
            ({"kind": "LINES"}, "Choose at least one piece, or the delivery fee."),
            ({"amount": "34501"}, "No more than ₩34,500 can be refunded."),
            ({"amount": "x"}, "Enter a whole number of won."),
            ({"kind": "NONE"}, "Choose what goes back: this is not possible."),
        ],
    )
    def test_what_cannot_be(self, desk, order, typed, sentence):
        """A sentence in place of the figures, and no button."""
        answer = desk.post(
            page_of(order), TYPED | typed | {"preview": "1"}, headers={"HX-Request": "true"}
        )
        assert sentence in text_of(answer)
        assert 'name="seen"' not in text_of(answer)
        assert "submit" not in text_of(answer)

    def test_coming_back_to_it(self, desk, order):
        """A browser that goes back neither fills the form in anew nor shows old figures."""
        text = text_of(desk.get(page_of(order)))
        assert f'action="{page_of(order)}" autocomplete="off"' in text
        assert "pageshow[persisted] from:window" in text

    def test_the_lines(self, desk, order, goods):
        """What is left of each, and what was paid for a piece where that is less than its price."""
        give_back(order, by_line({line_of(order, goods, "cup"): 1}))
        text = text_of(desk.get(page_of(order)))
        assert "₩11,000 each · of it paid ₩7,852 + 2,048 points" in text
        assert ">2 / 3<" in text
        assert "₩3,000 · of it paid ₩2,379 + 621 points" in text

    @pytest.mark.parametrize(("status", "is_on"), [("PREPARING", True), ("SHIPPED", False)])
    def test_back_into_stock(self, desk, order, status, is_on):
        """Meant unless the parcel has left."""
        fields = {"carrier": "CJ", "shipped_at": timezone.now()} if status == "SHIPPED" else {}
        Shipment.objects.filter(order=order).update(status=status, **fields)
        page = desk.get(page_of(order))
        assert page.context["form"]["restock"].value() is is_on
        assert page.context["plan"].restock is is_on

    def test_money_for_an_order_that_had_ended(self, desk, order):
        """It holds nothing: no lines are offered, only the money."""
        Order.objects.filter(pk=order.pk).update(status="CANCELED")
        page = desk.get(page_of(order))
        assert page.context["form"].kinds == ["FULL", "AMOUNT"]
        assert (page.context["plan"].money.total, page.context["plan"].points) == (34_500, 0)

    def test_nothing_is_left(self, desk, order):
        """There is nothing to fill in."""
        give_back(order, everything())
        text = text_of(desk.get(page_of(order)))
        assert "Nothing of this order can be refunded." in text
        assert 'name="reason"' not in text


class TestRefunding:
    def test_by_line(self, desk, order, goods, refunder, kakaopay):
        """KakaoPay gave it back; who, why and what are kept; the goods are for sale again."""
        cup = line_of(order, goods, "cup")
        answer = desk.post(page_of(order), form_of(order, by_line({cup: 2}, restock=True)))
        assert answer.url == reverse("admin:orders_order_change", args=[order.pk])
        assert told(answer) == ["Refunded: ₩15,703 + 4,097 points."]
        refund = Refund.objects.get()
        assert (refund.status, refund.kind) == (Status.SUCCEEDED, "LINES")
        assert (refund.requested_by, refund.reason) == (refunder, "변심")
        assert moved(order, kakaopay) == [15_703]
        goods["cup"].refresh_from_db()
        assert goods["cup"].stock == 50 - 3 + 2

    def test_by_amount(self, desk, order, kakaopay):
        """Commas do no harm; what the other ways would need does not matter."""
        form = form_of(order, by_amount(7_000)) | {"amount": "7,000", "pieces-1": "x"}
        assert told(desk.post(page_of(order), form)) == ["Refunded: ₩7,000."]
        assert moved(order, kakaopay) == [7_000]

    def test_not_confirmed(self, desk, order, kakaopay):
        """The answer is lost: nobody is told that money went back, nor that it did not."""
        kakaopay.fault("cancel", after="drop")
        (sentence,) = told(desk.post(page_of(order), form_of(order, by_amount(7_000))))
        assert "did not confirm the refund of ₩7,000 yet" in sentence
        assert made() == [(Status.PROCESSING, 7_000, 0)]

    def test_declined(self, desk, order, kakaopay):
        """No money moved, and why."""
        kakaopay.fault("cancel", before="error:-784")
        (sentence,) = told(desk.post(page_of(order), form_of(order, by_amount(7_000))))
        assert "KakaoPay declined the refund of ₩7,000; no money moved: " in sentence
        assert (made(), moved(order, kakaopay)) == ([(Status.FAILED, 7_000, 0)], [])

    def test_paid_by_points(self, desk, buy, goods, kakaopay):
        """The same page; an amount cannot be chosen. A line, then the rest; the buyer has mail."""
        order = buy({"tea": 2}, Wish("", 13_000))
        assert desk.get(page_of(order)).context["form"].kinds == ["FULL", "LINES"]
        tea = line_of(order, goods, "tea")
        answer = desk.post(page_of(order), form_of(order, by_line({tea: 1})))
        assert told(answer) == ["Refunded: 5,000 points."]
        order.refresh_from_db()
        desk.post(page_of(order), form_of(order, everything()))
        order.refresh_from_db()
        assert (order.status, order.points_refunded) == ("REFUNDED", 13_000)
        assert Mail.objects.filter(order=order, event="REFUNDED").count() == 2
        assert kakaopay.payments(order.number) == []

    def test_paid_by_a_coupon(self, desk, buy, goods):
        """Neither money nor points: the coupon goes back."""
        Coupon.objects.create(code="GIFT", name_ko="선물", kind="PERCENT", value=100)
        order = buy({"ticket": 2}, Wish("GIFT", 0))
        assert told(desk.post(page_of(order), form_of(order, everything()))) == [
            "The order was refunded; no money moved."
        ]
        assert Refund.objects.get().returns_coupon

    @pytest.mark.parametrize(
        ("typed", "sentence"),
        [
            ({"amount": ""}, "Enter how many won to refund."),
            ({"amount": "0"}, "Refund at least 1 won."),
            ({"amount": "-1"}, "Refund at least 1 won."),
            ({"amount": "70.5"}, "Enter a whole number of won."),
            ({"reason": "   "}, "Enter why the money goes back."),
            ({"kind": ""}, "Choose what goes back: this is not possible."),
            ({"kind": "LINES"}, "Choose at least one piece, or the delivery fee."),
        ],
    )
    def test_not_what_can_be_meant(self, desk, order, typed, sentence):
        """A sentence that says what to do, and nothing moves."""
        answer = desk.post(page_of(order), form_of(order, by_amount(1_000)) | typed)
        assert answer.status_code == 422
        assert sentence in text_of(answer)
        assert made() == []

    @pytest.mark.parametrize("pieces", ["4", "-1", "x", "1.5", "99999999999"])
    def test_pieces_that_there_are_not(self, desk, order, goods, pieces):
        """The line is named, and how many it has."""
        cup = line_of(order, goods, "cup")
        form = form_of(order, by_line({cup: 1})) | {f"pieces-{cup}": pieces}
        answer = desk.post(page_of(order), form)
        assert answer.status_code == 422
        assert f"“{goods['cup'].name_ko}”: enter a number from 0 to 3." in text_of(answer)
        assert made() == []

    def test_more_than_there_is(self, desk, order):
        """Whoever changes the amount after looking is told what is left."""
        answer = desk.post(page_of(order), form_of(order, by_amount(1)) | {"amount": "34501"})
        assert answer.status_code == 409
        assert "No more than ₩34,500 can be refunded." in text_of(answer)
        assert made() == []

    def test_a_line_that_ran_out_meanwhile(self):
        """In the moment before the lock: the sentence names the line, too."""
        with translation.override("en"):
            assert why_not(TooMuch(1, "컵")) == "“컵”: no more than 1 piece can go back."


class TestOnce:
    def test_not_as_seen(self, desk, order, goods, kakaopay):
        """Somebody else was quicker: the new figures, what was typed, and a second press."""
        cup = line_of(order, goods, "cup")
        form = form_of(order, by_line({cup: 2}), reason="깨짐")
        give_back(order, by_amount(1_000))
        answer = desk.post(page_of(order), form)
        text = text_of(answer)
        assert answer.status_code == 409
        assert "This is not what you saw any more" in text
        assert 'value="깨짐"' in text
        assert f'name="pieces-{cup}" value="2"' in text
        assert moved(order, kakaopay) == [1_000]
        seen = answer.context["plan"].figures
        assert desk.post(page_of(order), form | {"seen": seen}).status_code == 302
        assert moved(order, kakaopay) == [1_000, 15_703]

    def test_nothing_was_seen(self, desk, order):
        """Sent by itself, with other figures or none: shown first."""
        for seen in ("", "1-2-3"):
            answer = desk.post(page_of(order), form_of(order, by_amount(1_000)) | {"seen": seen})
            assert answer.status_code == 409
        assert made() == []

    def test_the_form_sent_twice(self, desk, order, goods, kakaopay):
        """The second one saw what is no longer there."""
        for scope in (by_amount(1_000), by_line({line_of(order, goods, "cup"): 1}), everything()):
            form = form_of(order, scope)
            assert desk.post(page_of(order), form).status_code == 302
            assert desk.post(page_of(order), form).status_code in {409, 422}
            order.refresh_from_db()
        assert len(moved(order, kakaopay)) == 3

    def test_free_goods_sent_twice(self, desk, buy, goods):
        """No figure of money tells that two of three went back, and yet only one does."""
        Coupon.objects.create(code="GIFT", name_ko="선물", kind="PERCENT", value=100)
        order = buy({"ticket": 3}, Wish("GIFT", 0))
        form = form_of(order, by_line({line_of(order, goods, "ticket"): 1}))
        assert desk.post(page_of(order), form).status_code == 302
        assert desk.post(page_of(order), form).status_code == 409
        assert order.lines.get().refunded == 1

    def test_sent_twice_at_once(self, order, refunder, kakaopay):
        """A double click in two processes gives back once."""
        form = form_of(order, by_amount(7_000))
        clients = [signed_in(refunder), signed_in(refunder)]
        answers = []
        at_once(lambda: answers.append(clients.pop().post(page_of(order), form)), times=2)
        assert sorted(answer.status_code for answer in answers) == [302, 409]
        assert moved(order, kakaopay) == [7_000]

    def test_another_is_open(self, desk, order, kakaopay):
        """409, a link to that one, and what was typed stays; the page then asks for nothing."""
        form = form_of(order, by_amount(3_000), reason="또 하나")
        kakaopay.fault("cancel", after="drop")
        desk.post(page_of(order), form_of(order, by_amount(7_000)))
        answer = desk.post(page_of(order), form)
        assert answer.status_code == 409
        text = text_of(answer)
        assert "Another refund of this order has not been answered yet." in text
        assert 'value="3000"' in text
        assert 'value="또 하나"' in text
        link = reverse("admin:orders_refund_change", args=[Refund.objects.get().pk])
        assert link in text
        text = text_of(desk.get(page_of(order)))
        assert "A refund of ₩7,000 has not been answered yet." in text
        assert link in text
        assert 'name="reason"' not in text
        assert made() == [(Status.PROCESSING, 7_000, 0)]


class TestLimits:
    @pytest.fixture(autouse=True)
    def low(self, settings):
        """20,000 won alone, and up to 30,000 without somebody else."""
        settings.REFUND_LIMIT, settings.REFUND_APPROVAL_ABOVE = 20_000, 30_000

    def test_above_ones_own(self, desk, order, kakaopay):
        """Said beforehand, without a button; 403 at the address, and what was typed stays."""
        sentence = "You may give back up to ₩20,000 of one order in all."
        text = text_of(desk.get(page_of(order)))
        assert sentence in text
        assert "Refund ₩34,500" not in text
        answer = desk.post(page_of(order), form_of(order, by_amount(20_001), reason="깨짐"))
        assert answer.status_code == 403
        assert sentence in text_of(answer)
        assert 'value="20001"' in text_of(answer)
        assert 'value="깨짐"' in text_of(answer)
        assert (made(), moved(order, kakaopay)) == ([], [])

    def test_in_small_parts(self, desk, order):
        """What went back before counts."""
        assert desk.post(page_of(order), form_of(order, by_amount(20_000))).status_code == 302
        assert desk.post(page_of(order), form_of(order, by_amount(1))).status_code == 403

    def test_waits_for_somebody_else(self, order, kakaopay):
        """Said beforehand; nothing goes back yet, and the page leads to what waits."""
        finance = staff(
            *("finance@example.com", "view_order", "refund_order_above_limit", "view_refund")
        )
        client = signed_in(finance)
        assert "only once somebody else has approved it" in text_of(client.get(page_of(order)))
        (sentence,) = told(client.post(page_of(order), form_of(order, everything())))
        assert "₩34,500 + 9,000 points waits until somebody else approves it" in sentence
        assert (made(), moved(order, kakaopay)) == ([(Status.WAITING, 34_500, 9_000)], [])
        answer = client.post(page_of(order), form_of(order, by_amount(1)))
        assert answer.status_code == 409
        assert "Another refund of this order waits for approval." in text_of(answer)
        assert "Look at that refund" in text_of(answer)


class TestAnsweringTheBuyer:
    @pytest.fixture
    def asked(self, order, goods) -> RefundRequest:
        request = RefundRequest.objects.create(order=order, reason="깨져 왔어요")
        request.lines.create(line_id=line_of(order, goods, "cup"), quantity=2)
        return request

    def test_begins_with_what_they_ask_for(self, desk, order, asked, goods):
        """The pieces and the reason are filled in; without the address's hint there is a link."""
        address = f"{page_of(order)}?request={asked.pk}"
        assert f'href="?request={asked.pk}"' in text_of(desk.get(page_of(order)))
        page = desk.get(address)
        assert page.context["form"].pieces == {line_of(order, goods, "cup"): 2}
        assert page.context["plan"].money.total == 15_703
        assert 'value="깨져 왔어요"' in text_of(page)
        assert f'action="{address}"' in text_of(page)

    def test_into_stock_only_if_somebody_says_so(self, desk, order, asked):
        """What the buyer sends back may be broken."""
        page = desk.get(f"{page_of(order)}?request={asked.pk}")
        assert not page.context["form"]["restock"].value()
        assert not page.context["plan"].restock
        assert "The goods do not go back into stock." in text_of(page)

    def test_more_than_is_left(self, desk, order, asked, goods):
        """Two are asked for and one is left: one."""
        cup = line_of(order, goods, "cup")
        give_back(order, by_line({cup: 2}))
        page = desk.get(f"{page_of(order)}?request={asked.pk}")
        assert page.context["form"].pieces == {cup: 1}

    def test_accepted(self, desk, order, asked, refunder):
        """By the refund that answers it."""
        form = form_of(order, by_line({asked.lines.get().line_id: 2}))
        assert desk.post(f"{page_of(order)}?request={asked.pk}", form).status_code == 302
        asked.refresh_from_db()
        assert (asked.status, asked.refund, asked.decided_by) == (
            *("ACCEPTED", Refund.objects.get()),
            refunder,
        )

    def test_not_meant(self, desk, order, asked):
        """A refund for another reason leaves the request open."""
        desk.post(page_of(order), form_of(order, by_amount(1_000)))
        asked.refresh_from_db()
        assert asked.status == "OPEN"

    def test_withdrawn_meanwhile(self, desk, order, asked):
        """The buyer keeps the goods: nothing goes back unless it is pressed again."""
        RefundRequest.objects.filter(pk=asked.pk).update(status="WITHDRAWN")
        form = form_of(order, by_line({asked.lines.get().line_id: 2}))
        answer = desk.post(f"{page_of(order)}?request={asked.pk}", form)
        assert answer.status_code == 409
        assert "The buyer&#x27;s request has been answered or withdrawn meanwhile." in text_of(
            answer
        )
        assert f'action="{page_of(order)}"' in text_of(answer)
        assert made() == []

    def test_of_another_order(self, desk, order, asked, buy):
        """Is none of this order's."""
        other = buy({"cup": 1}, NO_WISH)
        page = desk.get(f"{page_of(other)}?request={asked.pk}")
        assert (page.context["asked"], page.context["form"].pieces) == (None, {})


def test_a_page_of_many_lines_asks_no_more(desk, order, django_assert_max_num_queries):
    """Six for the order and what it has, the rest for who asks."""
    desk.get(page_of(order))
    with django_assert_max_num_queries(10):
        desk.get(page_of(order))
