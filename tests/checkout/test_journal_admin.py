"""Provider calls and mails as staff read them."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from checkout.models import Mail, ProviderCall


@pytest.fixture
def desk(client, db):
    client.force_login(User.objects.create_superuser("staff@example.com"))
    return client


def test_an_answer_is_read_as_it_came(desk, paid):
    """Korean as Korean, and what looks like markup as text."""
    call = ProviderCall.objects.create(
        transaction=paid.transactions.get(),
        operation="order",
        url="http://localhost:8001/online/v1/payment/order",
        request={"tid": "T0a1b2c3d4e5f6071829"},
        response={"item_name": "도톰한 머그 <b>"},
        started_at=timezone.now(),
    )
    page = desk.get(reverse("admin:checkout_providercall_change", args=[call.pk])).content.decode()
    assert "도톰한 머그 &lt;b&gt;" in page
    assert "T0a1b2c3d4e5f6071829" in page


def test_a_mail_shows_whom_it_went_to(desk, paid):
    """Order and address, also found by them."""
    mail = Mail.objects.create(order=paid, transaction=paid.transactions.get(), event="PAID")
    page = desk.get(reverse("admin:checkout_mail_change", args=[mail.pk])).content.decode()
    assert paid.number in page
    assert paid.email in page
    found = desk.get(reverse("admin:checkout_mail_changelist"), {"q": paid.number})
    assert found.context["cl"].result_count == 1
