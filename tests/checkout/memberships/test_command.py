"""``charge_memberships`` as people and schedulers run it: several at once, interrupted, piped."""

import json
import signal
import time
from datetime import timedelta
from functools import partial
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import BillingAgreement, Membership, MembershipPeriod
from checkout import renewals, tasks
from checkout.crew import Crew
from checkout.models import Mail, ProviderCall
from orders.models import Order, PaymentTransaction
from shop.models import Product
from tests import commands
from tests.checkout.memberships.conftest import charges_of, membership_of
from tests.queries import queries_of

pytestmark = pytest.mark.django_db(transaction=True)

Status = PaymentTransaction.Status
#: Of a period that was bought then, the next is due, and its grace period is not over.
LONG_AGO = timedelta(days=33)


@pytest.fixture
def due(buy, monthly, at):
    """Memberships that are due now: ``due(3)``."""

    def make(count=1, plan=None):
        now = timezone.now()
        then = at(now - LONG_AGO)
        made = [membership_of(buy(plan or monthly, now=then).user) for _ in range(count)]
        at(timezone.now())
        return made

    return make


@pytest.fixture
def command(kakaopay):
    """Start the command as a process of its own."""
    with commands.processes(kakaopay) as start:
        yield partial(start, "charge_memberships")


in_process = partial(commands.run_here, "charge_memberships")


def renewals_paid():
    return Order.objects.filter(kind="RENEWAL", status=Order.Status.PAID).count()


class TestWhatItDoes:
    def test_all_that_is_due_is_charged_once(self, due, kakaopay):
        """Each by one order; the sums are the provider's. A second run finds nothing."""
        made = due(3)
        status, told = in_process("--json")
        said = json.loads(told)
        assert (status, said["renewed"], said["won"], said["not_renewed"]) == (0, 3, 14_700, [])
        assert renewals_paid() == 3
        assert [charges_of(each, kakaopay) for each in made] == [2, 2, 2]
        status, told = in_process("--json")
        assert (status, json.loads(told)["renewed"]) == (0, 0)
        assert [charges_of(each, kakaopay) for each in made] == [2, 2, 2]

    def test_a_dry_run_changes_nothing(self, due, make_plan, kakaopay):
        """It says what would be charged, at the price that was agreed, and asks nobody."""
        first, second = due(), due(plan=make_plan(price=12_000))
        due()
        Membership.objects.filter(pk=first[0].pk).update(lasts_until=timezone.now())
        before = ProviderCall.objects.count()
        status, told = in_process("--dry-run")
        lines = told.splitlines()
        assert status == 0
        assert f"{second[0].pk} {second[0].plan} from {day_of(second[0])}: 12,000 won" in lines
        assert lines[-1] == (
            "2 memberships would be charged 16,900 won, 0 wait for a payment, 1 would end"
        )
        assert json.loads(in_process("--dry-run", "--json")[1]) == {
            "dry_run": True,
            "due": 2,
            "waiting": 0,
            "won": 16_900,
            "ending": 1,
        }
        assert ProviderCall.objects.count() == before
        assert not MembershipPeriod.objects.filter(status="DUE").exists()
        assert charges_of(second[0], kakaopay) == 1

    def test_a_dry_run_knows_what_is_in_doubt(self, due, kakaopay):
        """A period whose charge is not answered yet would not be charged."""
        (membership,) = due()
        kakaopay.fault("subscription", after="drop")
        renewals.renew(membership.pk, now=timezone.now())
        Membership.objects.update(charge_at=timezone.now())
        status, told = in_process("--dry-run")
        assert told.splitlines()[-1].startswith("0 memberships would be charged 0 won, 1 wait")
        assert status == 0

    def test_what_ran_out_ends_first(self, due, kakaopay):
        """It is not charged any more; its shopper is told."""
        ended, renewed = due(2)
        Membership.objects.filter(pk=ended.pk).update(lasts_until=timezone.now())
        status, told = in_process("--json")
        said = json.loads(told)
        assert (status, said["ended"], said["renewed"]) == (0, 1, 1)
        assert Membership.objects.get(pk=ended.pk).ended_at
        assert Mail.objects.filter(event="UNPAID").count() == 1
        assert (charges_of(ended, kakaopay), charges_of(renewed, kakaopay)) == (1, 2)


class TestWhatItSays:
    def test_a_refusal_by_the_payer_is_no_failure(self, due, kakaopay):
        """Exit status 0, and a line with the order and the reason."""
        good, bad = due(2)
        kakaopay.decline_subscription(bad.agreement.sid, "NOT_ENOUGH_BALANCE")
        status, told = in_process()
        order = Order.objects.get(kind="RENEWAL", user=bad.user)
        first, summary, rate, *provider = told.splitlines()
        assert status == 0
        assert first == f"{bad.pk} {order.number} refused -782 NOT_ENOUGH_BALANCE"
        assert summary == (
            "1 renewed, 1 refused, 0 fault, 0 unknown, 0 postponed; 0 ended; 4,900 won charged"
        )
        assert " memberships a second, " in rate
        assert [line.partition(":")[0] for line in provider] == [
            "the provider, asked 3 times (status)",
            "the provider, asked 2 times (subscription)",
        ]
        assert charges_of(good, kakaopay) == 2

    @pytest.mark.parametrize("code", [-750, -753, -731])
    def test_a_refusal_by_our_fault(self, due, kakaopay, code):
        """Somebody has to look into it: exit status 1, and the code."""
        (membership,) = due()
        kakaopay.fault("subscription", before=f"error:{code}")
        status, told = in_process("--json")
        said = json.loads(told)
        assert (status, said["fault"], said["refused"]) == (1, 1, 0)
        assert said["not_renewed"][0]["why"] == str(code)
        assert charges_of(membership, kakaopay) == 1

    def test_our_fault_after_a_refusal_by_the_payer(self, due, kakaopay):
        """It is told of this very charge, whatever was before."""
        (membership,) = due()
        Membership.objects.update(failing_since=timezone.now(), attempts=1, refusal="PAYER")
        kakaopay.fault("subscription", before="error:-731")
        status, told = in_process("--json")
        assert (status, json.loads(told)["fault"]) == (1, 1)
        assert membership_of(membership.user).refusal == "PAYER"

    def test_a_lost_answer_is_unknown(self, due, kakaopay):
        """Exit status 1; another run does not charge it again."""
        (membership,) = due()
        kakaopay.fault("subscription", after="drop")
        status, told = in_process("--json")
        said = json.loads(told)
        assert (status, said["unknown"], said["won"]) == (1, 1, 0)
        assert said["not_renewed"][0]["membership"] == str(membership.pk)
        assert in_process()[0] == 0
        assert charges_of(membership, kakaopay) == 2

    def test_a_provider_that_does_not_answer(self, due, kakaopay):
        """Nothing is charged; each is postponed, and charged by a later run."""
        made = due(2)
        kakaopay.fault("status", before="http_500", times=None)
        status, told = in_process("--json")
        assert (status, json.loads(told)["postponed"]) == (1, 2)
        kakaopay.clear_faults()
        later = timezone.now() + renewals.LEASE
        done = renewals.charge_due(crew=Crew(), clock=lambda: later)
        assert [each.said for each in done] == ["renewed", "renewed"]
        assert [charges_of(each, kakaopay) for each in made] == [2, 2]

    def test_what_nobody_expected_does_not_stop_the_others(self, due, make_plan, kakaopay, caplog):
        """It is logged with its trace, postponed for a while, and exit status 1 tells of it."""
        (no_product,), (no_key, good) = due(plan=make_plan()), due(2)
        Product.objects.filter(plan=no_product.plan).update(plan=None)
        BillingAgreement.objects.filter(pk=no_key.agreement.pk).update(sealed_sid="nonsense")
        status, told = in_process("--json", "--workers", "1")
        said = json.loads(told)
        assert (status, said["renewed"], said["postponed"]) == (1, 1, 2)
        assert [each["membership"] for each in said["not_renewed"]] == [
            str(no_product.pk),
            str(no_key.pk),
        ]
        assert "SECRET_KEY" in said["not_renewed"][1]["why"]
        assert f"membership {no_product.pk} could not be renewed" in caplog.text
        assert not renewals.due(now=timezone.now()).exists()
        assert [charges_of(each, kakaopay) for each in (no_product, no_key, good)] == [1, 1, 2]


def day_of(membership):
    return f"{timezone.localtime(membership.paid_until):%Y-%m-%d}"


class TestManyAtOnce:
    def test_two_commands_share_the_work(self, due, command, kakaopay):
        """Each membership is renewed by one of them, and none is charged twice."""
        made = due(24)
        both = [command("--json", "--workers", "3") for _ in "ab"]
        said = [json.loads(each.communicate(timeout=300)[0]) for each in both]
        assert [each.returncode for each in both] == [0, 0]
        assert sum(each["renewed"] for each in said) == 24
        assert sum(each["won"] for each in said) == 24 * 4_900
        assert renewals_paid() == 24
        assert {charges_of(each, kakaopay) for each in made} == {2}

    def test_a_killed_command_is_run_again(self, due, command, kakaopay):
        """What it had begun is charged by a later run or was charged, and nothing twice."""
        made = due(12)
        kakaopay.fault("subscription", before="stall:60")
        killed = command("--workers", "2")
        wait_for(lambda: renewals_paid() == 2)
        killed.kill()
        killed.wait()
        due_again = Membership.objects.filter(periods__status="DUE")
        due_again.update(charge_at=timezone.now())  # the leases of the killed one are over
        in_process()
        doubts = PaymentTransaction.objects.filter(status=Status.PROCESSING)
        in_doubt = set(doubts.values_list("order__user", flat=True))
        assert 1 <= len(in_doubt) <= 2  # what its two threads had in hand
        assert renewals_paid() == 12 - len(in_doubt)
        charged = {each.user_id: charges_of(each, kakaopay) for each in made}
        assert all(charged[user] == 2 for user in charged if user not in in_doubt)
        assert all(charged[user] in {1, 2} for user in in_doubt)

    def test_sigterm_finishes_what_is_in_hand(self, due, command):
        """Nothing is left in doubt; the summary is printed; exit status 2."""
        due(8)
        slow = command("--workers", "1", "--rate", "4")
        wait_for(lambda: renewals_paid() >= 1)
        slow.send_signal(signal.SIGTERM)
        told, _ = slow.communicate(timeout=120)
        assert slow.returncode == 2
        assert "stopped before all that was due was charged: run it again" in told
        assert 1 <= renewals_paid() < 8
        assert not PaymentTransaction.objects.filter(status=Status.PROCESSING).exists()

    def test_the_rate_counts_calls(self, due):
        """At ten calls a second, three renewals take at least the time of their first four."""
        due(3)
        began = time.monotonic()
        assert in_process("--rate", "10", "--workers", "3")[0] == 0
        assert time.monotonic() - began >= 0.4


class TestWhatItCosts:
    def test_statements(self, due):
        """One renewal takes so many, however long the membership has lasted."""
        (membership,) = due()
        counted = []
        for _ in range(2):
            now = timezone.now()
            counted.append(len(queries_of(lambda at=now: renewals.renew(membership.pk, now=at))))
            long_before = now - timedelta(hours=1)
            Membership.objects.update(charge_at=now)
            type(membership.agreement).objects.update(used_at=long_before)
        assert counted[0] == counted[1] <= 38
        assert renewals_paid() == 2


class TestTheWorker:
    def test_it_charges(self, due, kakaopay):
        """The periodic task calls the function that the command calls."""
        made = due(2)
        assert tasks.charge_memberships(0) == 2
        assert tasks.charge_memberships(0) == 0
        assert [charges_of(each, kakaopay) for each in made] == [2, 2]

    def test_a_run_begins_nothing_new_when_its_time_is_over(self, due):
        """What is left over is the next run's."""
        due(5)
        assert len(list(renewals.charge_due(crew=Crew(), seconds=0))) < 5
        assert len(list(renewals.charge_due(crew=Crew()))) > 0
        assert renewals_paid() == 5

    def test_it_ends_what_ran_out_and_the_agreement_with_it(self, due, kakaopay):
        """The membership first, then its agreement at the provider."""
        (membership,) = due()
        Membership.objects.update(lasts_until=timezone.now())
        assert tasks.end_memberships(0) == 1
        assert tasks.end_agreements(0) == 1
        membership.agreement.refresh_from_db()
        assert (membership.agreement.status, membership.agreement.ended_by) == ("ENDED", "SHOP")
        assert kakaopay.subscription(membership.agreement.sid).status == "INACTIVE"
        assert (tasks.end_memberships(0), tasks.end_agreements(0)) == (0, 0)

    def test_it_finds_what_the_payer_has_ended(self, due, kakaopay):
        """Only agreements that nobody has asked about for long are asked about."""
        first, second = due(2)
        for each in (first, second):
            kakaopay.end_subscription(each.agreement.sid)
        second.agreement.checked_at = timezone.now()
        second.agreement.save()
        assert tasks.check_agreements(0) == 1
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.refusal, first.is_failing, first.charge_at) == ("ENDED", True, None)
        assert not second.is_failing
        assert Mail.objects.filter(event="METHOD").count() == 1

    def test_nobody_ends_a_membership_that_cannot_be_ended_for_the_others(self, due):
        """One whose mail cannot be written does not keep the others from their end."""
        broken, other = due(2)
        Order.objects.filter(user=broken.user).update(period=None)
        Membership.objects.update(lasts_until=timezone.now())
        assert tasks.end_memberships(0) == 1
        assert Membership.objects.get(ended_at__isnull=False) == other


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def test_tending(due, kakaopay):
    """``tend_memberships`` does the worker's other duties, and says how many of each."""
    ended, told, gone = due(3)
    Membership.objects.filter(pk=ended.pk).update(lasts_until=timezone.now())
    assert tasks.end_memberships(0) == 1
    kakaopay.end_subscription(gone.agreement.sid)
    told.plan.price = 5_900
    told.plan.save()
    out = StringIO()
    call_command("tend_memberships", stdout=out)
    assert out.getvalue().splitlines() == [
        "agreements ended at the provider: 1",
        "agreements found ended by their payers: 1",
        "members told of another price: 2",
        "members told that their trial ends: 0",
    ]
