"""Counting the queries of a request. BEGIN and COMMIT ask nothing and are not counted."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext


def queries_of(request: Callable[[], Any]) -> list[str]:
    """The SQL of every query that ``request()`` makes."""
    with CaptureQueriesContext(connection) as captured:
        request()
    statements = [query["sql"] for query in captured.captured_queries]
    return [sql for sql in statements if sql not in {"BEGIN", "COMMIT"}]
