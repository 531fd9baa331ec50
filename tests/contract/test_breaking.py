"""What breaks clients is found, what does not is let pass; and the real schema breaks nobody."""

import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.breaking import breaks
from tests.contract.generating import generated
from tests.processes import ROOT

PROMISED = ROOT / "docs" / "openapi-promised.yaml"

SMALL: dict[str, Any] = yaml.safe_load(r"""
openapi: 3.0.3
paths:
  /tea/{id}/:
    get:
      operationId: tea
      parameters:
      - {in: path, name: id, required: true, schema: {type: integer, minimum: 1}}
      - {in: query, name: sort, schema: {type: string, enum: [name, price]}}
      security: [{token: []}, {}]
      responses:
        '200':
          headers:
            ETag: {required: true, schema: {type: string}}
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Tea'}
        '404':
          content:
            application/problem+json:
              schema: {type: object}
              examples:
                not_found: {$ref: '#/components/examples/not_found'}
                sold_out: {$ref: '#/components/examples/sold_out'}
    post:
      operationId: tea_change
      requestBody:
        content:
          application/json: {schema: {$ref: '#/components/schemas/TeaRequest'}}
          text/csv: {}
      security: [{token: []}]
      responses:
        '200': {content: {application/json: {schema: {$ref: '#/components/schemas/Tea'}}}}
        '202': {description: ''}
components:
  securitySchemes:
    token: {type: apiKey, in: header, name: X-Token}
    admin: {type: apiKey, in: header, name: X-Admin}
  schemas:
    Leaf:
      type: object
      required: [origin]
      properties: {origin: {type: string}}
    Tea:
      type: object
      required: [name, price, kind]
      properties:
        name: {type: string, maxLength: 20}
        price: {type: integer, minimum: 0}
        picked: {type: string, format: date}
        kind: {type: string, enum: [GREEN, BLACK]}
        slug: {type: string, pattern: '^[a-z]+$'}
        leaves: {type: array, items: {$ref: '#/components/schemas/Leaf'}}
        leaf: {allOf: [{$ref: '#/components/schemas/Leaf'}], nullable: true}
        like: {type: array, items: {$ref: '#/components/schemas/Tea'}}
        prices: {type: object, additionalProperties: {type: integer}}
        shelf: {oneOf: [{type: string, enum: [A]}, {$ref: '#/components/schemas/Leaf'}]}
    TeaRequest:
      type: object
      required: [name]
      properties:
        name: {type: string, maxLength: 20}
        price: {type: integer, minimum: 0, maximum: 100, nullable: true}
        kind: {type: string, enum: [GREEN, BLACK]}
        slug: {type: string, pattern: '^[a-z]+$'}
        boxes: {type: array, maxItems: 5, items: {type: integer}}
        shelf: {oneOf: [{type: string, enum: [A]}, {$ref: '#/components/schemas/Leaf'}]}
  examples: {not_found: {value: 1}, sold_out: {value: 1}}
""")

Change = Callable[[dict[str, Any]], object]


def tea(document: dict[str, Any]) -> dict[str, Any]:
    return document["components"]["schemas"]["Tea"]["properties"]


def sent(document: dict[str, Any]) -> dict[str, Any]:
    return document["components"]["schemas"]["TeaRequest"]["properties"]


def get(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"]["/tea/{id}/"]["get"]


def post(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"]["/tea/{id}/"]["post"]


def required(document: dict[str, Any], name: str) -> list[str]:
    return document["components"]["schemas"][name]["required"]


GET, POST = "GET /tea/{id}/", "POST /tea/{id}/"
BREAKING: dict[str, tuple[Change, str]] = {
    "a path goes": (lambda d: d["paths"].clear(), f"{GET}: is gone"),
    "a method goes": (lambda d: d["paths"]["/tea/{id}/"].pop("post"), f"{POST}: is gone"),
    "an operation is called otherwise": (
        lambda d: get(d).update(operationId="one_tea"),
        f"{GET}: operationId tea is one_tea",
    ),
    "a status goes": (lambda d: post(d)["responses"].pop("202"), f"{POST}: 202 is gone"),
    "a media type of an answer goes": (
        lambda d: get(d)["responses"]["200"]["content"].clear(),
        f"{GET}: 200: application/json is gone",
    ),
    "a header goes": (
        lambda d: get(d)["responses"]["200"].pop("headers"),
        f"{GET}: 200: header ETag: is gone",
    ),
    "a header may be left out": (
        lambda d: get(d)["responses"]["200"]["headers"]["ETag"].pop("required"),
        f"{GET}: 200: header ETag: may now be left out",
    ),
    "a property of an answer goes": (lambda d: tea(d).pop("slug"), f"{GET}: 200.slug: is gone"),
    "a property of an answer may be left out": (
        lambda d: required(d, "Tea").remove("price"),
        f"{GET}: 200.price: may now be left out",
    ),
    "a property of an answer may be null": (
        lambda d: tea(d)["price"].update(nullable=True),
        f"{GET}: 200.price: may now be null",
    ),
    "another type": (
        lambda d: tea(d)["price"].update(type="string"),
        f"{GET}: 200.price: type integer is now string",
    ),
    "another format": (
        lambda d: tea(d)["picked"].update(format="date-time"),
        f"{GET}: 200.picked: format date is now date-time",
    ),
    "an answer of a kind that was not": (
        lambda d: tea(d)["kind"]["enum"].append("WHITE"),
        f"{GET}: 200.kind: may now be 'WHITE'",
    ),
    "an answer of any kind": (
        lambda d: tea(d)["kind"].pop("enum"),
        f"{GET}: 200.kind: may now be 'anything else'",
    ),
    "an answer may be longer": (
        lambda d: tea(d)["name"].update(maxLength=40),
        f"{GET}: 200.name: maxLength 20 is now 40",
    ),
    "an answer may be below zero": (
        lambda d: tea(d)["price"].pop("minimum"),
        f"{GET}: 200.price: minimum 0 is now None",
    ),
    "an answer has no pattern": (
        lambda d: tea(d)["slug"].pop("pattern"),
        f"{GET}: 200.slug: pattern ^[a-z]+$ is now None",
    ),
    "in the rows of an answer": (
        lambda d: d["components"]["schemas"]["Leaf"]["properties"].pop("origin"),
        f"{GET}: 200.leaves[].origin: is gone",
    ),
    "behind a reference with something beside it": (
        lambda d: d["components"]["schemas"]["Leaf"].pop("required"),
        f"{GET}: 200.leaf.origin: may now be left out",
    ),
    "of the values of a map": (
        lambda d: tea(d)["prices"]["additionalProperties"].update(nullable=True),
        f"{GET}: 200.prices.*: may now be null",
    ),
    "another choice comes back": (
        lambda d: tea(d)["shelf"]["oneOf"].append({"type": "integer"}),
        f"{GET}: 200.shelf: may now be something else",
    ),
    "a choice comes where there was none": (
        lambda d: tea(d).update(slug={"oneOf": [tea(d)["slug"], {"type": "integer"}]}),
        f"{GET}: 200.slug: may now be something else",
    ),
    "a choice is no longer taken": (
        lambda d: sent(d)["shelf"]["oneOf"].pop(0),
        f"{POST}: request.shelf: one of the choices is no longer taken",
    ),
    "a problem goes": (
        lambda d: get(d)["responses"]["404"]["content"]["application/problem+json"]["examples"].pop(
            "sold_out"
        ),
        f"{GET}: 404: problem sold_out is gone",
    ),
    "a parameter goes": (
        lambda d: get(d)["parameters"].pop(),
        f"{GET}: query parameter sort: is gone",
    ),
    "a parameter becomes required": (
        lambda d: get(d)["parameters"][1].update(required=True),
        f"{GET}: query parameter sort: is now required",
    ),
    "a new parameter is required": (
        lambda d: get(d)["parameters"].append({"in": "query", "name": "of", "required": True}),
        f"{GET}: query parameter of: is new and required",
    ),
    "a parameter takes one value less": (
        lambda d: get(d)["parameters"][1]["schema"]["enum"].remove("price"),
        f"{GET}: query parameter sort: 'price' is no longer taken",
    ),
    "a parameter begins later": (
        lambda d: get(d)["parameters"][0]["schema"].update(minimum=2),
        f"{GET}: path parameter id: minimum 1 is now 2",
    ),
    "a body becomes required": (
        lambda d: post(d)["requestBody"].update(required=True),
        f"{POST}: request: a body is now required",
    ),
    "a media type of a request goes": (
        lambda d: post(d)["requestBody"]["content"].pop("text/csv"),
        f"{POST}: request: text/csv is gone",
    ),
    "a property of a request goes": (
        lambda d: sent(d).pop("slug"),
        f"{POST}: request.slug: is gone",
    ),
    "a property of a request becomes required": (
        lambda d: required(d, "TeaRequest").append("price"),
        f"{POST}: request.price: is now required",
    ),
    "a new property of a request is required": (
        lambda d: (sent(d).update(box={}), required(d, "TeaRequest").append("box")),
        f"{POST}: request.box: is new and required",
    ),
    "null is no longer taken": (
        lambda d: sent(d)["price"].pop("nullable"),
        f"{POST}: request.price: null is no longer taken",
    ),
    "a value is no longer taken": (
        lambda d: sent(d)["kind"]["enum"].remove("BLACK"),
        f"{POST}: request.kind: 'BLACK' is no longer taken",
    ),
    "only some values are taken": (
        lambda d: sent(d)["name"].update(enum=["Sencha"]),
        f"{POST}: request.name: 'anything else' is no longer taken",
    ),
    "a request must be shorter": (
        lambda d: sent(d)["name"].update(maxLength=10),
        f"{POST}: request.name: maxLength 20 is now 10",
    ),
    "a request must be longer": (
        lambda d: sent(d)["name"].update(minLength=1),
        f"{POST}: request.name: minLength None is now 1",
    ),
    "a request must be less": (
        lambda d: sent(d)["price"].update(maximum=99),
        f"{POST}: request.price: maximum 100 is now 99",
    ),
    "a request must have fewer": (
        lambda d: sent(d)["boxes"].update(maxItems=4),
        f"{POST}: request.boxes: maxItems 5 is now 4",
    ),
    "a request has another pattern": (
        lambda d: sent(d)["slug"].update(pattern="^[a-y]+$"),
        f"{POST}: request.slug: pattern ^[a-z]+$ is now ^[a-y]+$",
    ),
    "the items of a request are others": (
        lambda d: sent(d)["boxes"]["items"].update(type="string"),
        f"{POST}: request.boxes[]: type integer is now string",
    ),
    "other properties are no longer taken": (
        lambda d: d["components"]["schemas"]["TeaRequest"].update(additionalProperties=False),
        f"{POST}: request: other properties are no longer taken",
    ),
    "nobody may ask any more": (
        lambda d: get(d).update(security=[{"token": []}]),
        f"{GET}: security no longer lets in nobody",
    ),
    "one more key is needed": (
        lambda d: post(d).update(security=[{"token": [], "admin": []}]),
        f"{POST}: security no longer lets in token",
    ),
    "the key is sent elsewhere": (
        lambda d: d["components"]["securitySchemes"]["token"].update(name="X-Key"),
        f"{POST}: security no longer lets in token",
    ),
}
HARMLESS: dict[str, Change] = {
    "nothing": lambda _: None,
    "another path": lambda d: d["paths"].update({"/cups/": {"get": {"responses": {}}}}),
    "another method": lambda d: d["paths"]["/tea/{id}/"].update({"delete": {"responses": {}}}),
    "another status": lambda d: post(d)["responses"].update({"409": {}}),
    "another media type": lambda d: post(d)["requestBody"]["content"].update({"text/xml": {}}),
    "another property of an answer": lambda d: tea(d).update(box={"type": "string"}),
    "a property always given": lambda d: required(d, "Tea").append("slug"),
    "a property never null": lambda d: tea(d)["leaf"].pop("nullable"),
    "a kind that comes no more": lambda d: tea(d)["kind"]["enum"].remove("BLACK"),
    "a shorter answer": lambda d: tea(d)["name"].update(maxLength=10),
    "an answer never below one": lambda d: tea(d)["price"].update(minimum=1),
    "another header": lambda d: get(d)["responses"]["200"]["headers"].update({"Age": {}}),
    "another problem": lambda d: get(d)["responses"]["404"]["content"]["application/problem+json"][
        "examples"
    ].update({"gone": {"$ref": "#/components/examples/not_found"}}),
    "a parameter that may be left out": lambda d: get(d)["parameters"].append(
        {"in": "query", "name": "of", "schema": {"type": "string"}}
    ),
    "a value more is taken": lambda d: sent(d)["kind"]["enum"].append("WHITE"),
    "any value is taken": lambda d: sent(d)["kind"].pop("enum"),
    "a longer request": lambda d: sent(d)["name"].update(maxLength=40),
    "a longer list": lambda d: sent(d)["boxes"].pop("maxItems"),
    "no pattern": lambda d: sent(d)["slug"].pop("pattern"),
    "null is taken": lambda d: sent(d)["name"].update(nullable=True),
    "a property more is taken": lambda d: sent(d).update(box={"type": "string"}),
    "a property need not be sent": lambda d: required(d, "TeaRequest").clear(),
    "another choice is taken": lambda d: sent(d)["shelf"]["oneOf"].insert(0, {"type": "integer"}),
    "a choice where there was none": lambda d: sent(d).update(
        slug={"oneOf": [{"type": "integer"}, sent(d)["slug"]]}
    ),
    "a choice that comes no more": lambda d: tea(d)["shelf"]["oneOf"].pop(0),
    "the choices in another order": lambda d: tea(d)["shelf"]["oneOf"].reverse(),
    "everybody may ask": lambda d: post(d).update(security=[{"token": []}, {}]),
    "other words": lambda d: tea(d)["name"].update(description="What it is called."),
}


@pytest.mark.parametrize("case", BREAKING)
def test_a_breaking_change_is_found(case: str) -> None:
    """Each is named with its place."""
    change, found = BREAKING[case]
    new = deepcopy(SMALL)
    change(new)
    assert found in breaks(SMALL, new)


@pytest.mark.parametrize("case", HARMLESS)
def test_a_harmless_change_is_let_pass(case: str) -> None:
    """Clients that read the old document go on as before."""
    new = deepcopy(SMALL)
    HARMLESS[case](new)
    assert breaks(SMALL, new) == []


def test_a_change_for_clients_is_one_in_the_other_direction_too() -> None:
    """What may be taken back of a request is what may be added to an answer, and no other."""
    wider, narrower = deepcopy(SMALL), deepcopy(SMALL)
    sent(wider)["name"]["maxLength"] = 40
    tea(narrower)["name"]["maxLength"] = 10
    assert breaks(wider, SMALL) == [f"{POST}: request.name: maxLength 40 is now 20"]
    assert f"{GET}: 200.name: maxLength 10 is now 20" in breaks(narrower, SMALL)


def test_on_the_command_line(tmp_path: Path) -> None:
    """It prints each break and ends with 1; without any it is silent and ends with 0."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(yaml.safe_dump(SMALL))
    changed = deepcopy(SMALL)
    tea(changed).pop("slug")
    new.write_text(yaml.safe_dump(changed))
    program = [sys.executable, "-m", "tests.contract.breaking"]
    done = subprocess.run([*program, old, new], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{GET}: 200.slug: is gone" in done.stdout.splitlines()
    done = subprocess.run([*program, old, old], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_no_client_of_the_promised_schema_is_broken() -> None:
    """`docs/openapi-promised.yaml` is what clients rely on; it may only grow (`make promise`)."""
    promised = yaml.safe_load(PROMISED.read_text())
    assert breaks(promised, yaml.safe_load(generated())) == []
