"""What differs is kept once, and stays explained once a person has explained it."""

from dataclasses import replace

import pytest
from django.utils import timezone

from checkout import discrepancies
from checkout.discrepancies import Difference
from checkout.models import Discrepancy, ReconciliationRun
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

MISSING = Difference(
    kind=Discrepancy.Kind.MISSING_HERE,
    gateway="kakaopay",
    tid="T1",
    aid="A1",
    their_status="SUCCESS_PAYMENT",
    their_amount=1000,
)


def report(difference=MISSING, **given):
    return discrepancies.report(difference, now=timezone.now(), **given)


def close(row, by, evidence="export.csv, line 3", explanation="A test of the merchant's."):
    discrepancies.close(row, by=by, evidence=evidence, explanation=explanation, now=timezone.now())


def test_the_same_difference_has_one_open_row():
    """Found again it is the row it was; the run that came later is not its finder."""
    runs = [ReconciliationRun.objects.create(mode="AUDIT", gateway="kakaopay") for _ in "ab"]
    first = report(run=runs[0])
    assert report(run=runs[1]).pk == first.pk
    assert Discrepancy.objects.get().run == runs[0]


def test_a_run_takes_what_recovery_reported():
    """A row that no run had found is found by the first one."""
    report()
    run = ReconciliationRun.objects.create(mode="AUDIT", gateway="kakaopay")
    report(run=run)
    assert Discrepancy.objects.get().run == run


@pytest.mark.parametrize("tid", ["T1", ""])
def test_a_run_adopts_what_was_found_on_its_payment(paid, tid):
    """Of charges whose ``tid`` is not known, only its own."""
    run = ReconciliationRun.objects.create(mode="PENDING", gateway="kakaopay")
    won = {"amount": 1_000, "tax_free": 0, "vat": 91}
    mine, other = paid.transactions.get(), paid.transactions.create(kind="REFUND", **won)
    for txn in (mine, other):
        aid = txn.public_id.hex
        report(replace(MISSING, tid=tid and f"T{txn.pk}", aid=aid, transaction=txn))
        txn.tid = tid and f"T{txn.pk}"
    assert [row.transaction for row in discrepancies.adopt(run, mine)] == [mine]
    assert Discrepancy.objects.get(run=run).transaction == mine


@pytest.mark.parametrize("field", ["tid", "aid", "kind"])
def test_another_difference_is_another_row(field):
    """Provider, tid, aid and kind together say which difference it is."""
    report()
    report(replace(MISSING, **{field: "STATUS"}))
    assert Discrepancy.objects.count() == 2


def test_racing_reports_keep_one_row():
    """Eight at once: none fails, one row stays."""
    at_once(report, times=8)
    assert Discrepancy.objects.count() == 1


def test_what_was_explained_is_not_reported_again(shopper):
    """The same figures, closed by a person: there is nothing to say."""
    close(report(), shopper)
    assert report() is None
    assert Discrepancy.objects.count() == 1


def test_other_figures_are_another_matter(shopper):
    """The explanation was for 1,000 won; 2,000 are not explained by it."""
    close(report(), shopper)
    assert report(replace(MISSING, their_amount=2000)).their_amount == 2000
    assert Discrepancy.objects.filter(closed_at=None).count() == 1


def test_what_was_put_right_is_closed_at_once():
    """With what was done as its explanation, and nobody as the one who closed it."""
    row = report(put_right="1,000 won were entered")
    assert (row.explanation, row.closed_by, row.evidence) == ("1,000 won were entered", None, "")
    assert row.closed_at is not None


def test_putting_right_closes_the_open_row():
    """What waited for a person no longer does."""
    first = report()
    assert report(put_right="entered").pk == first.pk
    assert not Discrepancy.objects.filter(closed_at=None).exists()


def test_what_recovery_put_right_is_reported_if_it_is_back():
    """Only a person's explanation holds for the next time."""
    report(put_right="entered")
    assert report() is not None


@pytest.mark.parametrize("missing", ["evidence", "explanation"])
def test_closing_needs_evidence_and_explanation(missing, shopper):
    """Blanks are none."""
    row = report()
    with pytest.raises(discrepancies.NotExplained):
        close(row, shopper, **{missing: "  "})
    row.refresh_from_db()
    assert row.closed_at is None


def test_closing_twice_is_refused(shopper):
    """The first explanation stands."""
    row = report()
    close(row, shopper, explanation="first")
    with pytest.raises(discrepancies.AlreadyClosed):
        close(Discrepancy.objects.get(), shopper, explanation="second")
    assert Discrepancy.objects.get().explanation == "first"
