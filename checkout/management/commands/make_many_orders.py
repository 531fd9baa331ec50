from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from tqdm import tqdm

from accounts.models import User
from checkout.management import many_orders
from orders.models import Order
from orders.models.orders import NUMBER_ALPHABET
from shop.models import Product

AT_ONCE = 20_000


class Command(BaseCommand):
    help = (
        "Make many orders with lines, payments, parcels, refunds and mails, as some time of "
        "business leaves them: to see how the desk does with them. Stock, points, coupons and the "
        "provider's books know nothing of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--orders", type=int, default=5_000, help="How many (5,000).")
        parser.add_argument("--days", type=int, default=730, help="In how many days (730).")
        parser.add_argument("--yes", action="store_true", help="Also where DEBUG is off.")

    def handle(self, *, orders: int, days: int, yes: bool, **options: Any) -> None:
        if not settings.DEBUG and not yes:
            raise CommandError(
                "make_many_orders writes orders that nobody placed, so it only runs with DEBUG on. "
                "Add --yes if this database is not a real shop's."
            )
        if orders < 1 or days < 1:
            raise CommandError("--orders and --days are 1 at least.")
        if Product.objects.on_sale().count() < 2:
            raise CommandError("There is nothing to order: run manage.py load_demo first.")
        make(orders, timedelta(days=days))
        self.stdout.write(f"{orders:,} orders made, of {days:,} days")


def make(orders: int, span: timedelta) -> None:
    """Make so many orders, placed from ``span`` ago until now, and tell the planner of them."""
    staff = User.objects.filter(is_staff=True).order_by("pk").first()
    given = {
        "orders": orders,
        "span": span,
        "people": orders // 8 + 1,
        "first_user": last_id(User),
        "first_order": last_id(Order),
        "surnames": many_orders.SURNAMES,
        "names": many_orders.NAMES,
        "alphabet": NUMBER_ALPHABET,
        "fee": settings.DELIVERY_FEE,
        "free_from": settings.DELIVERY_FREE_FROM,
        "staff": staff and staff.pk,
        "reason": many_orders.REASON,
    }
    with connection.cursor() as cursor:
        untracked(cursor, many_orders.PREPARE, given)
        with tqdm(total=orders, unit=" orders", leave=False, disable=None) as bar:
            for start in range(1, orders + 1, AT_ONCE):
                end = min(start + AT_ONCE - 1, orders)
                batch = given | {"start": start, "end": end}
                untracked(cursor, (many_orders.MADE, *many_orders.FILL), batch)
                bar.update(end - start + 1)
        run(cursor, many_orders.FINISH, given)


def untracked(cursor: Any, statements: tuple[str, ...], given: dict[str, Any]) -> None:
    """Run them in one transaction, past the audit trail."""
    with transaction.atomic():
        run(cursor, (*many_orders.SLEEP, *statements, *many_orders.WAKE), given)


def run(cursor: Any, statements: tuple[str, ...], given: dict[str, Any]) -> None:
    for statement in statements:
        cursor.execute(statement, given)


def last_id(model: type[User] | type[Order]) -> int:
    last = model._default_manager.order_by("pk").last()
    return last.pk if last else 0
