"""The fuzzer overlooks what the framework reads in its own way, and nothing else."""

from typing import Any

import pytest

from tests.contract.lenient import as_read

SCHEMA: dict[str, Any] = {
    "properties": {
        "name": {"type": "string"},
        "count": {"type": "integer"},
        "is_it": {"type": "boolean"},
        "lines": {"type": "array", "items": {"$ref": "#/defs/Line"}},
        "line": {"allOf": [{"$ref": "#/defs/Line"}]},
    },
    "defs": {"Line": {"properties": {"count": {"type": "integer"}}}},
}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"name": 0}, {"name": "0"}),
        ({"name": 2.5}, {"name": "2.5"}),
        ({"count": "12"}, {"count": 12}),
        ({"is_it": "yes"}, {"is_it": True}),
        ({"is_it": 0}, {"is_it": False}),
        ({"lines": [{"count": "3"}]}, {"lines": [{"count": 3}]}),
        ({"line": {"count": "3"}}, {"line": {"count": 3}}),
    ],
)
def test_a_value_of_another_type_is_read(sent: Any, read: Any) -> None:
    """As a serializer's field reads it, wherever it stands."""
    assert as_read(sent, SCHEMA, SCHEMA) == read


@pytest.mark.parametrize(
    "sent",
    [
        {"name": True},
        {"name": None},
        {"name": ["a"]},
        {"count": "twelve"},
        {"count": None},
        {"is_it": "perhaps"},
        {"is_it": []},
        {"lines": "3"},
        {"else": 1},
        [],
        "text",
    ],
)
def test_what_is_wrong_stays_wrong(sent: Any) -> None:
    """It must be refused."""
    assert as_read(sent, SCHEMA, SCHEMA) == sent
