"""Periodic jobs: each calls the very function that the management command calls."""

import time
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.jobs import Status

from accounts import expiring
from api import idempotency, limits
from checkout import announcing, auditing, mails, payments, reconciliation, renewals
from checkout.crew import Crew
from checkout.runs import Period, Unwatched

#: Longer than a request can take: to connect, to wait for the answer, and for its last piece.
SETTLE_AFTER = timedelta(
    seconds=settings.KAKAOPAY_CONNECT_TIMEOUT_SECONDS
    + 2 * settings.KAKAOPAY_READ_TIMEOUT_SECONDS
    + 2
)
#: A run begins with nothing more after this long, however many wait.
RUN_SECONDS = 40
#: The nightly audit leaves most of the provider's time to buyers.
AUDITED_PER_SECOND = 5
#: So many memberships are renewed at once, by each worker that does it.
RENEWED_AT_ONCE = 4
#: What is asked about agreements, or ended, can wait for what moves money.
AGREEMENTS_PER_SECOND = 5


@app.periodic(cron="* * * * *")
@app.task(queue="orders", queueing_lock="close_abandoned_orders", pass_context=False)
def close_abandoned_orders(timestamp: int) -> int:
    """Returns how many orders were ended."""
    return sum(1 for order in payments.close_abandoned(now=timezone.now()))


@app.periodic(cron="* * * * * */20")
@app.task(queue="payments", queueing_lock="reconcile_payments", pass_context=False)
def reconcile_payments(timestamp: int) -> int:
    """Returns how many transactions were asked about; what is left over waits for the next run."""
    now = timezone.now()
    rows = reconciliation.due(now - SETTLE_AFTER, now=now)
    return sum(1 for txn in reconciliation.settle_stale(rows, now=now, seconds=RUN_SECONDS))


@app.periodic(cron="10 19 * * *")  # UTC: ten past four in Seoul
@app.task(queue="payments", queueing_lock="audit_payments", pass_context=False)
def audit_payments(timestamp: int) -> str:
    """Compare what was begun yesterday and the day before. Returns how the two books agree."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    period = Period(today - timedelta(days=2), today)
    crew = Crew(workers=2, rate=AUDITED_PER_SECOND)
    return auditing.audit(period, crew=crew, watch=Unwatched()).outcome


@app.periodic(cron="* * * * *")
@app.task(queue="payments", queueing_lock="charge_memberships", pass_context=False)
def charge_memberships(timestamp: int) -> int:
    """Returns how many were renewed, or tried to; what is left over waits for the next run."""
    crew = Crew(workers=RENEWED_AT_ONCE)
    return sum(1 for renewal in renewals.charge_due(crew=crew, seconds=RUN_SECONDS))


@app.periodic(cron="*/5 * * * *")
@app.task(queue="orders", queueing_lock="end_memberships", pass_context=False)
def end_memberships(timestamp: int) -> int:
    """Returns how many memberships had run out and were ended."""
    return in_one_run(renewals.end_overdue(now=timezone.now()))


@app.periodic(cron="*/5 * * * *")
@app.task(queue="payments", queueing_lock="end_agreements", pass_context=False)
def end_agreements(timestamp: int) -> int:
    """Returns how many agreements that nothing needs were ended at the provider."""
    crew = Crew(rate=AGREEMENTS_PER_SECOND)
    done = renewals.end_agreements(now=timezone.now(), crew=crew, seconds=RUN_SECONDS)
    return sum(1 for agreement in done)


@app.periodic(cron="*/5 * * * *")
@app.task(queue="payments", queueing_lock="check_agreements", pass_context=False)
def check_agreements(timestamp: int) -> int:
    """Returns how many agreements turned out to be ended by their payers."""
    crew = Crew(rate=AGREEMENTS_PER_SECOND)
    found = renewals.check_agreements(now=timezone.now(), crew=crew, seconds=RUN_SECONDS)
    return sum(1 for agreement in found)


@app.periodic(cron="*/5 0-11 * * *")  # UTC: by day in Seoul
@app.task(queue="orders", queueing_lock="announce_to_members", pass_context=False)
def announce_to_members(timestamp: int) -> int:
    """Returns how many members were told of another price, or that their trial ends."""
    now = timezone.now()
    told = in_one_run(announcing.remind_of_trials(now=now))
    return told + in_one_run(announcing.announce_prices(now=now))


def in_one_run(done: Iterator[object]) -> int:
    """How many things were done before the run's time was over; the next run goes on."""
    end = time.monotonic() + RUN_SECONDS
    count = 0
    for count, _each in enumerate(done, start=1):  # noqa: B007
        if time.monotonic() > end:
            break
    return count


@app.periodic(cron="5 15 * * *")  # UTC: five past midnight in Seoul
@app.task(queue="orders", queueing_lock="expire_points", pass_context=False)
def expire_points(timestamp: int) -> int:
    """Returns how many points expired; they could no longer be used since their last day ended."""
    return expiring.expire(now=timezone.now())


@app.periodic(cron="20 * * * *")
@app.task(queue="orders", queueing_lock="forget_requests", pass_context=False)
def forget_requests(timestamp: int) -> int:
    """Returns how many answers and counts of the API were deleted that nobody can ask for again."""
    now = timezone.now()
    return idempotency.forget_expired(now=now) + limits.forget_old(now=now)


@app.periodic(cron="* * * * *")
@app.task(queue="mail", queueing_lock="send_unsent_mails", pass_context=False)
def send_unsent_mails(timestamp: int) -> int:
    """Returns how many mails were sent that their own jobs had left behind."""
    return mails.send_unsent(now=timezone.now())


@app.periodic(cron="*/10 * * * *")
@app.task(queue="orders", queueing_lock="forget_killed_jobs", pass_context=True)
async def forget_killed_jobs(context: JobContext, timestamp: int) -> None:
    """
    Delete the jobs of workers that were killed. Nothing is lost: what they were to do stands in
    rows of our own, and the periodic jobs look at those.
    """
    jobs = context.app.job_manager
    for job in await jobs.get_stalled_jobs():
        await jobs.finish_job(job, Status.FAILED, delete_job=True)
