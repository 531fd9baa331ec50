"""
Nobody sees or changes what belongs to another account: every operation of the schema, tried by a
second account and by nobody with the first one's ids.
"""

from datetime import timedelta
from itertools import product

import pytest
from django.apps import apps
from django.core.serializers import serialize
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from accounts import addresses, points
from accounts.models import Plan, User
from orders.models import Order, PaymentTransaction
from shop.models import Category, Product
from tests.addresses import HOME
from tests.api.conftest import ADDRESS, CONTACT

pytestmark = pytest.mark.django_db(transaction=True)

#: Open to everybody, and the same for everybody.
PUBLIC = {"csrf", "products", "product", "categories", "plans"}
#: A visitor has a cart of their own.
FOR_VISITORS = PUBLIC | {"cart", "cart_add", "cart_set_quantity", "cart_remove"}
#: Bodies that are valid, so that nothing is refused before it is asked whose it is.
BODIES = {
    "cart_add": {"product": "cup-1", "quantity": 1},
    "cart_set_quantity": {"quantity": 7},
    "quote": {},
    "checkout_ready": {"contact": CONTACT, "expected_total": 11_000},
    "order_pay": {},
    "order_cancel": {"reason": "x"},
    "refund_request_add": {"reason": "x", "pieces": [{"line": 1, "quantity": 1}]},
    "payment_approve": {"pg_token": "0123456789abcdef0123"},
    "membership_plan": {"plan": "yearly"},
    "membership_stop_at_once": {"seen": "x"},
    "membership_method": {},
    "me_change": {"name": "새 이름"},
    "address_add": ADDRESS,
    "address_change": ADDRESS,
}
BOOKKEEPING = {"api", "sessions", "procrastinate", "contenttypes", "auth", "pghistory"}


def operations():
    """Every operation: its name, method and address."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return [
        (operation["operationId"], method.upper(), path)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.fixture
def hanas(program, shopper, make_product, kakaopay):
    """
    What the first account has: a cart, an order that waits and one that is paid, an address, points
    and a membership. Returns the ids that addresses of the API are made with.
    """
    now = timezone.now()
    cup = make_product(slug="cup-1", stock=50)
    yearly = Plan.objects.create(slug="yearly", name_ko="연간", price=49_000, months=12)
    Product.objects.create(
        category=Category.objects.get(),
        slug="yearly",
        name_ko="연간",
        price=49_000,
        stock=99,
        needs_delivery=False,
        plan=yearly,
    )
    home = addresses.add(shopper.pk, HOME, label="집", is_default=True, now=now)
    points.grant(
        shopper, 500, note="비밀 메모", by=None, now=now, expires_at=now + timedelta(days=9)
    )
    buy(program, kakaopay, "yearly", 49_000, consent=True)
    paid = buy(program, kakaopay, cup.slug, 11_000)
    line = Order.objects.get(number=paid["order_number"]).lines.get()
    asked = program.post(
        f"orders/{paid['order_number']}/refund-requests/",
        {"reason": "깨졌어요", "pieces": [{"line": line.pk, "quantity": 1}]},
    ).json()
    cart = program.post("cart/items/", {"product": cup.slug, "quantity": 1}).json()
    ready = {"contact": CONTACT, "expected_total": 11_000}
    waiting = program.post("checkout/ready/", ready).json()
    return {
        "slug": [cup.slug],
        "number": [paid["order_number"], waiting["order_number"]],
        "payment_id": [paid["payment_id"], waiting["payment_id"]],
        "cart": [cart["items"][0]["id"]],
        "addresses": [home.pk],
        "refund-requests": [asked["id"]],
        "secrets": [
            *("hana@example.com", "김하나", "깨졌어요", "비밀 메모", HOME.line1),
            *(paid["order_number"], waiting["order_number"]),
            *(paid["payment_id"], waiting["payment_id"], paid["tid"], waiting["tid"]),
        ],
    }


def buy(program, kakaopay, slug, total, **more):
    """One piece, paid: what ``checkout/ready/`` had answered."""
    program.post("cart/items/", {"product": slug, "quantity": 1})
    wanted = {"contact": CONTACT, "expected_total": total} | more
    begun = program.post("checkout/ready/", wanted).json()
    pg_token = kakaopay.pay(begun["redirect_url"]).rpartition("pg_token=")[2]
    done = program.post(f"payments/{begun['payment_id']}/approve/", {"pg_token": pg_token})
    assert done.json()["status"] == "SUCCEEDED"
    return begun


def addresses_of(path, ids):
    """The path with each of the first account's ids in its place."""
    if "{" not in path:
        return [path]
    names = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
    whose = {
        "id": next(name for name in ("cart", "addresses", "refund-requests", "") if name in path)
    }
    values = [ids[whose.get(name, name)] for name in names]
    return [path.format(**dict(zip(names, each, strict=True))) for each in product(*values)]


def rows(*, but: User):
    """Every row of the shop, by model and id, except this person's own."""
    found = {}
    for model in apps.get_models():
        if model._meta.app_label not in BOOKKEEPING and model._meta.managed:
            for row in model._default_manager.all():
                if row != but:
                    found[model._meta.label, row.pk] = serialize("json", [row])
    return found


@pytest.mark.parametrize(
    ("name", "method", "path"), operations(), ids=lambda value: str(value)[:40]
)
def test_another_account_sees_and_changes_nothing(
    name, method, path, hanas, other, duri, nobody, kakaopay
):
    """Not by any operation: somebody else's things do not exist, and stay as they are."""
    before = rows(but=duri)
    tids = list(PaymentTransaction.objects.values_list("tid", flat=True))
    theirs = [kakaopay.payment(tid) for tid in tids]
    for address in addresses_of(path, hanas):
        is_theirs = "{" in path and name not in PUBLIC
        answer = other.send(method, address, BODIES.get(name))
        if is_theirs:
            assert answer.status_code == 404, f"{method} {address}: {answer.content!r}"
        assert answer.status_code < 500
        said = answer.content.decode()
        for secret in hanas["secrets"]:
            assert str(secret) not in said.replace(address, "")
        answer = nobody.send(method, address, BODIES.get(name))
        assert answer.status_code == (
            401 if name not in FOR_VISITORS else 404 if is_theirs else answer.status_code
        )
        assert answer.status_code < 500
        said = answer.content.decode()
        assert not [secret for secret in hanas["secrets"] if str(secret) in said]
    after = rows(but=duri)
    assert {key: after.get(key) for key in before} == before
    assert [kakaopay.payment(tid) for tid in tids] == theirs


@pytest.mark.parametrize(
    ("name", "method", "path"), operations(), ids=lambda value: str(value)[:40]
)
def test_its_owner_may(name, method, path, hanas, program):
    """The same requests, by whom it belongs to, are not turned away: the test above can fail."""
    answers = [
        program.send(method, address, BODIES.get(name)) for address in addresses_of(path, hanas)
    ]
    assert answers[0].status_code not in {401, 403, 404}, answers[0].content
    assert not [answer for answer in answers if answer.status_code >= 500]
