"""A charge whose answer was lost gets its tid: from a person, or from a statement."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from checkout import asking, auditing, naming, renewals
from checkout.crew import Crew
from checkout.models import Discrepancy, ProviderCall, ReconciliationRun
from checkout.runs import Period, Unwatched
from orders import refunding
from orders.models import Order, PaymentTransaction, Refund
from tests.checkout.desk.memberships import KST, lose_the_answer, told
from tests.checkout.memberships.conftest import (
    at,
    buy,
    make_plan,
    make_user,
    membership_of,
    monthly,
)
from tests.staff import form_of, give_back, operator, staff

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["at", "buy", "make_plan", "make_user", "monthly"]

JANUARY = datetime(2027, 1, 31, 14, tzinfo=KST)
SAID = {"evidence": "partner site, 28 February", "explanation": "The answer was lost."}


@pytest.fixture
def membership(buy, monthly, at):
    return membership_of(buy(monthly, now=at(JANUARY)).user)


@pytest.fixture
def row(membership, kakaopay, at) -> Discrepancy:
    """4,900 won were taken for a renewal, and nobody knows under which tid."""
    return lose_the_answer(membership, kakaopay, at)


@pytest.fixture
def tid(row, kakaopay) -> str:
    """As it stands in KakaoPay's own site."""
    return kakaopay.payments(row.order_number)[0].tid


@pytest.fixture
def closer(client, db):
    person = staff("closer@example.com", "view_discrepancy", "close_discrepancy", "view_order")
    client.force_login(person)
    return person


def address(row, name="name_payment"):
    return reverse(f"admin:checkout_discrepancy_{name}", args=[row.pk])


def enter(client, row, tid, **more):
    form = SAID | {"tid": tid} | more
    return client.post(address(row), form, headers={"accept-language": "en"})


def charge_of(row) -> PaymentTransaction:
    return PaymentTransaction.objects.select_related("order").get(pk=row.transaction_id)


def unchanged(row) -> bool:
    row.refresh_from_db()
    return charge_of(row).tid == charge_of(row).aid == "" and row.closed_at is None


class TestByHand:
    def test_it_is_proven_and_kept(self, client, closer, row, tid, kakaopay):
        """tid, aid and card are those of KakaoPay's books; closed with the evidence, and logged."""
        assert address(row) in client.get(address(row, "change")).content.decode()
        assert row.order_number in client.get(address(row)).content.decode()
        answer = enter(client, row, f" {tid} ")
        assert answer.headers["Location"] == address(row, "change")
        charge, (action,) = charge_of(row), kakaopay.payment(tid).actions
        assert (charge.tid, charge.aid, charge.card_issuer) == (tid, action.aid, "신한")
        row.refresh_from_db()
        assert (row.closed_by, row.evidence, row.explanation) == (closer, *SAID.values())
        log = LogEntry.objects.get()
        assert (log.user, log.change_message) == (
            closer,
            f"Named: {charge.order.number} {tid} {action.aid}",
        )
        assert client.get(address(row), follow=True).redirect_chain[-1][0] == address(row, "change")

    def test_then_it_is_refunded(self, client, closer, row, tid, kakaopay):
        """Before that nothing can go back; afterwards as of any order."""
        with pytest.raises(refunding.NotNamed):
            give_back(row.transaction.order, refunding.everything())
        enter(client, row, tid)
        refund = give_back(row.transaction.order, refunding.everything())
        assert refund.status == Refund.Status.SUCCEEDED
        assert kakaopay.payment(tid).canceled_total == 4_900

    def test_what_went_back_there_is_entered(self, client, closer, row, tid, kakaopay):
        """Somebody has refunded it in the partner site meanwhile."""
        kakaopay.console_refund(tid, 900)
        enter(client, row, tid)
        external = PaymentTransaction.objects.get(is_external=True)
        assert (external.tid, external.amount) == (tid, 900)
        assert charge_of(row).order.status == Order.Status.PARTIALLY_REFUNDED

    def test_a_tid_of_another_order(self, client, closer, row, buy, monthly, make_user, kakaopay):
        """It is in our books already, or it is not this order's: nothing is taken."""
        other = buy(monthly, user=make_user(), now=timezone.now())
        answer = enter(client, row, other.transactions.get().tid)
        assert answer.status_code == 409
        assert other.number in answer.content.decode()
        assert unchanged(row)

    def test_a_tid_that_is_taken(self, client, closer, row, buy, monthly, make_user, kakaopay):
        """Whatever KakaoPay's books say of it: one payment is in ours once."""
        other = buy(monthly, user=make_user(), now=timezone.now())
        held = other.transactions.get().tid
        kakaopay.alter(held, partner_order_id=row.order_number)
        answer = enter(client, row, held)
        assert answer.status_code == 409
        sentence = f"This payment is in our books already, in order {other.number}."
        assert answer.context["form"].errors["tid"] == [sentence]
        assert unchanged(row)

    def test_another_payment(self, client, closer, row, tid, kakaopay):
        """Another amount, or another order: what stands there is said."""
        kakaopay.alter(tid, total=5_000)
        answer = enter(client, row, tid)
        assert answer.status_code == 409
        text = answer.content.decode()
        assert "Under this tid KakaoPay took ₩5,000" in text
        assert unchanged(row)
        kakaopay.alter(tid, total=4_900, partner_order_id="20270228-OTHERONE")
        assert "20270228-OTHERONE" in enter(client, row, tid).content.decode()
        assert unchanged(row)

    @pytest.mark.parametrize("typed", ["T0000000000000000001", "nonsense!", ""])
    def test_no_tid(self, client, closer, row, typed):
        """Unknown, impossible, or none: a sentence at the field, and nothing is taken."""
        answer = enter(client, row, typed)
        assert answer.status_code in {409, 422}
        assert set(answer.context["form"].errors) == {"tid"}
        assert unchanged(row)

    def test_books_that_cannot_be_read(self, client, closer, row, tid, kakaopay):
        """Then nothing is proven, whoever says so."""
        kakaopay.fault("order", before="html_502", times=None)
        answer = enter(client, row, tid)
        assert answer.status_code == 409
        assert "cannot be read now" in answer.content.decode()
        assert unchanged(row)

    @pytest.mark.parametrize("missing", SAID)
    def test_evidence_is_asked_for(self, client, closer, row, tid, missing):
        """And an explanation: what is missing is said, nothing is asked."""
        calls = ProviderCall.objects.count()
        answer = enter(client, row, tid, **{missing: " "})
        assert (answer.status_code, set(answer.context["form"].errors)) == (422, {missing})
        assert (unchanged(row), ProviderCall.objects.count()) == (True, calls)

    def test_who_may_not(self, client, row, tid):
        """No button, and 403."""
        client.force_login(staff("reader@example.com", "view_discrepancy"))
        assert address(row) not in client.get(address(row, "change")).content.decode()
        assert client.get(address(row)).status_code == 403
        assert enter(client, row, tid).status_code == 403
        assert unchanged(row)

    def test_other_discrepancies_have_no_such_page(self, client, closer, paid):
        """What has a tid is not named."""
        other = Discrepancy.objects.create(
            kind="AMOUNT", gateway="kakaopay", transaction=paid.transactions.get()
        )
        assert address(other) not in client.get(address(other, "change")).content.decode()
        assert len(told(enter(client, other, "T1"))) == 1
        other.refresh_from_db()
        assert other.closed_at is None


class TestUntilThen:
    def test_the_refund_page_says_so(self, client, row):
        """No figures and no button, but a sentence; sending it all the same gives nothing back."""
        client.force_login(operator())
        order = row.transaction.order
        page = reverse("admin:orders_order_refund", args=[order.pk])
        shown = client.get(page, headers={"accept-language": "en"})
        assert "and its tid with it" in shown.context["outlook"].problem
        answer = client.post(page, form_of(order, refunding.everything()))
        assert answer.status_code == 409
        assert not Refund.objects.exists()

    def test_the_orders_page_says_so(self, client, row):
        """The timeline too."""
        client.force_login(operator())
        page = reverse("admin:orders_order_change", args=[row.transaction.order_id])
        text = client.get(page, headers={"accept-language": "en"}).content.decode()
        assert "its tid is not known" in text
        assert "Charged the agreement" in text
        assert address(row, "change") in text

    def test_asking_about_the_order(self, row):
        """Nothing is asked with an empty tid; the answer says why."""
        calls = ProviderCall.objects.count()
        (answer,) = asking.ask(row.transaction.order, now=timezone.now())
        assert answer.said == asking.Said.NO_NAME
        assert ProviderCall.objects.count() == calls

    def test_an_audit_reports_it(self, row):
        """It differs each time until it is named, and is not asked about."""
        calls = ProviderCall.objects.count()
        run = audit_of(charge_of(row))
        assert (run.outcome, run.differences, run.unanswered) == ("DIFFERENT", 1, 0)
        assert ProviderCall.objects.count() == calls
        assert Discrepancy.objects.count() == 1

    def test_an_audit_settles_what_is_in_doubt(self, membership, kakaopay, at):
        """A renewal whose answer was lost: asked by its agreement, and its row is this run's."""
        kakaopay.fault("subscription", after="drop")
        renewals.renew(membership.pk, now=at(membership.charge_at))
        charge = PaymentTransaction.objects.get(status="PROCESSING")
        run = audit_of(charge)
        charge.refresh_from_db()
        assert (charge.status, charge.tid) == ("SUCCEEDED", "")
        assert Discrepancy.objects.get().run == run
        assert (run.differences, run.settled) == (1, 1)

    def test_looking_on_leaves_no_trace(self, membership, kakaopay, at):
        """A dry run tells what the agreement's books say, and settles nothing."""
        kakaopay.fault("subscription", after="drop")
        renewals.renew(membership.pk, now=at(membership.charge_at))
        calls, watch = ProviderCall.objects.count(), Told()
        far = PaymentTransaction.objects.get(status="PROCESSING").sent_at
        auditing.recover(older_than=far, crew=Crew(), watch=watch, is_dry=True)
        assert watch.says == ["charged"]
        assert PaymentTransaction.objects.filter(status="PROCESSING").count() == 1
        assert ProviderCall.objects.count() == calls


class Told(Unwatched):
    """Keeps what was said."""

    def __init__(self):
        self.says = []

    def asked(self, txn, says):
        self.says.append(says)


def audit_of(charge) -> ReconciliationRun:
    period = Period(charge.created_at, charge.created_at + timedelta(microseconds=1))
    return auditing.audit(period, crew=Crew(), watch=Unwatched())


class TestByAStatement:
    """The file of KakaoPay's own site has what the answer had."""

    @pytest.fixture
    def compare(self, tmp_path):
        def run_command(*lines, options=()):
            file = tmp_path / "statement.csv"
            header = "거래일시,거래구분,결제번호(TID),승인번호(AID),주문번호,거래금액"
            file.write_text("\n".join([header, *lines]))
            with suppress(SystemExit):
                call_command("reconcile_payments", "--statement", str(file), *options)

        return run_command

    @pytest.fixture
    def line(self, row):
        charge = charge_of(row)
        moved = timezone.localtime(charge.approved_at).strftime("%Y-%m-%d %H:%M:%S")

        def make(**changed):
            cells = {"at": moved, "kind": "승인", "tid": "T9", "aid": "A9"}
            cells |= {"order": charge.order.number, "amount": charge.amount}
            return ",".join(str(cell) for cell in (cells | changed).values())

        return make

    def test_it_is_named(self, row, compare, line):
        """By the only line of this order and amount; closed by itself, and nothing else differs."""
        compare(line())
        charge = charge_of(row)
        assert (charge.tid, charge.aid) == ("T9", "A9")
        row.refresh_from_db()
        assert (row.closed_by, row.explanation) == (None, "line 2: this payment is T9")
        run = ReconciliationRun.objects.get()
        assert (run.differences, row.run) == (1, run)
        assert Discrepancy.objects.count() == 1

    @pytest.mark.parametrize(
        "changed", [{"amount": 4_901}, {"order": "20270228-OTHERONE"}, {"kind": "취소"}]
    )
    def test_what_does_not_fit(self, row, compare, line, changed):
        """Another amount, another order, or a refund names nothing: a person looks at it."""
        compare(line(**changed))
        assert unchanged(row)

    def test_two_lines_that_could_be_it(self, row, compare, line):
        """Then none is taken."""
        compare(line(), line(tid="T8", aid="A8"))
        assert unchanged(row)

    def test_a_line_that_is_another_payment(self, row, compare, line):
        """A tid or an aid that we hold is not given twice."""
        first = PaymentTransaction.objects.order_by("pk").first()
        compare(line(tid=first.tid), line(aid=first.aid))
        assert unchanged(row)

    def test_a_dry_run(self, row, compare, line, capsys):
        """Tells of it, once, and changes nothing."""
        compare(line(), options=("--dry-run",))
        assert unchanged(row)
        out = capsys.readouterr().out
        assert "1 difference" in out
        assert "NO_NAME" in out


def test_whoever_comes_second(row, tid, closer):
    """A statement was quicker: what this person has typed changes nothing any more."""
    stale = Discrepancy.objects.select_related("transaction__order").get(pk=row.pk)
    PaymentTransaction.objects.filter(pk=row.transaction_id).update(tid="T7")
    with pytest.raises(naming.NotUnnamed):
        naming.name(stale, tid, by=closer, now=timezone.now(), **SAID)
    row.refresh_from_db()
    assert (charge_of(row).tid, row.closed_at) == ("T7", None)
