"""The ninth journey: a worker is killed while it renews a membership, and others come after it."""

from datetime import timedelta

import requests
from django.utils import timezone

from accounts import memberships
from accounts.models import BillingAgreement, Membership, Plan
from checkout import payments, renewals
from orders import quoting
from orders.models import Order, PaymentTransaction
from shop import plans
from tests.conftest import CONTACT
from tests.killing.journeys import PAID_ONCE, Journey

AN_HOUR = timedelta(hours=1)


class Renewal(Journey):
    """A month of a membership is due; the worker comes by, and comes by again."""

    name = "renewal"
    ends = {Order.Status.PAID: PAID_ONCE}

    def arrange(self) -> None:
        """Buy the first month, and let it be over."""
        plan = Plan(
            slug=f"plan-{self.product.slug}", name_ko="프리미엄", name_en="Premium", price=4_900
        )
        product = plans.offer(plan, category=self.product.category)
        self.cart.lines.all().delete()
        line = self.cart.lines.create(product=product, quantity=1)
        now = timezone.now()
        terms = memberships.terms_of(self.user.pk, now=now)
        seen = quoting.quote_of([line], terms=terms)
        charge = payments.start(user=self.user, contact=CONTACT, seen=seen, now=now)
        assert isinstance(charge, PaymentTransaction)
        back = self.kakaopay.pay(charge.redirect_urls["pc"])
        payments.capture(charge, pg_token=back.rpartition("pg_token=")[2], now=now)
        self.membership = Membership.objects.get(user=self.user)
        first = self.membership.periods.get()
        first.starts_at, first.ends_at = now - 2 * AN_HOUR, now - AN_HOUR
        first.save()
        self.membership.paid_until = self.membership.charge_at = first.ends_at
        self.membership.save()
        self.month = memberships.due_period(self.membership)
        self.agreement = BillingAgreement.objects.get(user=self.user)
        self.lease_runs_out()
        self.kakaopay.advance(int(AN_HOUR.total_seconds()))

    def request(self, kill_at: int | None = None) -> requests.Response:
        return self.browser.get(f"/renew/{self.membership.pk}/", kill_at=kill_at)

    def go_on(self) -> None:
        """Another worker comes by, once the first has had its time."""
        self.lease_runs_out()
        self.request()

    def at_last(self) -> None:
        """The next day, if it was not charged on the first."""
        Membership.objects.filter(pk=self.membership.pk, paid_until=self.month.starts_at).update(
            charge_at=timezone.now()
        )
        self.go_on()

    def lease_runs_out(self) -> None:
        now = timezone.now()
        soon = now + renewals.LATER
        mine = Membership.objects.filter(pk=self.membership.pk)
        mine.exclude(paid_until=self.month.ends_at).filter(charge_at__lte=soon).update(
            charge_at=now
        )
        BillingAgreement.objects.filter(pk=self.agreement.pk).update(used_at=now - AN_HOUR)
