"""What the buyer was shown, carried through the form, and how it differs from what is true now."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from enum import StrEnum

from django.core import signing

from accounts.models import Plan
from orders import pricing
from orders.lines import item_of
from shop.models import CartLine, Product

SALT = "checkout.quote"  # another one with each change of what is sealed
PLAN_SALT = "checkout.plan"
NOTHING_SEEN = pricing.quote([])


class What(StrEnum):
    PRICE = "price"
    BEGAN = "began"
    ENDED = "ended"
    TRIED = "tried"
    PLAN = "plan"
    QUANTITY = "quantity"
    ADDED = "added"
    REMOVED = "removed"
    SHORTAGE = "shortage"
    TAX = "tax"
    DISCOUNT = "discount"
    POINTS = "points"
    SHIPPING = "shipping"


@dataclass(frozen=True, slots=True)
class Change:
    """
    One difference. ``was`` and ``now`` are pieces for QUANTITY, ADDED and SHORTAGE, else won.

    A price is another because the buyer's membership BEGAN or ENDED, because they have TRIED one
    before, or else because the shop's is (PRICE). A PLAN is charged, or good for, something else.
    """

    what: What
    name: str = ""
    was: int = 0
    now: int = 0

    @property
    def is_wish(self) -> bool:
        """Did the buyer change it themselves, if nothing was refused?"""
        return self.what in {What.DISCOUNT, What.POINTS}


@dataclass(frozen=True, slots=True)
class Promise:
    """What a plan was said to cost and to bring, of which its first price is only a part."""

    plan_id: int
    price: int
    months: int
    renews: bool
    trial_days: int
    discount_percent: int
    has_free_delivery: bool

    @classmethod
    def of(cls, plan: Plan) -> "Promise":
        return cls(
            plan_id=plan.pk,
            price=plan.price,
            months=plan.months,
            renews=plan.renews,
            trial_days=plan.trial_days,
            discount_percent=plan.discount_percent,
            has_free_delivery=plan.has_free_delivery,
        )

    @classmethod
    def opened(cls, value: str) -> "Promise | None":
        """What was sealed; None if it is not our seal."""
        try:
            return cls(*signing.loads(value, salt=PLAN_SALT))
        except signing.BadSignature:
            return None

    @property
    def sealed(self) -> str:
        """A value for a hidden field that cannot be altered."""
        return signing.dumps(astuple(self), salt=PLAN_SALT)

    def is_kept(self) -> bool:
        """Is it what buying the plan means now? One query."""
        plan = Plan.objects.filter(pk=self.plan_id).first()
        return plan is not None and Promise.of(plan) == self


def sealed(quote: pricing.Quote) -> str:
    """The quote as a value for a hidden field that cannot be altered."""
    items = [astuple(item) for item in quote.items]
    lines = [astuple(line) for line in quote.lines]
    return signing.dumps([items, lines, astuple(quote.delivery)], salt=SALT)


def opened(value: str) -> pricing.Quote:
    """What ``sealed`` was given; nothing if it is not our seal: then everything is asked again."""
    try:
        items, lines, delivery = signing.loads(value, salt=SALT)
    except signing.BadSignature:
        return NOTHING_SEEN
    return pricing.Quote(
        items=tuple(pricing.Item(*row) for row in items),
        lines=tuple(pricing.Share(*row) for row in lines),
        delivery=pricing.Share(*delivery),
    )


def changes(
    seen: pricing.Quote,
    quote: pricing.Quote,
    lines: Sequence[CartLine],
    *,
    promise: Promise | None = None,
    only_goods: bool = False,
) -> list[Change]:
    """In which ways the cart is no longer what the buyer saw, or can no longer be had."""
    found = changed_goods(seen, lines) + changed_plan(promise, lines)
    for what in () if only_goods else (What.DISCOUNT, What.POINTS, What.SHIPPING):
        was, now = getattr(seen, what), getattr(quote, what)
        if was != now and seen.items:
            found.append(Change(what, was=was, now=now))
    return found


def changed_goods(seen: pricing.Quote, lines: Sequence[CartLine]) -> list[Change]:
    before = {item.product_id: item for item in seen.items}
    found = []
    for line in lines:
        was, now, name = before.pop(line.product_id, None), item_of(line), line.name
        if was is None:
            found.append(Change(What.ADDED, name, now=now.quantity))
        else:
            if was.unit_price != now.unit_price:
                found.append(Change(why_the_price(was, line), name, was.unit_price, now.unit_price))
            if was.is_tax_free != now.is_tax_free:
                found.append(Change(What.TAX, name))
            if was.quantity != now.quantity:
                found.append(Change(What.QUANTITY, name, was.quantity, now.quantity))
        if line.quantity > line.available:
            found.append(Change(What.SHORTAGE, name, line.quantity, line.available))
    gone = Product.objects.filter(pk__in=before)
    found += [Change(What.REMOVED, product.name) for product in gone]
    return found


def changed_plan(promise: Promise | None, lines: Sequence[CartLine]) -> list[Change]:
    """The plan that was promised, if it is in the cart but not the same any more."""
    plans = [(line.product.plan, line.name) for line in lines]
    return [
        Change(What.PLAN, name)
        for plan, name in plans
        if promise and plan and plan.pk == promise.plan_id and Promise.of(plan) != promise
    ]


def why_the_price(was: pricing.Item, line: CartLine) -> What:
    """Why a line does not cost what its buyer saw."""
    terms = line.terms
    if line.product.plan:
        return What.PRICE if was.unit_price or terms.may_try else What.TRIED
    if terms.percent and was.unit_price == line.list_price:
        return What.BEGAN
    if terms.membership and not terms.is_member:
        lost = replace(terms, percent=terms.membership.plan.discount_percent)
        if was.unit_price == line.product.price_for(lost):
            return What.ENDED
    return What.PRICE
