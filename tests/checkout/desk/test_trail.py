"""The audit trail: what the database writes down of what staff do, and the page that tells it."""

import re
from datetime import timedelta

import pghistory
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone, translation

from accounts.models import User, UserEvent
from checkout import trail
from checkout.trail import Wanted
from orders.models import Order, PaymentTransaction, Refund, StaffNote
from orders.models.transactions import IllegalMove
from shop.models import Coupon, Product, ProductEvent
from tests.queries import queries_of
from tests.staff import staff

TRAIL = "/admin/admin/logentry/"
ADDRESS = "203.0.113.7"


@pytest.fixture
def boss(db) -> User:
    return User.objects.create_superuser("boss@example.com", "open-sesame-2", name="대표")


@pytest.fixture
def desk(boss) -> Client:
    """A superuser's browser, in English, somewhere on the net."""
    client = Client(REMOTE_ADDR=ADDRESS, headers={"Accept-Language": "en"})
    client.force_login(boss)
    return client


def product_form(product: Product, **changes: str) -> dict[str, str]:
    names = {"name_ko": product.name_ko, "name_en": product.name_en}
    about = {"description_ko": "", "description_en": "", "slug": product.slug}
    price = {"price": str(product.price), "is_active": "on", "delivery": ""}
    return {"category": str(product.category_id)} | names | about | price | changes


def save(desk: Client, product: Product, **changes: str) -> None:
    answer = desk.post(
        f"/admin/shop/product/{product.pk}/change/", product_form(product, **changes)
    )
    assert answer.status_code == 302, answer.content.decode()


def person_form(person: User, **changes) -> dict:
    return {"email": person.email, "name": person.name, "phone": "", "is_active": "on"} | changes


def said(page: trail.Page) -> list[tuple]:
    """What the entries tell: who, from where, which row, and its changes."""
    return [
        (entry.who, entry.ip, row.name, [(c.label, c.before, c.after) for c in row.changes])
        for entry in page.entries
        for row in entry.touched
    ]


def told(**wanted) -> list[tuple]:
    with translation.override("en"):
        return said(trail.read(Wanted(**wanted)))


class TestWhatIsWrittenDown:
    """Through the admin's own pages: who, from where, before and after."""

    def test_a_price(self, desk, make_product):
        """The price before stands beside the price after."""
        cup = make_product(price=11_000)
        save(desk, cup, price="12000")
        changes = [("price", "₩11,000", "₩12,000")]
        assert told() == [("boss@example.com", ADDRESS, "Cup 1", changes)]

    def test_stock(self, desk, make_product):
        """A delivery is added by the guarded UPDATE, and counted from what was there."""
        cup = make_product(stock=10)
        save(desk, cup, delivery="5")
        assert told() == [("boss@example.com", ADDRESS, "Cup 1", [("stock", "10", "15")])]

    def test_price_and_stock_in_one_go(self, desk, make_product):
        """One press of a button is one entry."""
        cup = make_product(price=11_000, stock=10)
        save(desk, cup, price="12000", delivery="-3")
        changes = [("price", "₩11,000", "₩12,000"), ("stock", "10", "7")]
        assert told() == [("boss@example.com", ADDRESS, "Cup 1", changes)]

    def test_a_new_product(self, desk, make_product):
        """All that it began with."""
        form = product_form(
            make_product(), slug="pot", name_ko="주전자", name_en="Pot", delivery="4"
        )
        desk.post("/admin/shop/product/add/", form | {"price": "30000"})
        ((who, _, name, changes),) = told()
        assert (who, name) == ("boss@example.com", "Pot")
        assert ("price", "–", "₩30,000") in changes
        assert ("stock", "–", "4") in changes

    def test_a_deleted_product(self, desk, make_product):
        """By the list's own action; what it was at the end is kept."""
        cup = make_product(price=11_000)
        sent = {"action": "delete_selected", "_selected_action": [cup.pk], "post": "yes"}
        desk.post("/admin/shop/product/", sent)
        assert not Product.objects.exists()
        ((who, _, name, changes),) = told()
        assert (who, name) == ("boss@example.com", "Cup 1")
        assert ("price", "₩11,000", "–") in changes

    def test_a_coupon(self, desk, db):
        """Its terms: here the value, from one number to another."""
        coupon = Coupon.objects.create(name_ko="봄", name_en="Spring", code="SPRING", value=3_000)
        form = {"name_ko": "봄", "name_en": "Spring", "code": "SPRING", "kind": "FIXED"}
        form |= {"value": "5000", "minimum": "20000", "per_person": "1", "is_for_all": "on"}
        form |= {"is_active": "on", "valid_from_0": "2026-01-01", "valid_from_1": "00:00:00"}
        answer = desk.post(f"/admin/shop/coupon/{coupon.pk}/change/", form)
        assert answer.status_code == 302, answer.content.decode()
        ((_, _, name, changes),) = told()
        assert name == "Spring"
        assert ("value", "3,000", "5,000") in changes
        assert ("minimum spend", "–", "₩20,000") not in changes  # 0 is a minimum, too
        assert ("minimum spend", "₩0", "₩20,000") in changes
        assert ("valid from", "2026-01-01 00:00") in [(c[0], c[2]) for c in changes]

    def test_an_accounts_rights(self, desk, shopper):
        """Staff, superuser, a group and a permission of one's own."""
        group = Group.objects.create(name="Packing")
        right = Permission.objects.get(codename="view_order")
        rights = {"is_staff": "on", "is_superuser": "on", "groups": [group.pk]}
        form = person_form(shopper, **rights, user_permissions=[right.pk])
        desk.post(f"/admin/accounts/user/{shopper.pk}/change/", form)
        ((who, ip, name, changes),) = told()
        assert (who, ip, name) == ("boss@example.com", ADDRESS, "hana@example.com")
        assert ("staff status", "no", "yes") in changes
        assert ("superuser status", "no", "yes") in changes
        assert ("group", "–", "Packing") in changes
        assert [change[0] for change in changes].count("permission") == 1
        desk.post(f"/admin/accounts/user/{shopper.pk}/change/", person_form(shopper))
        changes = told()[0][3]
        assert ("staff status", "yes", "no") in changes
        assert ("group", "Packing", "–") in changes

    def test_a_groups_permissions(self, desk, db):
        """What the group may from now on, and no longer."""
        group = Group.objects.create(name="Packing")
        old, new = Permission.objects.filter(codename__in=["view_order", "view_shipment"])
        group.permissions.add(old)
        form = {"name": "Packing", "permissions": [new.pk]}
        desk.post(f"/admin/auth/group/{group.pk}/change/", form)
        ((who, _, name, changes),) = told()
        assert (who, name) == ("boss@example.com", "Packing")
        assert {change[1:] for change in changes} == {(str(old), "–"), ("–", str(new))}

    def test_a_parcel(self, desk, make_order):
        """Carrier and number, with the status."""
        order = make_order(status="PAID", paid_at=timezone.now())
        order.lines.update(needs_delivery=True)
        address = {"recipient": "이두리", "phone": "+821055556666", "postcode": "06236"}
        parcel = trail.Shipment.objects.create(order=order, line1="테헤란로 123", **address)
        sent = {"move": "ship", "carrier": "CJ", "tracking_number": "123456789012"}
        desk.post(f"/admin/orders/shipment/{parcel.pk}/change/", sent)
        ((who, ip, name, changes),) = told()
        assert (who, ip, name) == ("boss@example.com", ADDRESS, order.number)
        assert changes[0] == ("delivery status", "being prepared", "on its way")
        assert changes[1] == ("carrier", "–", "CJ Logistics")
        assert changes[2] == ("tracking number", "–", "123456789012")

    def test_behind_a_proxy(self, desk, make_product, settings):
        """The address is the one that the trusted proxy saw, not one that was sent along."""
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
        cup = make_product(price=11_000)
        headers = {"X-Forwarded-For": "6.6.6.6, 198.51.100.9"}
        form = product_form(cup, price="12000")
        desk.post(f"/admin/shop/product/{cup.pk}/change/", form, headers=headers)
        assert ProductEvent.objects.latest("pgh_id").pgh_context["ip"] == "198.51.100.9"

    def test_what_has_no_table_of_its_own(self, desk, shopper):
        """Points that are given stand in the admin's log, and so in the trail."""
        until = f"{timezone.localdate() + timedelta(days=30)}"
        form = {"user": shopper.pk, "amount": "500", "until": until, "note": "사과", "seen": "0"}
        desk.post("/admin/accounts/pointentry/add/", form)
        (entry,) = trail.read(Wanted()).entries
        assert (entry.who, entry.ip) == ("boss@example.com", ADDRESS)
        assert entry.touched[0].model == trail.PointEntry
        assert entry.touched[0].name.startswith("+500")


@pytest.mark.django_db(transaction=True)
class TestWithoutATransactionAround:
    def test_a_refund(self, desk, order):
        """The order, its refund and the transaction, in one entry."""
        page = desk.get(f"/admin/orders/order/{order.pk}/refund/").content.decode()
        seen = re.search(r'name="seen" value="([^"]+)"', page)[1]
        sent = {"kind": "FULL", "reason": "깨졌어요", "seen": seen}
        desk.post(f"/admin/orders/order/{order.pk}/refund/", sent)
        assert Refund.objects.get().status == "SUCCEEDED"
        with translation.override("en"):
            (entry,) = trail.read(Wanted()).entries
            assert (entry.who, entry.ip) == ("boss@example.com", ADDRESS)
            rows = {row.model: row for row in entry.touched}
        statuses = [c.after for c in rows[Refund].changes if c.label == "status"]
        assert statuses == ["outcome not known", "has gone back"]
        assert ("amount", "–", "₩34,500") in [
            (c.label, c.before, c.after) for c in rows[Refund].changes
        ]
        assert [c.after for c in rows[Order].changes] == ["refunded"]
        assert [c.after for c in rows[PaymentTransaction].changes][-1] == "succeeded"

    def test_what_nobody_of_the_staff_did(self, desk, make_product):
        """A sale, a worker, a shell: written down as well, and told only if it is asked for."""
        cup = make_product(stock=10)
        save(desk, cup, delivery="1")
        Product.objects.filter(pk=cup.pk).update(stock=8)
        assert [row[3] for row in told()] == [[("stock", "10", "11")]]
        everything = told(model=Product, pk=cup.pk, everybody=True)
        assert [row[0] for row in everything] == ["", "boss@example.com", ""]
        assert everything[0][3] == [("stock", "11", "8")]

    def test_staff_who_shop(self, desk, boss):
        """Only the admin is work: what staff do in the shop is told of like anybody's."""
        desk.post("/accounts/", {"name": "대표님", "phone": ""})
        User.objects.filter(pk=boss.pk).update(is_active=True)
        assert UserEvent.objects.filter(pgh_context__isnull=False).count() == 0


class TestCounting:
    """The author is sent along with each statement: what the statement says must stay the same."""

    @pytest.fixture(autouse=True)
    def at_work(self, db):
        with pghistory.context(user=1, email="boss@example.com", ip=ADDRESS):
            yield

    def test_updates_count_their_rows(self, make_product):
        """Compare-and-swap relies on it: one, and none."""
        cup = make_product(stock=3)
        assert Product.objects.filter(pk=cup.pk, stock=3).update(stock=2) == 1
        assert Product.objects.filter(pk=cup.pk, stock=3).update(stock=1) == 0
        assert Product.objects.get(pk=cup.pk).stock == 2

    def test_a_transaction_moves_once(self, paid):
        """From a state that is no longer, it does not move."""
        charge = paid.transactions.get()
        PaymentTransaction.objects.filter(pk=charge.pk).update(status="PROCESSING")
        charge.status = "PROCESSING"
        stale = PaymentTransaction.objects.get(pk=charge.pk)
        charge.move_to("SUCCEEDED")
        with pytest.raises(IllegalMove):
            stale.move_to("FAILED")
        assert PaymentTransaction.objects.get(pk=charge.pk).status == "SUCCEEDED"

    def test_deleting_and_creating_count_too(self, make_product):
        """What was deleted, and the ids of what is new."""
        for _ in range(3):
            make_product()
        assert Product.objects.filter(pk__gt=0).delete()[0] == 3
        coupons = [Coupon(name_ko=f"{n}", value=1_000) for n in range(3)]
        made = Coupon.objects.bulk_create(coupons)
        assert [coupon.pk for coupon in made] == list(
            Coupon.objects.order_by("pk").values_list("pk", flat=True)
        )

    def test_a_refused_statement_leaves_the_rest(self, make_product):
        """A savepoint is rolled back, and the work goes on with its author."""
        cup = make_product(stock=3)
        with pytest.raises(DatabaseError), transaction.atomic():
            Product.objects.filter(pk=cup.pk).update(price=0)
        Product.objects.filter(pk=cup.pk).update(price=500)
        assert ProductEvent.objects.latest("pgh_id").pgh_context["ip"] == ADDRESS
        assert ProductEvent.objects.latest("pgh_id").price == 500


class TestNeverAltered:
    @pytest.mark.parametrize(
        "table", sorted(model._meta.db_table for model in pghistory.core.event_models())
    )
    def test_events(self, db, table):
        """Whatever asks for it, the database refuses to change or delete what it wrote down."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            columns = self.columns_of(cursor, table)
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"  # noqa: S608
            )
        for statement in (f"UPDATE {table} SET pgh_label = 'x'", f"DELETE FROM {table}"):  # noqa: S608
            with (
                pytest.raises(DatabaseError, match="Cannot"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)

    def columns_of(self, cursor, table: str) -> dict[str, str]:
        """The columns that must be filled, with something that fits."""
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
            " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
            [table],
        )
        fits = {"boolean": "true", "integer": "1", "bigint": "1", "smallint": "1"}
        moment = "now()"
        return {
            name: moment if kind.startswith("timestamp") else fits.get(kind, "''")
            for name, kind in cursor.fetchall()
        }

    @pytest.mark.parametrize("model", trail.MODELS)
    def test_by_kind(self, desk, boss, model):
        """Each kind can be asked for, whether or not it has a table of its own."""
        LogEntry.objects.log_actions(boss.pk, [boss], 2, "noted", single_object=True)
        assert all(
            each.touched[0].model is model for each in trail.read(Wanted(model=model)).entries
        )

    def test_what_is_no_row_has_no_link(self):
        """An export is about orders, and not about one of them."""
        assert trail.Touched(Order, "None", "orders").url == ""
        assert trail.Touched(Order, "", "orders").url == ""

    def test_every_tracked_model_is_there(self):
        """Fifteen tables, each of which the trail reads."""
        assert set(pghistory.core.event_models()) == {kind.events for kind in trail.KINDS}
        assert len(trail.KINDS) == 15

    def test_notes(self, paid, boss):
        """What staff wrote about an order stays as it was written."""
        note = StaffNote.objects.create(order=paid, author=boss, text="전화함")
        for change in (lambda: StaffNote.objects.update(text="x"), note.delete):
            with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
                change()
        assert StaffNote.objects.get().text == "전화함"


class TestThePage:
    @pytest.fixture(autouse=True)
    def english(self, korean):
        with translation.override("en"):
            yield

    @pytest.fixture
    def work(self, desk, make_product, shopper) -> Product:
        """A price was changed, an account was switched off, and a note was left in the log."""
        cup = make_product(price=11_000)
        save(desk, cup, price="12000")
        desk.post(f"/admin/accounts/user/{shopper.pk}/change/", {"email": shopper.email})
        return cup

    def test_it_tells_who_when_where_and_what(self, desk, work):
        """Newest first, with the way to each row, in Korean time."""
        page = desk.get(TRAIL).content.decode().partition('id="content-main"')[2]
        assert page.index("hana@example.com</a>") < page.index("Cup 1</a>")
        assert f'href="/admin/shop/product/{work.pk}/change/"' in page
        for words in ("boss@example.com", ADDRESS, "₩11,000 →", "₩12,000"):
            assert words in page
        at = timezone.localtime(ProductEvent.objects.latest("pgh_id").pgh_created_at)
        assert f"{at:%Y-%m-%d %H:%M}" in page

    @pytest.mark.parametrize(
        ("asked", "names"),
        [
            ({"about": "shop.product"}, ["Cup 1"]),
            ({"about": "accounts.user"}, ["hana@example.com"]),
            ({"about": "orders.order"}, []),
            ({"day": "2020-01-01"}, []),
            ({"about": "nothing.known"}, []),
            ({"day": "yesterday"}, []),
            ({"person": "nobody@example.com"}, []),
            ({"person": " BOSS@example.com", "about": "shop.product"}, ["Cup 1"]),
            ({"until": "2020-01-01T00:00:00+09:00"}, []),
            ({"until": "yesterday"}, ["hana@example.com", "Cup 1"]),
        ],
    )
    def test_it_is_narrowed_down(self, desk, work, asked, names):
        """To one kind of row, one day, or from a moment on; what nobody understands is nothing."""
        page = desk.get(TRAIL, asked).context["page"]
        assert [row.name for entry in page.entries for row in entry.touched] == names

    def test_to_one_person_and_today(self, desk, work, boss):
        """Who did nothing has no entries."""
        other = staff("other@example.com", "view_logentry")
        today = f"{timezone.localdate()}"
        mine = desk.get(TRAIL, {"person": boss.email, "day": today}).context["page"]
        assert len(mine.entries) == 2
        assert desk.get(TRAIL, {"person": other.email}).context["page"].entries == []

    def test_who_may_see_it(self, work):
        """Superusers, and whoever may view log entries; nobody else, and not by its address."""
        client = Client()
        client.force_login(staff("clerk@example.com", "view_order"))
        assert client.get(TRAIL).status_code == 403
        client.force_login(staff("auditor@example.com", "view_logentry"))
        assert client.get(TRAIL).status_code == 200
        assert client.post(f"{TRAIL}add/").status_code == 403
        entry = LogEntry.objects.first()
        assert client.post(f"{TRAIL}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
        assert client.post(f"{TRAIL}{entry.pk}/change/", {}).status_code == 403

    def test_page_after_page(self, desk, make_product):
        """Each entry is told once, and none is torn apart, whatever the pages' length."""
        cup = make_product(price=1_000, stock=0)
        for n in range(1, 8):
            save(desk, cup, price=f"{1_000 + n}", delivery="1")
        seen, until = [], None
        while True:
            page = trail.read(Wanted(until=until), per_page=4)
            seen += [row[3] for row in said(page)]
            until = page.older
            if until is None:
                break
        told_once = [[("price", f"₩{999 + n:,}", f"₩{1_000 + n:,}")] for n in range(7, 0, -1)]
        assert [[c for c in changes if c[0] == "price"] for changes in seen] == told_once
        assert [changes[1][2] for changes in seen] == ["7", "6", "5", "4", "3", "2", "1"]

    def test_an_entry_longer_than_a_page(self, desk, make_product):
        """It is told in parts, and comes to an end."""
        cups = [make_product() for _ in range(5)]
        sent = {
            "action": "delete_selected",
            "_selected_action": [c.pk for c in cups],
            "post": "yes",
        }
        desk.post("/admin/shop/product/", sent)
        names, until, pages = set(), None, 0
        while pages < 20:
            page = trail.read(Wanted(until=until), per_page=3)
            names |= {row.name for entry in page.entries for row in entry.touched}
            until, pages = page.older, pages + 1
            if until is None:
                break
        assert pages < 20
        assert {f"Cup {n}" for n in range(1, 6)} <= names

    def test_ever_as_many_queries(self, desk, make_product, make_order):
        """However much was done: one for all tables, and two for each kind of row on the page."""
        cups = [make_product(price=1_000) for _ in range(3)]
        save(desk, cups[0], price="1100")
        desk.get(TRAIL)
        few = queries_of(lambda: desk.get(TRAIL))
        for cup in cups:
            for price in ("1200", "1300", "1400"):
                save(desk, cup, price=price)
        many = queries_of(lambda: desk.get(TRAIL))
        assert len(many) == len(few) <= 12

    def test_tables_are_read_by_their_indexes(self, desk, boss, make_product):
        """Of 30,000 events, none is looked at but those that are told."""
        cup = make_product()
        with connection.cursor() as cursor:
            cursor.execute(EVENTS, [cup.pk])
            cursor.execute("ANALYZE shop_productevent")
        for wanted in (Wanted(), Wanted(person=boss.pk), Wanted(model=Product)):
            plan = trail.newest(wanted, most=61).explain()
            assert "staff_changed_products" in plan
            assert "Seq Scan on shop_productevent" not in plan
        statements = queries_of(lambda: trail.read(Wanted()))
        states = next(sql for sql in statements if "LIMIT 1)" in sql and "productevent" in sql)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {states}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "Seq Scan" not in plan


EVENTS = """
INSERT INTO shop_productevent (pgh_created_at, pgh_label, pgh_obj_id, name, price, is_tax_free,
    needs_delivery, stock, is_active, pgh_context, pgh_context_id)
SELECT now() - n * interval '1 minute', 'update', %s, 'cup', 1000 + n, false, false, n, true,
    CASE WHEN mod(n, 10) = 0 THEN '{"user": 1, "email": "a@example.com"}'::jsonb END,
    gen_random_uuid()
FROM generate_series(1, 30000) n
"""


class TestHistory:
    """The “History” of a row tells the same of that row."""

    def test_of_a_product(self, desk, make_product):
        """Before and after, not “changed price”; nothing of other products."""
        cup, pot = make_product(price=11_000), make_product(price=500)
        save(desk, cup, price="12000")
        save(desk, pot, price="600")
        page = desk.get(f"/admin/shop/product/{cup.pk}/history/").content.decode()
        assert "₩11,000 →" in page
        assert "₩12,000" in page
        assert "₩600" not in page

    def test_of_an_account(self, desk, shopper):
        """Rights and groups."""
        group = Group.objects.create(name="Packing")
        form = person_form(shopper, is_staff="on", groups=[group.pk])
        desk.post(f"/admin/accounts/user/{shopper.pk}/change/", form)
        page = desk.get(f"/admin/accounts/user/{shopper.pk}/history/").content.decode()
        assert "staff status" in page
        assert "Packing" in page

    def test_of_a_coupon_and_an_order(self, desk, make_order):
        """Both have one, also where nothing was done."""
        coupon = Coupon.objects.create(name_ko="봄", value=3_000)
        order = make_order()
        for address in (f"shop/coupon/{coupon.pk}", f"orders/order/{order.pk}"):
            page = desk.get(f"/admin/{address}/history/")
            assert "Nothing that fits was done." in page.content.decode()
        everything = desk.get(f"/admin/orders/order/{order.pk}/history/?all=1").content.decode()
        assert "the shop, or a shopper" in everything
        assert "waiting for payment" in everything

    def test_who_may_read_names(self, desk, make_product):
        """What and when, for whoever may view the product; who and from where, for auditors."""
        cup = make_product(price=11_000)
        save(desk, cup, price="12000")
        at = timezone.localtime(ProductEvent.objects.latest("pgh_id").pgh_created_at)
        for names, is_told in (((), False), (("view_logentry",), True)):
            reader = Client(headers={"Accept-Language": "en"})
            reader.force_login(staff(f"{is_told}@example.com", "view_product", *names))
            page = reader.get(f"/admin/shop/product/{cup.pk}/history/").content.decode()
            for fact in ("₩11,000 →", "₩12,000", f"{at:%Y-%m-%d %H:%M}"):
                assert fact in page
            for fact in ("boss@example.com", ADDRESS):
                assert (fact in page) is is_told

    def test_who_may_see_it(self, make_product):
        """Who may view the product; nobody else."""
        cup = make_product()
        client = Client()
        client.force_login(staff("clerk@example.com", "view_order"))
        assert client.get(f"/admin/shop/product/{cup.pk}/history/").status_code == 403
