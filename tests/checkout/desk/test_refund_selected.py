"""Several orders are refunded at once: what it comes to first, then each by itself."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from checkout.admin import refund_selected
from orders.models import Order, Refund, RefundRequest
from orders.quoting import NO_WISH, Wish
from orders.refunding import by_amount
from tests.queries import queries_of
from tests.staff import give_back, staff

pytestmark = pytest.mark.django_db(transaction=True)

LIST = reverse("admin:orders_order_changelist")
PAGE = reverse("admin:orders_order_refund_selected")
MAY = ("view_order", "refund_order")


@pytest.fixture
def desk(db) -> Client:
    return signed_in(staff("support@example.com", *MAY))


@pytest.fixture
def two(buy) -> list[Order]:
    """14,000 won, and 13,000 points."""
    return [buy({"cup": 1}, NO_WISH), buy({"tea": 2}, Wish("", 13_000))]


def signed_in(person: User) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(person)
    return client


def select(client: Client, orders: list[Order], **more: str):
    """Choose the action in the list."""
    form = {"action": "refund_selected", "_selected_action": [order.pk for order in orders]}
    return client.post(LIST, form | more)


def confirm(client: Client, shown, **changed: str):
    """Press the button of the page that was ``shown``."""
    rows = [row for row in shown.context["rows"] if row.outlook.is_possible]
    form = {"order": [row.order.pk for row in rows], "reason": "단종", "restock": "on"}
    form |= {f"seen-{row.order.pk}": row.outlook.plan.figures for row in rows}
    return client.post(PAGE, form | changed)


def results(answer) -> dict[str, str]:
    """What is said of each order, by its number."""
    return {result.order.number: result.sentence for result in answer.context["results"]}


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def made() -> list[tuple[str, int, int]]:
    return list(Refund.objects.order_by("order_id").values_list("status", "amount", "points"))


class TestBeforehand:
    def test_what_it_comes_to(self, desk, two):
        """Of each and of all, in money and points; nothing moves."""
        shown = select(desk, two)
        assert (shown.context["possible"], shown.context["waiting"]) == (2, 0)
        assert (shown.context["money"], shown.context["points"]) == (14_000, 13_000)
        text = text_of(shown)
        assert "Goes back of 2 orders" in text
        assert "Refund ₩14,000" in text
        assert all(order.number in text for order in two)
        assert made() == []

    def test_which_cannot_and_why(self, desk, two, buy, settings, make_order):
        """Unpaid, being refunded, above one's limit: said, and not counted."""
        settings.REFUND_LIMIT = 20_000
        kakaopay_waits = buy({"cup": 2}, NO_WISH)
        unpaid = make_order(status="PENDING")
        settings.REFUND_APPROVAL_ABOVE = 0
        give_back(two[0], by_amount(1))
        settings.REFUND_APPROVAL_ABOVE = 300_000
        shown = select(desk, [*two, kakaopay_waits, unpaid])
        said = {row.order: row.outlook.problem or row.outlook.above_limit
                for row in shown.context["rows"]}  # fmt: skip
        assert said == {
            two[0]: "Another refund of this order waits for approval. That one must be decided.",
            two[1]: "",
            kakaopay_waits: "You may give back up to ₩20,000 of one order in all. "
            "Ask somebody who may give back more.",
            unpaid: "Nothing of this order can be refunded.",
        }
        assert (shown.context["money"], shown.context["points"]) == (0, 13_000)

    def test_which_wait_for_approval(self, two, settings):
        """Said before anybody asks for it."""
        settings.REFUND_APPROVAL_ABOVE = 13_500
        client = signed_in(staff("boss@example.com", "view_order", "refund_order_above_limit"))
        shown = select(client, two)
        assert shown.context["waiting"] == 1
        assert "1 of them waits until somebody else approves it" in text_of(shown)
        said = results(confirm(client, shown))
        assert "waits until somebody else approves it" in said[two[0].number]
        assert made() == [("WAITING", 14_000, 0), ("SUCCEEDED", 0, 13_000)]

    def test_many_orders_ask_no_more_than_one(self, desk, two, buy):
        """What is needed to plan is read of all at once."""
        select(desk, two[:1])
        one = len(queries_of(lambda: select(desk, two[:1])))
        more = [*two, buy({"cup": 1}, NO_WISH)]
        assert len(queries_of(lambda: select(desk, more))) == one

    def test_too_many(self, desk, two, monkeypatch):
        """Said, in the list."""
        monkeypatch.setattr(refund_selected, "MOST", 1)
        answer = select(desk, two)
        assert answer.url == LIST
        (message,) = answer.wsgi_request._messages
        assert str(message) == "Refund no more than 1 orders at once: select fewer."


class TestRefunding:
    def test_each_by_itself(self, desk, two, goods, kakaopay):
        """A result for each; goods are for sale again."""
        said = results(confirm(desk, select(desk, two)))
        assert said == {
            two[0].number: "Refunded: ₩14,000.",
            two[1].number: "Refunded: 13,000 points.",
        }
        assert made() == [("SUCCEEDED", 14_000, 0), ("SUCCEEDED", 0, 13_000)]
        goods["cup"].refresh_from_db()
        assert goods["cup"].stock == 50
        assert kakaopay.payments(two[0].number)[0].available_total == 0

    def test_one_is_declined_and_one_is_not_known(self, desk, buy, kakaopay):
        """What happens to one is no other's business."""
        orders = [buy({"cup": 1}, NO_WISH) for _ in range(3)]
        shown = select(desk, orders)
        kakaopay.fault("cancel", before="error:-784")
        kakaopay.fault("cancel", after="drop")
        said = list(results(confirm(desk, shown)).values())
        assert "declined the refund" in said[0] + said[1]
        assert "did not confirm" in said[0] + said[1]
        assert said[2] == "Refunded: ₩14,000."
        assert sorted(status for status, _, _ in made()) == ["FAILED", "PROCESSING", "SUCCEEDED"]

    def test_not_as_seen(self, desk, two, kakaopay):
        """Of one something went back meanwhile: that one is refused, the other is not."""
        shown = select(desk, two)
        give_back(two[0], by_amount(1_000))
        said = results(confirm(desk, shown))
        assert said[two[0].number].startswith("This is not what you saw any more")
        assert said[two[1].number] == "Refunded: 13,000 points."
        assert kakaopay.payments(two[0].number)[0].canceled_total == 1_000

    def test_sent_twice(self, desk, two, kakaopay):
        """The second time nothing is left."""
        shown = select(desk, two)
        confirm(desk, shown)
        assert set(results(confirm(desk, shown)).values()) == {
            "Nothing of this order can be refunded."
        }
        assert len(made()) == 2

    def test_without_a_reason(self, desk, two):
        """Asked for, with the same orders; nothing moves."""
        answer = confirm(desk, select(desk, two), reason=" ")
        assert answer.status_code == 422
        assert "Enter why the money goes back." in text_of(answer)
        assert [row.order for row in answer.context["rows"]] == two[::-1]
        assert made() == []

    def test_a_buyers_request_is_answered(self, desk, two):
        """All goes back, so what they asked for does."""
        asked = RefundRequest.objects.create(order=two[0], reason="깨짐")
        confirm(desk, select(desk, two))
        asked.refresh_from_db()
        assert (asked.status, asked.refund) == ("ACCEPTED", two[0].refunds.get())

    def test_a_slow_provider(self, desk, two, monkeypatch):
        """After a while no further one is begun, and that is said of each."""
        shown = select(desk, two)
        monkeypatch.setattr(refund_selected, "PATIENCE_SECONDS", -1)
        said = set(results(confirm(desk, shown)).values())
        assert said == {"KakaoPay was too slow for all of them. Select this one again."}
        assert made() == []

    def test_what_was_not_shown(self, desk, two):
        """An order that is added to the form by hand was not seen, so it is refused."""
        answer = desk.post(PAGE, {"order": [two[0].pk, "x", "9" * 30], "reason": "…"})
        assert [result.label for result in answer.context["results"]] == ["refused"]
        assert made() == []


class TestWhoMay:
    def test_who_may_only_look(self, two):
        """The list offers no such action, and refuses it; 403 at the address."""
        client = signed_in(staff("reader@example.com", "view_order"))
        assert "refund_selected" not in text_of(client.get(LIST))
        assert "rows" not in (select(client, two).context or {})
        assert client.post(PAGE, {"order": two[0].pk, "reason": "…"}).status_code == 403
        assert made() == []

    def test_who_may_not_see_orders(self, two):
        """403."""
        client = signed_in(staff("blind@example.com", "refund_order"))
        assert select(client, two).status_code == 403
        assert client.post(PAGE, {"order": two[0].pk, "reason": "…"}).status_code == 403

    def test_only_by_a_form(self, desk):
        """The bare address leads back to the list."""
        assert desk.get(PAGE).url == LIST
