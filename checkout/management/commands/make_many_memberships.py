import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from tqdm import tqdm

from accounts.models import BillingAgreement, Plan
from checkout.management import many_memberships, many_orders
from orders import pricing
from orders.models.orders import NUMBER_ALPHABET

AT_ONCE = 5_000
MONTH = 30  # days


class Command(BaseCommand):
    help = (
        "Make many memberships with people, agreements and the orders that began them: to see how "
        "the desk and charge_memberships do with them. The provider knows nothing of their "
        "agreements."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--memberships", type=int, default=5_000, help="How many (5,000).")
        parser.add_argument("--plan", help="Its address; the cheapest that renews if left out.")
        parser.add_argument(
            "--due", action="store_true", help="All are due now; else by turns within a month."
        )
        parser.add_argument("--yes", action="store_true", help="Also where DEBUG is off.")

    def handle(
        self, *, memberships: int, plan: str | None, due: bool, yes: bool, **options: Any
    ) -> None:
        if not settings.DEBUG and not yes:
            raise CommandError(
                "make_many_memberships writes memberships that nobody bought, so it only runs with "
                "DEBUG on. Add --yes if this database is not a real shop's."
            )
        if memberships < 1:
            raise CommandError("--memberships is 1 at least.")
        plans = Plan.objects.filter(renews=True, product__isnull=False).order_by("price", "pk")
        found = (plans.filter(slug=plan) if plan else plans).first()
        if found is None:
            names = ", ".join(plans.values_list("slug", flat=True))
            if plan and names:
                raise CommandError(f"No plan that renews is called {plan}. There are: {names}.")
            raise CommandError("There is no plan that renews: run manage.py load_demo first.")
        make(memberships, found, is_due=due)
        self.stdout.write(f"{memberships:,} memberships made, by the plan “{found}”")


def make(memberships: int, plan: Plan, *, is_due: bool = False) -> None:
    """
    Make so many memberships of a plan that renews, and tell the planner of them.

    :param is_due: their next period is charged since yesterday; else on a day of the next month.
    """
    given: dict[str, Any] = {
        "plan": plan.pk,
        "price": plan.price,
        "vat": pricing.vat_within(plan.price, 0),
        "product": plan.product.pk,
        "title": plan.name,
        "first": -1 if is_due else 1,
        "days": 1 if is_due else MONTH,
        "grace": timedelta(days=settings.MEMBERSHIP_GRACE_DAYS),
        "charged_after": timedelta(hours=settings.MEMBERSHIP_CHARGE_HOUR),
        "surnames": many_orders.SURNAMES,
        "names": many_orders.NAMES,
        "alphabet": NUMBER_ALPHABET,
    }
    how = many_memberships
    statements = (*how.SLEEP, how.JOINED, *how.FILL, *how.WAKE)
    with connection.cursor() as cursor:
        with tqdm(total=memberships, unit=" memberships", leave=False, disable=None) as bar:
            for start in range(0, memberships, AT_ONCE):
                count = min(AT_ONCE, memberships - start)
                batch = given | {"sealed_sids": sealed_sids(count)}
                with transaction.atomic():
                    for statement in statements:
                        cursor.execute(statement, batch)
                bar.update(count)
        cursor.execute("ANALYZE")


def sealed_sids(count: int) -> list[str]:
    """So many made-up names of agreements, encrypted."""
    made = []
    for _ in range(count):
        agreement = BillingAgreement()
        agreement.sid = f"S{secrets.token_hex(10)[1:]}"
        made.append(agreement.sealed_sid)
    return made
