"""
``make run``: the shop, its worker and the sandbox together, under honcho.

Ports come from ``PORT`` (8000) and ``SANDBOX_PORT`` (8001), in the environment or ``.env``; the
addresses follow them unless they are set. With ``LATER`` the clocks of all of them are so many days
ahead. With ``--check`` it only says whether it could start.
"""

import os
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import environ
import requests

from config import later

BANNER = """{clock}
  Shop      {shop}
  Admin     {shop}/admin/
  Sandbox   {sandbox}   (what KakaoPay would have in its books)

  Shopper   shopper@example.com / kakaopay-demo
  Staff     staff@example.com   / kakaopay-demo   (may do everything)
            support@example.com / kakaopay-demo   (orders, parcels, small refunds)
            finance@example.com / kakaopay-demo   (big refunds, approvals, exports)
            manager@example.com / kakaopay-demo   (both, and the catalogue and people)

  Stop with Ctrl-C.
"""


def port_from(name: str, default: int) -> int:
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or not 0 < int(value) < 65536:
        sys.exit(f"{name} is {value!r}, which is not a port number.")
    return int(value)


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def free_ports() -> dict[str, int]:
    """The two ports, or the end of the program with a sentence that says what to do."""
    ports = {"PORT": port_from("PORT", 8000), "SANDBOX_PORT": port_from("SANDBOX_PORT", 8001)}
    for name, port in ports.items():
        if is_taken(port):
            sys.exit(
                f"Port {port} is already taken. Stop what uses it, or choose another: "
                f"make run {name}={port + 10}"
            )
    return ports


def days_later() -> float:
    """How far ahead the clocks shall be; or the end of the program, where they may not be."""
    days = later.days_from(os.environ.get("LATER") or "0")
    if days:
        later.check_allowed()
    return days


def move_sandbox(address: str, days: float) -> None:
    """
    Set the sandbox's clock before the shop starts, so that it never hears the wrong time.

    The sandbox keeps it in its ledger: it is started for this, and stopped again.

    :raises SystemExit: if the sandbox does not start; it has said why.
    """
    args = [sys.executable, "-m", "sandbox", "--port", address.rpartition(":")[2]]
    with subprocess.Popen(args, stdout=subprocess.DEVNULL) as sandbox:  # noqa: S603
        try:
            while not is_moved(address, days):
                if sandbox.poll() is not None:
                    sys.exit(1)
                time.sleep(0.05)
        finally:
            sandbox.terminate()


def is_moved(address: str, days: float) -> bool:
    """Ask for it. Returns False while nothing listens there yet."""
    offset = {"offset_seconds": round(days * 24 * 60 * 60)}
    try:
        answer = requests.post(f"{address}/sandbox/clock/", json=offset, timeout=10)
    except requests.ConnectionError:
        return False
    answer.raise_for_status()
    return True


def told(days: float) -> str:
    """The banner's line about the clock; empty at the time of day."""
    then = datetime.now(ZoneInfo("Asia/Seoul")) + timedelta(days=days)
    return f"\n  The clock is {days:g} days ahead: {then:%Y-%m-%d %H:%M} in Seoul\n" if days else ""


def main() -> None:
    environ.Env.read_env(Path(__file__).resolve().parent.parent / ".env")
    ports = free_ports()
    days = days_later()
    if "--check" in sys.argv:
        return
    shop, sandbox = (f"http://localhost:{port}" for port in ports.values())
    os.environ["SANDBOX_PORT"] = str(ports["SANDBOX_PORT"])
    os.environ["WEB_PORT"] = str(ports["PORT"])  # honcho gives PORT a meaning of its own
    os.environ.setdefault("SITE_URL", shop)
    os.environ.setdefault("KAKAOPAY_API_URL", sandbox)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["CLOCK"] = f"-m config.later {days} --" if days else ""
    move_sandbox(sandbox, days)
    sys.stdout.write(BANNER.format(shop=shop, sandbox=sandbox, clock=told(days)))
    sys.stdout.flush()
    os.execvp("honcho", ["honcho", "start"])  # noqa: S606, S607


if __name__ == "__main__":
    main()
