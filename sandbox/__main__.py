"""``python -m sandbox``: bring the ledger up to date and serve."""

import argparse
import ctypes
import os
import signal
import socket
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker


class Server(BaseApplication):
    """Gunicorn with one worker process: calls in flight are told apart in its memory."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": self.address,
            "workers": 1,
            "worker_class": "gthread",
            "threads": settings.SANDBOX_THREADS,
            "keepalive": 75,
            "graceful_timeout": 1,
            "loglevel": "warning",
            "control_socket_disable": True,
            "post_fork": die_with_parent,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIHandler:
        return get_wsgi_application()


def die_with_parent(arbiter: Arbiter, worker: Worker) -> None:
    """On Linux, let a killed sandbox leave no worker behind that still holds the port."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def check_port_is_free(host: str, port: int) -> None:
    """:raises SystemExit: with one clear sentence if something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SystemExit(
                f"The sandbox cannot listen on {host}:{port}: {error.strerror}. "
                "Choose another with --port or SANDBOX_PORT."
            ) from None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT)
    options = parser.parse_args()
    check_port_is_free(options.host, options.port)
    settings.SANDBOX_LEDGER.parent.mkdir(parents=True, exist_ok=True)
    django.setup()
    call_command("migrate", verbosity=0)
    connections.close_all()
    sys.stdout.write(
        f"KakaoPay sandbox  http://{options.host}:{options.port}/\n"
        f"  secret key      {settings.SANDBOX_SECRET_KEY}\n"
        f"  ledger          {settings.SANDBOX_LEDGER}\n"
    )
    sys.stdout.flush()
    Server(f"{options.host}:{options.port}").run()


main()
