"""What PostgreSQL means to do with a query."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection


def scanned(statements: Iterable[str]) -> set[str]:
    """The tables that any of these SELECTs reads from end to end, instead of by an index."""
    return {
        str(step["Relation Name"])
        for sql in statements
        if sql.startswith("SELECT")
        for step in steps_of(sql)
        if step["Node Type"] == "Seq Scan"
    }


def steps_of(sql: str) -> list[dict[str, Any]]:
    """Every step of the plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        (plan,) = cursor.fetchone()
    (whole,) = json.loads(plan) if isinstance(plan, str) else plan
    return list(walk(whole["Plan"]))


def walk(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for below in step.get("Plans", ()):
        yield from walk(below)
