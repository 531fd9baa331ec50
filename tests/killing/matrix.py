"""Kill the web process at a point of a journey, recover, and compare the books."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import requests
from django.conf import settings
from django.utils import timezone

from checkout import payments, reconciliation
from orders.models import Order, PaymentTransaction
from tests.kakaopay import KakaoPay
from tests.killing.books import Difference, differences
from tests.killing.journeys import (
    Cancel,
    Capture,
    CaptureAndLeave,
    Journey,
    Refund,
    RefundAllAndLeave,
    Start,
    StartAndLeave,
    StartPaidByPoints,
)
from tests.killing.programs import Approve, Ready
from tests.killing.renewals import Renewal
from tests.killing.web import KillableShop, NotKilled

JOURNEYS: tuple[type[Journey], ...] = (
    *(Start, StartAndLeave, StartPaidByPoints),
    *(Capture, CaptureAndLeave),
    *(Refund, RefundAllAndLeave, Cancel),
    *(Ready, Approve),
    Renewal,
)
#: For the buyer, and for every bank.
TOO_LATE = timedelta(seconds=settings.CHECKOUT_WINDOW_SECONDS) + timedelta(minutes=15)
PATIENCE = 2  # seconds until recovery counts as failed
STALL = "stall:0.3"  # seconds: longer than it takes until the recovery asks
ON_ITS_WAY = "before waiting for the answer"


@dataclass(frozen=True)
class Point:
    """
    Where to die: the ``number``-th point, counted from 1.

    ``stall`` says that the provider meanwhile takes its time "before" or "after" it moves money;
    so the recovery begins while the killed request is still at work there.
    """

    number: int
    name: str
    stall: str = ""

    def __str__(self) -> str:
        stall = f", while the provider stalls {self.stall} the money moves" if self.stall else ""
        return f"{self.number} ({self.name}{stall})"


@dataclass(frozen=True)
class Kill:
    """One run that was killed, and what was wrong in the end."""

    journey: str
    point: Point
    differences: list[Difference]

    def __str__(self) -> str:
        found = "; ".join(f"{each.harm}: {each.what}" for each in self.differences)
        return f"{self.journey}, killed at {self.point}: {found or 'survived'}"


def points_of(journey: type[Journey], shop: KillableShop, kakaopay: KakaoPay) -> list[str]:
    """
    The points that the request passes when nobody kills it.

    :raises AssertionError: if something is wrong even then.
    """
    run = journey(shop, kakaopay)
    points = run.request(kill_at=0).headers["X-Points"].split(", ")
    recover(run)
    wrong = list(differences(run))
    assert not wrong, f"{journey.name} without a kill: {wrong}"
    return points


def ways_to_die(points: list[str]) -> Iterator[Point]:
    """Each point once, and where a request is on its way, also with a provider that stalls."""
    for number, name in enumerate(points, 1):
        yield Point(number, name)
        if name == ON_ITS_WAY:
            yield Point(number, name, stall="before")
            yield Point(number, name, stall="after")


def kill(
    point: Point,
    journey: type[Journey],
    shop: KillableShop,
    kakaopay: KakaoPay,
    *,
    again_at: int = 0,
) -> Kill:
    """
    Kill a run of the journey at that point, and recover.

    :param again_at: the person's next attempt dies too, if it gets as far as this point.
    :raises NotKilled: if the request was answered or the process lives on.
    """
    run = journey(shop, kakaopay)
    if point.stall:
        kakaopay.fault("any", **{point.stall: STALL})
    if not dies(run, point.number):
        raise NotKilled(f"{run.name}: an answer in spite of {point}")
    if again_at and run.comes_back:
        dies(run, again_at)
    recover(run)
    kakaopay.clear_faults()
    return Kill(journey.name, point, list(differences(run)))


def dies(run: Journey, number: int) -> bool:
    """
    Make the request, to be killed at that point. Returns whether it got that far.

    :raises NotKilled: if there is no answer although the processes live.
    """
    workers = run.shop.workers()
    try:
        run.request(kill_at=number)
    except requests.ConnectionError:
        run.shop.wait_for_workers(without=workers)
        return True
    return False


def recover(run: Journey) -> None:
    """Whoever comes back does so before and after the worker's jobs; then the deadline passes."""
    if run.comes_back:
        run.go_on()
    reconcile(run, now=timezone.now())
    if run.comes_back:
        run.go_on()
    later = timezone.now() + TOO_LATE
    run.kakaopay.advance(int(TOO_LATE.total_seconds()))
    list(payments.close_abandoned(now=later))
    reconcile(run, now=later)
    run.at_last()
    run.kakaopay.reset_clock()


def reconcile(run: Journey, *, now: datetime) -> None:
    """Ask about what has no outcome, until there is none or patience ends."""
    unsettled = PaymentTransaction.objects.filter(
        status=PaymentTransaction.Status.PROCESSING, order__in=Order.objects.filter(user=run.user)
    )
    deadline = time.monotonic() + PATIENCE
    while unsettled.exists() and time.monotonic() < deadline:
        now += timedelta(seconds=1)
        list(reconciliation.settle_stale(unsettled, now=now))
        time.sleep(0.01)
