"""Many threads at the same work, as fast as they may, until it is done or they are told to stop."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

from django.db import connection, reset_queries
from django.db.models import QuerySet

AHEAD = 1000  # ids read at once
BATCH = 10  # ids handed out at once: so many are left undone by a thread that dies
T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Crew:
    """
    ``workers`` threads, each with a database connection of its own.

    ``rate`` is how many calls a second they may make together; None is no limit. Once ``stop`` is
    set each finishes what it has in hand, and begins nothing more.
    """

    workers: int = 1
    rate: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._turn = threading.Lock()
        self._next_at = time.monotonic()

    def wait(self, calls: int = 1) -> None:
        """Wait until so many more calls may be made."""
        if self.rate is None:
            return
        with self._turn:
            at = max(self._next_at, time.monotonic())
            self._next_at = at + calls / self.rate
        self.stop.wait(max(0.0, at - time.monotonic()))

    def work(
        self,
        rows: QuerySet[Any],
        *,
        take: Callable[[list[int]], list[T]],
        do: Callable[[T], R],
    ) -> Iterator[R]:
        """
        Do something to each of the rows; yields what came of it, in the calling thread.

        :param take: given the ids of some rows, makes them this thread's, and returns them.
        """
        ids = Shared(batches(rows))
        done: SimpleQueue[R | None] = SimpleQueue()

        def labour() -> None:
            try:
                while not self.stop.is_set() and (batch := ids.next()):
                    for each in take(batch):
                        if self.stop.is_set():
                            return
                        done.put(do(each))
                        reset_queries()  # with DEBUG on, Django remembers thousands a thread
            except BaseException:
                self.stop.set()  # what one of them cannot do, the others need not begin
                raise
            finally:
                done.put(None)
                connection.close()

        with ThreadPoolExecutor(self.workers, thread_name_prefix="crew") as pool:
            labours = [pool.submit(labour) for _ in range(self.workers)]
            try:
                for _ in labours:
                    while (result := done.get()) is not None:
                        yield result
            except BaseException:
                self.stop.set()
                raise
            for each in labours:
                each.result()


class Shared:
    """An iterator that several threads draw from."""

    def __init__(self, batches: Iterator[list[int]]) -> None:
        self.batches = batches
        self.lock = threading.Lock()

    def next(self) -> list[int]:
        """The next batch; [] if there is none."""
        with self.lock:
            return next(self.batches, [])


def batches(rows: QuerySet[Any]) -> Iterator[list[int]]:
    """The ids of the rows, a few at a time; however many there are, few are held."""
    after = 0
    while ids := list(
        rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:AHEAD]
    ):
        for start in range(0, len(ids), BATCH):
            yield ids[start : start + BATCH]
        after = ids[-1]
