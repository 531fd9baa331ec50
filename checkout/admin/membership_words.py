"""What staff are told of memberships and of the agreements by which they are charged."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import BillingAgreement, Membership, MembershipPeriod
from checkout import standing
from checkout.standing import State
from orders.models import PaymentTransaction
from orders.templatetags.periods import last_day
from shop.templatetags.money import won

PAID = MembershipPeriod.Status.PAID


#: What is charged in the next minutes; otherwise it stands as its shopper is told.
DUE = "DUE"

STATE_LABELS = {
    DUE: gettext_lazy("due now"),
    State.FAILING: gettext_lazy("failing"),
    State.IN_DOUBT: gettext_lazy("charge in doubt"),
    State.NO_METHOD: gettext_lazy("without a payment method"),
    State.POSTPONED: gettext_lazy("postponed"),
    State.RENEWS: gettext_lazy("renews"),
    State.ENDS: gettext_lazy("ends"),
    State.TRIAL: gettext_lazy("trial"),
    State.ENDED: gettext_lazy("ended"),
}
STATE_COLORS = {
    DUE: "warning",
    State.FAILING: "danger",
    State.IN_DOUBT: "warning",
    State.NO_METHOD: "warning",
    State.POSTPONED: "danger",
    State.RENEWS: "success",
    State.ENDS: "default",
    State.TRIAL: "info",
    State.ENDED: "default",
}
PERIOD_COLORS = {
    MembershipPeriod.Status.DUE: "warning",
    MembershipPeriod.Status.PAID: "success",
    MembershipPeriod.Status.UNPAID: "danger",
    MembershipPeriod.Status.REFUNDED: "info",
}
AGREEMENT_COLORS = {
    BillingAgreement.Status.ACTIVE: "success",
    BillingAgreement.Status.ENDING: "warning",
    BillingAgreement.Status.ENDED: "default",
}


def state_of(membership: Membership, *, is_in_doubt: bool, is_trial: bool, now: datetime) -> str:
    """A ``standing.State``, or DUE."""
    state = standing.state_of(membership, is_in_doubt=is_in_doubt, is_trial=is_trial, now=now)
    is_due = membership.charge_at is not None and membership.charge_at <= now
    return DUE if is_due and state in {State.POSTPONED, State.TRIAL, State.RENEWS} else state


def sentence_about(membership: Membership, state: str, *, is_trial: bool) -> str:
    """How it stands, and what comes next by itself."""
    words = {
        "paid_until": last(membership.paid_until),
        "lasts_until": last(membership.lasts_until),
        "charge_at": moment(membership.charge_at),
        "ended_at": moment(membership.ended_at or membership.lasts_until),
        "since": day(membership.failing_since),
        "why": membership.get_refusal_display(),
        "attempts": membership.attempts,
    }
    match state:
        case State.FAILING:
            sentence = failing(membership)
        case State.ENDS if is_trial:
            sentence = _("It is a trial until %(paid_until)s, and ends with it.")
        case other:
            sentence = str(SENTENCES[other])
    return sentence % words


SENTENCES = {
    State.ENDED: gettext_lazy("It ended at %(ended_at)s."),
    State.IN_DOUBT: gettext_lazy(
        "Whether its last charge moved money is not known. KakaoPay is asked until it is; until "
        "then it goes on, and nothing is charged again."
    ),
    DUE: gettext_lazy(
        "Its next period is due since %(charge_at)s and is charged in the next minutes."
    ),
    State.NO_METHOD: gettext_lazy(
        "It is paid until %(paid_until)s, but nobody can be charged for the next period: its "
        "shopper has to register a payment method. Otherwise it ends on %(lasts_until)s."
    ),
    State.POSTPONED: gettext_lazy(
        "Its period was not charged yet, by a fault of the shop's and not of its shopper's. It is "
        "tried again at %(charge_at)s."
    ),
    State.TRIAL: gettext_lazy(
        "It is a trial until %(paid_until)s; the first period is charged at %(charge_at)s."
    ),
    State.RENEWS: gettext_lazy("It is paid until %(paid_until)s, and renewed at %(charge_at)s."),
    State.ENDS: gettext_lazy("It is paid until %(paid_until)s, and ends then."),
}


def failing(membership: Membership) -> str:
    """What its last attempts came to, and what is left to try."""
    tried = ngettext(
        "Its period could not be charged since %(since)s, in %(attempts)d attempt: %(why)s.",
        "Its period could not be charged since %(since)s, in %(attempts)d attempts: %(why)s.",
        membership.attempts,
    )
    said = _(
        "It is not tried again until its shopper registers a payment method; it ends on "
        "%(lasts_until)s."
    )
    if membership.charge_at:
        said = _("It is tried again at %(charge_at)s, and ends on %(lasts_until)s.")
    return f"{tried} {said}"


def after_refund(period: MembershipPeriod, *, now: datetime) -> str:
    """What ``cut_short`` makes of the membership once what this period cost has gone back."""
    membership = period.membership
    if period.ends_at <= now:
        said = _("The period %(period)s has ended long since: its membership stays as it is.")
        return said % {"period": days_of(period)}
    others = [
        each for each in membership.periods.all() if each.status == PAID and each.pk != period.pk
    ]
    until = max((each.ends_at for each in others), default=now)
    words = {"period": days_of(period), "until": last(until), "plan": membership.plan}
    if until <= now:
        return _("The membership “%(plan)s” ends at once: its period %(period)s is over.") % words
    if membership.renews and period.plan.renews:
        said = _(
            "The period %(period)s of the membership is over: it does not renew, and ends on "
            "%(until)s."
        )
    else:
        said = _("The period %(period)s is over; the membership goes on until %(until)s.")
    return f"{said % words} {about_the_days_between(period, others)}".strip()


def about_the_days_between(period: MembershipPeriod, others: list[MembershipPeriod]) -> str:
    """Until a paid period that begins later, if there is one: nothing is moved forward."""
    follows = min(
        (each.starts_at for each in others if each.starts_at >= period.ends_at), default=None
    )
    if follows is None:
        return ""
    if any(each.starts_at < period.starts_at for each in others):
        said = _(
            "The next one that is paid begins on %(day)s as before; the days until then bring the "
            "benefits of the last one that was paid."
        )
    else:
        said = _(
            "The next one that is paid begins on %(day)s as before; the days until then bring no "
            "benefits."
        )
    return said % {"day": day(follows)}


def how_charged(agreement: BillingAgreement) -> str:
    """``카드 신한``, as far as it is known."""
    methods = dict(PaymentTransaction.Method.choices)
    method = methods.get(agreement.method, agreement.method)
    return f"{method} {agreement.card_issuer}".strip() or "–"


def price_of(membership: Membership) -> str:
    """``4,900원``, and what it will be."""
    if membership.new_price is None or membership.new_price_from is None:
        return won(membership.price)
    said = _("%(price)s; %(new_price)s for periods from %(day)s on")
    return said % {
        "price": won(membership.price),
        "new_price": won(membership.new_price),
        "day": day(membership.new_price_from),
    }


def days_of(period: MembershipPeriod) -> str:
    """``2026-11-20 – 2026-12-19``: its first day and its last."""
    return f"{day(period.starts_at)} – {last(period.ends_at)}"


def last(ends_at: datetime) -> str:
    """The last day, in Korea, of what ends at this time."""
    return date_format(last_day(ends_at), "Y-m-d")


def day(at: datetime | None) -> str:
    return date_format(timezone.localtime(at), "Y-m-d") if at else "–"


def moment(at: datetime | None) -> str:
    return date_format(timezone.localtime(at), "Y-m-d H:i") if at else "–"
