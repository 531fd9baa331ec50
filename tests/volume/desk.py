"""The desk's lists and its front page over a million orders: queries, time, and no long scans."""

import time
from datetime import timedelta
from io import StringIO
from urllib.parse import urlencode

from django.conf import settings
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from tests.many import KNOWN, LISTS, LONG, MOST_QUERIES, PARTS, an_old_order, desk, goods
from tests.plans import scanned
from tests.queries import queries_of

#: The front page counts nine concerns and draws three charts.
MOST_ON_FRONT_PAGE = 15


def lists(orders: int) -> bool:
    """Make so many orders and open everything. Returns whether all is as it must be."""
    settings.ALLOWED_HOSTS = ["testserver"]
    goods()
    User.objects.create_superuser("desk@example.com", "open-sesame-2")
    began = time.monotonic()
    call_command("make_many_orders", orders=orders, yes=True, stdout=StringIO())
    print(f"{orders:,} orders made in {time.monotonic() - began:.0f} s")
    client, order = desk(), an_old_order()
    day = order.placed_at.date() + timedelta(days=1)
    fine = opens(client, "/admin/", MOST_ON_FRONT_PAGE)
    for name in LISTS:
        address = f"/admin/orders/{name}/"
        found = [urlencode({"q": typed(order)}) for typed in KNOWN.values()]
        for part in [*(part.format(day=day) for part in PARTS[name]), *found]:
            fine &= opens(client, f"{address}?{part}", MOST_QUERIES)
    return opens(client, "/admin/checkout/mail/", MOST_QUERIES) and fine


def opens(client: Client, address: str, most: int) -> bool:
    """Open it, and print what that took."""
    client.get(address)  # the first of its kind loads templates
    began = time.monotonic()
    statements = queries_of(lambda: client.get(address))
    took = time.monotonic() - began
    read = scanned(statements) & LONG
    print(f"  {took * 1000:5.0f} ms, {len(statements):2} queries  {address}")
    for table in sorted(read):
        print(f"    READS ALL OF {table}")
    return len(statements) <= most and not read
