"""The oracle on time: periods follow each other as they should, and none was left out."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import zip_longest

from accounts.models import Membership, MembershipPeriod
from tests.killing.books import Difference, Harm
from tests.renewing import months
from tests.renewing.books import Books
from tests.renewing.plans import PLANS
from tests.renewing.shoppers import Did, Entry, Shopper

#: When which plan began to cost how many won.
Prices = list[tuple[datetime, str, int]]
PAID = {"PAID", "REFUNDED"}
DAY = timedelta(days=1)
STOPPING = (Did.STOPPED, Did.STOPPED_AT_ONCE, Did.ENDED_IN_APP)
#: How long before a period an announced price must have been heard of.
NOTICE = timedelta(days=30)


def in_time(
    books: Books, membership: Membership, shopper: Shopper, prices: Prices
) -> Iterator[Difference]:
    for chain in chains(books.periods[membership.pk], shopper):
        yield from begins(chain[0], shopper)
        yield from runs(chain, shopper, prices)
    yield from goes_on(books, membership)


def chains(periods: list[MembershipPeriod], shopper: Shopper) -> list[list[MembershipPeriod]]:
    """
    The paid periods, cut where one does not begin when the one before it ended; and those that were
    given up after a pass was bought that follows them.
    """
    found: list[list[MembershipPeriod]] = []
    for period, then in zip_longest(periods, periods[1:]):
        if period.status not in PAID and not (then and was_given_up(period, then, shopper)):
            continue
        if found and found[-1][-1].ends_at == period.starts_at:
            found[-1].append(period)
        else:
            found.append([period])
    return found


def was_given_up(period: MembershipPeriod, then: MembershipPeriod, shopper: Shopper) -> bool:
    """Was it due when a pass was bought for the time after it, and stopped since?"""
    is_pass = then.status in PAID and not then.plan.renews and then.starts_at == period.ends_at
    began, ended = period.starts_at - DAY, period.ends_at
    bought = [each.at for each in shopper.did(Did.EXTENDED) if began <= each.at < ended]
    stopped = [each.at for each in shopper.did(*STOPPING) if began <= each.at < ended]
    return period.status == "UNPAID" and is_pass and bool(bought) and bool(stopped)


def begins(first: MembershipPeriod, shopper: Shopper) -> Iterator[Difference]:
    """Only by buying, and at that moment; where the answer was lost, when it was found."""
    for entry in shopper.did(Did.BOUGHT, Did.EXTENDED):
        if entry.sure and entry.at == first.starts_at:
            return
        if not entry.sure and entry.at <= first.starts_at <= entry.at + DAY:
            return
    yield Difference(Harm.WRONG, f"{name(first)} begins where nobody bought: a gap, or two at once")


def runs(chain: list[MembershipPeriod], shopper: Shopper, prices: Prices) -> Iterator[Difference]:
    """Each ends on the right day in Korea, and costs what was agreed."""
    anchor = months.day_of(chain[0].starts_at).day
    for period in chain:
        _price, length, trial_days, *_ = PLANS[period.plan.slug]
        first = months.day_of(period.starts_at)
        if period.is_trial:
            last = first + timedelta(days=trial_days)
            anchor = last.day
        else:
            last = months.later(first, length, anchor)
        yield from ends(period, last, shopper)
        right = {0} if period.is_trial else costs(period, chain[0].starts_at, shopper, prices)
        if period.price not in right:
            yield Difference(Harm.WRONG, f"{name(period)} costs {period.price}, not {right}")


def ends(period: MembershipPeriod, last: date, shopper: Shopper) -> Iterator[Difference]:
    """At midnight in Korea; earlier only if its shopper stopped at once, or got it all back."""
    right = months.seoul(last)
    if period.ends_at == right:
        return
    stopped = shopper.did(Did.STOPPED_AT_ONCE)
    if period.status == "REFUNDED" and any(cut(period, entry) for entry in stopped):
        return
    yield Difference(Harm.WRONG, f"{name(period)} ends {period.ends_at}, not {right}")


def cut(period: MembershipPeriod, stopped: Entry) -> bool:
    """At the moment of stopping; or when the answer to the refund was found."""
    latest = stopped.at + (DAY if period.ends_at != stopped.at else timedelta())
    return stopped.at <= period.ends_at <= latest


def costs(period: MembershipPeriod, joined: datetime, shopper: Shopper, prices: Prices) -> set[int]:
    """
    What a period may cost. Who joined before the price was raised pays the old one for the periods
    that begin within thirty days from then. Who did something meanwhile may pay either.
    """
    known = [PLANS[period.plan.slug][0]]
    due = known[0]
    for at, slug, price in prices:
        if slug == period.plan.slug:
            known.append(price)
            if at <= joined or months.day_of(at + NOTICE) < months.day_of(period.starts_at):
                due = price
    return {due} if shopper.is_quiet() else set(known)


def goes_on(books: Books, membership: Membership) -> Iterator[Difference]:
    """A membership that has not ended is paid for, or is being tried by the rules just now."""
    if membership.ended_at:
        return
    paid = [each for each in books.periods[membership.pk] if each.status in PAID]
    until = max(period.ends_at for period in paid)
    if until != membership.paid_until:
        yield Difference(
            Harm.WRONG, f"membership {membership.pk} is paid until {until}, not as it says"
        )
    is_failing = membership.failing_since or membership.refusal or membership.charge_at is None
    if until + timedelta(hours=9) <= books.now and not (membership.renews and is_failing):
        yield Difference(Harm.LOST, f"membership {membership.pk} was not charged since {until}")


def name(period: MembershipPeriod) -> str:
    return f"membership {period.membership_id}, period {period.number} ({period.plan.slug})"
