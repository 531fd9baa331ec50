"""The web process that can be killed at a point, and a browser that is signed in to it."""

import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psutil
import requests
from django.db import connection
from django.test import Client

from accounts.models import User
from config.postgres.base import is_alive
from tests.kakaopay import KakaoPay
from tests.processes import TAIL, Process, free_port

WORKERS = 2
PATIENCE = 20  # seconds


class NotKilled(AssertionError):
    """The request got an answer, or the same processes still live."""


class KillableShop:
    """Gunicorn with the real shop: a worker that dies takes its requests along."""

    def __init__(self, url: str, process: Process) -> None:
        self.url = url
        self.process = process

    def workers(self) -> set[int]:
        """The ids of the processes that answer requests."""
        master = psutil.Process(self.process.popen.pid)
        return {each.pid for each in master.children() if is_alive(each.pid)}

    def wait_for_workers(self, *, without: set[int] = frozenset()) -> None:
        """Until all are there again and at least one of ``without`` is gone."""
        deadline = time.monotonic() + PATIENCE
        while len(now := self.workers()) < WORKERS or (without and not without - now):
            if time.monotonic() > deadline:
                raise NotKilled(f"of the workers {without} there still are {now}")
            time.sleep(0.005)


class Browser:
    """Whoever is signed in as ``user``, in a browser that keeps no connection open."""

    def __init__(self, shop: KillableShop, user: User) -> None:
        self.shop = shop
        client = Client()
        client.force_login(user)
        self.csrf = secrets.token_hex(16)
        self.cookies = {"sessionid": client.cookies["sessionid"].value, "csrftoken": self.csrf}

    def get(self, address: str, **sent: int) -> requests.Response:
        return self._request("GET", address, None, **sent)

    def post(self, address: str, fields: dict[str, Any], **sent: int) -> requests.Response:
        return self._request("POST", address, {"csrfmiddlewaretoken": self.csrf} | fields, **sent)

    def _request(
        self, method: str, address: str, fields: dict[str, Any] | None, kill_at: int | None = None
    ) -> requests.Response:
        """
        Redirects are not followed.

        :param kill_at: the point at which the process that answers shall die; 0 lists the points.
        :raises AssertionError: with the end of the shop's log, if the answer is an error.
        :raises requests.ConnectionError: if the process died.
        """
        parts = urlsplit(address)
        answer = requests.request(
            method,
            f"{self.shop.url}{parts.path}{'?' if parts.query else ''}{parts.query}",
            data=fields,
            headers={} if kill_at is None else {"X-Kill-At": str(kill_at)},
            cookies=self.cookies,
            timeout=PATIENCE,
            allow_redirects=False,
        )
        if answer.status_code not in {200, 302, 303, 409, 422}:
            log = self.shop.process.log[-TAIL:]
            raise AssertionError(f"{method} {parts.path}: {answer.status_code}\n{log}")
        return answer


@contextmanager
def killable_shop(kakaopay: KakaoPay) -> Iterator[KillableShop]:
    """Run the web process on the database that this process uses, paying at ``kakaopay``."""
    port = free_port()
    url = f"http://localhost:{port}"
    params = connection.get_connection_params()
    database = {"NAME": params["dbname"]} | {
        name.upper(): params[name]
        for name in ("host", "port", "user", "password")
        if name in params
    }
    process = Process(
        [
            *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"),
            *("--preload", "--workers", str(WORKERS), "--threads", "4", "--no-control-socket"),
        ],
        ready=f"{url}/readyz",
        env={
            "DJANGO_SETTINGS_MODULE": "tests.killing.settings",
            "KILLING_DATABASE": json.dumps(database),
            "SITE_URL": url,
            "KAKAOPAY_API_URL": kakaopay.url,
            "KAKAOPAY_READ_TIMEOUT_SECONDS": "5",
        },
    )
    with process:
        yield KillableShop(url, process)
