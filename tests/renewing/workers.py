"""What the shop does by its timetable, in processes of their own that can be killed anywhere."""

import gc
import logging
import os
import random
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from datetime import datetime

import psutil
import requests
from django.db import connections

from accounts import memberships
from checkout import agreements, announcing, payments, reconciliation, renewals
from checkout.crew import Crew
from checkout.tasks import SETTLE_AFTER
from orders.models import Order
from tests.processes import Process

Now = Callable[[], datetime]
PATIENCE = 120  # seconds that a shift may take


class WorkerFailed(AssertionError):
    """A worker came upon an error that nobody expects, or does not end."""


def renew(now: Now) -> None:
    """As the shop's own task does it, by a few threads."""
    crew = Crew(workers=min(4, 1 + renewals.due(now=now()).count() // 4))
    list(renewals.charge_due(crew=crew, clock=now))


def settle(now: Now) -> None:
    rows = reconciliation.due(now() - SETTLE_AFTER, now=now())
    list(reconciliation.settle_stale(rows, now=now()))


def end_overdue(now: Now) -> None:
    list(renewals.end_overdue(now=now()))


def end_agreements(now: Now) -> None:
    list(renewals.end_agreements(now=now()))


def check_agreements(now: Now) -> None:
    list(renewals.check_agreements(now=now()))


def announce(now: Now) -> None:
    list(announcing.announce_prices(now=now()))
    list(announcing.remind_of_trials(now=now()))


def close_abandoned(now: Now) -> None:
    list(payments.close_abandoned(now=now()))


DUTIES = (
    *(renew, settle, end_overdue, end_agreements),
    *(check_agreements, announce, close_abandoned),
)


def shift(now: Now, choose: random.Random) -> None:
    """Everything that is due, in any order."""
    for duty in choose.sample(DUTIES, len(DUTIES)):
        duty(now)


def is_anything_to_do(now: datetime) -> bool:
    abandoned = Order.objects.filter(status=Order.Status.PENDING, deadline_at__lte=now)
    return any(
        rows.exists()
        for rows in (
            renewals.due(now=now),
            reconciliation.unsettled(now),
            memberships.overdue(now=now),
            agreements.to_end(),
            agreements.to_check(now=now),
            announcing.to_tell_the_price(),
            announcing.to_remind(now=now),
            abandoned,
        )
    )


class Unexpected(logging.Handler):
    """What the shop logs with a traceback is something that nobody expected."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(f"{record.getMessage()}\n{traceback.format_exc()}")


class Worker:
    """A process that does a shift. Connections do not outlive a fork, so there must be none."""

    def __init__(self, now: Now, seed: int) -> None:
        self.seed = seed
        self.problem = tempfile.TemporaryFile()  # noqa: SIM115
        connections.close_all()
        self.pid = os.fork()
        if self.pid == 0:
            self._work(now)

    def _work(self, now: Now) -> None:
        gc.disable()  # it would copy the parent's memory to look for what is not there
        unexpected = Unexpected()
        logging.getLogger("checkout").addHandler(unexpected)
        try:
            shift(now, random.Random(self.seed))  # noqa: S311
        except BaseException:
            unexpected.found.append(traceback.format_exc())
        finally:
            self.problem.write("\n".join(unexpected.found).encode())
            self.problem.flush()
            os._exit(bool(unexpected.found))  # nothing that the parent has opened is closed

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> bool:
        """
        Until it has ended. Returns whether it was killed before it was done.

        :raises WorkerFailed: if it came upon an error that nobody expects.
        """
        deadline = time.monotonic() + PATIENCE
        while (ended := os.waitpid(self.pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() > deadline:
                self.kill()
                os.waitpid(self.pid, 0)
                raise WorkerFailed("a worker does not end")
            time.sleep(0.002)
        with self.problem:
            if os.WIFSIGNALED(ended[1]):
                return True
            if os.waitstatus_to_exitcode(ended[1]):
                self.problem.seek(0)
                raise WorkerFailed(self.problem.read().decode())
            return False


def wait_until_quiet(sandbox: Process) -> None:
    """
    Until the sandbox has answered everybody who was killed while they waited. Here hours pass in a
    moment; what was sent before them must not be carried out after them.
    """
    requests.get(sandbox.ready, timeout=PATIENCE)  # whoever came before is in by now
    master = psutil.Process(sandbox.popen.pid)
    deadline = time.monotonic() + PATIENCE
    while any(
        each.status == psutil.CONN_CLOSE_WAIT
        for process in (master, *master.children(recursive=True))
        for each in process.net_connections("tcp")
    ):
        if time.monotonic() > deadline:
            raise WorkerFailed("the sandbox does not come to rest")
        time.sleep(0.005)
