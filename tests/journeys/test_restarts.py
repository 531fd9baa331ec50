"""Web server and sandbox are killed between any two steps; the purchase goes on all the same."""

import re
import time
from pathlib import Path

import psutil

from tests.live import LiveShop, Visitor, live_shop


def test_a_purchase_survives_a_kill_between_any_two_steps(shop: LiveShop, visitor: Visitor):
    """SIGKILL to both processes after each step: one charge, one paid order, stock right."""
    before = shop.stock_of("stoneware-mug")

    def power_cut() -> None:
        shop.web.kill()
        shop.sandbox.kill()
        shop.sandbox.start()
        shop.web.start()

    visitor.post("/products/stoneware-mug/", "/cart/items/", product="stoneware-mug", quantity="2")
    power_cut()
    visitor.sign_in()
    power_cut()
    assert "stoneware-mug" in visitor.get("/cart/").text
    power_cut()
    sent_off = visitor.check_out()
    assert sent_off.status_code == 303
    power_cut()
    approval_url = shop.kakaopay.pay(sent_off.headers["Location"])
    power_cut()
    receipt = visitor.get(approval_url)
    power_cut()
    assert visitor.get(receipt.url).status_code == 200

    tid = re.search(r"<code>(T\w{19})</code>", receipt.text)[1]
    number = receipt.url.rstrip("/").rpartition("/")[2]
    payments = shop.kakaopay.payments(number)
    assert [(p.tid, p.status, len(p.actions)) for p in payments] == [(tid, "SUCCESS_PAYMENT", 1)]
    assert shop.stock_of("stoneware-mug") == before - 2


def test_no_database_is_left_behind(tmp_path: Path):
    """The web server was killed and started again: its PostgreSQL still ends with the last user."""
    with live_shop(tmp_path) as shop:
        shop.web.restart()
        assert postgres_of(tmp_path) != []
    deadline = time.monotonic() + 15
    while postgres_of(tmp_path):
        assert time.monotonic() < deadline, "its PostgreSQL still runs"
        time.sleep(0.2)


def postgres_of(folder: Path) -> list[int]:
    """The servers whose data lie in ``folder``."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if f"{folder}/var/postgres" in (process.info["cmdline"] or [])
    ]
