"""Staff see what the books differ on, and close it with evidence; no money moves."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from checkout import discrepancies
from checkout.models import Discrepancy, ReconciliationRun
from orders.models import PaymentTransaction
from tests.checkout.two_books import TwoBooks

LIST = "admin:checkout_discrepancy_changelist"
PAGE = "admin:checkout_discrepancy_change"
CLOSE = "admin:checkout_discrepancy_close"
SAID = {"evidence": "statement.csv, line 7", "explanation": "A test by the provider's support."}


@pytest.fixture
def charge(kakaopay, shopper):
    return TwoBooks(kakaopay, shopper).sell(total=12_000)


@pytest.fixture
def row(charge):
    run = ReconciliationRun.objects.create(
        mode="AUDIT", gateway="kakaopay", outcome="DIFFERENT", checked=3, differences=1
    )
    difference = discrepancies.Difference(
        kind=Discrepancy.Kind.AMOUNT,
        gateway="kakaopay",
        tid=charge.tid,
        order_number=charge.order.number,
        our_status="SUCCEEDED",
        our_amount=12_000,
        their_status="SUCCESS_PAYMENT",
        their_amount=13_000,
        detail="paid: ours 12,000, theirs 13,000",
        transaction=charge,
    )
    return discrepancies.report(difference, run=run, now=timezone.now())


@pytest.fixture
def clerk(client, db):
    """Signed in, may look, may not close."""
    user = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    names = ["view_discrepancy", "view_reconciliationrun"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return user


def allow_closing(user):
    user.user_permissions.add(Permission.objects.get(codename="close_discrepancy"))


def address(name, row):
    return reverse(name, args=[row.pk])


def test_both_sides_are_shown_in_won(admin_client, row, charge):
    """With links to the transaction and the order."""
    text = admin_client.get(address(PAGE, row)).content.decode()
    for fact in (
        *("12,000원", "13,000원", "SUCCEEDED", "SUCCESS_PAYMENT", charge.tid),
        reverse("admin:orders_order_change", args=[charge.order_id]),
        reverse("admin:orders_paymenttransaction_change", args=[charge.pk]),
    ):
        assert fact in text


def test_open_ones_come_first(admin_client, row):
    """Also if something was found, and closed, since."""
    later = Discrepancy.objects.create(
        kind="STATUS", gateway="kakaopay", tid="T-2", closed_at=timezone.now(), explanation="x"
    )
    page = admin_client.get(reverse(LIST))
    assert list(page.context["cl"].result_list) == [row, later]


@pytest.mark.parametrize(("state", "kinds"), [("open", ["AMOUNT"]), ("closed", ["STATUS"])])
def test_they_are_filtered_by_state(admin_client, row, state, kinds):
    """Only those that are open, or closed."""
    Discrepancy.objects.create(
        kind="STATUS", gateway="kakaopay", tid="T-2", closed_at=timezone.now(), explanation="x"
    )
    page = admin_client.get(reverse(LIST), {"state": state})
    assert [each.kind for each in page.context["cl"].result_list] == kinds


def test_closing_keeps_who_why_and_the_evidence(client, clerk, row, charge):
    """And nothing else changes."""
    allow_closing(clerk)
    before = list(PaymentTransaction.objects.values())
    answer = client.post(address(CLOSE, row), SAID)
    assert answer.headers["Location"] == address(PAGE, row)
    row.refresh_from_db()
    assert (row.closed_by, row.evidence, row.explanation) == (clerk, *SAID.values())
    assert row.closed_at is not None
    assert list(PaymentTransaction.objects.values()) == before


@pytest.mark.parametrize("missing", ["evidence", "explanation"])
def test_closing_needs_both(client, clerk, row, missing):
    """The page says what is missing, and keeps what was written."""
    allow_closing(clerk)
    answer = client.post(address(CLOSE, row), SAID | {missing: "  "})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {missing}
    other = next(value for name, value in SAID.items() if name != missing)
    assert other.partition("'")[0] in answer.content.decode()
    row.refresh_from_db()
    assert row.closed_at is None


def test_without_the_permission_there_is_no_button_and_no_way(client, clerk, row):
    """403, whether looking or sending; the row stays open."""
    assert address(CLOSE, row) not in client.get(address(PAGE, row)).content.decode()
    assert client.get(address(CLOSE, row)).status_code == 403
    assert client.post(address(CLOSE, row), SAID).status_code == 403
    row.refresh_from_db()
    assert row.closed_at is None


def test_with_the_permission_there_is_a_button(client, clerk, row):
    """Until it is closed."""
    allow_closing(clerk)
    assert address(CLOSE, row) in client.get(address(PAGE, row)).content.decode()
    client.post(address(CLOSE, row), SAID)
    assert address(CLOSE, row) not in client.get(address(PAGE, row)).content.decode()


def test_closing_twice_changes_nothing(client, clerk, row):
    """The first explanation stands."""
    allow_closing(clerk)
    client.post(address(CLOSE, row), SAID)
    answer = client.post(address(CLOSE, row), SAID | {"explanation": "other"}, follow=True)
    assert [str(each) for each in answer.context["messages"]]
    row.refresh_from_db()
    assert row.explanation == SAID["explanation"]


def test_a_run_shows_its_counts_and_its_discrepancies(admin_client, row):
    """One page for one comparison."""
    page = admin_client.get(reverse("admin:checkout_reconciliationrun_changelist"))
    assert page.context["cl"].result_count == 1
    run = ReconciliationRun.objects.get()
    text = admin_client.get(
        reverse("admin:checkout_reconciliationrun_change", args=[run.pk])
    ).content.decode()
    for fact in (row.tid, "SUCCEEDED 12,000원", "SUCCESS_PAYMENT 13,000원", address(PAGE, row)):
        assert fact in text


@pytest.mark.parametrize("model", ["discrepancy", "reconciliationrun"])
def test_nothing_can_be_written_by_hand(admin_client, row, model):
    """No adding, no changing, no deleting; superusers included."""
    pk = row.pk if model == "discrepancy" else row.run_id
    assert admin_client.get(reverse(f"admin:checkout_{model}_add")).status_code == 403
    assert (
        admin_client.post(reverse(f"admin:checkout_{model}_change", args=[pk])).status_code == 403
    )
    assert (
        admin_client.post(reverse(f"admin:checkout_{model}_delete", args=[pk])).status_code == 403
    )
