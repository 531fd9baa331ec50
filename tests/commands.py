"""Management commands: in this process, and as processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from urllib.parse import quote, urlencode

from django.core.management import call_command
from django.db import connection

from tests.kakaopay import KakaoPay
from tests.processes import ROOT

StartCommand = Callable[..., subprocess.Popen[str]]


def run_here(name: str, *options: str) -> tuple[int | str | None, str]:
    """Its exit status, and what it printed."""
    out = StringIO()
    try:
        call_command(name, *options, stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


@contextmanager
def processes(kakaopay: KakaoPay) -> Iterator[StartCommand]:
    """Starts commands on the tests' database and this sandbox; none outlives the block."""
    given = connection.get_connection_params()
    where = urlencode({name: given[name] for name in ("host", "port") if given.get(name)})
    who = f"{given['user']}:{quote(given.get('password') or '', safe='')}"
    env = {
        "DATABASE_URL": f"postgres://{who}@/{given['dbname']}?{where}",
        "KAKAOPAY_API_URL": kakaopay.url,
    }
    started = []

    def start(name: str, *options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", name, *options],
            cwd=ROOT,
            env=os.environ | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
