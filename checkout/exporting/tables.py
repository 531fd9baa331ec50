"""What stands in the columns of each export. Every row comes out of the one query."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    F,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from checkout.exporting.cells import Cell, as_it_is, moment, phone, word_of, yes_or_no
from orders.models import Order, PaymentTransaction, Refund, Shipment
from orders.shipping import SHIPPABLE

ROWS_AT_ONCE = 2000
NOT_PAID = "NOT_PAID"


@dataclass(frozen=True, slots=True)
class Column:
    heading: str
    name: str  # in the query
    shown: Callable[[Any], Cell] = as_it_is


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` are in the order of the file; ``at`` is the column by which they belong to a day."""

    rows: QuerySet[Any]
    at: str
    columns: tuple[Column, ...]

    @property
    def headings(self) -> list[str]:
        return [column.heading for column in self.columns]

    @property
    def model(self) -> type[Model]:
        return self.rows.model

    def between(self, since: datetime, until: datetime) -> "Table":
        """The rows from ``since`` on, and before ``until``."""
        period = {f"{self.at}__gte": since, f"{self.at}__lt": until}
        return replace(self, rows=self.rows.filter(**period).order_by(self.at, "pk"))

    def has_more_than(self, count: int) -> bool:
        """Reads no further than the row that decides it."""
        return bool(self.rows.order_by().values_list("pk")[count : count + 1])

    def cells(self) -> Iterator[list[Cell]]:
        """Row by row, as the database gives them out."""
        shown = [column.shown for column in self.columns]
        values = self.rows.values_list(*(column.name for column in self.columns))
        for row in values.iterator(ROWS_AT_ONCE):
            yield [show(value) for show, value in zip(shown, row, strict=True)]


def label(choices: type[TextChoices]) -> Callable[[Any], Cell]:
    return word_of({value: str(words) for value, words in choices.choices})


def orders() -> Table:
    """By the day on which they were placed."""
    return Table(
        rows=Order.objects.annotate(money_back=money_back(), delivery=delivery()),
        at="placed_at",
        columns=(
            Column(_("Order number"), "number"),
            Column(_("Kind"), "kind", label(Order.Kind)),
            Column(_("Status"), "status", label(Order.Status)),
            Column(_("Placed at"), "placed_at", moment),
            Column(_("Paid at"), "paid_at", moment),
            Column(_("Buyer"), "name"),
            Column(_("E-mail"), "email"),
            Column(_("Phone"), "phone", phone),
            Column(_("Products"), "title"),
            Column(_("Pieces"), "pieces"),
            Column(_("Amount of goods"), "subtotal"),
            Column(_("Coupon"), "coupon_name"),
            Column(_("Coupon discount"), "discount"),
            Column(_("Points used"), "points"),
            Column(_("Delivery fee"), "shipping"),
            Column(_("Total"), "total"),
            Column(_("Tax-free part"), "tax_free"),
            Column(_("VAT"), "vat"),
            Column(_("Refunded amount"), "money_back"),
            Column(_("Points given back"), "points_refunded"),
            Column(
                _("Delivery status"),
                "delivery",
                word_of(
                    {
                        NOT_PAID: _("not to be shipped"),
                        **{value: str(words) for value, words in Shipment.Status.choices},
                    }
                ),
            ),
            Column(_("Carrier"), "shipment__carrier", label(Shipment.Carrier)),
            Column(_("Tracking number"), "shipment__tracking_number"),
            Column(_("Shipped at"), "shipment__shipped_at", moment),
            Column(_("Recipient"), "shipment__recipient"),
            Column(_("Recipient's phone"), "shipment__phone", phone),
            Column(_("Postal code"), "shipment__postcode"),
            Column(_("Address"), "shipment__line1"),
            Column(_("Flat, floor, building"), "shipment__line2"),
            Column(_("Note for the courier"), "shipment__memo"),
        ),
    )


def transactions() -> Table:
    """By the day on which they were begun; charges and refunds, also those that failed."""
    return Table(
        rows=PaymentTransaction.objects.all(),
        at="created_at",
        columns=(
            Column(_("Order number"), "order__number"),
            Column(_("Kind"), "kind", label(PaymentTransaction.Kind)),
            Column(_("Status"), "status", label(PaymentTransaction.Status)),
            Column(_("Provider"), "gateway"),
            Column(_("Amount"), "amount"),
            Column(_("Tax-free part"), "tax_free"),
            Column(_("VAT"), "vat"),
            Column("tid", "tid"),
            Column("aid", "aid"),
            Column(_("Paid with"), "method", label(PaymentTransaction.Method)),
            Column(_("Card issuer"), "card_issuer"),
            Column(_("Instalment months"), "installment_months"),
            Column(_("Created at"), "created_at", moment),
            Column(_("Approved at"), "approved_at", moment),
            Column(_("Reason code"), "reason_code"),
            Column(_("Reason"), "reason"),
            Column(_("Made at the provider"), "is_external", yes_or_no()),
        ),
    )


def refunds() -> Table:
    """By the day on which somebody asked for them; also those that were not approved."""
    return Table(
        rows=Refund.objects.all(),
        at="created_at",
        columns=(
            Column(_("Order number"), "order__number"),
            Column(_("Kind"), "kind", label(Refund.Kind)),
            Column(_("Status"), "status", label(Refund.Status)),
            Column(_("Amount"), "amount"),
            Column(_("Tax-free part"), "tax_free"),
            Column(_("VAT"), "vat"),
            Column(_("Points given back"), "points"),
            Column(_("Coupon given back"), "returns_coupon", yes_or_no()),
            Column(_("With the delivery fee"), "with_delivery", yes_or_no()),
            Column(_("Back into stock"), "restock", yes_or_no()),
            Column(_("Reason"), "reason"),
            Column(_("Requested by"), "requested_by__email"),
            Column(_("Decided by"), "decided_by__email"),
            Column(_("Why so decided"), "decision"),
            Column(_("Requested at"), "created_at", moment),
            Column(_("Settled at"), "settled_at", moment),
            Column("tid", "transaction__tid"),
            Column("aid", "transaction__aid"),
        ),
    )


def money_back() -> Coalesce:
    """What of an order has gone back in money, in won."""
    refunded = PaymentTransaction.objects.filter(
        order=OuterRef("pk"),
        kind=PaymentTransaction.Kind.REFUND,
        status=PaymentTransaction.Status.SUCCEEDED,
    )
    by_order = refunded.order_by().values("order")
    return Coalesce(Subquery(by_order.annotate(sum=Sum("amount")).values("sum")), 0)


def delivery() -> Case:
    """How far the parcel is; nobody prepares what is not paid for."""
    is_here = {"shipment__status": Shipment.Status.PREPARING}
    return Case(
        When(**is_here, status__in=SHIPPABLE, then=F("shipment__status")),
        When(**is_here, then=Value(NOT_PAID)),
        default=F("shipment__status"),
    )
