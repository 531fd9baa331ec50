"""Gunicorn, as the sandbox runs it: one process, and a port that can close for a while."""

import ctypes
import signal
import socket
import sys
import threading
import time
from typing import ClassVar

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

PATIENCE = 5  # seconds for the main thread to close the port
can_refuse = sys.platform == "linux"  # elsewhere a shut port cannot be opened again


class Worker(ThreadWorker):
    """
    Answers in threads, and can refuse connections for a while without ending.

    The port belongs to the main thread; the others ask it through the worker's queue.
    """

    current: ClassVar["Worker"]

    def init_process(self) -> None:
        Worker.current = self
        self.refusing_until = 0.0
        self.refusing = False
        for listener in self.sockets:  # the worker before this one may have died while refusing
            listener.listen(self.cfg.backlog)
        super().init_process()

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled and not self.refusing)

    def refuse(self, seconds: float, done: threading.Event) -> None:
        """Shut the port. Connections that are open already go on."""
        self.refusing_until = time.monotonic() + seconds
        if not self.refusing:
            self.refusing = True
            self.set_accept_enabled(False)
            for listener in self.sockets:
                listener.shutdown(socket.SHUT_RDWR)
        timer = threading.Timer(seconds, self.method_queue.defer, [self.listen_when_due])
        timer.daemon = True
        timer.start()
        done.set()

    def listen_when_due(self) -> None:
        """Open the port again, unless somebody has asked for more time since."""
        if self.refusing and time.monotonic() >= self.refusing_until:
            for listener in self.sockets:
                listener.listen(self.cfg.backlog)
            self.refusing = False
            self.set_accept_enabled(True)

    def listen_now(self, done: threading.Event) -> None:
        self.refusing_until = 0.0
        self.listen_when_due()
        done.set()


def refuse_connections(seconds: float) -> None:
    """Let nothing listen at the port for so long; it is shut when this returns."""
    worker, done = Worker.current, threading.Event()
    worker.method_queue.defer(worker.refuse, seconds, done)
    done.wait(PATIENCE)


def listen_again() -> None:
    """End a refusal early; the port is open when this returns."""
    worker, done = Worker.current, threading.Event()
    if worker.refusing:
        worker.method_queue.defer(worker.listen_now, done)
        done.wait(PATIENCE)


def refused_for() -> float:
    """For how many more seconds connections are refused; 0 if they are not."""
    worker = Worker.current
    return max(0.0, worker.refusing_until - time.monotonic()) if worker.refusing else 0.0


class Server(BaseApplication):
    """Gunicorn with one worker process: calls in flight are told apart in its memory."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": self.address,
            "workers": 1,
            "worker_class": Worker,
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
