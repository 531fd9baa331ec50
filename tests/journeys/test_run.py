"""``make run``: one program that starts the shop, its worker and the sandbox."""

import os
import signal
import sys
import time
from pathlib import Path

import requests

from tests.live import LiveShop, Visitor, run
from tests.processes import Process, free_port


def test_everything_starts_on_the_chosen_ports_and_stops_together(tmp_path: Path):
    """Shop and sandbox answer where the banner says, a purchase works, Ctrl-C ends all of it."""
    port, sandbox_port = free_port(), free_port()
    shop, sandbox = f"http://localhost:{port}", f"http://localhost:{sandbox_port}"
    env = {
        "VAR_DIR": str(tmp_path / "var"),
        "SANDBOX_LEDGER": str(tmp_path / "sandbox.sqlite3"),
        "PORT": str(port),
        "SANDBOX_PORT": str(sandbox_port),
    }
    run(env, "migrate", "--verbosity", "0")
    run(env, "load_demo")
    started = Process([sys.executable, "-m", "config.run"], ready=f"{shop}/readyz", env=env)
    with started:
        for address in (shop, f"{shop}/admin/", sandbox):
            assert address in started.log
        wait_for(lambda: requests.get(sandbox, timeout=5).status_code == 200)
        wait_for(lambda: "Launching a worker" in started.log)
        visitor = Visitor(LiveShop(shop, env, started, started, None))
        visitor.sign_in()
        visitor.post("/products/soy-candle/", "/cart/items/", product="soy-candle", quantity="1")
        sent_off = visitor.check_out().headers["Location"]
        assert sent_off.startswith(f"{sandbox}/mockup/bridge/pc/")
        os.killpg(started.popen.pid, signal.SIGINT)
        started.popen.wait(20)
        for address in (shop, sandbox):
            assert not answers(address)


def answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).ok
    except requests.ConnectionError:
        return False


def wait_for(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except requests.ConnectionError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
