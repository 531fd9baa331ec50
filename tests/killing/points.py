"""Counting the points that a request passes, and dying at the chosen one."""

import http.client
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import urllib3.connection
from django.db import connection

#: The steps of a conversation with the provider, by the code that takes them.
STEPS: dict[CodeType, str] = {
    urllib3.connection.HTTPConnection.connect.__code__: "connecting",
    http.client.HTTPConnection.send.__code__: "sending",
    http.client.HTTPConnection.getresponse.__code__: "waiting for the answer",
}
WRITES = {"INSERT", "UPDATE", "DELETE"}


@dataclass
class Passage:
    """One request on its way. It dies at point number ``kill_at``, counted from 1; 0 is never."""

    kill_at: int
    points: list[str] = field(default_factory=list)


passage: ContextVar[Passage | None] = ContextVar("passage", default=None)


def point(name: str) -> None:
    """Where a request that is to die here does. Outside of a passage this is no point."""
    here = passage.get()
    if here is None:
        return
    here.points.append(name)
    if len(here.points) == here.kill_at:
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def around(step: str) -> Iterator[None]:
    """A point on either side; after a step that failed there is none."""
    point(f"before {step}")
    yield
    point(f"after {step}")


@contextmanager
def passing(kill_at: int) -> Iterator[Passage]:
    """Watch what this thread does for one request."""
    here = Passage(kill_at)
    token = passage.set(here)
    sys.setprofile(watch_provider)
    try:
        with connection.execute_wrapper(watch_statement):
            yield here
    finally:
        sys.setprofile(None)
        passage.reset(token)


def watch_provider(frame: FrameType, event: str, arg: object) -> None:
    """A profile function: it sees calls and returns, and changes nothing."""
    if event in {"call", "return"} and frame.f_code in STEPS:
        point(f"{'before' if event == 'call' else 'after'} {STEPS[frame.f_code]}")


def watch_statement(
    execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Outside of a transaction every statement that writes is a commit of its own."""
    verb = str(sql).split(maxsplit=1)[0].upper()
    if verb not in WRITES or connection.in_atomic_block:
        return execute(sql, params, many, context)
    with around(f"{verb} by itself"):
        return execute(sql, params, many, context)
