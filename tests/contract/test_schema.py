"""What the API says of itself is so: the committed schema, its examples and its refusals."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import jsonschema
import pytest
import yaml
from django.test import Client

from api.problems import KINDS
from tests.contract.breaking import Document
from tests.contract.generating import generated

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.yaml"
#: No operation answers with these: they come from where no operation is.
OF_NO_OPERATION = {"method_not_allowed", "internal_error", "forbidden"}


@pytest.fixture(scope="module")
def document() -> Document:
    return Document(yaml.safe_load(generated()))


def test_the_committed_schema_is_what_the_code_says() -> None:
    """Whoever changes the API writes the schema anew."""
    is_same = COMMITTED.read_text() == generated()
    assert is_same, "docs/openapi.yaml is not what the code says: run `make schema`"


def test_it_has_no_word_of_korean(document: Document) -> None:
    """It is written in English throughout, whatever the shop's first language is."""
    assert re.findall(r"[가-힣][^\n]*", str(without_examples(document.whole))) == []


def without_examples(part: Any) -> Any:
    """What goods and people are called in them is the shop's own language."""
    if isinstance(part, dict):
        return {key: without_examples(each) for key, each in part.items() if key != "example"}
    return [without_examples(each) for each in part] if isinstance(part, list) else part


def test_every_operation_says_what_it_is(document: Document) -> None:
    """A name for programs and a line for people, and no two have the same."""
    operations = document.operations().values()
    for name in ("operationId", "summary"):
        found = [operation.get(name) for operation in operations]
        assert None not in found
        assert "" not in found
        assert len(set(found)) == len(found), sorted(found)


def test_every_success_has_an_example(document: Document) -> None:
    """A reader sees what comes back."""
    missing = [
        f"{label} {status}"
        for label, operation in document.operations().items()
        for status, answer in operation["responses"].items()
        for media, content in answer.get("content", {}).items()
        if status.startswith("2") and not content.keys() & {"example", "examples"}
    ]
    assert missing == []


def test_every_example_is_what_its_schema_says(document: Document) -> None:
    """Nobody copies something that is refused, or waits for a member that does not come."""
    wrong = [
        f"{place}: {error.json_path}: {error.message}"
        for place, schema, value in examples(document)
        for error in validator(document, schema).iter_errors(value)
    ]
    assert wrong == []


def test_there_are_examples_to_look_at(document: Document) -> None:
    """The test above has something to find fault with."""
    assert len(list(examples(document))) > len(KINDS)


def test_an_example_that_is_not_what_its_schema_says_is_found(document: Document) -> None:
    """References are followed, null is told from nothing, and formats are looked at."""
    order = validator(document, {"$ref": "#/components/schemas/Started"})
    said = [error.json_path for error in order.iter_errors({"payment_id": 3, "tid": None})]
    assert "$.payment_id" in said
    assert "$.tid" not in said
    day = validator(document, {"type": "string", "format": "date-time"})
    assert [error.validator for error in day.iter_errors("yesterday")] == ["format"]


def test_every_problem_stands_where_its_type_leads(client: Client) -> None:
    """The page and the code name the same ones, each under an anchor of its own."""
    page = client.get("/api/problems/").content.decode()
    anchors = re.findall(r'<dt id="([a-z_]+)"', page)
    assert sorted(anchors) == sorted(KINDS)


def test_the_schema_names_the_very_problems_that_there_are(document: Document) -> None:
    """No operation refuses with something unexplained, and nothing is explained for nobody."""
    components = document.whole["components"]["examples"]
    assert sorted(components) == sorted(KINDS)
    named = {
        (code, int(status))
        for operation in document.operations().values()
        for status, answer in operation["responses"].items()
        for media, content in answer.get("content", {}).items()
        if media == "application/problem+json"
        for code in content["examples"]
    }
    assert named == {
        (code, kind.status) for code, kind in KINDS.items() if code not in OF_NO_OPERATION
    }


def test_every_link_leads_on(document: Document) -> None:
    """It names an operation, and parameters that this operation has."""
    operations = {each["operationId"]: each for each in document.operations().values()}
    links = [
        link
        for operation in operations.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 40
    for link in links:
        target = operations[link["operationId"]]
        names = {document.at(each)["name"] for each in target["parameters"]}
        assert set(link.get("parameters", {})) <= names
        if "requestBody" in link:
            (content,) = target["requestBody"]["content"].values()
            assert link["requestBody"].keys() <= document.at(content["schema"])["properties"].keys()


def examples(document: Document) -> Iterator[tuple[str, Any, Any]]:
    """Each with its place and its schema: of parameters, requests and answers."""
    for label, operation in document.operations().items():
        for parameter in operation["parameters"]:
            place = f"{label} parameter {parameter['name']}"
            yield from of_content(document, place, parameter)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield from of_content(document, f"{label} request", content)
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                yield from of_content(document, f"{label} {status}", content)


def of_content(document: Document, place: str, content: Any) -> Iterator[tuple[str, Any, Any]]:
    schema = content.get("schema", {})
    if "example" in content:
        yield place, schema, content["example"]
    for name, example in content.get("examples", {}).items():
        yield f"{place} {name}", schema, document.at(example)["value"]


def moment(text: str) -> None:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(text)


def address(text: str) -> None:
    parts = urlsplit(text)
    if not parts.scheme or not parts.netloc:
        raise ValueError(text)


FORMATS = jsonschema.FormatChecker(["email"])
for name, read in {
    "date": date.fromisoformat,
    "date-time": moment,
    "uuid": UUID,
    "uri": address,
}.items():
    FORMATS.checks(name, ValueError)(
        lambda value, read=read: not isinstance(value, str) or [read(value)]
    )


def validator(document: Document, schema: Any) -> jsonschema.Draft4Validator:
    """OpenAPI 3.0 is JSON Schema's draft 4, but for ``nullable``."""
    return jsonschema.Draft4Validator(
        as_json_schema(schema) | {"components": as_json_schema(document.whole["components"])},
        format_checker=FORMATS,
    )


def as_json_schema(node: Any) -> Any:
    if isinstance(node, list):
        return [as_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {name: as_json_schema(value) for name, value in node.items() if name != "nullable"}
    return {"anyOf": [found, {"type": "null"}]} if node.get("nullable") is True else found
