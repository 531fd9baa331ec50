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
    all_at_once([action] * times)


def all_at_once(actions: list[Callable[[], Any]]) -> None:
    """Run these actions, each in a thread of its own, that start together; as ``at_once``."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            action()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        for each in [pool.submit(run, action) for action in actions]:
            each.result()
