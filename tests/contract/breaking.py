"""
``python -m tests.contract.breaking OLD NEW``: what of a schema would break the clients of another.

A client sends what the old document lets it send, and reads what the old document says it gets. So
requests may only become wider, and answers narrower or richer: no less may be taken, and nothing
that was there may be gone. Ends with 1 if something is.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
#: The more of it, the less fits; and the other way round.
LEAST = ("minimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "maxLength", "maxItems", "maxProperties")
#: Must be what it was, where it was anything.
EXACT = ("pattern", "multipleOf", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum")
EXAMPLES = "#/components/examples/"

Schema = dict[str, Any]


class Document:
    """An OpenAPI document whose ``$ref`` lead somewhere."""

    def __init__(self, whole: Schema) -> None:
        self.whole = whole
        self.found: dict[int, Any] = {}

    def at(self, node: Any) -> Any:
        """
        The node itself, or what its ``$ref`` names; with what stands beside it in ``allOf``. For
        the same node it is the same object, so that who goes in circles can tell.
        """
        if id(node) not in self.found:
            self.found[id(node)] = self.look(node)
        return self.found[id(node)]

    def look(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            found: Any = self.whole
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        if isinstance(node, dict) and len(node.get("allOf", ())) == 1:
            beside = {name: value for name, value in node.items() if name != "allOf"}
            return self.at(node["allOf"][0]) | beside
        return node

    def operations(self) -> dict[str, Schema]:
        return {
            f"{method.upper()} {path}": {
                **operation,
                "parameters": [*item.get("parameters", []), *operation.get("parameters", [])],
            }
            for path, item in self.whole.get("paths", {}).items()
            for method, operation in item.items()
            if method in METHODS
        }


class Comparison:
    """Walks two documents side by side; each ``yield`` is a place and what breaks there."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = Document(old), Document(new)

    def breaks(self) -> Iterator[str]:
        before, now = self.old.operations(), self.new.operations()
        for label, operation in before.items():
            if label not in now:
                yield f"{label}: is gone"
                continue
            yield from self.operation(label, operation, now[label])

    def operation(self, label: str, old: Schema, new: Schema) -> Iterator[str]:
        if old.get("operationId") != new.get("operationId"):
            yield f"{label}: operationId {old.get('operationId')} is {new.get('operationId')}"
        yield from self.security(label, old, new)
        yield from self.parameters(label, old, new)
        yield from self.body(label, old, new)
        yield from self.responses(label, old, new)

    # -- who may ask --

    def security(self, label: str, old: Schema, new: Schema) -> Iterator[str]:
        """Each of the old ways to be let in must still be one."""
        ways = self.ways(self.new, new)
        for way in self.ways(self.old, old):
            if not any(each <= way for each in ways):
                named = " and ".join(sorted(name for name, *_rest in way)) or "nobody"
                yield f"{label}: security no longer lets in {named}"

    def ways(self, document: Document, operation: Schema) -> list[set[tuple[str, ...]]]:
        """Sets of schemes that together suffice; a scheme is what it makes a client send."""
        named = operation.get("security", document.whole.get("security", [])) or [{}]
        schemes = document.whole.get("components", {}).get("securitySchemes", {})
        return [{self.sent(name, document.at(schemes[name])) for name in each} for each in named]

    def sent(self, name: str, scheme: Schema) -> tuple[str, ...]:
        keys = ("type", "in", "name", "scheme")
        return (name, *(str(scheme.get(key, "")) for key in keys))

    # -- what is sent --

    def parameters(self, label: str, old: Schema, new: Schema) -> Iterator[str]:
        before, now = self.named(self.old, old), self.named(self.new, new)
        for key, parameter in before.items():
            place = f"{label}: {key[0]} parameter {key[1]}"
            if key not in now:
                yield f"{place}: is gone"
                continue
            if now[key].get("required") and not parameter.get("required"):
                yield f"{place}: is now required"
            yield from self.sent_schema(
                place, parameter.get("schema", {}), now[key].get("schema", {})
            )
        for key in now.keys() - before.keys():
            if now[key].get("required"):
                yield f"{label}: {key[0]} parameter {key[1]}: is new and required"

    def named(self, document: Document, operation: Schema) -> dict[tuple[str, str], Schema]:
        found = [document.at(each) for each in operation["parameters"]]
        return {(each["in"], each["name"]): each for each in found}

    def body(self, label: str, old: Schema, new: Schema) -> Iterator[str]:
        before = self.old.at(old.get("requestBody", {}))
        now = self.new.at(new.get("requestBody", {}))
        place = f"{label}: request"
        if now.get("required") and not before.get("required"):
            yield f"{place}: a body is now required"
        for media, content in before.get("content", {}).items():
            if media not in now.get("content", {}):
                yield f"{place}: {media} is gone"
                continue
            schemas = content.get("schema", {}), now["content"][media].get("schema", {})
            yield from self.sent_schema(place, *schemas)

    def sent_schema(
        self, place: str, old: Any, new: Any, path: tuple[int, ...] = ()
    ) -> Iterator[str]:
        """What was taken must still be taken."""
        old, new = self.old.at(old), self.new.at(new)
        if id(old) in path:
            return
        before, path = path, (*path, id(old))
        if old.get("nullable") and not new.get("nullable"):
            yield f"{place}: null is no longer taken"
        if has_choices(old) or has_choices(new):
            inside = path if has_choices(old) else before
            for each in choices(old):
                ways = (self.sent_schema(place, each, other, inside) for other in choices(new))
                if all(any(True for _break in way) for way in ways):
                    yield f"{place}: one of the choices is no longer taken"
            return
        yield from self.alike(place, old, new)
        if "enum" in new:
            for value in old.get("enum", ["anything else"]):
                if value not in new["enum"]:
                    yield f"{place}: {value!r} is no longer taken"
        yield from self.narrower(place, old, new)
        if (
            new.get("additionalProperties") is False
            and old.get("additionalProperties") is not False
        ):
            yield f"{place}: other properties are no longer taken"
        yield from self.sent_properties(place, old, new, path)
        if "items" in old and "items" in new:
            yield from self.sent_schema(f"{place}[]", old["items"], new["items"], path)
        if isinstance(old.get("additionalProperties"), dict):
            others = new.get("additionalProperties", True)
            if isinstance(others, dict):
                inner = old["additionalProperties"], others
                yield from self.sent_schema(f"{place}.*", *inner, path)

    def sent_properties(
        self, place: str, old: Schema, new: Schema, path: tuple[int, ...]
    ) -> Iterator[str]:
        properties = new.get("properties", {})
        for name, inner in old.get("properties", {}).items():
            if name not in properties:
                yield f"{place}.{name}: is gone"
            else:
                yield from self.sent_schema(f"{place}.{name}", inner, properties[name], path)
        for name in new.get("required", []):
            if name not in old.get("required", []):
                is_new = name not in old.get("properties", {})
                yield f"{place}.{name}: is {'new and' if is_new else 'now'} required"

    def narrower(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        for name in LEAST:
            if name in new and new[name] > old.get(name, float("-inf")):
                if name not in old and name != "minimum" and new[name] == 0:
                    continue
                yield f"{place}: {name} {old.get(name)} is now {new[name]}"
        for name in MOST:
            if name in new and new[name] < old.get(name, float("inf")):
                yield f"{place}: {name} {old.get(name)} is now {new[name]}"
        for name in EXACT:
            if new.get(name) and new[name] != old.get(name):
                yield f"{place}: {name} {old.get(name)} is now {new[name]}"

    # -- what comes back --

    def responses(self, label: str, old: Schema, new: Schema) -> Iterator[str]:
        now = new.get("responses", {})
        for status, answer in old.get("responses", {}).items():
            if status not in now:
                yield f"{label}: {status} is gone"
                continue
            yield from self.response(f"{label}: {status}", answer, now[status])

    def response(self, place: str, old: Any, new: Any) -> Iterator[str]:
        old, new = self.old.at(old), self.new.at(new)
        headers = {name.lower(): header for name, header in new.get("headers", {}).items()}
        for name, header in old.get("headers", {}).items():
            where = f"{place}: header {name}"
            if name.lower() not in headers:
                yield f"{where}: is gone"
                continue
            before, now = self.old.at(header), self.new.at(headers[name.lower()])
            if before.get("required") and not now.get("required"):
                yield f"{where}: may now be left out"
            yield from self.given_schema(where, before.get("schema", {}), now.get("schema", {}))
        for media, content in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield f"{place}: {media} is gone"
                continue
            now = new["content"][media]
            yield from self.given_schema(place, content.get("schema", {}), now.get("schema", {}))
            for code in self.codes(content) - self.codes(now):
                yield f"{place}: problem {code} is gone"

    def codes(self, content: Schema) -> set[str]:
        """Of problems: each stands there as an example that the components have."""
        found = content.get("examples", {}).values()
        references = [each["$ref"] for each in found if "$ref" in each]
        return {each.removeprefix(EXAMPLES) for each in references if each.startswith(EXAMPLES)}

    def given_schema(
        self, place: str, old: Any, new: Any, path: tuple[int, ...] = ()
    ) -> Iterator[str]:
        """What a client could count on must still be so."""
        old, new = self.old.at(old), self.new.at(new)
        if id(old) in path:
            return
        before, path = path, (*path, id(old))
        if new.get("nullable") and not old.get("nullable"):
            yield f"{place}: may now be null"
        if has_choices(old) or has_choices(new):
            inside = path if has_choices(old) else before
            for each in choices(new):
                ways = (self.given_schema(place, other, each, inside) for other in choices(old))
                if all(any(True for _break in way) for way in ways):
                    yield f"{place}: may now be something else"
            return
        yield from self.alike(place, old, new)
        if "enum" in old:
            for value in new.get("enum", ["anything else"]):
                if value not in old["enum"]:
                    yield f"{place}: may now be {value!r}"
        yield from self.wider(place, old, new)
        properties = new.get("properties", {})
        for name, inner in old.get("properties", {}).items():
            if name not in properties:
                yield f"{place}.{name}: is gone"
                continue
            if name in old.get("required", []) and name not in new.get("required", []):
                yield f"{place}.{name}: may now be left out"
            yield from self.given_schema(f"{place}.{name}", inner, properties[name], path)
        if "items" in old and "items" in new:
            yield from self.given_schema(f"{place}[]", old["items"], new["items"], path)
        if isinstance(old.get("additionalProperties"), dict):
            others = new.get("additionalProperties")
            if isinstance(others, dict):
                inner = old["additionalProperties"], others
                yield from self.given_schema(f"{place}.*", *inner, path)
            elif others is not False:
                yield f"{place}.*: may now be anything"

    def wider(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        for name in LEAST:
            if name in old and new.get(name, float("-inf")) < old[name]:
                yield f"{place}: {name} {old[name]} is now {new.get(name)}"
        for name in MOST:
            if name in old and new.get(name, float("inf")) > old[name]:
                yield f"{place}: {name} {old[name]} is now {new.get(name)}"
        for name in EXACT:
            if old.get(name) and new.get(name) != old[name]:
                yield f"{place}: {name} {old[name]} is now {new.get(name)}"

    # -- both --

    def alike(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        for name in ("type", "format"):
            if old.get(name) != new.get(name):
                yield f"{place}: {name} {old.get(name)} is now {new.get(name)}"


def has_choices(schema: Schema) -> bool:
    return "oneOf" in schema or "anyOf" in schema


def choices(schema: Schema) -> list[Any]:
    """What it may be; itself, where it has no choices."""
    found: list[Any] = schema.get("oneOf") or schema.get("anyOf") or [schema]
    return found


def breaks(old: Schema, new: Schema) -> list[str]:
    """What breaks clients of ``old``, each with its place; a place is named once."""
    return list(dict.fromkeys(Comparison(old, new).breaks()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.breaking")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    asked = parser.parse_args()
    found = breaks(yaml.safe_load(asked.old.read_text()), yaml.safe_load(asked.new.read_text()))
    for each in found:
        sys.stdout.write(f"{each}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
