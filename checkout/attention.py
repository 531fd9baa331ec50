"""What waits for somebody at the desk. The admin's lists show exactly the rows that are counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import memberships
from accounts.models import BillingAgreement, BillingAgreementEvent, Membership
from checkout.models import Discrepancy
from orders import overdue, renewing
from orders.models import Refund, RefundRequest
from shop.models import Product

#: A number above this is told as "more than".
MOST = 999
#: Ending an agreement is tried every few minutes: after so long something else is wrong.
ENDS_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Concern:
    """One kind of row that waits, and which part of its model's list shows them all."""

    title: str
    hint: str
    rows: QuerySet[Any]
    part: str
    is_urgent: bool = False

    @property
    def model(self) -> type[Model]:
        return self.rows.model

    def count(self) -> int:
        """How many wait; MOST + 1 if there are more than MOST, for it counts no further."""
        return self.rows.order_by()[: MOST + 1].count()


def long_ending(*, now: datetime) -> QuerySet[BillingAgreement]:
    """Agreements that nothing needs, and that could not be ended at the provider for a day."""
    ending = BillingAgreement.Status.ENDING
    since = BillingAgreementEvent.objects.filter(
        pgh_obj=OuterRef("pk"), status=ending, pgh_created_at__lte=now - ENDS_WITHIN
    )
    return BillingAgreement.objects.filter(Exists(since), status=ending)


def postponed(*, now: datetime) -> QuerySet[Membership]:
    """Those whose period was not charged by a fault of the shop's; what is in doubt is no fault."""
    return memberships.postponed(now=now).filter(~renewing.in_doubt())


def concerns(*, now: datetime) -> list[Concern]:
    """All of them, those about money first. Nothing is counted yet."""
    minutes, days = settings.ATTENTION_UNCONFIRMED_MINUTES, settings.ATTENTION_UNSHIPPED_DAYS
    return [
        Concern(
            _("Payments not confirmed"),
            ngettext("for over %(count)d minute", "for over %(count)d minutes", minutes)
            % {"count": minutes},
            overdue.unconfirmed(now=now),
            "state=unconfirmed",
            is_urgent=True,
        ),
        Concern(
            _("Open discrepancies"),
            _("our books and the provider's differ"),
            Discrepancy.objects.filter(closed_at=None),
            "state=open",
            is_urgent=True,
        ),
        Concern(
            _("Payments without a tid"),
            _("paid, but the answer that named them was lost"),
            Discrepancy.objects.filter(closed_at=None, kind=Discrepancy.Kind.NO_NAME),
            "state=open&kind__exact=NO_NAME",
            is_urgent=True,
        ),
        Concern(
            _("Agreements not ended"),
            _("to be ended at KakaoPay for over a day"),
            long_ending(now=now),
            "state=stuck",
            is_urgent=True,
        ),
        Concern(
            _("Memberships not charged"),
            _("due, and by a fault of the shop's nobody was asked to pay"),
            postponed(now=now),
            "state=postponed",
            is_urgent=True,
        ),
        Concern(
            _("Memberships failing"),
            _("their period could not be charged"),
            Membership.objects.filter(failing_since__isnull=False, ended_at=None),
            "state=failing",
        ),
        Concern(
            _("Refunds to approve"),
            _("wait for a second person"),
            Refund.objects.filter(status=Refund.Status.WAITING),
            "state=waiting",
        ),
        Concern(
            _("Refund requests"),
            _("buyers wait for an answer"),
            RefundRequest.objects.filter(status=RefundRequest.Status.OPEN),
            "state=open",
        ),
        Concern(
            _("Not shipped"),
            ngettext("paid over %(count)d day ago", "paid over %(count)d days ago", days)
            % {"count": days},
            overdue.unshipped(now=now),
            "state=late",
        ),
        Concern(
            _("Sold out"),
            _("on sale, and nothing left"),
            Product.objects.on_sale().filter(stock=0),
            "state=sold_out",
        ),
    ]
