"""An audit finds every difference between two books, and invents none."""

import json
import re
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from checkout import discrepancies, payments, runs
from checkout.models import Discrepancy, ProviderCall, ReconciliationRun, StatementEntry
from orders.models import Order, PaymentTransaction
from tests.checkout.two_books import Kind, Status, TwoBooks, found

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(kakaopay, shopper):
    return TwoBooks(kakaopay, shopper)


def audit(*options, since=None):
    """Run the command over today. Returns its exit status and what it printed."""
    out = StringIO()
    since = since or (timezone.now() - timedelta(hours=1)).isoformat()
    status = 0
    try:
        call_command("reconcile_payments", "--since", since, *options, stdout=out)
    except SystemExit as ended:
        status = ended.code
    return status, out.getvalue()


def last_run():
    return ReconciliationRun.objects.first()


def test_two_equal_books_agree(books):
    """Paid, refunded in part and in full, quit, failed and waiting: nothing differs."""
    books.sell_all([(11_000, ()), (11_000, (1_000, 2_000)), (5_000, (5_000,))])
    books.begin(status="QUIT_PAYMENT")
    books.begin(status="FAIL_PAYMENT")
    books.begin(status="OPEN_PAYMENT")
    status, out = audit()
    assert status == 0
    assert out == "6 payments compared, 0 outcomes settled, 0 differences, 0 unanswered: AGREED\n"
    assert (last_run().outcome, last_run().checked) == ("AGREED", 6)
    assert found() == set()


def test_every_planted_difference_is_found_and_no_other(books, kakaopay):
    """One of each kind among sales that agree."""
    forgotten, altered, failed, extra, fewer, vat, *agreeing = books.sell_all([(11_000, ())] * 10)
    kakaopay.forget(forgotten.tid)
    kakaopay.alter(altered.tid, total=11_001)
    kakaopay.alter(failed.tid, status="FAIL_PAYMENT")
    aid = kakaopay.console_refund(extra.tid, 3_000).aid
    kakaopay.alter(vat.tid, vat=999)
    books.ours(fewer.order, Kind.REFUND, 1_000, fewer.tid, "A0").save()
    other_aid = kakaopay.console_refund(fewer.tid, 1_000).aid
    order = agreeing[0].order
    (second,) = kakaopay.import_payments([books.theirs(order)])
    books.ours(order, Kind.CHARGE, 11_000, second["tid"], "", status=Status.CANCELED).save()
    assert audit()[0] == 1
    assert found() == {
        ("MISSING_THERE", forgotten.tid, ""),
        ("AMOUNT", altered.tid, ""),
        ("STATUS", failed.tid, ""),
        ("MISSING_HERE", extra.tid, aid),
        ("AMOUNT", vat.tid, ""),
        ("MISSING_THERE", fewer.tid, "A0"),
        ("MISSING_HERE", fewer.tid, other_aid),
        ("DUPLICATE", second["tid"], ""),
    }
    assert last_run().differences == 8
    assert last_run().discrepancies.count() == 8


def test_both_sides_figures_are_kept(books, kakaopay):
    """Ours and theirs, and in words what differs."""
    charge = books.sell()
    kakaopay.alter(charge.tid, total=12_000)
    _, out = audit()
    row = Discrepancy.objects.get()
    assert (row.our_status, row.our_amount) == ("SUCCEEDED", 11_000)
    assert (row.their_status, row.their_amount) == ("SUCCESS_PAYMENT", 12_000)
    assert (row.order_number, row.transaction) == (charge.order.number, charge)
    assert out.splitlines()[0] == (
        f"AMOUNT {charge.order.number} {charge.tid}: ours SUCCEEDED 11,000, theirs SUCCESS_PAYMENT "
        "12,000: paid: ours 11,000 (tax-free 0, VAT 1,000), theirs 12,000 (tax-free 0, VAT 1,091)"
    )


def test_a_refund_made_at_the_provider_is_entered(books, kakaopay):
    """Found, booked as an external refund, and closed with what was done."""
    charge = books.sell()
    action = kakaopay.console_refund(charge.tid, 3_000)
    assert audit()[0] == 1
    refund = PaymentTransaction.objects.get(kind=Kind.REFUND)
    assert (refund.aid, refund.amount, refund.is_external) == (action.aid, 3_000, True)
    row = Discrepancy.objects.get()
    assert (row.kind, row.aid, row.their_amount) == ("MISSING_HERE", action.aid, 3_000)
    assert row.closed_at is not None
    assert row.closed_by is None
    assert "3000 won" in row.explanation
    assert audit()[0] == 0


def test_two_refunds_made_at_the_provider_are_entered_and_left_to_a_person(books, kakaopay):
    """Both stand in our books; why there were two is for somebody to say."""
    charge = books.sell()
    aids = [kakaopay.console_refund(charge.tid, amount).aid for amount in (1_000, 2_000)]
    assert audit()[0] == 1
    assert found() == {("MISSING_HERE", charge.tid, aid) for aid in aids}
    assert Discrepancy.objects.filter(closed_at=None, run=last_run()).count() == 2
    assert set(PaymentTransaction.objects.filter(kind=Kind.REFUND).values_list("aid")) == {
        (aid,) for aid in aids
    }


def test_a_refund_on_an_older_charge_brings_it_in(books, kakaopay):
    """The charge was made last month; its refund today is compared."""
    charge = books.sell(refunds=(1_000,))
    month_ago = timezone.now() - timedelta(days=30)
    PaymentTransaction.objects.filter(pk=charge.pk).update(created_at=month_ago)
    kakaopay.forget(charge.tid)
    assert audit()[0] == 1
    assert found() == {("MISSING_THERE", charge.tid, "")}


def test_what_is_outside_of_the_period_is_not_looked_at(books, kakaopay):
    """A plain day ends at midnight; what came after is another day's."""
    books.sell()
    yesterday = timezone.localdate() - timedelta(days=1)
    status, out = audit("--until", yesterday.isoformat(), since=yesterday.isoformat())
    assert status == 0
    assert out.startswith("0 payments compared")
    today = timezone.localdate().isoformat()
    assert audit("--until", today, since=today)[1].startswith("1 payments compared")


def test_a_payment_taken_on_an_ended_order_is_a_difference(books, kakaopay):
    """Recovery enters it and takes care of the money; staff still learn of it."""
    charge = books.begin(here=Status.CANCELED, status="SUCCESS_PAYMENT")
    assert audit()[0] == 1
    charge.refresh_from_db()
    assert charge.status == Status.SUCCEEDED
    row = Discrepancy.objects.get()
    assert (row.kind, row.tid, row.our_status) == ("STATUS", charge.tid, "CANCELED")
    assert (row.closed_at, row.run) == (None, last_run())


def test_what_was_explained_is_not_found_again(books, kakaopay, shopper):
    """A person said why: the next audit agrees."""
    kakaopay.alter(books.sell().tid, total=12_000)
    assert audit()[0] == 1
    discrepancies.close(
        Discrepancy.objects.get(), by=shopper, evidence="a", explanation="b", now=timezone.now()
    )
    assert audit()[0] == 0


def test_an_unknown_outcome_is_settled_first(start, fill_cart, make_product, pay, kakaopay):
    """A lost answer, found paid: settled, and that alone is no difference."""
    fill_cart((make_product(), 1))
    charge = start()
    kakaopay.fault("approve", after="drop")
    payments.capture(charge, pg_token=pay(charge), now=timezone.now())
    status, out = audit()
    assert status == 0
    assert out.splitlines() == [
        f"{charge.order.number} CHARGE {charge.tid} SUCCEEDED",
        "1 payments compared, 1 outcomes settled, 0 differences, 0 unanswered: AGREED",
    ]


def test_what_recovery_asked_about_meanwhile_is_compared_too(books, kakaopay):
    """The periodic job came first and settled it; that does not compare the amounts."""
    charge = books.sell()
    kakaopay.alter(charge.tid, total=12_000)
    in_a_minute = timezone.now() + timedelta(minutes=1)
    PaymentTransaction.objects.filter(pk=charge.pk).update(asked_at=in_a_minute)
    assert audit()[0] == 1
    assert found() == {("AMOUNT", charge.tid, "")}


def test_without_an_answer_the_audit_is_not_finished(books, kakaopay, capsys):
    """Exit status 2; the others are compared all the same."""
    charges = books.sell_all([(11_000, ())] * 3)
    kakaopay.alter(charges[2].tid, total=12_000)
    kakaopay.fault("order", before="html_502")
    status, _ = audit("--workers", "1")
    assert status == 2
    run = last_run()
    assert (run.outcome, run.checked, run.unanswered, run.differences) == ("INCOMPLETE", 2, 1, 1)


def test_a_dry_run_changes_and_keeps_nothing(books, kakaopay):
    """It prints what it would report; no run, no discrepancy, no refund, no call is kept."""
    charge, failed = books.sell_all([(11_000, ())] * 2)
    action = kakaopay.console_refund(charge.tid, 3_000)
    kakaopay.alter(failed.tid, status="FAIL_PAYMENT")
    before = list(PaymentTransaction.objects.values())
    status, out = audit("--dry-run")
    assert status == 1
    assert [line.split(":")[0] for line in sorted(out.splitlines())[1:]] == [
        f"MISSING_HERE {charge.order.number} {charge.tid} {action.aid}",
        f"STATUS {failed.order.number} {failed.tid}",
    ]
    assert list(PaymentTransaction.objects.values()) == before
    for model in (ReconciliationRun, Discrepancy, ProviderCall, StatementEntry):
        assert model.objects.count() == 0
    assert set(Order.objects.values_list("status", flat=True)) == {"PAID"}


def test_json_is_one_document(books, kakaopay):
    """Differences, what was put right, and the counts."""
    charge = books.sell()
    kakaopay.console_refund(charge.tid, 3_000)
    kakaopay.alter(books.sell().tid, total=12_000)
    _, out = audit("--json")
    told = json.loads(out)
    kinds = {each["kind"]: each["put_right"] for each in told["differences"]}
    assert set(kinds) == {"AMOUNT", "MISSING_HERE"}
    assert kinds["AMOUNT"] == ""
    assert "3000 won" in kinds["MISSING_HERE"]
    assert told["counts"] == {"checked": 2, "settled": 0, "differences": 2, "unanswered": 0}
    assert told["outcome"] == "DIFFERENT"


def test_json_without_differences_is_a_document_too(books):
    """An empty list, not no list."""
    books.sell()
    assert json.loads(audit("--json")[1])["differences"] == []


def test_the_rate_is_kept(books):
    """Six lookups at ten a second take half a second, however many workers there are."""
    books.sell_all([(11_000, ())] * 6)
    began = time.monotonic()
    audit("--rate", "10", "--workers", "4")
    assert time.monotonic() - began >= 0.5
    started = sorted(ProviderCall.objects.values_list("started_at", flat=True))
    assert started[-1] - started[0] >= timedelta(seconds=0.45)


def test_every_payment_is_looked_up_once(books):
    """Fifty payments and four workers make fifty calls."""
    books.sell_all([(11_000, ())] * 50)
    assert audit("--workers", "4")[0] == 0
    assert ProviderCall.objects.count() == 50
    assert ProviderCall.objects.values("transaction").distinct().count() == 50


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--until", "2026-11-21"], "--until needs --since."),
        (["--since", "2026-11-21", "--until", "2026-11-20"], "--until must be after --since."),
        (["--since", "yesterday"], "“yesterday” is neither a day"),
        (["--pending", "--since", "2026-11-21"], "--pending goes with neither"),
        (["--since", "2026-11-21", "--older-than", "3"], "--older-than goes with --pending only."),
        (["--workers", "0"], "“0” is not a whole number from 1 on"),
        (["--rate", "-1"], "“-1” is not a number above 0"),
    ],
)
def test_wrong_options_are_one_sentence(db, options, says):
    """And nothing is begun."""
    with pytest.raises(CommandError, match=re.escape(says)):
        call_command("reconcile_payments", *options)
    assert ReconciliationRun.objects.count() == 0


@pytest.mark.parametrize(
    ("ended", "is_left"),
    [
        ({"outcome": "INCOMPLETE", "finished_at": timezone.now() + timedelta(hours=1)}, True),
        ({"outcome": "RUNNING"}, True),  # and nobody holds its lock: it was killed
        ({"outcome": "AGREED", "finished_at": timezone.now() + timedelta(hours=1)}, False),
        ({"outcome": "INCOMPLETE", "since": None}, False),  # over another period
    ],
)
def test_a_run_that_shared_its_work_with_one_that_stopped(db, ended, is_left):
    """What the other had taken and did not compare is not proven."""
    now = timezone.now()
    like = {"mode": "AUDIT", "gateway": "kakaopay", "since": now - timedelta(days=1), "until": now}
    mine = ReconciliationRun.objects.create(**like)
    ReconciliationRun.objects.create(**(like | ended))
    assert runs.is_left_undone(mine, mine.started_at) is is_left
