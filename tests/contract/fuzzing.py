"""
Requests that nobody thought of, made by Schemathesis from the schema, and sent over real HTTP.

What is checked of every answer: it is no error of the shop (503 is one here: the sandbox is up),
its status, media type, headers and body are those of the schema, what needs a sign-in refuses
without, a method that is not there is 405, and what is wrong by the schema is refused.

Left out is ``positive_data_acceptance``: that whatever fits the schema is accepted. Whether it is,
is not for the schema to say: an order has to exist, a total has to be what the cart comes to, and
the buyer has to have paid. For the same reason ``ensure_resource_availability`` and
``use_after_free`` are left out: taking a line from a cart or an address from a list is for good,
but what has a link may be over when it is followed, and lists are not objects.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from tests.contract.lenient import is_read_leniently
from tests.contract.people import Person
from tests.contract.plausible import Plausible

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
]
TIMEOUT = 60  # seconds
#: An address of more than 4,094 characters: the web server answers it, and the shop never does.
TOO_LONG = 414


@dataclass(frozen=True)
class Finding:
    """What is not as the schema says, and how to see it."""

    check: str
    operation: str
    what: str
    curl: str = field(compare=False)


@dataclass
class Seen:
    """What one person's requests have come to."""

    person: Person
    #: How many cases: by phase, operation and status.
    cases: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    findings: dict[tuple[str, str, str], Finding] = field(default_factory=dict)
    #: What kept Schemathesis from testing something.
    errors: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.cases.total()

    def by_phase(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (phase, _operation, _status), count in self.cases.items():
            found[phase] += count
        return found

    def statuses(self, operation: str) -> Counter[int]:
        found: Counter[int] = Counter()
        for (_phase, label, status), count in self.cases.items():
            if label == operation:
                found[status] += count
        return found

    def take(self, phase: str, recorder: ScenarioRecorder) -> None:
        """Count the cases of a scenario; the requests that checks have made are none of them."""
        for case_id, node in recorder.cases.items():
            interaction = recorder.interactions.get(case_id)
            is_probe = node.parent_id is not None and node.transition is None
            if interaction is not None and not is_probe:
                status = interaction.response.status_code if interaction.response else 0
                self.cases[phase, label_of(node.value), status] += 1
            for check in recorder.checks.get(case_id, ()):
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    what = f"{failure.title}: {failure.message}"
                    key = check.name, node.value.operation.label, what[:60]
                    found = Finding(*key[:2], what, check.failure_info.code_sample)
                    self.findings.setdefault(key, found)


def label_of(case: schemathesis.Case) -> str:
    """Of the operation; the coverage phase tries methods at its address that are none."""
    operation = case.operation
    is_own = case.method.lower() == operation.method.lower()
    return operation.label if is_own else f"{case.method.upper()} {operation.path}"


def operations(shop: str) -> list[str]:
    """The labels of all operations, such as ``GET /api/v1/cart/``."""
    return [each.ok().label for each in schema_of(shop, {}).get_all_operations()]


def fuzz(person: Person, *, cases: int, seed: int) -> Seen:
    """Send at least so many cases as this person, in as many rounds as it takes."""
    seen = Seen(person)
    per_operation = max(2, cases // 60)
    for nth in range(100):
        for event in round_of(person, seed=seed + nth, examples=per_operation, is_first=nth == 0):
            if isinstance(event, events.ScenarioFinished):
                seen.take(event.phase.value, event.recorder)
            elif isinstance(event, events.NonFatalError):
                seen.errors.append(f"{event.label}: {event.info.title} {event.info.message}")
            elif isinstance(event, events.FatalError):
                raise event.exception
        if seen.total >= cases:
            break
    return seen


def round_of(
    person: Person, *, seed: int, examples: int, is_first: bool
) -> Iterator[events.EngineEvent]:
    """Every operation by itself, then chains of them along the links of the schema."""
    phases: dict[str, Any] = {
        "examples": {"enabled": False},  # tests/contract/test_schema.py looks at those
        "coverage": {"enabled": is_first and person.is_thorough},  # the same each time
        "fuzzing": {"enabled": True, "generation": {"max-examples": examples}},
        "stateful": {
            "enabled": True,
            "generation": {"max-examples": 2 * examples},
            "max-steps": 8,
        },
    }
    config = {
        "seed": seed,
        "base-url": person.shop,
        "headers": {"Accept-Language": "en"} | person.headers,
        "continue-on-failure": True,
        "request-timeout": TIMEOUT,
        "generation": {
            "database": "none",
            "no-shrink": True,
            "with-security-parameters": person.is_lying,
        },
        "output": {"sanitization": {"enabled": False}},  # the shop is gone in a minute
        "phases": phases,
        "checks": {"enabled": False} | {name: {"enabled": True} for name in CHECKS},
    }
    # By default 5xx of any kind is a failure: 503 as well.
    schema = schema_of(person.shop, config)
    schema.hook("filter_failure")(is_worth_telling)
    plausible = Plausible(person, Random(seed))  # noqa: S311
    schemathesis.hook("before_call")(plausible)  # those are for all schemas at once
    try:
        yield from from_schema(schema).execute()
    finally:
        schemathesis.hooks.unregister(plausible)


def is_worth_telling(context: Any, failure: Any, case: schemathesis.Case, response: Any) -> bool:
    if response.status_code == TOO_LONG:
        return False
    return not (isinstance(failure, AcceptedNegativeData) and is_read_leniently(case))


def schema_of(shop: str, config: dict[str, Any]) -> Any:
    return schemathesis.openapi.from_url(
        f"{shop}/api/schema/",
        config=schemathesis.Config.from_dict(config),
        headers={"Accept-Language": "en", "Accept": "application/vnd.oai.openapi+json"},
    )
