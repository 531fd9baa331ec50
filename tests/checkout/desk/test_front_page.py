"""The first thing that staff see: what waits for them, and how the last days went."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import BillingAgreement, BillingAgreementEvent, Membership, Plan, User
from checkout import attention, charts
from checkout.models import Discrepancy
from orders.models import PaymentTransaction, Refund, Shipment
from shop.models import Product
from tests.staff import member, operator, staff

pytestmark = pytest.mark.django_db

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 21, 0, 30, tzinfo=SEOUL)


@pytest.fixture
def charge(make_order):
    """Charges: ``charge(11_000, status="SUCCEEDED", approved_at=…)``."""

    def make(amount=22_000, *, order=None, **fields):
        made = PaymentTransaction.objects.filter(order__user__isnull=False).count()
        given = {"kind": "CHARGE", "status": "SUCCEEDED", "gateway": "kakaopay", "amount": amount}
        given |= {"tax_free": 0, "vat": 0, "tid": f"T{made}"}
        order = order or make_order(status="PAID")
        return order.transactions.create(**(given | fields))

    return make


def parcel_of(order, **fields) -> Shipment:
    where = {"recipient": "이두리", "phone": "+821055556666", "postcode": "06236", "line1": "서울"}
    return Shipment.objects.create(order=order, **(where | fields))


@pytest.fixture
def waiting(make_order, make_product, charge) -> dict[str, set[int]]:
    """Of each concern one row that counts, and beside it some that just do not."""
    now = timezone.now()
    minutes, days = timedelta(minutes=1), timedelta(days=1)
    late_charge = charge(status="PROCESSING", sent_at=now - 11 * minutes)
    charge(status="PROCESSING", sent_at=now - 9 * minutes)
    charge(status="SUCCEEDED", sent_at=now - 11 * minutes)
    found = {"kind": "AMOUNT", "gateway": "kakaopay"}
    difference = Discrepancy.objects.create(tid="T9", **found)
    Discrepancy.objects.create(tid="T8", closed_at=now, explanation="원장 오류", **found)
    given = {"kind": "AMOUNT", "amount": 5_000, "requested_by": operator()}
    to_approve = make_order(status="PAID").refunds.create(status="WAITING", **given)
    make_order(status="PAID").refunds.create(status="REJECTED", **given)
    asked = make_order(status="PAID").refund_requests.create(reason="컵이 깨졌어요")
    make_order(status="PAID").refund_requests.create(status="WITHDRAWN", reason="됐어요")
    forgotten = parcel_of(make_order(status="PAID", paid_at=now - 3 * days))
    parcel_of(make_order(status="PAID", paid_at=now - days))
    parcel_of(make_order(status="CANCELED", placed_at=now - 9 * days))
    parcel_of(
        make_order(status="PAID", paid_at=now - 9 * days),
        **{"status": "SHIPPED", "carrier": "OWN", "shipped_at": now},
    )
    for order in (forgotten.order, *[p.order for p in Shipment.objects.all()]):
        order.lines.update(needs_delivery=True)
    gone = make_product(stock=0)
    make_product(stock=0, is_active=False)
    unnamed = Discrepancy.objects.create(kind="NO_NAME", gateway="kakaopay", aid="9")
    closed = {"closed_at": now, "explanation": "원장 오류"}
    Discrepancy.objects.create(kind="NO_NAME", gateway="kakaopay", aid="8", **closed)
    member, stuck = failing_member(now=now), ending_since(now - 25 * 60 * minutes)
    uncharged = uncharged_member(now=now, paid_until=now - 25 * 60 * minutes)
    uncharged_member(now=now, paid_until=now - 23 * 60 * minutes)
    failing_member(now=now, ended_at=now)
    ending_since(now - 23 * 60 * minutes)
    return {
        "paymenttransaction?state=unconfirmed": {late_charge.pk},
        "discrepancy?state=open": {difference.pk, unnamed.pk},
        "discrepancy?state=open&kind__exact=NO_NAME": {unnamed.pk},
        "billingagreement?state=stuck": {stuck.pk},
        "membership?state=failing": {member.pk},
        "membership?state=postponed": {uncharged.pk},
        "refund?state=waiting": {to_approve.pk},
        "refundrequest?state=open": {asked.pk},
        "shipment?state=late": {forgotten.pk},
        "product?state=sold_out": {gone.pk},
    }


def failing_member(*, now, **fields) -> Membership:
    plan, _ = Plan.objects.get_or_create(
        slug="premium", defaults={"name_ko": "프리미엄", "price": 1}
    )
    person = User.objects.create_user(f"member{User.objects.count()}@example.com", "open-sesame-2")
    times = {"started_at": now, "paid_until": now, "lasts_until": now + timedelta(days=7)}
    given = {"user": person, "plan": plan, "price": 1, "day": 1, "failing_since": now}
    return Membership.objects.create(**given | times | fields)


def uncharged_member(*, now, **fields) -> Membership:
    """Whose period nobody has tried to charge."""
    agreement = BillingAgreement.objects.create(
        user=operator(), gateway="kakaopay", sealed_sid="x", status="ACTIVE"
    )
    given = {"failing_since": None, "renews": True, "charge_at": now, "agreement": agreement}
    return failing_member(now=now, **given | fields)


def ending_since(moment) -> BillingAgreement:
    """An agreement that is to be ended since then; the database wrote down that it is."""
    agreement = BillingAgreement.objects.create(
        user=operator(), gateway="kakaopay", sealed_sid="x", status="ENDING"
    )
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_billingagreementevent DISABLE TRIGGER USER")
        BillingAgreementEvent.objects.filter(pgh_obj=agreement).update(pgh_created_at=moment)
        cursor.execute("ALTER TABLE accounts_billingagreementevent ENABLE TRIGGER USER")
    return agreement


def test_each_number_leads_to_its_rows(admin_client, waiting):
    """The list behind a number shows the rows that were counted, all of them and no other."""
    cards = admin_client.get("/admin/").context["concerns"]
    shown = {}
    for card in cards:
        rows = admin_client.get(card["url"]).context["cl"].result_list
        shown["".join(card["url"].split("/")[3:])] = {row.pk for row in rows}
        assert card["number"] == str(len(rows)), card
    assert shown == waiting


def test_zero_is_calm_and_more_is_loud(admin_client, waiting, make_product):
    """Money that is not sure is louder than work that waits."""
    cards = admin_client.get("/admin/").context["concerns"]
    moods = [card["mood"] for card in cards]
    assert moods == ["urgent"] * 5 + ["waiting"] * 5
    PaymentTransaction.objects.update(status="FAILED")
    Discrepancy.objects.update(closed_at=timezone.now(), explanation="원장 오류")
    moods = [card["mood"] for card in admin_client.get("/admin/").context["concerns"]]
    assert moods == ["calm"] * 3 + ["urgent"] * 2 + ["waiting"] * 5


def test_the_settings_say_how_long_is_too_long(admin_client, waiting, settings):
    """Eight minutes, and four days."""
    settings.ATTENTION_UNCONFIRMED_MINUTES, settings.ATTENTION_UNSHIPPED_DAYS = 8, 4
    page = admin_client.get("/admin/", headers={"Accept-Language": "en"})
    numbers = {card["title"]: card["number"] for card in page.context["concerns"]}
    assert numbers["Payments not confirmed"] == "2"
    assert numbers["Not shipped"] == "0"
    assert "for over 8 minutes" in page.content.decode()
    assert "paid over 4 days ago" in page.content.decode()


def test_nothing_is_counted_to_the_end(admin_client, make_product):
    """From a thousand on it is only "more"."""
    shelf = make_product(stock=0).category
    Product.objects.bulk_create(
        Product(category=shelf, slug=f"gone-{n}", name_ko="컵", price=1) for n in range(1_200)
    )
    (card,) = [c for c in admin_client.get("/admin/").context["concerns"] if "product" in c["url"]]
    assert card["number"] == "999+"
    (sold_out,) = [c for c in attention.concerns(now=timezone.now()) if "sold_out" in c.part]
    assert sold_out.count() == 1_000


@pytest.mark.parametrize(
    ("permission", "model"),
    [
        ("view_paymenttransaction", "paymenttransaction"),
        ("view_discrepancy", "discrepancy"),
        ("view_membership", "membership"),
        ("view_billingagreement", "billingagreement"),
        ("view_refund", "refund"),
        ("view_refundrequest", "refundrequest"),
        ("view_shipment", "shipment"),
        ("view_product", "product"),
    ],
)
def test_only_what_one_may_see(client, waiting, permission, model):
    """Each number is for those who may open the list, and so are the charts."""
    client.force_login(staff("one@example.com", permission))
    page = client.get("/admin/")
    assert {card["url"].split("/")[3] for card in page.context["concerns"]} == {model}
    assert ("charts" in page.context) == (model == "paymenttransaction")


def test_ones_own_refund_waits_as_well(client, waiting):
    """The number counts it, so its hint does not say that somebody else asked for it."""
    client.force_login(operator())
    cards = client.get("/admin/", headers={"Accept-Language": "en"}).context["concerns"]
    (card,) = [each for each in cards if "/refund/" in each["url"]]
    assert Refund.objects.get(status="WAITING").requested_by == operator()
    assert (card["number"], card["hint"]) == ("1", "wait for a second person")


def test_nothing_to_see(client):
    """Somebody without a group is told whom to ask."""
    client.force_login(staff("one@example.com"))
    page = client.get("/admin/", headers={"Accept-Language": "en"}).content.decode()
    assert "Ask whoever manages the accounts" in page


@pytest.mark.parametrize(("group", "count"), [("support", 8), ("finance", 10), ("manager", 10)])
def test_the_groups(client, group, count):
    """Support does not see the discrepancies."""
    client.force_login(member(group, "one@example.com"))
    assert len(client.get("/admin/").context["concerns"]) == count


class TestCharts:
    """Figures by day in Seoul."""

    def test_money(self, charge):
        """What came, what went back, and how often; days are Korean days."""
        sold = charge(30_000, approved_at=NOW - timedelta(minutes=31))
        charge(10_000, approved_at=NOW - timedelta(minutes=30))
        charge(5_000, approved_at=NOW)
        refund = {"kind": "REFUND", "order": sold.order, "tid": "T0"}
        charge(4_000, approved_at=NOW, **refund)
        charge(3_000, approved_at=NOW, **refund)
        charge(2_000, approved_at=None, status="PROCESSING", **refund)
        yesterday, today = charts.last_days(now=NOW, days=2)
        assert (str(yesterday.date), str(today.date)) == ("2026-11-20", "2026-11-21")
        assert (yesterday.charged, yesterday.refunded, yesterday.net) == (30_000, 0, 30_000)
        assert (today.charged, today.refunded, today.refunds, today.net) == (
            15_000,
            7_000,
            2,
            8_000,
        )

    def test_outcomes(self, charge):
        """Charges by how they went, on the day on which they began; refunds are none."""
        for status in ("SUCCEEDED", "SUCCEEDED", "FAILED", "CANCELED", "READY", "CREATED"):
            charge(status=status, created_at=NOW)
        charge(status="PROCESSING", created_at=NOW - timedelta(hours=1))
        charge(kind="REFUND", created_at=NOW)
        yesterday, today = (day.outcomes for day in charts.last_days(now=NOW, days=2))
        assert (today.succeeded, today.failed, today.canceled, today.open) == (2, 1, 1, 2)
        assert (yesterday.succeeded, yesterday.open) == (0, 1)

    def test_thirty_days(self, charge):
        """Days without sales are there; what is older is not."""
        charge(1_000, approved_at=NOW - timedelta(days=29), created_at=NOW - timedelta(days=29))
        charge(2_000, approved_at=NOW - timedelta(days=30), created_at=NOW - timedelta(days=30))
        days = charts.last_days(now=NOW)
        assert [day.charged for day in days] == [1_000] + [0] * 29
        assert days[0].outcomes.succeeded == 1

    def test_drawn_and_told(self, admin_client, charge):
        """What is drawn stands in a table, too, for whoever does not see the drawing."""
        charge(34_567, approved_at=timezone.now())
        page = admin_client.get("/admin/")
        sales, payments, refunds = page.context["charts"]
        drawn = json.loads(sales["data"])
        assert drawn["datasets"][1]["data"][-1] == 34_567
        assert len(drawn["labels"]) == 30
        assert sales["rows"][-1] == (timezone.localdate(), ["34,567", "34,567"])
        assert page.content.decode().count("<table>") == 3
        assert [len(chart["rows"]) for chart in (sales, payments, refunds)] == [30, 30, 30]
