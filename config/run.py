"""
``make run``: the shop, its worker and the sandbox together, under honcho.

Ports come from ``PORT`` (8000) and ``SANDBOX_PORT`` (8001), in the environment or ``.env``; the
addresses follow them unless they are set. With ``--check`` it only says whether the ports are free.
"""

import os
import socket
import sys
from pathlib import Path

import environ

BANNER = """
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


def main() -> None:
    environ.Env.read_env(Path(__file__).resolve().parent.parent / ".env")
    ports = free_ports()
    if "--check" in sys.argv:
        return
    shop, sandbox = (f"http://localhost:{port}" for port in ports.values())
    os.environ["SANDBOX_PORT"] = str(ports["SANDBOX_PORT"])
    os.environ["WEB_PORT"] = str(ports["PORT"])  # honcho gives PORT a meaning of its own
    os.environ.setdefault("SITE_URL", shop)
    os.environ.setdefault("KAKAOPAY_API_URL", sandbox)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    sys.stdout.write(BANNER.format(shop=shop, sandbox=sandbox))
    sys.stdout.flush()
    os.execvp("honcho", ["honcho", "start"])  # noqa: S606, S607


if __name__ == "__main__":
    main()
