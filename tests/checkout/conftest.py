from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.memberships import NO_TERMS
from accounts.models import User
from checkout import payments
from orders import quoting
from orders.lines import lines_of
from orders.models import PaymentTransaction
from shop.models import Cart
from tests.conftest import CONTACT
from tests.kakaopay import KakaoPay


@pytest.fixture
def start(shopper: User, kakaopay: KakaoPay) -> Callable[..., PaymentTransaction]:
    """Order what is in the shopper's cart, as it is, and announce the payment."""

    def start_payment(**changed: Any) -> PaymentTransaction:
        cart = Cart.objects.get(user=shopper)
        seen = quoting.quote_of(lines_of(cart, NO_TERMS), terms=NO_TERMS)
        given = {"user": shopper, "contact": CONTACT, "seen": seen, "now": timezone.now()}
        return payments.start(**(given | changed))

    return start_payment


@pytest.fixture
def pay(kakaopay: KakaoPay) -> Callable[..., str]:
    """Agree to pay a waiting charge on the provider's page. Returns the ``pg_token``."""

    def agree(charge: PaymentTransaction, **choices: Any) -> str:
        return kakaopay.pay(charge.redirect_urls["pc"], **choices).rpartition("pg_token=")[2]

    return agree
