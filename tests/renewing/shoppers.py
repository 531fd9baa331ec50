"""What members do meanwhile. Each keeps a diary, by which the oracle judges later."""

import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from accounts import memberships
from accounts.models import BillingAgreement, Membership, Plan, User
from checkout import members, payments, refunds
from orders import placing, quoting, refunding
from orders.lines import lines_of
from orders.models import Order, PaymentTransaction
from shop.models import Cart
from tests.conftest import CONTACT
from tests.kakaopay import KakaoPay
from tests.renewing.plans import PASS, RENEWING


class Did(StrEnum):
    BOUGHT = "bought a membership"
    EXTENDED = "extended it by a pass"
    STOPPED = "stopped it"
    RESUMED = "resumed it"
    STOPPED_AT_ONCE = "stopped it at once"
    CHANGED_PLAN = "changed the plan"
    REGISTERED = "registered a payment method"
    LEFT = "left such a registration unpaid"
    ENDED_IN_APP = "ended the agreement in KakaoPay's app"
    WAS_REFUSED = "could not do what they wanted"


#: What may keep a shopper from doing something: all of it said politely.
REFUSALS = (
    memberships.CannotChange,
    members.InDoubt,
    refunds.AlreadyOpen,
    refunding.RefundRefused,
    placing.CannotPlace,
    payments.NotPayable,
    payments.ProviderUnavailable,
)


@dataclass(frozen=True)
class Entry:
    """``sure``: the answer came, so the moment is exact. ``what``: the plan."""

    at: datetime
    did: Did
    what: str = ""
    sure: bool = True


@dataclass
class Shopper:
    user: User
    diary: list[Entry] = field(default_factory=list)

    def did(self, *kinds: Did) -> list[Entry]:
        return [entry for entry in self.diary if entry.did in kinds]

    def is_quiet(self) -> bool:
        """Did they do no more than buy it once?"""
        return all(entry.did in {Did.BOUGHT, Did.WAS_REFUSED} for entry in self.diary) and (
            len(self.did(Did.BOUGHT)) == 1
        )

    def membership(self) -> Membership | None:
        return Membership.objects.select_related("plan").filter(user=self.user).first()


class Shoppers:
    """Everybody, and what they can do."""

    def __init__(
        self,
        kakaopay: KakaoPay,
        plans: dict[str, Plan],
        now: Callable[[], datetime],
        choose: random.Random,
    ) -> None:
        self.kakaopay = kakaopay
        self.plans = plans
        self.now = now
        self.choose = choose
        self.all: list[Shopper] = []
        self.problems: list[str] = []
        self.ways: dict[Callable[[Shopper], None], int] = {
            self.stop: 6,
            self.resume: 6,
            self.stop_at_once: 2,
            self.change_plan: 4,
            self.register: 3,
            self.begin_to_register: 1,
            self.extend: 2,
            self.end_in_app: 2,
        }

    def join(self, slug: str) -> None:
        """Somebody new buys a membership."""
        number = len(self.all) + 1
        user = User(email=f"member{number}@example.com", name="김하나")
        user.set_unusable_password()
        user.save()
        self.all.append(Shopper(user))
        self.buy(self.all[-1], slug)

    def buy(self, shopper: Shopper, slug: str, did: Did = Did.BOUGHT) -> None:
        plan, now = self.plans[slug], self.now()
        cart, _ = Cart.objects.get_or_create(user=shopper.user)
        cart.lines.all().delete()
        cart.lines.create(product=plan.product, quantity=1)
        terms = memberships.terms_of(shopper.user.pk, now=now)
        seen = quoting.quote_of(lines_of(cart, terms), terms=terms)
        charge = payments.start(user=shopper.user, contact=CONTACT, seen=seen, now=now)
        if isinstance(charge, Order):  # a trial of a pass, which there is not
            raise AssertionError(f"{charge} was free")
        if self.choose.random() < 0.02:
            self.kakaopay.fault("approve", after=self.choose.choice(["drop", "html_502"]))
        self.agree(shopper, charge, did, slug, now=now)

    def agree(
        self,
        shopper: Shopper,
        charge: PaymentTransaction,
        did: Did,
        what: str = "",
        *,
        now: datetime,
    ) -> None:
        """Pay at the provider, and come back."""
        back = self.kakaopay.pay(charge.redirect_urls["pc"])
        charge = payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)
        sure = charge.status == PaymentTransaction.Status.SUCCEEDED
        shopper.diary.append(Entry(now, did, what, sure))

    def act(self, shopper: Shopper) -> None:
        """Something, whether it is allowed or not."""
        way = self.choose.choices(list(self.ways), list(self.ways.values()))[0]
        self.attempt(shopper, way)

    def attempt(self, shopper: Shopper, way: Callable[[Shopper], None]) -> None:
        try:
            way(shopper)
        except REFUSALS as refusal:
            shopper.diary.append(Entry(self.now(), Did.WAS_REFUSED, type(refusal).__name__))
        except Exception:
            self.problems.append(f"{shopper.user}, {way.__name__}: {traceback.format_exc()}")

    def stop(self, shopper: Shopper) -> None:
        now = self.now()
        members.stop(shopper.user, now=now)
        shopper.diary.append(Entry(now, Did.STOPPED))

    def resume(self, shopper: Shopper) -> None:
        now = self.now()
        members.resume(shopper.user, now=now)
        shopper.diary.append(Entry(now, Did.RESUMED))

    def stop_at_once(self, shopper: Shopper) -> None:
        if self.choose.random() < 0.3:
            kinds = self.choose.choice([{"after": "drop"}, {"before": "html_502"}])
            self.kakaopay.fault("cancel", **kinds)
        now = self.now()
        try:
            members.stop_at_once(shopper.user, now=now)
        except (refunds.AlreadyOpen, refunding.NotNamed):
            shopper.diary.append(Entry(now, Did.STOPPED_AT_ONCE, "refund refused", sure=False))
            return
        shopper.diary.append(Entry(now, Did.STOPPED_AT_ONCE))

    def change_plan(self, shopper: Shopper) -> None:
        slug, now = self.choose.choice(RENEWING), self.now()
        members.change_plan(shopper.user, self.plans[slug], now=now)
        shopper.diary.append(Entry(now, Did.CHANGED_PLAN, slug))

    def register(self, shopper: Shopper) -> None:
        now = self.now()
        charge = members.register(shopper.user, now=now)
        self.agree(shopper, charge, Did.REGISTERED, now=now)

    def begin_to_register(self, shopper: Shopper) -> None:
        now = self.now()
        members.register(shopper.user, now=now)
        shopper.diary.append(Entry(now, Did.LEFT))

    def extend(self, shopper: Shopper) -> None:
        self.buy(shopper, PASS, Did.EXTENDED)

    def end_in_app(self, shopper: Shopper) -> None:
        membership = shopper.membership()
        agreement = membership.agreement if membership else None
        if agreement is None or agreement.status != BillingAgreement.Status.ACTIVE:
            return
        if self.kakaopay.subscription(agreement.sid).status == "ACTIVE":
            self.kakaopay.end_subscription(agreement.sid)
            shopper.diary.append(Entry(self.now(), Did.ENDED_IN_APP))

    def buy_again(self, shopper: Shopper) -> None:
        self.buy(shopper, self.choose.choice(RENEWING))

    def return_if_gone(self, shopper: Shopper) -> None:
        """Whoever's membership has ended may buy another; whoever is failing may pay."""
        membership = shopper.membership()
        if membership is None:
            return
        if membership.ended_at:
            self.attempt(shopper, self.buy_again)
        elif membership.is_failing or (membership.renews and membership.agreement is None):
            self.attempt(shopper, self.register)


def due_soon(shoppers: list[Shopper], now: datetime) -> list[Shopper]:
    """Those whose membership is charged today, or should have been: where a race can happen."""
    users = set(
        Membership.objects.filter(
            ended_at=None, paid_until__lte=now + timedelta(hours=12)
        ).values_list("user", flat=True)
    )
    return [each for each in shoppers if each.user.pk in users]
