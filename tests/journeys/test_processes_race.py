"""Races between separate programs: two web servers and two reconcilers after one payment."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.live import LiveShop, Visitor, run
from tests.processes import Process, free_port

COUNTS = (
    "from checkout.models import Mail, ProviderCall; from orders.models import PaymentTransaction;"
    "order = dict(transaction__order__number='{number}');"
    "print(ProviderCall.objects.filter(operation='approve', **order).count(),"
    " Mail.objects.filter(event='PAID', **order).count(),"
    " PaymentTransaction.objects.filter(order__number='{number}', status='SUCCEEDED').count())"
)


def test_one_payment_wanted_by_four_programs(shop: LiveShop, visitor: Visitor):
    """Thirty-two approvals through two web servers while the command asks twice: charged once."""
    stock = shop.stock_of("desk-lamp")
    visitor.sign_in()
    visitor.post("/products/desk-lamp/", "/cart/items/", product="desk-lamp", quantity="1")
    sent_off = visitor.check_out().headers["Location"]
    address = shop.kakaopay.pay(sent_off)
    shop.kakaopay.fault("approve", after="stall:1")
    port = free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"]
    second = Process(
        [*gunicorn, "--workers", "2", "--threads", "8"],
        ready=f"http://localhost:{port}/readyz",
        env=shop.env,
    )
    with second, ThreadPoolExecutor(34) as pool:
        elsewhere = address.replace(shop.url, f"http://localhost:{port}")
        answers = [pool.submit(requests.get, url, timeout=60) for url in [address, elsewhere] * 16]
        asked = [pool.submit(ask, shop) for _ in range(2)]
        codes = {each.result().status_code for each in answers}
        assert codes == {200}, shop.web.log + second.log
        assert {each.result() for each in asked} <= {0}
    shop.kakaopay.clear_faults()
    ask(shop)
    page = visitor.get("/orders/").text
    number = re.search(r"/orders/(\d{8}-\w{8})/", page)[1]
    (payment,) = shop.kakaopay.payments(number)
    assert [action.type for action in payment.actions] == ["PAYMENT"]
    assert run(shop.env, "shell", "--no-imports", "-c", COUNTS.format(number=number)).split() == [
        *("1", "1", "1")
    ]
    assert shop.stock_of("desk-lamp") == stock - 1


def ask(shop: LiveShop) -> int:
    """Run the command against the shop's database. Returns its exit status."""
    try:
        shop.manage("reconcile_payments", "--older-than", "0")
    except (AssertionError, subprocess.TimeoutExpired):
        return 1
    return 0
