"""Starting, killing and restarting real programs."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlsplit

import requests

ROOT = Path(__file__).resolve().parent.parent
TAIL = 4_000  # characters of a log shown when its program does not come up


def free_port() -> int:
    """A TCP port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """
    A program that serves HTTP, run from the project's root in a process group of its own.

    ``ready`` is an address that answers with HTTP 200 once it is up. As a context manager it
    is started on the way in and stopped on the way out.
    """

    def __init__(
        self,
        args: list[str],
        *,
        ready: str,
        env: dict[str, str] | None = None,
        timeout: float = 30,
    ) -> None:
        self.args = args
        self.ready = ready
        self.env = env or {}
        self.timeout = timeout  # seconds it may take to come up, and to stop
        self.popen: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] = tempfile.NamedTemporaryFile(prefix="process-", suffix=".log")  # noqa: SIM115

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        self._log.close()

    def start(self) -> None:
        """
        Start and wait until it answers.

        :raises AssertionError: with the end of its log, if it does not within ``timeout``; or if
            another program listens at its address.
        """
        assert not self.listening, f"another program listens at {self.ready}"
        self.popen = subprocess.Popen(
            self.args,
            cwd=ROOT,
            env=os.environ | self.env,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + self.timeout
        while not self._answers():
            ended = self.popen.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                why = f"ended with {self.popen.returncode}" if ended else "is not ready"
                raise AssertionError(f"{' '.join(self.args)} {why}:\n{self.log[-TAIL:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end and wait; it is killed if it does not within ``timeout``."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it and its children at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    @property
    def listening(self) -> bool:
        """Whether its port takes connections."""
        address = urlsplit(self.ready)
        try:
            socket.create_connection((address.hostname, address.port), timeout=2).close()
        except OSError:
            return False
        return True

    @property
    def log(self) -> str:
        """All it has printed."""
        return Path(self._log.name).read_text(errors="replace")

    def _answers(self) -> bool:
        try:
            return requests.get(self.ready, timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def _end(self, with_signal: signal.Signals) -> None:
        if self.popen is None:
            return
        self._signal(with_signal)
        try:
            self.popen.wait(self.timeout)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.popen.wait()
        deadline = time.monotonic() + self.timeout
        while self.listening and time.monotonic() < deadline:
            time.sleep(0.01)  # its children are still ending

    def _signal(self, signum: signal.Signals) -> None:
        assert self.popen is not None
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signum)
