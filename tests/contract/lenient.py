"""
What is wrong by the schema, and is taken all the same, with no harm.

The framework reads some values of another type as if they were of the right one: ``"2"`` and
``2.0`` as the number 2, 0 as the text "0", and "yes" as true. And a list whose ``page_size`` is no
number has pages of the usual size; a filter that is left empty is none.
"""

from typing import Any

import jsonschema_rs
import schemathesis
from rest_framework.fields import BooleanField
from schemathesis.core.parameters import ParameterLocation

LENIENT_PARAMETERS = {"page_size"}
#: An address is all text.
TYPED = {"true": True, "false": False}
TRUE, FALSE = BooleanField.TRUE_VALUES, BooleanField.FALSE_VALUES


def is_read_leniently(case: schemathesis.Case) -> bool:
    """Is what is sent right by the schema, once each value is read as the framework reads it?"""
    if case.meta is None or case.meta.is_negative_at(ParameterLocation.PATH):
        return False
    if case.meta.is_negative_at(ParameterLocation.HEADER):
        return False
    if case.meta.is_negative_at(ParameterLocation.QUERY) and not is_query_right(case):
        return False
    return not case.meta.is_negative_at(ParameterLocation.BODY) or is_body_right(case)


def is_query_right(case: schemathesis.Case) -> bool:
    """But for what is read leniently."""
    for name, value in case.query.items():
        parameter = case.operation.query.get(name)
        if parameter is None or name in LENIENT_PARAMETERS or value == "":
            continue
        typed = TYPED.get(value, value) if isinstance(value, str) else value
        validator = parameter.get_validator()
        if not validator.is_valid(value) and not validator.is_valid(typed):
            return False
    return True


def is_body_right(case: schemathesis.Case) -> bool:
    alternative = case.operation.get_body_for_media_type(case.media_type)
    if alternative is None:
        return False
    schema = alternative.optimized_schema
    read = as_read(case.body, schema, schema)
    return jsonschema_rs.validator_for(schema).is_valid(read)


def as_read(value: Any, schema: Any, whole: Any) -> Any:
    """The value as a serializer with this schema reads it."""
    while isinstance(schema, dict) and "$ref" in schema:
        found = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    if not isinstance(schema, dict):
        return value
    if len(schema.get("allOf", ())) == 1:
        return as_read(value, schema["allOf"][0], whole)
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return {name: as_read(each, inner.get(name, {}), whole) for name, each in value.items()}
    if isinstance(value, list):
        return [as_read(each, schema.get("items", {}), whole) for each in value]
    match schema.get("type"), value:
        case ("string", bool()):
            return value
        case ("string", int() | float()):
            return str(value)
        case ("boolean", int() | float() | str()) if value in TRUE | FALSE:
            return value in TRUE
        case ("integer", str()):
            return whole_number(value)
    return value


def whole_number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text
