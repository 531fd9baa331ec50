"""The months in which it all happens."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from time import sleep

from accounts.models import Membership
from checkout import reconciliation, renewals
from shop.plans import offer
from tests.kakaopay import KakaoPay
from tests.processes import Process
from tests.renewing import months, trouble
from tests.renewing.clock import Clock
from tests.renewing.plans import MONTHLY, PLANS, offer_all
from tests.renewing.shoppers import Did, Shopper, Shoppers, due_soon
from tests.renewing.workers import Worker, WorkerFailed, is_anything_to_do, wait_until_quiet

#: The month in which everybody joins: the February after it has 29 days, the next one 28.
FIRST = date(2027, 10, 1)
#: On which days, and how often: the ends of the month are what is difficult. Where there are many
#: memberships, some begin on any day.
JOINING_DAYS = {28: 2, 29: 2, 30: 3, 31: 5, 1: 1}
MANY = 100
ON_ANY_DAY = 0.25
JOINING_TIMES = (time(0, 1), time(10), time(23, 59))
#: Between them a killed worker's lease and a bank's patience run out.
DISTURBED = (time(9, 0, 5), time(9, 13), time(9, 41), time(11))
CALM = (time(15), time(16, 30), time(18))
ACTING_AT = time(13)
SECONDS_EACH = 0.05  # about what it takes to renew one membership
#: How often, of 1: a card declines; a worker is killed; two do the same work; the clock is set
#: back; somebody whose membership is due does something at that moment.
DECLINING, KILLED, DOUBLE, CLOCK_SET_BACK, ACTING = 0.08, 0.35, 0.5, 0.04, 0.03


@dataclass
class Life:
    """A shop with its members, and what has happened to them."""

    sandbox: Process
    kakaopay: KakaoPay
    choose: random.Random
    workers: int
    clock: Clock = field(init=False)
    shoppers: Shoppers = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    days: trouble.Days = field(default_factory=trouble.Days)
    problems: list[str] = field(default_factory=list)
    prices: list[tuple[datetime, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = Clock(self.kakaopay)
        self.shoppers = Shoppers(self.kakaopay, offer_all(), self.clock.now, self.choose)

    def live(self, memberships: int, months_: int) -> Iterator[date]:
        """Yields each day when it is over; then the month after the last has begun."""
        joining = self._joining(memberships)
        dearer = months.later(FIRST, months_ // 2, 20)
        for day in days_of(months_):
            if day == dearer:
                self._raise_price(day, MONTHLY)
            first, second, third = (joining.get((day, at), 0) for at in JOINING_TIMES)
            self._join(day, JOINING_TIMES[0], first)
            self._day(day, second)
            self._join(day, JOINING_TIMES[2], third)
            yield day

    def _joining(self, memberships: int) -> Counter[tuple[date, time]]:
        joining: Counter[tuple[date, time]] = Counter()
        for _ in range(memberships):
            day = self.choose.choices(list(JOINING_DAYS), list(JOINING_DAYS.values()))[0]
            if memberships >= MANY and self.choose.random() < ON_ANY_DAY:
                day = self.choose.randint(1, 31)
            joining[FIRST.replace(day=day), self.choose.choice(JOINING_TIMES)] += 1
        return joining

    def _raise_price(self, day: date, slug: str) -> None:
        """Staff let a plan cost 500 won more from now on."""
        now = self.clock.move_to(months.seoul(day, JOINING_TIMES[0]))
        plan = self.shoppers.plans[slug]
        plan.price += 500
        offer(plan, category=plan.product.category)
        self.prices.append((now, slug, plan.price))

    def _join(self, day: date, at: time, how_many: int) -> None:
        if how_many:
            self.clock.move_to(months.seoul(day, at))
        for _ in range(how_many):
            often = [often for *_, often in PLANS.values()]
            self.shoppers.join(self.choose.choices(list(PLANS), often)[0])

    def _day(self, day: date, joining: int) -> None:
        if not joining and not self._is_busy(day):
            return
        until = months.seoul(day, DISTURBED[-1])
        trouble.change_cards(self.kakaopay, self.choose, until=until, share=DECLINING)
        for at in DISTURBED:
            self._shift(months.seoul(day, at), is_calm=False)
        self._join(day, DISTURBED[-1], joining)
        self.kakaopay.clear_faults()
        for shopper in self.shoppers.all:
            if self.choose.random() < ACTING / 60:
                self.clock.move_to(months.seoul(day, ACTING_AT))
                self.shoppers.act(shopper)
        self._come_back(day)
        for at in CALM:
            self._shift(months.seoul(day, at), is_calm=True)
        self._look_for_left_over(day)

    def _is_busy(self, day: date) -> bool:
        """Is anything to be done on it, or does anybody do anything?"""
        if is_anything_to_do(months.seoul(day, CALM[-1])):
            return True
        return self.choose.random() < ACTING / 60 * len(self.shoppers.all)

    def _come_back(self, day: date) -> None:
        """Who lost the membership or is about to thinks of it one day."""
        gone = Membership.objects.exclude(ended_at=None, failing_since=None)
        users = set(gone.values_list("user", flat=True))
        for shopper in self.shoppers.all:
            if shopper.user.pk in users and self.choose.random() < 0.05:
                self.clock.move_to(months.seoul(day, ACTING_AT))
                self.shoppers.return_if_gone(shopper)

    def _shift(self, moment: datetime, *, is_calm: bool) -> None:
        """All that is due is done by one process or by several at once, if they live."""
        if not is_anything_to_do(max(moment, self.clock.now())):
            return
        self.clock.move_to(moment)
        due = renewals.due(now=self.clock.now()).count()
        behind = timedelta()
        if is_calm:
            crew = 1 + (due > 8)
        else:
            crew = self.workers if due and self.choose.random() < DOUBLE else 1
            trouble.lose_answers(self.kakaopay, self.choose, due=due)
            if self.choose.random() < CLOCK_SET_BACK:
                behind = timedelta(minutes=self.choose.choice([30, 600, 1_500, 5_000, 50_000]))
                self.days.set_back.add(months.day_of(moment))
                self.counts["times the clock was set back"] += 1
        self.counts["shifts"] += 1
        self.counts["double runs"] += bool(due and crew > 1)
        at_work = [
            Worker(lambda: self.clock.now() - behind, self.choose.getrandbits(32))
            for _ in range(crew)
        ]
        if not is_calm and not behind:
            self._act_meanwhile()
        if not is_calm:
            self._kill_some(at_work, due)
        if killed := sum([self._was_killed(worker) for worker in at_work]):
            self.counts["kills"] += killed
            self.days.killed.add(months.day_of(moment))
            wait_until_quiet(self.sandbox)

    def _was_killed(self, worker: Worker) -> bool:
        try:
            return worker.wait()
        except WorkerFailed as failure:
            self.problems.append(f"{self.clock.now()}: {failure}")
            return False

    def _act_meanwhile(self) -> None:
        """Those who are charged at this very moment do something themselves."""
        for shopper in due_soon(self.shoppers.all, self.clock.now()):
            if self.choose.random() < ACTING:
                self.shoppers.act(shopper)

    def _kill_some(self, at_work: list[Worker], due: int) -> None:
        for worker in at_work:
            if self.choose.random() < KILLED:
                sleep(self.choose.random() * SECONDS_EACH * (1 + due) / len(at_work))
                worker.kill()

    def _look_for_left_over(self, day: date) -> None:
        """By the evening all of the day's work is done, whatever happened."""
        now = self.clock.now()
        self.problems += [
            f"{day}: {membership} is still due" for membership in renewals.due(now=now)
        ]
        self.problems += [
            f"{day}: {txn.order} has an unknown outcome" for txn in reconciliation.unsettled(now)
        ]


def days_of(months_: int) -> Iterator[date]:
    """From the first day on which somebody joins until so many months after the last."""
    return months.days(FIRST, months.later(FIRST, months_ + 1, 1))


def acts(shoppers: list[Shopper]) -> Counter[Did]:
    return Counter(entry.did for shopper in shoppers for entry in shopper.diary)
