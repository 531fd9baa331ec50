"""Races on purpose: one thing from many threads, each with its own database connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection


def at_once(action: Callable[[], Any], *, times: int) -> None:
    """
    Run ``action`` in so many threads that start together, and wait for all.

    An exception in any of them is raised here.
    """
    barrier = Barrier(times)

    def run() -> None:
        try:
            barrier.wait()
            action()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        for each in [pool.submit(run) for _ in range(times)]:
            each.result()
