"""The review page's forms, as they are first shown and as they come back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.addresses import Destination
from accounts.memberships.prospects import Hindrance, Prospect, hindrance, prospect
from accounts.models import Address, User
from checkout import guessing, offers
from checkout.forms import CheckoutForm, DestinationForm, DiscountForm
from orders import pricing, quoting
from orders.models import Order
from orders.quoting import Basket
from shop.models import Cart, CartLine

PREFIX = "address"
TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Forms:
    """Who orders, where to, and how they pay less; and ``seen``, what they were shown."""

    contact: CheckoutForm
    address: DestinationForm
    discounts: DiscountForm
    seen: pricing.Quote = offers.NOTHING_SEEN
    promise: offers.Promise | None = None

    @classmethod
    def first(cls, user: User, unpaid: Order | None) -> Self:
        """What the order that was not paid, or else the account, knows already."""
        shipment = getattr(unpaid, "shipment", None)
        address = shipment or user.addresses.first()
        return cls(
            contact=CheckoutForm.for_user(user),
            address=DestinationForm.of(address, user, prefix=PREFIX),
            discounts=DiscountForm.for_wish(quoting.wish_of(unpaid)),
        )

    @classmethod
    def typed(cls, data: Mapping[str, str]) -> Self:
        """As they were typed, with nothing said about what is missing: the buyer is not done."""
        typed = {name: data.get(f"{PREFIX}-{name}", "") for name in DestinationForm.base_fields}
        return cls(
            contact=CheckoutForm(initial=data),
            address=DestinationForm(initial=typed, prefix=PREFIX),
            discounts=DiscountForm(data),
            seen=seen_in(data),
            promise=promise_in(data),
        )

    @classmethod
    def sent(cls, data: Mapping[str, str]) -> Self:
        """As they were sent off to be ordered."""
        address = DestinationForm(data, prefix=PREFIX)
        discounts = DiscountForm(data)
        return cls(CheckoutForm(data), address, discounts, seen_in(data), promise_in(data))

    def at(self, address: Address, user: User) -> Self:
        """The same, with one of the saved addresses."""
        return replace(self, address=DestinationForm.of(address, user, prefix=PREFIX))

    def are_valid(self) -> bool:
        """An address is asked for only where something is delivered."""
        asked = [self.contact, self.discounts] + [self.address] * self.needs_address
        return all([form.is_valid() for form in asked])  # noqa: C419 — each shows what is wrong

    @property
    def needs_address(self) -> bool:
        return any(item.needs_delivery for item in self.seen.items)

    @property
    def is_promise_kept(self) -> bool:
        """Is the membership, if there is one, still what the buyer was told?"""
        return self.promise is None or self.promise.is_kept()

    @property
    def destination(self) -> Destination | None:
        return self.address.destination if self.needs_address else None

    @property
    def is_saved(self) -> bool:
        return self.needs_address and self.address.cleaned_data["is_saved"]

    def basket(
        self, cart: Cart | None, user: User, *, use_all: bool = False, now: datetime
    ) -> Basket:
        """
        What the cart comes to as the forms say. Where a code is refused, the coupon that was picked
        before still counts; more points than can be used are said at their field.
        """
        wish = self.discounts.wish
        if use_all:
            wish = replace(wish, points=pricing.MOST)
        basket = guessing.look(cart, wish, user_id=user.pk, now=now)
        if basket.refusal and wish.coupon != self.discounts.picked:
            kept = replace(wish, coupon=self.discounts.picked)
            with_picked = guessing.look(cart, kept, user_id=user.pk, now=now)
            basket = replace(with_picked, refusal=basket.refusal)
        if wish.points > basket.usable and not use_all:
            self.discounts.add_error("points", too_many(basket.usable))
        return basket

    def problems(self, basket: Basket) -> list[str]:
        """Why the buyer does not pay as little as they would; each is also said at its field."""
        refusal = [str(basket.refusal)] if basket.refusal else []
        return refusal + [str(error) for error in self.discounts["points"].errors]

    def points_shown(self, basket: Basket) -> str | int:
        """What stands in their field: how many are used, or what was typed and is no number."""
        errors = self.discounts.errors.as_data().get("points", [])
        if any(error.code != TOO_MANY for error in errors):
            return str(self.discounts["points"].value())
        return basket.quote.points


@dataclass(frozen=True, slots=True)
class Joining:
    """
    What the membership that is a ``line`` of the cart would be; or ``hindrance``: why it cannot be
    bought.
    """

    line: CartLine
    prospect: Prospect
    hindrance: Hindrance | None
    is_with_goods: bool

    @property
    def promise(self) -> offers.Promise:
        return offers.Promise.of(self.prospect.plan)

    @property
    def consent(self) -> str:
        """What somebody agrees to who buys what is charged again."""
        if self.hindrance or not self.prospect.plan.renews:
            return ""
        return _(
            "I have checked what I am ordering, and agree to the purchase and to the payments that "
            "follow until I cancel, as said above."
        )


def joining(basket: Basket, *, now: datetime) -> Joining | None:
    """None where no membership is among the goods."""
    plan, terms = basket.plan, basket.terms
    if plan is None:
        return None
    line = next(line for line in basket.lines if line.product.plan == plan)
    return Joining(
        line,
        prospect(plan, terms, now=now),
        hindrance(plan, terms),
        is_with_goods=len(basket.lines) > 1,
    )


def too_many(usable: int) -> ValidationError:
    said = _("No more than %(most)s points can be used here.")
    return ValidationError(said, code=TOO_MANY, params={"most": f"{usable:,}"})


def seen_in(data: Mapping[str, str]) -> pricing.Quote:
    """What the buyer was shown."""
    return offers.opened(data.get("seen", ""))


def promise_in(data: Mapping[str, str]) -> offers.Promise | None:
    """What the buyer was told about the membership in the cart."""
    return offers.Promise.opened(data.get("promise", ""))
