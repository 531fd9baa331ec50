"""A provider that hardly answers keeps nothing else from being done."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.live import LiveShop, Visitor
from tests.processes import ROOT

AN_HOUR_AGO = (
    "from datetime import timedelta; from django.utils import timezone;"
    "from orders.models import Order, PaymentTransaction;"
    "ago = timezone.now() - timedelta(hours=1);"
    "Order.objects.filter(status='PENDING').update(deadline_at=ago);"
    "PaymentTransaction.objects.filter(status='PROCESSING').update(sent_at=ago);"
)
DEFER = "from checkout import tasks; tasks.{}.defer(timestamp=0); print(1)"
ASKING = (
    "from checkout.models import ProviderCall;"
    "print(ProviderCall.objects.filter(operation='order', finished_at=None).count())"
)


@pytest.fixture
def workers(shop: LiveShop) -> Iterator[list[subprocess.Popen]]:
    """A worker for each queue, as the Procfile starts them."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    commands = [line.split()[3:] for line in lines if " procrastinate worker " in line]
    assert {command[0] for command in commands} == {"manage.py"}
    processes = [
        subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | shop.env | {"KAKAOPAY_READ_TIMEOUT_SECONDS": "60"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    assert len(processes) == 3
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_abandoned_orders_are_closed_while_the_provider_stalls(
    shop: LiveShop, visitor: Visitor, workers: list[subprocess.Popen]
):
    """A lookup hangs for half a minute; the goods of a forgotten order are back long before."""
    stock = shop.stock_of("plain-notebook")
    visitor.sign_in()
    visitor.post(
        "/products/plain-notebook/", "/cart/items/", product="plain-notebook", quantity="1"
    )
    sent_off = visitor.check_out().headers["Location"]
    shop.kakaopay.fault("approve", after="drop")
    confirming = visitor.get(shop.kakaopay.pay(sent_off))
    forgetful = Visitor(shop)
    forgetful.sign_in("staff@example.com")
    forgetful.post(
        "/products/plain-notebook/", "/cart/items/", product="plain-notebook", quantity="2"
    )
    assert forgetful.check_out().status_code == 303
    shop.kakaopay.fault("order", before="stall:30")
    shop.python(AN_HOUR_AGO + DEFER.format("reconcile_payments"))
    wait_for(lambda: shop.python(ASKING) == "1", seconds=30)
    began = time.monotonic()
    shop.python(DEFER.format("close_abandoned_orders"))
    wait_for(lambda: shop.stock_of("plain-notebook") == stock - 1, seconds=15)
    assert time.monotonic() - began < 15
    assert shop.python(ASKING) == "1"
    shop.kakaopay.clear_faults()
    for worker in workers:
        worker.kill()
    shop.manage("reconcile_payments", "--older-than", "0")
    assert "<code>T" in visitor.get(confirming.url).text


def wait_for(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
