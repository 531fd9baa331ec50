"""Periodic jobs: each calls the very function that the management command calls."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.jobs import Status

from accounts import expiring
from checkout import auditing, mails, payments, reconciliation
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


@app.periodic(cron="5 15 * * *")  # UTC: five past midnight in Seoul
@app.task(queue="orders", queueing_lock="expire_points", pass_context=False)
def expire_points(timestamp: int) -> int:
    """Returns how many points expired; they could no longer be used since their last day ended."""
    return expiring.expire(now=timezone.now())


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
