"""The list of refunds, and the page on which somebody else approves one, or does not."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from orders.models import Order, Refund, Shipment
from orders.quoting import NO_WISH
from orders.refunding import by_amount, by_line, everything
from tests.queries import queries_of
from tests.races import all_at_once
from tests.staff import give_back, staff

pytestmark = pytest.mark.django_db(transaction=True)

LIST = reverse("admin:orders_refund_changelist")
Status = Refund.Status


@pytest.fixture(autouse=True)
def low(settings):
    """Everything above 30,000 won waits for somebody else."""
    settings.REFUND_APPROVAL_ABOVE = 30_000


@pytest.fixture
def finance(db):
    """May refund above the limit, and approve."""
    permissions = ("view_order", "view_refund", "refund_order_above_limit", "approve_refund")
    return staff("finance@example.com", *permissions)


@pytest.fixture
def manager(db):
    """May approve what somebody else asked for."""
    return staff("manager@example.com", "view_refund", "approve_refund")


@pytest.fixture
def waiting(order, finance) -> Refund:
    """All of the order: 34,500 won and 9,000 points."""
    return give_back(order, everything(), by=finance, reason="단체 주문 취소")


def signed_in(person) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(person)
    return client


def address(refund: Refund, way: str = "change") -> str:
    return reverse(f"admin:orders_refund_{way}", args=[refund.pk])


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def told(answer) -> list[str]:
    return [str(message) for message in answer.wsgi_request._messages]


def now(refund: Refund) -> str:
    return Refund.objects.get(pk=refund.pk).status


def moved(order: Order, kakaopay) -> list[int]:
    (payment,) = kakaopay.payments(order.number)
    return [action.amount for action in payment.actions[1:]]


class TestTheList:
    def test_by_state(self, waiting, buy, manager, kakaopay):
        """Those that wait, those whose outcome is not known, and all."""
        done, unknown = (buy({"cup": 1}, NO_WISH) for _ in range(2))
        done = give_back(done, by_amount(1_000))
        kakaopay.fault("cancel", after="drop")
        unknown = give_back(unknown, by_amount(1_000))
        client = signed_in(manager)

        def rows(query: str) -> list[Refund]:
            return list(client.get(LIST + query).context["cl"].result_list)

        assert LIST == "/admin/orders/refund/"
        assert rows("?state=waiting") == [waiting]
        assert rows("?state=unknown") == [unknown]
        assert rows("") == [unknown, done, waiting]
        assert rows("?state=nonsense") == [unknown, done, waiting]

    def test_what_it_shows(self, waiting, manager):
        """The order, the amounts and who asked."""
        text = text_of(signed_in(manager).get(LIST))
        for fact in (waiting.order.number, "₩34,500", "9,000", "finance@example.com"):
            assert fact in text

    def test_ten_rows_ask_no_more_than_one(self, buy, manager):
        """No query for each row."""
        order = buy({"cup": 3}, NO_WISH)
        client = signed_in(manager)
        give_back(order, by_amount(1))
        client.get(LIST)
        one = len(queries_of(lambda: client.get(LIST)))
        for _ in range(3):
            give_back(order, by_amount(1))
        assert len(queries_of(lambda: client.get(LIST))) == one

    @pytest.mark.parametrize("way", ["change", "approve", "reject"])
    def test_who_may_not_look(self, waiting, way):
        """403 everywhere, also for who may refund."""
        client = signed_in(staff("blind@example.com", "view_order", "refund_order"))
        assert client.get(LIST).status_code == 403
        assert client.get(address(waiting, way)).status_code == 403
        assert client.post(address(waiting, way)).status_code == 403
        assert now(waiting) == Status.WAITING

    def test_nothing_can_be_edited(self, waiting, manager):
        """Neither added nor deleted; a POST to the page changes nothing."""
        client = signed_in(manager)
        assert client.get(reverse("admin:orders_refund_add")).status_code == 403
        assert client.post(address(waiting, "delete")).status_code == 403
        client.post(address(waiting), {"amount": "1", "status": "SUCCEEDED"})
        assert (now(waiting), Refund.objects.get().amount) == (Status.WAITING, 34_500)


class TestThePage:
    def test_of_a_refund_that_was_made(self, order, goods, manager):
        """Every figure, the pieces, who, why, and where to look further."""
        cup = order.lines.get(product=goods["cup"])
        scope = by_line({cup.pk: 1}, with_delivery=True, restock=True)
        refund = give_back(order, scope, reason="깨짐")
        text = text_of(signed_in(manager).get(address(refund)))
        facts = [
            *(f"{cup.name} × 1", "The delivery fee", "The goods go back into stock.", "깨짐"),
            *("₩10,230", "2,670 points", "operator@example.com", "stays used"),
            reverse("admin:orders_order_change", args=[order.pk]),
            reverse("admin:orders_paymenttransaction_change", args=[refund.transaction_id]),
        ]
        assert [fact for fact in facts if fact not in text] == []
        assert "<form" not in text.partition('id="content-main"')[2]

    def test_of_one_that_failed(self, order, manager, kakaopay):
        """Why, in the provider's words."""
        kakaopay.fault("cancel", before="error:-784")
        refund = give_back(order, by_amount(1_000))
        answer = signed_in(manager).get(address(refund))
        assert answer.context["why_failed"]
        assert answer.context["why_failed"] in text_of(answer)

    def test_one_that_is_none(self, manager):
        """404, whatever stands in the address."""
        for pk in ("7", "none"):
            for way in ("change", "approve", "reject"):
                path = reverse(f"admin:orders_refund_{way}", args=[pk])
                assert signed_in(manager).get(path).status_code == 404


class TestBeforeDeciding:
    """How the order stands that something more of is to go back."""

    @pytest.fixture
    def part(self, order, goods, finance, settings) -> Refund:
        """Three cups, after 1,000 won and a tea."""
        give_back(order, by_amount(1_000))
        order.refresh_from_db()
        give_back(order, by_line({order.lines.get(product=goods["tea"]).pk: 1}))
        order.refresh_from_db()
        scope = by_line({order.lines.get(product=goods["cup"]).pk: 3})
        settings.REFUND_APPROVAL_ABOVE = 1
        return give_back(order, scope, by=finance)

    def test_before_and_after(self, part, manager, order):
        """What went back, and what stays, in won and points: all of it is what was paid."""
        assert (part.status, part.amount, part.points) == (Status.WAITING, 23_555, 6_145)
        page = signed_in(manager).get(address(part))
        assert "Went back before</dt><dd>₩4,569 + 931 points" in text_of(page)
        assert "Remains afterwards</dt><dd>₩6,376 + 1,924 points" in text_of(page)
        assert order.total == 4_569 + 23_555 + 6_376

    def test_nothing_before_and_nothing_after(self, waiting, manager):
        """All of the order, at once."""
        text = text_of(signed_in(manager).get(address(waiting)))
        assert "Went back before</dt><dd>₩0</dd>" in text
        assert "Remains afterwards</dt><dd>₩0</dd>" in text

    def test_the_parcel(self, waiting, manager, order):
        """Whether it has left, and when; where nothing is delivered there is none."""
        client = signed_in(manager)
        assert "Parcel</dt><dd>not sent yet" in text_of(client.get(address(waiting)))
        sent_at = datetime(2026, 11, 21, 5, 4, tzinfo=UTC)
        parcel = Shipment.objects.filter(order=order)
        parcel.update(status="SHIPPED", carrier="CJ", shipped_at=sent_at)
        assert "Parcel</dt><dd>sent on 2026-11-21 14:04" in text_of(client.get(address(waiting)))
        parcel.delete()
        assert "Parcel</dt><dd>none: nothing is delivered" in text_of(client.get(address(waiting)))

    def test_not_once_it_is_decided(self, waiting, manager):
        """Then the order's own page says how it stands."""
        client = signed_in(manager)
        client.post(address(waiting, "approve"))
        assert "Went back before" not in text_of(client.get(address(waiting)))

    def test_no_tax_of_nothing(self, buy, goods, manager):
        """Only the parts that there are."""
        taxed = give_back(buy({"cup": 1}, NO_WISH), by_amount(1_100))
        free = give_back(buy({"tea": 1}, NO_WISH), by_line({}, with_delivery=True))
        texts = [text_of(signed_in(manager).get(address(each))) for each in (taxed, free)]
        assert "₩1,100 (of it VAT ₩100)" in texts[0]
        assert "of it tax-free" not in texts[0] + texts[1]


class TestApproving:
    def test_by_somebody_else(self, waiting, order, manager, kakaopay):
        """It goes back as it was shown; both names stay."""
        client = signed_in(manager)
        assert "Approve, and refund ₩34,500 + 9,000 points" in text_of(client.get(address(waiting)))
        answer = client.post(address(waiting, "approve"))
        assert answer.url == address(waiting)
        assert told(answer) == ["Refunded: ₩34,500 + 9,000 points."]
        assert (now(waiting), moved(order, kakaopay)) == (Status.SUCCEEDED, [34_500])
        text = text_of(client.get(address(waiting)))
        assert "finance@example.com" in text
        assert "manager@example.com" in text

    def test_never_ones_own(self, waiting, order, finance, kakaopay):
        """No button, and 403 at the address, with the permission to approve others'."""
        client = signed_in(finance)
        text = text_of(client.get(address(waiting)))
        assert address(waiting, "approve") not in text
        assert "You asked for this refund: somebody else has to approve it." in text
        assert client.post(address(waiting, "approve")).status_code == 403
        assert (now(waiting), moved(order, kakaopay)) == (Status.WAITING, [])

    def test_who_may_not(self, waiting, order, kakaopay):
        """Refunding is not approving: neither button, 403 at both addresses."""
        client = signed_in(staff("support@example.com", "view_refund", "refund_order_above_limit"))
        text = text_of(client.get(address(waiting)))
        assert "It waits for somebody who may approve refunds." in text
        for way in ("approve", "reject"):
            assert address(waiting, way) not in text
            assert client.post(address(waiting, way), {"why": "…"}).status_code == 403
        assert (now(waiting), moved(order, kakaopay)) == (Status.WAITING, [])

    def test_only_by_a_form(self, waiting, manager):
        """A link that somebody is lured to approves nothing; nor does a form without the token."""
        for way in ("approve", "reject"):
            answer = signed_in(manager).get(address(waiting, way))
            assert (answer.status_code, answer.url) == (302, address(waiting))
            assert now(waiting) == Status.WAITING
            client = Client(enforce_csrf_checks=True)
            client.force_login(manager)
            assert client.post(address(waiting, way), {"why": "…"}).status_code == 403
        assert now(waiting) == Status.WAITING

    def test_twice(self, waiting, order, manager, kakaopay):
        """The second finds it decided."""
        client = signed_in(manager)
        client.post(address(waiting, "approve"))
        assert told(client.post(address(waiting, "approve")))[-1] == (
            "Somebody has decided this already."
        )
        assert moved(order, kakaopay) == [34_500]

    def test_by_two_at_once(self, waiting, order, manager, kakaopay):
        """It goes back once."""
        people = [manager, staff("director@example.com", "view_refund", "approve_refund")]
        clients = [signed_in(person) for person in people]
        actions = [lambda c=client: c.post(address(waiting, "approve")) for client in clients]
        all_at_once(actions)
        assert (now(waiting), moved(order, kakaopay)) == (Status.SUCCEEDED, [34_500])

    def test_the_order_has_changed(self, waiting, order, manager, kakaopay):
        """Money went back in the provider's site: it must be asked for anew."""
        charge = order.transactions.get(kind="CHARGE")
        order.transactions.create(
            kind="REFUND", status="SUCCEEDED", gateway="kakaopay", tid=charge.tid, aid="A1",
            amount=1_000, tax_free=0, vat=91, is_external=True,
        )  # fmt: skip
        (sentence,) = told(signed_in(manager).post(address(waiting, "approve")))
        assert "The order has changed since it was asked for" in sentence
        assert (now(waiting), moved(order, kakaopay)) == (Status.WAITING, [])

    def test_the_answer_is_lost(self, waiting, manager, kakaopay):
        """Nobody is told that the money went back, nor that it did not."""
        kakaopay.fault("cancel", after="drop")
        (sentence,) = told(signed_in(manager).post(address(waiting, "approve")))
        assert "did not confirm the refund" in sentence
        assert now(waiting) == Status.PROCESSING


class TestRejecting:
    def test_with_a_reason(self, waiting, order, manager, kakaopay):
        """Kept and shown; nothing goes back."""
        client = signed_in(manager)
        (sentence,) = told(client.post(address(waiting, "reject"), {"why": "금액이 다릅니다"}))
        assert "was not approved; nothing went back" in sentence
        waiting.refresh_from_db()
        assert (waiting.status, waiting.decided_by) == (Status.REJECTED, manager)
        assert "“금액이 다릅니다”" in text_of(client.get(address(waiting)))
        assert moved(order, kakaopay) == []

    def test_without_one(self, waiting, manager):
        """Asked for."""
        answer = signed_in(manager).post(address(waiting, "reject"), {"why": " "})
        assert answer.status_code == 422
        assert "Enter why nothing goes back." in text_of(answer)
        assert now(waiting) == Status.WAITING

    def test_taken_back(self, waiting, finance):
        """By who asked for it."""
        client = signed_in(finance)
        assert "Take it back" in text_of(client.get(address(waiting)))
        client.post(address(waiting, "reject"), {"why": "잘못 눌렀습니다"})
        assert now(waiting) == Status.REJECTED

    def test_too_late(self, waiting, order, finance, manager, kakaopay):
        """It went back already: said, and nothing changes."""
        signed_in(manager).post(address(waiting, "approve"))
        answer = signed_in(finance).post(address(waiting, "reject"), {"why": "잠깐"})
        assert told(answer) == ["Somebody has decided this already."]
        assert (now(waiting), moved(order, kakaopay)) == (Status.SUCCEEDED, [34_500])
