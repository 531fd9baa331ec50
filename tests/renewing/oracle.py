"""What is wrong once all is over, and what it all came to."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings

from tests.killing.books import Difference, Harm
from tests.renewing import aftermath, money, periods, rules
from tests.renewing.books import DECLINED, INACTIVE, USED_UP, Books
from tests.renewing.life import Life, acts


def differences(life: Life, books: Books) -> Iterator[Difference]:
    """Whatever is not as it must be; nothing, if all is well."""
    for problem in life.problems + life.shoppers.problems:
        yield Difference(Harm.WRONG, problem)
    yield from money.in_money(books)
    shoppers = {shopper.user.pk: shopper for shopper in life.shoppers.all}
    for membership in books.memberships:
        shopper = shoppers[membership.user_id]
        yield from periods.in_time(books, membership, shopper, life.prices)
        yield from rules.in_rules(books, membership, shopper, life.days)
    asked_within = timedelta(days=settings.AGREEMENT_CHECK_DAYS + 1)
    yield from aftermath.in_agreements(books, shoppers.values(), asked_within)
    yield from aftermath.in_discrepancies(books)
    yield from aftermath.in_mails(books, shoppers.values(), life.prices)


def figures(life: Life, books: Books) -> dict[str, int]:
    """What happened, so that nobody takes months in which nothing happens for proof."""
    statuses = Counter(each.status for rows in books.periods.values() for each in rows)
    errors = Counter(call.error for call in books.calls)
    ours, theirs = money.our_days(books), money.their_days(books)
    renewed = {payment.partner_order_id for payment in books.payments} & books.calls_by_order.keys()
    mails = Counter(str(mail.event) for mail in books.mails)
    return {
        "memberships": len(books.memberships),
        "periods paid": statuses["PAID"] + statuses["REFUNDED"],
        "of them charged by the shop": len(renewed),
        "charges sent": len(books.calls),
        "declined by the card or bank": errors[DECLINED],
        "refused for the month's limit": errors[USED_UP],
        "refused because the agreement had ended": errors[INACTIVE],
        "answers lost": books.lost,
        **dict(sorted(life.counts.items())),
        "memberships ended unpaid": mails["UNPAID"],
        "ended otherwise": mails["ENDED"],
        **{f"shoppers {did}": count for did, count in sorted(acts(life.shoppers.all).items())},
        "charges found without a tid, and reported": len(books.discrepancies),
        "refunds": sum(1 for p in books.payments if p.canceled_total),
        "won in the shop's books": money.balance(ours),
        "won in the sandbox's books": money.balance(theirs),
    }


def harms(found: list[Difference]) -> dict[str, int]:
    counted = Counter(each.harm for each in found)
    return {harm.value: counted[harm] for harm in Harm}
