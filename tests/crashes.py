"""Dying on purpose, in one process: from a chosen statement on, nothing reaches the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


class Crash(BaseException):
    """The process is gone; nobody is meant to catch this but the test."""


@contextmanager
def crash_at(statement: int | None) -> Iterator[None]:
    """
    Let the block die before its n-th SQL statement (0 is the first); None lets it live.

    What was committed before stays, an open transaction is rolled back, and cleaning up that would
    write something cannot: as with SIGKILL.
    """
    run = 0

    def die(execute: Callable[..., Any], *given: Any) -> Any:
        nonlocal run
        if statement is not None and run >= statement:
            raise Crash
        run += 1
        return execute(*given)

    try:
        with connection.execute_wrapper(die):
            yield
    except Crash:
        pass
