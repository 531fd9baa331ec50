"""The oracle on what follows: agreements that are ended, differences reported, mails written."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from accounts.models import BillingAgreement
from checkout.models import Discrepancy, Mail
from orders.models import Order, PaymentTransaction
from tests.killing.books import Difference, Harm
from tests.renewing.books import Books
from tests.renewing.periods import Prices
from tests.renewing.plans import PLANS
from tests.renewing.rules import DECLINED, USED_UP
from tests.renewing.shoppers import Did, Shopper

Kind = PaymentTransaction.Kind
Event = Mail.Event
SUCCEEDED = PaymentTransaction.Status.SUCCEEDED


def in_agreements(
    books: Books, shoppers: Iterable[Shopper], asked_within: timedelta
) -> Iterator[Difference]:
    """What can be charged at the provider belongs to a membership that lives, and the reverse."""
    needed = {
        each.agreement.sid: each
        for each in books.memberships
        if each.ended_at is None and each.agreement and each.agreement.status == "ACTIVE"
    }
    active = {sid for sid, each in books.subscriptions.items() if each.status == "ACTIVE"}
    known = {agreement.sid for agreement in BillingAgreement.objects.all()}
    for sid in active - needed.keys():
        if sid in known:
            yield Difference(Harm.WRONG, f"{sid} can be charged, but no membership needs it")
        elif books.made_by.get(sid) not in never_named(books):
            yield Difference(Harm.WRONG, f"{sid} can be charged, and we do not know it")
    ended = {
        shopper.user.pk: max(entry.at for entry in shopper.did(Did.ENDED_IN_APP))
        for shopper in shoppers
        if shopper.did(Did.ENDED_IN_APP)
    }
    for sid, membership in needed.items():
        at = ended.get(membership.user_id)
        lately = at is not None and at > books.now - asked_within
        if sid not in active and membership.renews and not lately:
            yield Difference(Harm.WRONG, f"membership {membership.pk}: its agreement has ended")


def never_named(books: Books) -> set[str]:
    """Payments whose answer, which named the agreement, was lost."""
    rows = (row for rows in books.transactions.values() for row in rows)
    return {row.tid for row in rows if row.kind == Kind.CHARGE and row.agreement_id is None}


def in_discrepancies(books: Books) -> Iterator[Difference]:
    """One for each charge whose name is not known, and no others."""
    unnamed = Counter(
        row.pk
        for rows in books.transactions.values()
        for row in rows
        if row.kind == Kind.CHARGE and row.status == SUCCEEDED and not row.tid
    )
    reported = Counter(
        each.transaction_id for each in books.discrepancies if each.kind == Discrepancy.Kind.NO_NAME
    )
    for pk in (unnamed - reported) | (reported - unnamed):
        yield Difference(
            Harm.WRONG, f"charge {pk}: {unnamed[pk]} without a tid, {reported[pk]} reported"
        )
    for each in books.discrepancies:
        if each.kind != Discrepancy.Kind.NO_NAME:
            yield Difference(Harm.WRONG, f"{each.order_number}: {each.kind}, {each.detail}")


def in_mails(books: Books, shoppers: Iterable[Shopper], prices: Prices) -> Iterator[Difference]:
    """One for each event, and none without one."""
    about_money = Counter((mail.transaction_id, str(mail.event)) for mail in books.mails)
    orders = {order.pk: order for order in books.orders.values()}
    for order_pk, rows in books.transactions.items():
        for row in rows:
            for event, due in due_about(row, orders[order_pk]).items():
                if about_money[row.pk, str(event)] not in due:
                    was = about_money[row.pk, str(event)]
                    yield Difference(Harm.WRONG, f"{orders[order_pk]}: {was} mails {event}")
    yield from in_mails_about_memberships(books, list(shoppers))
    yield from in_news(books, list(shoppers), prices)


def due_about(row: PaymentTransaction, order: Order) -> dict[str, set[int]]:
    """How many mails of which event there may be about it."""
    has_moved = row.status == SUCCEEDED
    if row.kind == Kind.REFUND:
        return {Event.REFUNDED: {int(has_moved)}}
    counted = order.paid_at is not None
    due: dict[str, set[int]] = {Event.PAID: {int(has_moved and counted)}}
    if has_moved and order.status in {Order.Status.REFUNDED, Order.Status.CANCELED}:
        due[Event.PAID] = {0, 1}  # it came too late, and went back at once
    by_agreement = order.kind == Order.Kind.RENEWAL
    refused = row.status in {"FAILED", "CANCELED"} and row.reason_code.startswith(
        (str(DECLINED), str(USED_UP))
    )
    due[Event.REFUSED] = {int(by_agreement and refused)}
    if refused and order.cancel_reason != Order.CancelReason.DECLINED:
        due[Event.REFUSED] = {0, 1}
    return due


def in_mails_about_memberships(books: Books, shoppers: list[Shopper]) -> Iterator[Difference]:
    events = Counter(str(mail.event) for mail in books.mails)
    did = Counter(entry.did for shopper in shoppers for entry in shopper.diary)
    ended = sum(len(times) for times in books.ended.values())
    for events_, due, perhaps in (
        ((Event.UNPAID, Event.ENDED), ended, 0),
        ((Event.STOPPED,), did[Did.STOPPED], going_on(books, shoppers)),
        ((Event.RESUMED,), did[Did.RESUMED], 0),
    ):
        were = sum(events[str(event)] for event in events_)
        if not due <= were <= due + perhaps:
            yield Difference(Harm.WRONG, f"{were} mails {'/'.join(events_)}, not {due}")


def going_on(books: Books, shoppers: list[Shopper]) -> int:
    """
    How many stopped at once and stayed members until their money went back, or to the end: who
    renewed until then is told that it does not any more.
    """
    ended = {at for times in books.ended.values() for at in times}
    entries = (entry for shopper in shoppers for entry in shopper.did(Did.STOPPED_AT_ONCE))
    return sum(1 for entry in entries if entry.at not in ended)


def in_news(books: Books, shoppers: list[Shopper], prices: Prices) -> Iterator[Difference]:
    """Each price and the end of a trial were told once, beforehand."""
    users = {order.pk: order.user_id for order in books.orders.values()}
    told = Counter((users[mail.order_id], str(mail.event)) for mail in books.mails)
    members = {membership.user_id: membership for membership in books.memberships}
    for shopper in filter(Shopper.is_quiet, shoppers):
        membership = members.get(shopper.user.pk)
        if membership is None or not membership.renews or membership.agreement is None:
            continue
        slug, began = membership.plan.slug, membership.started_at
        for event, due in (
            (Event.PRICE, sum(1 for at, plan, _ in prices if plan == slug and at > began)),
            (Event.TRIAL_ENDS, int(PLANS[slug][2] > 0)),
        ):
            if told[shopper.user.pk, str(event)] != due:
                was = told[shopper.user.pk, str(event)]
                yield Difference(Harm.WRONG, f"membership {membership.pk}: {was} mails {event}")
