"""
The desk's lists over many orders: few queries, by an index each, and none that counts a table.

60,000 orders are enough for the planner to choose as it does for a million, which
``python -m tests.volume --orders 1000000`` looks at.
"""

from io import StringIO
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from accounts.models import User
from orders.admin.paging import MOST
from orders.models import Order, OrderEvent, OrderLine, PaymentTransaction, Refund, Shipment
from tests.many import (
    KNOWN,
    LISTS,
    LONG,
    MOST_QUERIES,
    PARTS,
    an_old_order,
    desk,
    goods,
    open_list,
)
from tests.plans import scanned
from tests.queries import queries_of

MANY = 60_000


@pytest.fixture(scope="module")
def many(django_db_setup, django_db_blocker):
    """So many orders, for all tests of this module; nothing of them is left for others."""
    with django_db_blocker.unblock():
        goods()
        User.objects.create_superuser("desk@example.com", "open-sesame-2")
        call_command("make_many_orders", orders=MANY, yes=True, stdout=StringIO())
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def orders(many, db) -> None:
    """Many orders, and the database to ask about them."""


class TestTheLists:
    """What staff see within the blink of an eye, however many orders there are."""

    @pytest.mark.parametrize(
        ("name", "part"), [(name, part) for name in LISTS for part in PARTS[name]]
    )
    def test_opening_a_part(self, orders, name, part):
        """Under 10 queries, and no long table is read from end to end."""
        client = desk()
        day = an_old_order().placed_at.date()
        statements = queries_of(lambda: open_list(client, name, part.format(day=day)))
        assert len(statements) <= MOST_QUERIES
        assert scanned(statements) & LONG == set()

    @pytest.mark.parametrize("known", KNOWN)
    @pytest.mark.parametrize("name", LISTS)
    def test_searching(self, orders, name, known):
        """Whatever is known of an order leads to it, the same way."""
        client, order = desk(), an_old_order()
        part = urlencode({"q": KNOWN[known](order)})
        statements = queries_of(lambda: open_list(client, name, part))
        assert len(statements) <= MOST_QUERIES
        assert scanned(statements) & LONG == set()
        rows = open_list(client, name, f"{part}&all=").context["cl"].queryset
        assert order.pk in {row.pk if name == "order" else row.order_id for row in rows}

    @pytest.mark.parametrize("name", LISTS)
    def test_searching_by_the_beginning_of_an_address(self, orders, name):
        """With and without what follows the @, by the index of the whole address."""
        client, order = desk(), an_old_order()
        mailbox = order.email.partition("@")[0]
        for words in (mailbox, f"{mailbox}@"):
            part = urlencode({"q": words})
            statements = queries_of(lambda part=part: open_list(client, name, part))
            assert len(statements) <= MOST_QUERIES
            assert scanned(statements) & LONG == set()

    @pytest.mark.parametrize("name", LISTS)
    def test_no_table_is_counted(self, orders, name):
        """The count ends with the last row that can be turned to."""
        client = desk()
        statements = queries_of(lambda: open_list(client, name))
        (count,) = [sql for sql in statements if "COUNT(" in sql]
        assert f"LIMIT {MOST + 1})" in count

    def test_there_is_more(self, orders):
        """The list says so, and how to get there; its last page is the hundredth."""
        client = desk()
        page = client.get("/admin/orders/order/", {"p": "100"}, headers={"Accept-Language": "en"})
        assert "10,000+" in page.content.decode()
        assert len(page.context["cl"].result_list) == 100
        assert client.get("/admin/orders/order/", {"p": "101"}).status_code == 302

    def test_mails(self, orders):
        """As long as the list of orders, and opened the same way."""
        client = desk()
        statements = queries_of(lambda: client.get("/admin/checkout/mail/"))
        assert len(statements) <= MOST_QUERIES
        assert scanned(statements) & LONG == set()

    def test_the_front_page(self, orders):
        """Numbers and charts alike."""
        client = desk()
        statements = queries_of(lambda: client.get("/admin/"))
        assert len(statements) <= 15
        assert scanned(statements) & LONG == set()


class TestWhatWasMade:
    """The command leaves books that could be a real shop's."""

    def test_how_many(self, orders):
        """As many as were wanted, of the last two years, and none in the future."""
        assert Order.objects.count() == MANY
        assert not Order.objects.filter(placed_at__gt=timezone.now()).exists()
        assert set(Order.objects.values_list("status", flat=True)) == set(Order.Status.values)

    def test_lines_add_up(self, orders):
        """Of each order: goods, tax-free part and VAT."""
        sums = Order.objects.annotate(
            goods=Sum(F("lines__unit_price") * F("lines__quantity")), line_vat=Sum("lines__vat")
        )
        wrong = ~Q(subtotal=F("goods")) | ~Q(vat=F("line_vat") + F("shipping_vat"))
        assert not sums.filter(wrong).exists()
        tax_free = Sum(
            F("lines__unit_price") * F("lines__quantity"), filter=Q(lines__is_tax_free=True)
        )
        assert (
            not Order.objects.annotate(free=tax_free)
            .exclude(tax_free=F("free"))
            .filter(free__isnull=False)
            .exists()
        )

    def test_money_agrees_with_status(self, orders):
        """What was charged and refunded is what the status says; each refund has its row."""
        charged = Sum(
            "transactions__amount",
            filter=Q(transactions__kind="CHARGE", transactions__status="SUCCEEDED"),
            default=0,
        )
        refunded = Sum("transactions__amount", filter=Q(transactions__kind="REFUND"), default=0)
        books = Order.objects.annotate(charged=charged, refunded=refunded)
        unpaid = books.filter(status__in=["PENDING", "CANCELED"])
        assert not unpaid.filter(charged__gt=0).exists()
        assert not books.filter(status="PAID").exclude(charged=F("total"), refunded=0).exists()
        whole = books.filter(status="REFUNDED")
        assert whole.exists()
        assert not whole.exclude(charged=F("total"), refunded=F("total")).exists()
        part = books.filter(status="PARTIALLY_REFUNDED")
        assert part.exists()
        assert not part.exclude(refunded__gt=0, refunded__lt=F("total")).exists()
        given_back = Refund.objects.filter(status="SUCCEEDED")
        refunds = PaymentTransaction.objects.filter(kind="REFUND")
        assert given_back.count() == refunds.filter(refund__amount=F("amount")).count()
        assert given_back.count() == refunds.count()

    def test_each_parcel_is_delivered_goods(self, orders):
        """Who ordered nothing to deliver has no parcel, and everybody else has one."""
        delivered = OrderLine.objects.filter(needs_delivery=True).aggregate(
            orders=Count("order", distinct=True)
        )
        assert Shipment.objects.count() == delivered["orders"]

    def test_the_audit_trail_sleeps(self, orders):
        """Nobody did any of this, and it took no longer for it; what comes next is tracked."""
        assert not OrderEvent.objects.exists()
        order = Order.objects.filter(status="PAID").first()
        Order.objects.filter(pk=order.pk).update(status="REFUNDED")
        assert OrderEvent.objects.filter(pgh_obj_id=order.pk).count() == 1

    def test_the_next_order_gets_the_next_id(self, orders):
        """As the ids were given by hand."""
        last = Order.objects.order_by("pk").last()
        fields = {f.name: getattr(last, f.name) for f in Order._meta.concrete_fields}
        new = Order.objects.create(**fields | {"id": None, "number": "20261121-NEXT"})
        assert new.pk == last.pk + 1
