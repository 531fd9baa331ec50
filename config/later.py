"""
A Python whose clock is ahead, to see in development what time does to a shop.

    python -m config.later 31 -- manage.py procrastinate worker
    python -m config.later 0.5 -- -m gunicorn config.wsgi

First the days, which may be a fraction or negative; after ``--`` what ``python`` would be given: a
file, or ``-m`` and a module. The clock ticks on from there, in threads and forks as well, and in
the history that PostgreSQL writes for this program. Timeouts last as long as ever: they go by the
monotonic clock. Programs that it starts, and the queue's own ``now()``, keep the time of day.
"""

import os
import runpy
import sys
import time
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from config.postgres import DatabaseUnreachable

USAGE = "Usage: python -m config.later DAYS -- FILE ARGS…   or   … -- -m MODULE ARGS…"
MOST = 36_500  # days; dates end in the year 9999, and a sandbox's clock goes as far

#: Found before PostgreSQL's own by those whose search path says so, and by nobody else.
CLOCK = """
    SELECT pg_advisory_xact_lock(hashtext('config.later'));
    CREATE SCHEMA IF NOT EXISTS later;
    CREATE OR REPLACE FUNCTION later.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql AS
        $$ SELECT pg_catalog.clock_timestamp() + current_setting('later.seconds')::interval $$
"""


def days_from(text: str) -> float:
    """:raises SystemExit: with one sentence, if it is not a number of days."""
    try:
        days = float(text)
    except ValueError:
        days = float("nan")
    if not -MOST <= days <= MOST:
        sys.exit(f"{text!r} is not a number of days that the clock can be moved on by, such as 31.")
    return days


def check_allowed() -> None:
    """:raises SystemExit: with one sentence, where the clock may not or cannot be moved."""
    try:
        settings = import_module(os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings"))
    except ImproperlyConfigured as error:
        sys.exit(f"config.later: {error}")
    if not settings.DEBUG:
        sys.exit("The clock is only moved in development. Here DEBUG is off: this is a shop.")
    if find_spec("time_machine") is None:
        sys.exit(
            "Moving the clock needs time-machine, which only development installs: "
            "pip install -r requirements-dev.txt"
        )


def move_clock(days: float) -> None:
    """Move this process's clock, and that of its threads and forks, for as long as it lives."""
    import time_machine  # a development dependency

    time_machine.travel(timedelta(days=days), tick=True).start()
    time.time()  # it begins to tick when it is first read


def move_history(days: float) -> None:
    """
    Let the history date what this process changes, and its forks, by their clock.

    :raises SystemExit: with one sentence, if the database cannot be reached.
    """
    if os.fork() == 0:  # whoever connects is counted as using the embedded PostgreSQL
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        try:
            connection.connect()
            connection.connection.execute(CLOCK)
        except DatabaseUnreachable as error:
            sys.exit(f"config.later: {error}")
        sys.exit()
    _, status = os.wait()
    if status:
        sys.exit(1)
    moved = f"-c search_path=public,later,pg_catalog -c later.seconds={days * 24 * 60 * 60:f}s"
    os.environ["PGOPTIONS"] = f"{os.environ.get('PGOPTIONS', '')} {moved}"


def run(program: list[str]) -> None:
    """Go on as the program: a file, or ``-m`` and a module, and its arguments."""
    if program[0] == "-m":
        sys.argv = program[1:]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        sys.path[0] = str(Path(program[0]).resolve().parent)
        runpy.run_path(program[0], run_name="__main__")


def main() -> None:
    match sys.argv[1:]:
        case [days, "--", *program] if program and program != ["-m"]:
            ahead = days_from(days)
        case _:
            sys.exit(USAGE)
    if program[0] != "-m" and not Path(program[0]).is_file():
        sys.exit(f"There is no file {program[0]}. {USAGE}")
    check_allowed()
    move_history(ahead)
    move_clock(ahead)
    run(program)


if __name__ == "__main__":
    main()
