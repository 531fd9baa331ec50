"""The oracle on rules: when a charge is tried, and how a membership ends."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise

from accounts.models import Membership, MembershipPeriod
from tests.killing.books import Difference, Harm
from tests.renewing import months
from tests.renewing.books import DECLINED, INACTIVE, USED_UP, Books, Call
from tests.renewing.periods import PAID, name
from tests.renewing.shoppers import Did, Shopper
from tests.renewing.trouble import NO, Days

#: The shop's settings, once more.
RETRIES = (1, 3, 5)
GRACE = timedelta(days=7)
DAY = timedelta(days=1)
CHARGING = timedelta(hours=9)
#: Of two who do something at once, either may have looked at the clock first.
MOMENT = timedelta(minutes=1)
#: With these a shopper changes when the next charge is, or whether there is one.
CHANGES = (Did.STOPPED, Did.RESUMED, Did.STOPPED_AT_ONCE, Did.REGISTERED, Did.BOUGHT, Did.EXTENDED)


def in_rules(
    books: Books, membership: Membership, shopper: Shopper, days: Days
) -> Iterator[Difference]:
    for period in books.periods[membership.pk]:
        yield from in_attempts(books, period, shopper, days)
    yield from in_endings(books, membership, shopper, days)


def in_attempts(
    books: Books, period: MembershipPeriod, shopper: Shopper, days: Days
) -> Iterator[Difference]:
    """
    Each is on the day that the one before it allows. A shopper who does something meanwhile, or a
    clock that was set back, changes the days; but never are there two on one day.
    """
    calls = attempts(books, period, days)
    free = {months.day_of(entry.at) for entry in shopper.did(*CHANGES)} | days.set_back
    for number, call in enumerate(calls):
        before = calls[number - 1] if number else None
        if before and call.day == before.day and call.day not in days.set_back:
            yield Difference(Harm.WRONG, f"{name(period)} was tried twice on {call.day}")
        if before is None and call.at < period.starts_at + CHARGING - DAY / 24:
            yield Difference(Harm.WRONG, f"{name(period)} was tried early, at {call.at}")
        right = next_day(books, calls[:number]) if before else months.day_of(period.starts_at)
        touched = any(first_day(before, period) <= day <= call.day for day in free)
        if call.day != right and not touched:
            yield Difference(Harm.WRONG, f"{name(period)} was tried on {call.day}, not {right}")
    if period.status == "PAID" and len([call for call in calls if call.tid]) > 1:
        yield Difference(Harm.DOUBLED, f"{name(period)} was charged by {len(calls)} calls")


def attempts(books: Books, period: MembershipPeriod, days: Days) -> list[Call]:
    """Every request for its money, by whatever order, and those that were killed on their way."""
    orders = books.orders_of(period)
    calls = [call for each in orders for call in books.calls_by_order.get(each.number, [])]
    return sorted([*calls, *kept_back(books, period, days)], key=lambda call: call.at)


def kept_back(books: Books, period: MembershipPeriod, days: Days) -> Iterator[Call]:
    """
    Attempts that were written down and killed before they were sent. Only where somebody was killed
    on that day: to write down what is never sent is no way to be done with it.
    """
    for order in books.orders_of(period):
        if order.number in books.calls_by_order:
            continue
        for row in books.transactions[order.pk]:
            if row.is_by_agreement and row.sent_at:
                call = Call(order.number, "", row.sent_at, tid="", error=0, reason="", fault="kill")
                if call.day in days.killed | days.set_back:
                    yield call


def first_day(before: Call | None, period: MembershipPeriod) -> date:
    return before.day if before else months.day_of(period.starts_at) - DAY


def counts(books: Books, call: Call) -> bool:
    """Was it refused for good, and did the shop live to hear so?"""
    if call.error == DECLINED and call.reason != NO:
        return False
    return call.error in {DECLINED, INACTIVE, USED_UP} and books.was_heard(call)


def next_day(books: Books, calls: list[Call]) -> date | None:
    """When the charge is tried again after these; None if it is not."""
    last = calls[-1]
    if not counts(books, last):
        return last.day + DAY  # the answer was lost, and it turned out that nothing was charged
    refused = [call for call in calls if counts(books, call)]
    if last.error == USED_UP:
        was_moved = len(refused) > 1 and refused[-2].error == USED_UP
        return None if was_moved else months.later(last.day, 1, 1)
    if last.error == DECLINED:
        first = counted_from(refused)
        return next((first + n * DAY for n in RETRIES if first + n * DAY > last.day), None)
    return None


def counted_from(refused: list[Call]) -> date:
    """
    The days of trying again count from the first refusal; after a month that was used up, from the
    first one by the card.
    """
    first = refused[0]
    for before, call in pairwise(refused):
        if before.error == USED_UP and call.error == DECLINED:
            first = call
    return first.day


def in_endings(
    books: Books, membership: Membership, shopper: Shopper, days: Days
) -> Iterator[Difference]:
    """Each end has a reason, and its time."""
    periods = books.periods[membership.pk]
    for ended_at in books.ended.get(membership.pk, []):
        paid = [each for each in periods if each.status in PAID and each.starts_at < ended_at]
        before = [each for each in paid if each.starts_at < ended_at - MOMENT] or paid
        until = max(each.ends_at for each in before)
        unpaid = [each for each in periods if each.status == "UNPAID" and each.starts_at == until]
        what = f"membership {membership.pk}, which ended {months.day_of(ended_at)}"
        if stopped_at_once(shopper, ended_at):
            continue
        if ended_at < until:
            yield Difference(Harm.WRONG, f"{what}, was paid until {until}")
        if is_stopped(shopper, membership, books, until, ended_at):
            continue
        renewing = [each for each in before if each.plan.renews] or before
        could_be_charged = has_method(books, renewing[-1])
        if not unpaid and could_be_charged:
            yield Difference(Harm.WRONG, f"{what}, had no reason to")
        if ended_at < until + GRACE:
            yield Difference(Harm.WRONG, f"{what}, had grace until {until + GRACE}")
        for period in unpaid:
            calls = attempts(books, period, days)
            if calls or could_be_charged:  # else its shopper began to pay it, and left that
                yield from in_giving_up(books, period, calls, shopper, what, ended_at)


def in_giving_up(
    books: Books,
    period: MembershipPeriod,
    calls: list[Call],
    shopper: Shopper,
    what: str,
    ended_at: datetime,
) -> Iterator[Difference]:
    """Every attempt that there was to be was made, and then it ended."""
    if any(period.starts_at - DAY <= entry.at <= ended_at for entry in shopper.did(*CHANGES)):
        return
    if any(call.tid for call in calls):
        yield Difference(Harm.LOST, f"{what}, was charged for period {period.number}")
    if not calls:
        if not ended_in_app(shopper, ended_at):
            yield Difference(Harm.WRONG, f"{what}, was never tried")
        return
    again = next_day(books, calls)
    given_up = period.starts_at + GRACE
    if again and months.seoul(again) + CHARGING < given_up and not ended_in_app(shopper, ended_at):
        yield Difference(Harm.WRONG, f"{what}, was to be tried once more on {again}")
    last = max(given_up, months.seoul(again or calls[-1].day) + 2 * DAY)
    if ended_at > last + DAY:
        yield Difference(Harm.WRONG, f"{what}, should have ended by {last}")


def stopped_at_once(shopper: Shopper, ended_at: datetime) -> bool:
    """Then, or when the answer to its refund was found."""
    entries = shopper.did(Did.STOPPED_AT_ONCE)
    return any(entry.at - DAY / 24 <= ended_at <= entry.at + DAY for entry in entries)


def is_stopped(
    shopper: Shopper, membership: Membership, books: Books, until: datetime, ended_at: datetime
) -> bool:
    """Did it not renew any more, by its shopper's will or because it was a pass?"""
    last = max(
        (p for p in books.periods[membership.pk] if p.status in PAID and p.ends_at <= until),
        key=lambda period: period.number,
    )
    stops = [
        entry
        for entry in shopper.did(*CHANGES, Did.ENDED_IN_APP)
        if entry.at <= ended_at + MOMENT and entry.did != Did.EXTENDED
    ]
    if not last.plan.renews and (not stops or stops[-1].did == Did.BOUGHT):
        return True
    ending = (Did.STOPPED, Did.STOPPED_AT_ONCE, Did.ENDED_IN_APP)
    return bool(stops) and stops[-1].did in ending


def ended_in_app(shopper: Shopper, by: datetime) -> bool:
    return any(entry.at <= by for entry in shopper.did(Did.ENDED_IN_APP))


def has_method(books: Books, period: MembershipPeriod) -> bool:
    """Did the answer come that named the agreement by which it is charged?"""
    rows = [row for order in books.orders_of(period) for row in books.transactions[order.pk]]
    return any(row.agreement_id for row in rows)
