"""What buyers ask for, as staff find, accept and decline it."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from checkout import requests
from checkout.models import Mail
from orders.models import RefundRequest
from orders.quoting import NO_WISH
from orders.refunding import by_amount, by_line
from tests.queries import queries_of
from tests.staff import give_back, staff

pytestmark = pytest.mark.django_db(transaction=True)

LIST = reverse("admin:orders_refundrequest_changelist")
MAY = ("view_order", "view_refundrequest", "refund_order")


@pytest.fixture
def support(db):
    return staff("support@example.com", *MAY)


@pytest.fixture
def desk(support) -> Client:
    return signed_in(support)


@pytest.fixture
def asked(order) -> RefundRequest:
    return ask(order)


def ask(order) -> RefundRequest:
    """One piece of its first line."""
    request = RefundRequest.objects.create(order=order, reason="깨져 왔어요")
    request.lines.create(line=order.lines.first(), quantity=1)
    return request


def signed_in(person) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(person)
    return client


def address(asked: RefundRequest, way: str = "change") -> str:
    return reverse(f"admin:orders_refundrequest_{way}", args=[asked.pk])


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def told(answer) -> list[str]:
    return [str(message) for message in answer.wsgi_request._messages]


def test_the_open_ones(desk, asked, buy, shopper):
    """Those that nobody has answered, or all."""
    other = ask(buy({"cup": 1}, NO_WISH))
    requests.withdraw(other, by=shopper, now=timezone.now())

    def rows(query: str) -> list[RefundRequest]:
        return list(desk.get(LIST + query).context["cl"].result_list)

    assert LIST == "/admin/orders/refundrequest/"
    assert rows("?state=open") == [asked]
    assert rows("") == [other, asked]


def test_many_rows_ask_no_more_than_one(desk, asked, buy):
    """No query for each row."""
    desk.get(LIST)
    one = len(queries_of(lambda: desk.get(LIST)))
    for _ in range(2):
        ask(buy({"cup": 1}, NO_WISH))
    assert len(queries_of(lambda: desk.get(LIST))) == one


def test_the_page(desk, asked, order):
    """What the buyer wants and why; a way to the order, to the refund, and to declining."""
    text = text_of(desk.get(address(asked)))
    refund_page = reverse("admin:orders_order_refund", args=[order.pk])
    facts = [
        *("깨져 왔어요", f"{order.lines.first().name} × 1", "김하나", "hana@example.com"),
        *(f"{refund_page}?request={asked.pk}", address(asked, "decline")),
        reverse("admin:orders_order_change", args=[order.pk]),
    ]
    assert [fact for fact in facts if fact not in text] == []


def boxes(answer) -> tuple[str, str]:
    """What stands beneath "Refund", and what beneath "Decline"."""
    refund, decline = (
        text_of(answer).partition('aria-labelledby="refund"')[2].split('aria-labelledby="decline"')
    )
    return refund, decline


def test_what_it_is_worth(desk, asked, order):
    """The pieces that are asked for, to the won, beside the way to refund them."""
    refund, decline = boxes(desk.get(address(asked)))
    assert "₩7,851 + 2,049 points" in refund
    assert f"?request={asked.pk}" in refund
    assert "<form" not in refund
    assert f'action="{address(asked, "decline")}"' in decline
    assert "Decline, and send this answer" in decline
    assert "?request=" not in decline


def test_worth_above_the_limit(desk, asked, settings):
    """Said before anybody opens the refund's page."""
    settings.REFUND_LIMIT = 5_000
    assert (
        "You may give back up to ₩5,000 of one order in all." in boxes(desk.get(address(asked)))[0]
    )


def test_worth_that_waits(desk, asked, settings):
    """That somebody else will have to approve it."""
    settings.REFUND_APPROVAL_ABOVE = 9_899
    assert "only once somebody else has approved it" in boxes(desk.get(address(asked)))[0]
    settings.REFUND_APPROVAL_ABOVE = 9_900
    assert "somebody else" not in boxes(desk.get(address(asked)))[0]


def test_nothing_of_it_is_left(desk, asked, order):
    """The pieces went back by another refund."""
    line = order.lines.first()
    give_back(order, by_line({line.pk: line.quantity}))
    refund, _decline = boxes(desk.get(address(asked)))
    assert "All that the buyer asks for has gone back already." in refund
    assert "₩" not in refund


def test_worth_after_a_refund_by_amount(desk, asked, order):
    """No more than what is left."""
    give_back(order, by_amount(34_000))
    assert "₩500 + 2,049 points" in boxes(desk.get(address(asked)))[0]


def test_declined(desk, asked, support):
    """With an answer, which is mailed; then there is nothing more to decide."""
    answer = desk.post(address(asked, "decline"), {"answer": "사용하신 흔적이 있습니다"})
    assert answer.url == address(asked)
    assert told(answer) == ["The request was declined. The buyer is mailed the answer."]
    asked.refresh_from_db()
    assert (asked.status, asked.answer) == ("DECLINED", "사용하신 흔적이 있습니다")
    assert asked.decided_by == support
    assert Mail.objects.filter(event="DECLINED", request=asked).count() == 1
    text = text_of(desk.get(address(asked)))
    assert "“사용하신 흔적이 있습니다”" in text
    assert address(asked, "decline") not in text
    assert "?request=" not in text


def test_without_an_answer(desk, asked):
    """Asked for; the buyer still waits."""
    answer = desk.post(address(asked, "decline"), {"answer": " "})
    assert answer.status_code == 422
    assert "Enter what the buyer is told." in text_of(answer)
    asked.refresh_from_db()
    assert asked.status == "OPEN"


def test_withdrawn_meanwhile(desk, asked, shopper):
    """Said, and no mail is written."""
    requests.withdraw(asked, by=shopper, now=timezone.now())
    answer = desk.post(address(asked, "decline"), {"answer": "안 됩니다"})
    assert told(answer) == ["This request has been answered or withdrawn already."]
    asked.refresh_from_db()
    assert asked.status == "WITHDRAWN"
    assert not Mail.objects.filter(event="DECLINED").exists()


def test_who_may_only_look(asked):
    """No buttons, and 403 at the address."""
    client = signed_in(staff("reader@example.com", "view_order", "view_refundrequest"))
    text = text_of(client.get(address(asked)))
    assert address(asked, "decline") not in text
    assert "?request=" not in text
    assert client.post(address(asked, "decline"), {"answer": "…"}).status_code == 403
    asked.refresh_from_db()
    assert asked.status == "OPEN"


@pytest.mark.parametrize("way", ["change", "decline"])
def test_who_may_not_look(asked, way):
    """403, also for who may refund."""
    client = signed_in(staff("blind@example.com", "view_order", "refund_order"))
    assert client.get(LIST).status_code == 403
    assert client.get(address(asked, way)).status_code == 403
    assert client.post(address(asked, way), {"answer": "…"}).status_code == 403


def test_only_by_a_form(desk, asked):
    """A link declines nothing, and what is no request is not found."""
    answer = desk.get(address(asked, "decline"))
    assert (answer.url, told(answer)) == (
        address(asked),
        ["Nothing was done. If you had been signed out, do it again."],
    )
    asked.refresh_from_db()
    assert asked.status == "OPEN"
    assert desk.get(reverse("admin:orders_refundrequest_decline", args=["none"])).status_code == 404
