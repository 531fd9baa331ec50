"""
``make bench``: queries, time and bytes of the requests that a purchase is made of.

Runs the whole application against an empty test database and a real sandbox. Times are medians and
depend on the machine, so each is also given as a multiple of the cheapest request, ``/healthz``.
"""

import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("LOG_LEVEL", "ERROR")
django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.runner import DiscoverRunner  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import points  # noqa: E402
from accounts.models import User  # noqa: E402
from orders.models import PaymentTransaction  # noqa: E402
from shop.models import Cart, Category, Coupon, Product  # noqa: E402
from tests.kakaopay import KakaoPay, sandbox_process  # noqa: E402
from tests.queries import queries_of  # noqa: E402

ROUNDS = 15
TYPED = {
    "name": "김하나",
    "phone": "010-1234-5678",
    "email": "hana@example.com",
    "address-recipient": "김하나",
    "address-phone": "010-1234-5678",
    "address-postcode": "04524",
    "address-line1": "서울 중구 세종대로 110",
    "coupon": "BENCH",
    "points": "100",
    "consent": "on",
}
HTMX = {"HX-Request": "true"}


@dataclass
class Measured:
    """One kind of request: how many queries, seconds for each round, bytes of the answer."""

    queries: int
    seconds: list[float]
    size: int


class Bench:
    def __init__(self, kakaopay: KakaoPay) -> None:
        self.kakaopay = kakaopay
        self.rows: dict[tuple[str, int], Measured] = {}
        self.client = Client()

    def request(self, name: str, lines: int, send: Callable[[], Any]) -> Any:
        """Send once, and enter what it took under ``name`` for a cart of so many ``lines``."""
        answers: list[Any] = []

        def timed() -> None:
            began = time.perf_counter()
            answers.append(send())
            seconds.append(time.perf_counter() - began)

        row = self.rows.setdefault((name, lines), Measured(0, [], 0))
        seconds = row.seconds
        row.queries = len(queries_of(timed))
        row.size = len(answers[0].content)
        return answers[0]

    def purchase(self, lines: int) -> None:
        """One purchase, from the product list to the receipt."""
        cart = Cart.objects.get_or_create(user=User.objects.get())[0]
        for product in Product.objects.all()[:lines]:
            cart.lines.create(product=product, quantity=1)
        self.request("/healthz", 0, lambda: self.client.get("/healthz"))
        self.request("product list", 0, lambda: self.client.get("/"))
        self.request("cart", lines, lambda: self.client.get("/cart/"))
        page = self.request("review", lines, lambda: self.client.get("/checkout/"))
        form = {**TYPED, "seen": seal_on(page)}
        ask = partial(self.client.post, "/checkout/quote/", form, headers=HTMX)
        form |= {"seen": seal_on(self.request("quote", lines, ask))}
        self.request("ready", lines, lambda: self.client.post("/checkout/ready/", form))
        charge = PaymentTransaction.objects.select_related("order").first()
        assert charge
        approval = self.kakaopay.pay(charge.redirect_urls["pc"]).removeprefix(settings.SITE_URL)
        self.request("approve", lines, lambda: self.client.get(approval))
        self.request("receipt", lines, lambda: self.client.get(f"/orders/{charge.order.number}/"))

    def report(self) -> str:
        floor = statistics.median(self.rows["/healthz", 0].seconds)
        table = [f"{'request':14}{'lines':>6}{'queries':>9}{'ms':>9}{'× /healthz':>12}{'bytes':>9}"]
        for (name, lines), row in self.rows.items():
            median = statistics.median(row.seconds)
            table.append(
                f"{name:14}{lines or '':>6}{row.queries:>9}{median * 1000:>9.1f}"
                f"{median / floor:>12.1f}{row.size:>9}"
            )
        return "\n".join(table)


def seal_on(page: Any) -> str:
    """What the page shows, as it is sent along."""
    seen = re.search(r'name="seen" value="([^"]*)"', page.content.decode())
    assert seen
    return seen[1]


@contextmanager
def test_database() -> Iterator[None]:
    setup_test_environment()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        yield
    finally:
        runner.teardown_databases(databases)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, test_database():
        process, kakaopay = sandbox_process(Path(folder))
        settings.KAKAOPAY_API_URL = kakaopay.url
        with process:
            bench = Bench(kakaopay)
            user = User.objects.create_user("bench@example.com")
            bench.client.force_login(user)
            points.grant(user, 10**6, note="", by=None, now=timezone.now())
            Coupon.objects.create(code="BENCH", name="쿠폰", value=100, limit=999, per_person=None)
            category = Category.objects.create(slug="all", name="모두")
            for number in range(30):
                Product.objects.create(
                    category=category,
                    slug=f"p{number}",
                    name=f"상품 {number}",
                    price=1_100,
                    stock=10**6,
                )
            for done in range(ROUNDS):
                for lines in (1, 30):
                    bench.purchase(lines)
                if sys.stderr.isatty():
                    sys.stderr.write(f"\r{done + 1}/{ROUNDS}")
            sys.stdout.write(f"\n{bench.report()}\n")


if __name__ == "__main__":
    main()
