"""Staff give money back in the admin: those who may, what they mean, and once."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from checkout import payments
from orders.fulfilment import Balance
from orders.models import Order, PaymentTransaction

pytestmark = pytest.mark.django_db(transaction=True)

Kind, Status = PaymentTransaction.Kind, PaymentTransaction.Status


@pytest.fixture
def order(start, pay, fill_cart, make_product) -> Order:
    """22,000 won, paid through the sandbox."""
    fill_cart((make_product(), 2))
    charge = start()
    return payments.capture(charge, pg_token=pay(charge), now=timezone.now()).order


@pytest.fixture
def refunder(db) -> User:
    """Staff who may look at orders and refund them."""
    return staff("refunder@example.com", "view_order", "refund_order")


@pytest.fixture
def desk(client, refunder) -> Client:
    client.force_login(refunder)
    return client


def staff(email: str, *permissions: str) -> User:
    user = User.objects.create_user(email, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def page_of(order: Order) -> str:
    return reverse("admin:orders_order_refund", args=[order.pk])


def post(client: Client, order: Order, **changed: str):
    fields = {"amount": "22000", "reason": "깨져 있었습니다", "seen": "22000"}
    return client.post(page_of(order), fields | changed)


def refunds() -> list[tuple[str, int]]:
    rows = PaymentTransaction.objects.filter(kind=Kind.REFUND).order_by("pk")
    return list(rows.values_list("status", "amount"))


def told(answer) -> str:
    """What the next page says first."""
    return " ".join(str(message) for message in answer.wsgi_request._messages)


class TestWhoMay:
    """Only who holds ``orders.refund_order``."""

    def test_the_address(self, order):
        """It is the one that is documented."""
        assert page_of(order) == f"/admin/orders/order/{order.pk}/refund/"

    def test_with_the_permission(self, desk, order):
        """The order has a button, and it leads here."""
        text = desk.get(reverse("admin:orders_order_change", args=[order.pk])).content.decode()
        assert page_of(order) in text
        assert desk.get(page_of(order)).status_code == 200

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_without_it(self, client, order, kakaopay, method):
        """No button, 403 at the address, and no money moves."""
        client.force_login(staff("reader@example.com", "view_order"))
        text = client.get(reverse("admin:orders_order_change", args=[order.pk])).content.decode()
        assert page_of(order) not in text
        fields = {"amount": "22000", "reason": "…", "seen": "22000"}
        assert getattr(client, method)(page_of(order), fields).status_code == 403
        assert refunds() == []
        assert kakaopay.payment(order.transactions.get().tid).status == "SUCCESS_PAYMENT"

    def test_who_may_not_see_orders(self, client, order):
        """The page shows an order, so the right to refund is not enough."""
        client.force_login(staff("blind@example.com", "refund_order"))
        assert client.get(page_of(order)).status_code == 403

    def test_a_shopper(self, client, order, shopper):
        """Is sent to sign in as staff."""
        client.force_login(shopper)
        assert post(client, order).status_code == 302
        assert refunds() == []

    def test_from_another_site(self, order, refunder):
        """A form without the CSRF token is refused."""
        client = Client(enforce_csrf_checks=True)
        client.force_login(refunder)
        assert post(client, order).status_code == 403
        assert refunds() == []

    def test_an_order_that_is_none(self, desk, order):
        """404, whatever stands in the address."""
        for pk in (order.pk + 1, "none", "_5F"):
            assert desk.get(f"/admin/orders/order/{pk}/refund/").status_code == 404


class TestThePage:
    """Says what there is, and asks how much of it goes back."""

    def test_before_any_refund(self, desk, order):
        """The whole amount is filled in, and looking moves nothing."""
        page = desk.get(page_of(order))
        assert page.context["balance"] == Balance(
            charged=22_000, refunded=0, left=22_000, earned=220
        )
        assert 'value="22000"' in str(page.context["form"]["amount"])
        assert refunds() == []

    def test_after_a_part(self, desk, order):
        """What is left is filled in."""
        post(desk, order, amount="7000")
        context = desk.get(page_of(order)).context
        assert context["balance"] == Balance(22_000, refunded=7_000, left=15_000, earned=150)
        assert 'value="15000"' in str(context["form"]["amount"])

    def test_after_everything(self, desk, order):
        """There is nothing to fill in."""
        post(desk, order)
        text = desk.get(page_of(order)).content.decode()
        assert "환불할 수 있는 금액이 없습니다" in text
        assert 'name="amount"' not in text


class TestRefunding:
    """One call, and the truth about it."""

    def test_refunded(self, desk, order, refunder, kakaopay):
        """The provider gave it back, and the row says who asked and why."""
        answer = post(desk, order, amount="7000")
        assert answer.url == reverse("admin:orders_order_change", args=[order.pk])
        assert told(answer) == "7,000원을 환불했습니다."
        refund = order.transactions.get(kind=Kind.REFUND)
        assert (refund.status, refund.amount) == (Status.SUCCEEDED, 7_000)
        assert (refund.requested_by, refund.refund_reason) == (refunder, "깨져 있었습니다")
        assert kakaopay.payment(refund.tid).status == "PART_CANCEL_PAYMENT"

    def test_not_confirmed(self, desk, order, kakaopay):
        """The answer is lost: nobody is told that money went back, nor that it did not."""
        kakaopay.fault("cancel", after="drop")
        answer = post(desk, order)
        assert "아직 확인해 주지 않았습니다" in told(answer)
        assert "다시 환불하지 마세요" in told(answer)
        assert refunds() == [(Status.PROCESSING, 22_000)]

    def test_declined(self, desk, order, kakaopay):
        """No money moved, and why."""
        kakaopay.fault("cancel", before="error:-784")
        answer = post(desk, order)
        assert "거절했습니다. 환불된 금액은 없습니다: " in told(answer)
        assert refunds() == [(Status.FAILED, 22_000)]
        assert kakaopay.payment(order.transactions.first().tid).status == "SUCCESS_PAYMENT"

    def test_another_is_in_flight(self, desk, order, kakaopay):
        """409, what was typed stays, and no second refund."""
        kakaopay.fault("cancel", after="drop")
        post(desk, order, amount="7000")
        answer = post(desk, order, amount="3000", reason="또 하나")
        text = answer.content.decode()
        assert answer.status_code == 409
        assert "다른 환불이 아직 확인되지 않았습니다" in text
        assert 'value="3000"' in text
        assert 'value="또 하나"' in text
        assert refunds() == [(Status.PROCESSING, 7_000)]
        assert (
            "7,000원 환불이 아직 확인되지 않았습니다" in desk.get(page_of(order)).content.decode()
        )

    @pytest.mark.parametrize(
        ("field", "typed", "sentence"),
        [
            ("amount", "", "환불할 금액을 입력해 주세요."),
            ("amount", "0", "1원 이상 환불해 주세요."),
            ("amount", "-1", "1원 이상 환불해 주세요."),
            ("amount", "7,000", "쉼표 없이 원 단위의 정수로 입력해 주세요."),
            ("amount", "70.5", "쉼표 없이 원 단위의 정수로 입력해 주세요."),
            ("amount", "22001", "최대 22,000원까지 환불할 수 있습니다."),
            ("reason", "   ", "환불 사유를 입력해 주세요."),
        ],
    )
    def test_not_what_can_be_meant(self, desk, order, field, typed, sentence):
        """A sentence that says what to do, and nothing moves."""
        answer = post(desk, order, **{field: typed})
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
        assert refunds() == []

    def test_the_form_sent_twice(self, desk, order):
        """The second one saw 22,000 won that are no longer there: it refunds nothing."""
        post(desk, order, amount="7000")
        answer = post(desk, order, amount="7000")
        assert answer.status_code == 422
        assert "달라졌습니다. 다시 확인해 주세요." in answer.content.decode()
        assert 'name="seen" value="15000"' in answer.content.decode()
        assert refunds() == [(Status.SUCCEEDED, 7_000)]
