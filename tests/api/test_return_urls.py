"""Nobody is sent anywhere but to the shop's own front ends."""

from dataclasses import astuple

import pytest

from checkout import returning
from checkout.returning import NotAllowed, back_to
from orders.models import Order, PaymentTransaction
from tests.api.conftest import FRONT_END, code_of

pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = [
    "https://evil.example/",
    "https://front.example.com.evil.example/",
    "https://evil.example/https://front.example.com/",
    "https://evil.example?https://front.example.com",
    "https://evilfront.example.com/",
    "https://sub.front.example.com/",
    "https://example.com/",
    "http://front.example.com/",  # another scheme
    "https://front.example.com:8443/",  # another port
    "https://front.example.com:443/",  # written otherwise than in the settings
    "https://front.example.com:/",
    "https://front.example.com./",
    "https://FRONT.example.com/",
    "https://front.example.com@evil.example/",
    "https://front.example.com:pw@evil.example/",
    "https://user@front.example.com/",
    "https://user:pw@front.example.com/",
    "https://@front.example.com/",
    "//evil.example/",
    "///evil.example/",
    "////front.example.com/",
    "https:/evil.example/",
    "https:evil.example",
    "https:///evil.example/",
    "https:\\\\evil.example/",
    "https://front.example.com\\@evil.example/",
    "https://evil.example\\front.example.com/",
    "https://front.example.com#@evil.example/",
    "https://front.example.com/#fragment",
    "https://front.example.com%40evil.example/",
    "https://front.example.com%2eevil.example/",
    "https%3A%2F%2Ffront.example.com%2F",
    "https://front.example.com /",
    " https://front.example.com/",
    "https://front.example.com/\n",
    "https://front.exa\tmple.com/",
    "https://front.example.com/\r\nLocation: https://evil.example/",
    "https://front.example.com/\x00",
    "https://ｆront.example.com/",
    "https://frоnt.example.com/",  # a Cyrillic o
    "https://xn--frnt-55d.example.com/",
    "https://front。example。com/",
    "https://[front.example.com]/",
    "https://[::1/",
    "https://front.example.com:99999/",
    "https://front.example.com:port/",
    "https://2130706433/",
    "javascript:alert(1)",
    "javascript://front.example.com/%0aalert(1)",
    "JavaScript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:https://front.example.com/1",
    "view-source:https://front.example.com/",
    "intent://pay#Intent;scheme=cornershop;end",
    "ftp://front.example.com/",
    "cornershop",
    "cornershop:pay",
    "cornershop:/pay",
    "cornershop2://pay",
    "cornershop.evil://pay",
    "xcornershop://pay",
    "corner-shop://pay",
    "Cornershop://pay",
    "cornershор://pay",  # Cyrillic letters at its end
    "cornershop://user@pay",
    "/back",
    "back",
    "?back",
    "https://",
    "https://front.example.com/?order_number=1",
    "https://front.example.com/?a=1&status=PAID",
    "https://front.example.com/?%73tatus=PAID",
    "https://front.example.com/?pg_token=x",
    "https://front.example.com/" + "a" * 180,
]
ALLOWED = [
    FRONT_END,
    f"{FRONT_END}/",
    f"{FRONT_END}/back?from=shop&x=%20",
    f"{FRONT_END}/@user/back",
    "http://localhost:5173/",
    "cornershop://paid",
    "cornershop://",
]


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_is_not_on_the_list_is_refused(url, front_end, order, kakaopay):
    """With 400; nothing is ordered, and KakaoPay is not asked."""
    assert code_of(order(return_url=url)) in {
        (400, "return_url_not_allowed"),
        (400, "invalid"),  # more than 180 characters, or a NUL
    }
    assert not Order.objects.exists()


@pytest.mark.parametrize("url", REFUSED)
def test_the_rule_itself_refuses(url, front_end):
    """Whoever calls it: it does not rely on what the API has looked at before."""
    with pytest.raises(NotAllowed):
        back_to(url)
    with pytest.raises(NotAllowed):
        back_to(url, is_callback=True)


@pytest.mark.parametrize("url", ALLOWED)
def test_an_address_on_the_list_is_taken(url, front_end):
    """As it is, for the shop to send the buyer to."""
    assert back_to(url) == returning.Back(url)


def test_without_a_list_nothing_is_allowed(settings):
    """The default of a shop without front ends."""
    settings.CLIENT_ORIGINS, settings.CLIENT_APP_SCHEMES = [], []
    for url in ALLOWED:
        with pytest.raises(NotAllowed):
            back_to(url)


def test_an_app_is_not_called_back_by_the_provider(front_end, order, kakaopay):
    """KakaoPay takes web addresses only; the shop goes between."""
    assert code_of(order(return_url="cornershop://paid", callback="client")) == (
        400,
        "return_url_not_allowed",
    )
    assert code_of(order(callback="client")) == (400, "return_url_not_allowed")


@pytest.mark.parametrize(
    ("return_url", "there"),
    [
        (f"{FRONT_END}/back", f"{FRONT_END}/back?"),
        (f"{FRONT_END}/back?a=1", f"{FRONT_END}/back?a=1&"),
        ("cornershop://paid", "cornershop://paid?"),
    ],
)
def test_the_buyer_comes_back_with_number_and_status_only(
    return_url, there, front_end, order, kakaopay, client
):
    """By 303 through the shop, which has taken the payment, whoever's browser it is."""
    begun = order(return_url=return_url).json()
    answer = client.get(kakaopay.pay(begun["redirect_url"]).removeprefix("http://localhost:8000"))
    assert answer.status_code == 303
    assert answer["Location"] == f"{there}order_number={begun['order_number']}&status=PAID"
    assert kakaopay.payment(begun["tid"]).status == "SUCCESS_PAYMENT"


def test_a_buyer_who_quits_comes_back_too(front_end, order, kakaopay, client):
    """With the status of the order that has ended."""
    begun = order(return_url=f"{front_end}/back").json()
    answer = client.get(kakaopay.quit(begun["redirect_url"]).removeprefix("http://localhost:8000"))
    number = begun["order_number"]
    assert answer["Location"] == f"{front_end}/back?order_number={number}&status=CANCELED"


def test_the_addresses_fit_into_what_kakaopay_takes(front_end, order, kakaopay):
    """The longest return_url, with what is added to it, is within 255 characters."""
    url = "http://localhost:5173/".ljust(returning.LONGEST_URL, "a")
    assert order(return_url=url, callback="client").status_code == 201
    txn = PaymentTransaction.objects.get()
    lengths = [len(each) for each in astuple(returning.urls_for(txn))]
    assert len(lengths) == 3
    assert max(lengths) <= 255
