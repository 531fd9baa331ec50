"""A statement is compared with our books: every difference is found, and none invented."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from checkout import discrepancies
from checkout.models import Discrepancy, ProviderCall, ReconciliationRun, StatementEntry
from orders.models import Order, PaymentTransaction
from tests.checkout.two_books import Kind, Status, TwoBooks, found

pytestmark = pytest.mark.django_db(transaction=True)
HEADER = "거래일시,거래구분,결제번호(TID),승인번호(AID),주문번호,거래금액"


@pytest.fixture
def books(kakaopay, shopper):
    return TwoBooks(kakaopay, shopper)


@pytest.fixture
def compare(tmp_path):
    """Write rows into a file and compare it. Returns the exit status and what was printed."""

    def run_command(rows, *options, header=HEADER):
        file = tmp_path / "statement.csv"
        file.write_text("\n".join([header, *rows]))
        return compare_file(file, *options)

    return run_command


def compare_file(file, *options):
    out = StringIO()
    try:
        call_command("reconcile_payments", "--statement", str(file), *options, stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


def row(txn, **changed):
    """The line that a statement has for a transaction."""
    is_refund = txn.kind == Kind.REFUND
    entry = {
        "at": timezone.localtime(txn.approved_at or txn.created_at).strftime("%Y-%m-%d %H:%M:%S"),
        "kind": "취소" if is_refund else "승인",
        "tid": txn.tid,
        "aid": txn.aid,
        "order": txn.order.number,
        "amount": -txn.amount if is_refund else txn.amount,
    }
    return ",".join(str(value) for value in (entry | changed).values())


def rows():
    return [row(txn) for txn in moved()]


def moved():
    """What moved, charges first."""
    return PaymentTransaction.objects.filter(status=Status.SUCCEEDED).order_by("kind", "pk")


@pytest.mark.parametrize(
    ("kind", "encoding", "days"),
    [("csv", "utf-8", 300), ("csv", "cp949", 301), ("xlsx", "utf-8", 302)],
)
def test_the_sandboxs_own_statement_agrees(books, kakaopay, tmp_path, kind, encoding, days):
    """Paid, and refunded in part, twice and in full; in every form it is exported in."""
    books.at = timezone.now() + timedelta(days=days)  # when no other test sells anything
    books.sell_all([(11_000, ()), (11_000, (1_000, 2_000)), (5_000, (5_000,))])
    books.begin(status="QUIT_PAYMENT")
    day = timezone.localdate(books.at)
    file = tmp_path / f"statement.{kind}"
    file.write_bytes(kakaopay.statement(day, day, kind=kind, encoding=encoding))
    status, out = compare_file(file)
    assert out == "6 lines compared, 0 outcomes settled, 0 differences, 0 unanswered: AGREED\n"
    assert status == 0


def test_every_planted_difference_is_found_and_no_other(books, compare):
    """One of each kind, and of each way it can come about, among lines that agree."""
    sold = books.sell_all([(11_000, ())] * 6 + [(11_000, (1_000, 2_000))] * 3 + [(9_000, ())] * 9)
    absent, amount, twice, charges = sold[0], sold[1], sold[2], sold[3:]
    status = books.begin(here=Status.FAILED)
    second = books.ours(charges[0].order, Kind.CHARGE, 11_000, "T-2", "", status=Status.CANCELED)
    second.save()
    refunds = list(PaymentTransaction.objects.filter(kind=Kind.REFUND).order_by("pk"))
    lines = [row(each) for each in charges]
    lines += [row(amount, amount="11,001".replace(",", "")), row(twice), row(twice)]
    lines += [row(status, aid="A-3"), row(second, aid="A-2")]
    lines += [row(refunds[0], amount=-1_001), row(refunds[1]), row(refunds[3]), row(refunds[4])]
    lines += [row(refunds[5]), row(refunds[5], aid="A-4", amount=-300)]
    lines += [row(charges[1], tid="T-5", aid="A-5", order="not ours")]
    assert compare(lines)[0] == 1
    assert found() == {
        ("MISSING_THERE", absent.tid, ""),
        ("AMOUNT", amount.tid, ""),
        ("DUPLICATE", twice.tid, ""),
        ("STATUS", status.tid, ""),
        ("DUPLICATE", "T-2", ""),
        ("AMOUNT", refunds[0].tid, refunds[0].aid),
        ("MISSING_THERE", refunds[2].tid, refunds[2].aid),
        ("MISSING_HERE", refunds[5].tid, "A-4"),
        ("MISSING_HERE", "T-5", ""),
    }
    assert Discrepancy.objects.filter(closed_at=None).count() == 9
    assert ReconciliationRun.objects.get().differences == 9


def test_both_sides_figures_are_kept(books, compare):
    """And the line of the file."""
    charge = books.sell()
    _, out = compare([row(charge, amount=12_000)])
    kept = Discrepancy.objects.get()
    assert (kept.our_status, kept.our_amount) == ("SUCCEEDED", 11_000)
    assert (kept.their_status, kept.their_amount) == ("approved", 12_000)
    assert (kept.order_number, kept.transaction) == (charge.order.number, charge)
    assert out.splitlines()[0] == (
        f"AMOUNT {charge.order.number} {charge.tid}: ours SUCCEEDED 11,000, "
        "theirs approved 12,000: line 2: the payment has another amount"
    )


def test_nothing_is_moved_or_entered(books, compare, kakaopay):
    """A refund that we do not hold is reported, not booked; nobody is asked anything."""
    charge = books.sell()
    refund = books.ours(charge.order, Kind.REFUND, 3_000, charge.tid, "A-1")
    before = list(PaymentTransaction.objects.values())
    assert compare([row(charge), row(refund)])[0] == 1
    assert found() == {("MISSING_HERE", charge.tid, "A-1")}
    assert Discrepancy.objects.get().closed_at is None
    assert list(PaymentTransaction.objects.values()) == before
    assert set(Order.objects.values_list("status", flat=True)) == {"PAID"}
    assert ProviderCall.objects.count() == 0


def test_an_audit_and_a_statement_share_one_row(books, compare, kakaopay):
    """The same difference, found in two ways, is one thing to explain."""
    charge = books.sell()
    kakaopay.alter(charge.tid, total=12_000)
    compare([row(charge, amount=12_000)])
    with pytest.raises(SystemExit):
        call_command(
            "reconcile_payments", "--since", timezone.localdate().isoformat(), stdout=StringIO()
        )
    assert Discrepancy.objects.count() == 1


def test_what_was_explained_is_not_reported_again(books, compare, shopper):
    """The same file agrees once its difference is explained."""
    line = row(books.sell(), amount=12_000)
    compare([line])
    discrepancies.close(
        Discrepancy.objects.get(), by=shopper, evidence="a", explanation="b", now=timezone.now()
    )
    assert compare([line])[0] == 0


def test_refunds_without_aids_are_compared_in_sum(books, compare):
    """A file without that column: each payment's refunds together."""
    sold = books.sell_all([(11_000, (1_000, 2_000)), (11_000, (1_000, 2_000)), (11_000, ())])
    header = HEADER.replace("승인번호(AID),", "")
    lines = [",".join(line.split(",")[:3] + line.split(",")[4:]) for line in rows()]
    back = f"{timezone.localdate()},취소,{sold[2].tid},{sold[2].order.number},-500"
    assert compare(lines, header=header)[0] == 0
    assert compare([*lines[:-1], back], header=header)[0] == 1
    assert found() == {("AMOUNT", sold[1].tid, ""), ("MISSING_HERE", sold[2].tid, "")}
    amounts = Discrepancy.objects.filter(kind="AMOUNT").values_list("our_amount", "their_amount")
    assert list(amounts) == [(3_000, 1_000)]


def test_two_payments_of_one_order_are_a_duplicate(books, compare):
    """One that we hold, and one that we never heard of."""
    charge = books.sell()
    assert compare([row(charge), row(charge, tid="T-2", aid="A-2")])[0] == 1
    assert found() == {("DUPLICATE", "T-2", "")}


def test_the_files_days_are_its_period(books, compare):
    """What moved on another day is not missing; with --since and --until it is."""
    today = books.sell()
    books.at = timezone.now() - timedelta(days=2)
    earlier = books.sell()
    assert compare([row(today)])[0] == 0
    day = timezone.localdate(books.at).isoformat()
    options = ["--since", day, "--until", timezone.localdate().isoformat()]
    assert compare([row(today)], *options)[0] == 1
    assert found() == {("MISSING_THERE", earlier.tid, "")}


def test_an_empty_statement_of_a_given_day(books, compare):
    """No line at all, for a day on which we sold: everything is missing there."""
    charge = books.sell()
    with pytest.raises(CommandError, match="it has no movements") as failed:
        compare([])
    assert failed.value.returncode == 2
    assert compare([], "--since", timezone.localdate().isoformat())[0] == 1
    assert found() == {("MISSING_THERE", charge.tid, "")}


def test_the_entries_do_not_stay(books, compare):
    """They are kept only while they are compared; also those of a run that was killed."""
    dead = ReconciliationRun.objects.create(mode="STATEMENT", gateway="kakaopay")
    dead.entries.create(line=1, kind="CHARGE", tid="T", amount=1, moved_at=timezone.now())
    books.sell()
    compare(rows())
    assert StatementEntry.objects.count() == 0


def test_an_unreadable_line_ends_the_run(books, compare):
    """One sentence with the line, exit status 2, nothing reported, no entries left."""
    charge = books.sell()
    with pytest.raises(CommandError) as failed:
        compare([row(charge, amount=1), row(charge, amount="12,,0").replace("12,,0", "12원x")])
    assert failed.value.returncode == 2
    assert str(failed.value).endswith(
        "statement.csv cannot be read: line 3: “12원x” is not an amount in won"
    )
    assert (Discrepancy.objects.count(), StatementEntry.objects.count()) == (0, 0)
    assert ReconciliationRun.objects.get().outcome == "INCOMPLETE"


def test_a_dry_run_keeps_nothing(books, compare):
    """It prints what it would report."""
    status, out = compare([row(books.sell(), amount=12_000)], "--dry-run")
    assert status == 1
    assert out.startswith("AMOUNT ")
    for model in (ReconciliationRun, Discrepancy, StatementEntry):
        assert model.objects.count() == 0


def test_as_json(books, compare, tmp_path):
    """One document; also if the file cannot be read."""
    told = json.loads(compare([row(books.sell(), amount=12_000)], "--json")[1])
    assert [each["kind"] for each in told["differences"]] == ["AMOUNT"]
    assert (told["mode"], told["source"], told["counts"]["checked"]) == (
        *("STATEMENT", "statement.csv"),
        1,
    )
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("reconcile_payments", "--statement", "none.csv", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {
        "differences": [],
        "error": "none.csv cannot be read: No such file or directory",
    }
