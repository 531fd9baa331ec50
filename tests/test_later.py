"""Letting time pass: the shop, its workers and the sandbox with their clocks moved on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests

from tests.live import LiveShop, Visitor, in_days, live_shop, run
from tests.processes import ROOT, Process, free_port

MONTH = 31
DAY = 24 * 60 * 60  # seconds
SEOUL = ZoneInfo("Asia/Seoul")
STATUSES = (
    "from orders.models import Order;"
    "print(*Order.objects.order_by('placed_at').values_list('status', flat=True))"
)
HISTORY = (
    "from django.utils import timezone; from orders.models import Order, OrderEvent;"
    "of_it = OrderEvent.objects.filter(pgh_obj_id=Order.objects.latest('placed_at').pk);"
    "print(*(timezone.localdate(event.pgh_created_at) for event in of_it))"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    with live_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


def test_a_shop_moved_on_by_a_month(shop: LiveShop):
    """Web, commands, sandbox and an order placed then agree on the day; who signed in is out."""
    visitor = Visitor(shop)
    visitor.sign_in()
    then = day_of(shop.url) + timedelta(days=MONTH)
    was = sandbox_is_ahead(shop.kakaopay.url)
    shop.let_pass(days=MONTH)
    assert day_of(shop.url) == then
    assert (
        shop.python("from django.utils import timezone; print(timezone.localdate())") == f"{then}"
    )
    assert sandbox_is_ahead(shop.kakaopay.url) - was == MONTH * DAY
    assert "/accounts/login/" in visitor.get("/orders/").url

    visitor.sign_in()
    sent_off = order(visitor)
    receipt = visitor.get(shop.kakaopay.pay(sent_off))
    number = receipt.url.rstrip("/").rpartition("/")[2]
    assert number.startswith(f"{then:%Y%m%d}")
    [payment] = shop.kakaopay.payments(number)
    assert payment.approved_at.startswith(then.isoformat())
    assert set(shop.python(HISTORY).split()) == {then.isoformat()}


def test_the_worker_of_a_later_day_does_its_periodic_jobs(shop: LiveShop):
    """An order left unpaid yesterday is ended by a worker that wakes up today, within a minute."""
    visitor = Visitor(shop)
    visitor.sign_in()
    order(visitor)
    assert shop.python(STATUSES).split()[-1] == "PENDING"
    shop.let_pass(days=1)
    worker = subprocess.Popen(
        shop.program("manage.py", "procrastinate", "worker"), cwd=ROOT, env=os.environ | shop.env
    )
    try:
        wait_for(lambda: shop.python(STATUSES).split()[-1] == "CANCELED", seconds=75)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0


def test_time_is_turned_back(shop: LiveShop):
    """Moved on by some days and back by as many, the shop stands where it stood."""
    was, ahead = day_of(shop.url), shop.days
    shop.let_pass(days=2)
    assert day_of(shop.url) == was + timedelta(days=2)
    shop.let_pass(days=-2)
    assert (day_of(shop.url), shop.days) == (was, ahead)


def test_make_run_a_month_later_and_today_again(tmp_path: Path):
    """LATER moves shop and sandbox by the same, and says so; without it both are back."""
    env = {
        "VAR_DIR": str(tmp_path / "var"),
        "SANDBOX_LEDGER": str(tmp_path / "sandbox.sqlite3"),
        "PORT": str(free_port()),
        "SANDBOX_PORT": str(free_port()),
    }
    run(env, "migrate", "--verbosity", "0")
    with everything(env, LATER=str(MONTH)) as started:
        assert "The clock is 31 days ahead" in started.log
        assert clocks(env) == (today() + timedelta(days=MONTH), MONTH * DAY)
    with everything(env, LATER="") as started:
        assert "ahead" not in started.log
        assert clocks(env) == (today(), 0)


@contextmanager
def everything(env: dict[str, str], **later: str) -> Iterator[Process]:
    """What ``make run`` starts, with its three workers; ended by Ctrl-C."""
    args = [sys.executable, "-m", "config.run"]
    ready = f"http://localhost:{env['PORT']}/readyz"
    with Process(args, ready=ready, env=env | later, timeout=60) as started:
        wait_for(lambda: started.log.count("Launching a worker") == 3, seconds=30)
        yield started
        os.killpg(started.popen.pid, signal.SIGINT)
        started.popen.wait(30)


def clocks(env: dict[str, str]) -> tuple[date, int]:
    """The shop's day, and the seconds that the sandbox is ahead."""
    shop, sandbox = (f"http://localhost:{env[port]}" for port in ("PORT", "SANDBOX_PORT"))
    return day_of(shop), sandbox_is_ahead(sandbox)


READ_CLOCKS = """
import time
was = time.time(), time.monotonic()
time.sleep(0.2)
print(*was, time.time() - was[0], sys.argv)
"""


def test_only_the_time_of_day_is_moved(tmp_path: Path):
    """The clock ticks on, timeouts stay, and the program finds its own arguments and folder."""
    (tmp_path / "neighbour.py").write_text("import sys")
    program = tmp_path / "program.py"
    program.write_text(f"from neighbour import sys{READ_CLOCKS}")
    var = {"VAR_DIR": str(tmp_path / "var")}
    done = python(*in_days(-0.5, str(program), "--", "-x")[1:], **var)
    assert (done.returncode, done.stderr) == (0, "")
    moved, monotonic, ticked, argv = done.stdout.split(maxsplit=3)
    assert float(moved) == pytest.approx(time.time() - DAY / 2, abs=60)
    assert float(monotonic) == pytest.approx(time.monotonic(), abs=60)
    assert float(ticked) == pytest.approx(0.2, abs=0.15)
    assert argv.strip() == str([str(program), "--", "-x"])


A_SHOP = {
    "SECRET_KEY": "x" * 50,
    "SITE_URL": "http://localhost",
    "EMAIL_URL": "consolemail://",
    "KAKAOPAY_SECRET_KEY": "PRD" + "0" * 37,
    "KAKAOPAY_CID": "C000000001",
}


@pytest.mark.parametrize(
    ("args", "env", "says"),
    [
        (["31", "--", "manage.py"], {"SECRET_KEY": "x" * 50}, "config.later: Set the SITE_URL"),
        (["31", "--", "manage.py"], A_SHOP, "The clock is only moved in development."),
        (["soon", "--", "manage.py"], {}, "'soon' is not a number of days"),
        (["nan", "--", "manage.py"], {}, "'nan' is not a number of days"),
        (["31", "--", "manege.py"], {}, "There is no file manege.py."),
        (["31"], {}, "Usage: python -m config.later DAYS -- FILE"),
    ],
)
def test_refused_in_one_sentence(args: list[str], env: dict[str, str], says: str):
    """Exit status 1 and a line that says why; the clock is never moved in a shop."""
    done = python("-m", "config.later", *args, **env)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(says)
    assert len(done.stderr.splitlines()) == 1


def test_without_time_machine_it_says_what_to_install(tmp_path: Path):
    """As where only requirements.txt is installed; nothing but LATER needs it."""
    hide = "import sys; sys.modules['time_machine'] = None"
    (tmp_path / "sitecustomize.py").write_text(hide)
    ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    without = {"PYTHONPATH": str(tmp_path)} | ports
    done = python("-m", "config.run", "--check", LATER="31", **without)
    assert done.returncode == 1
    assert "pip install -r requirements-dev.txt" in done.stderr
    assert python("-m", "config.run", "--check", LATER="", **without).returncode == 0


def python(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def today() -> date:
    return datetime.now(SEOUL).date()


def day_of(address: str) -> date:
    """The day in Seoul when a server answers, as its Date header says."""
    answer = requests.get(f"{address}/", timeout=10)
    return parsedate_to_datetime(answer.headers["Date"]).astimezone(SEOUL).date()


def sandbox_is_ahead(address: str) -> int:
    """By how many seconds."""
    answer = requests.get(f"{address}/sandbox/clock/", timeout=10)
    return answer.json()["offset_seconds"]


def order(visitor: Visitor) -> str:
    """Put a candle into the cart and check out. Returns where the shopper is sent to pay."""
    visitor.post("/products/soy-candle/", "/cart/items/", product="soy-candle", quantity="1")
    return visitor.check_out().headers["Location"]


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except requests.ConnectionError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
