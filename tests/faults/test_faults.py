"""Every fault of the sandbox in every call, against the table in ``docs/reliability.md``."""

from pathlib import Path

import pytest

from tests.faults.trials import NotArranged, Trial

CALLS = ("start", "capture", "refund", "lookup")
FAULTS = {
    "time-out": "stall:1.2",
    "dropped connection": "drop",
    "truncated answer": "truncated",
    "half of the JSON": "garbled",
    "text instead of JSON": "not_json",
    "empty answer": "empty",
    "HTML 502": "html_502",
    "500": "http_500",
    "503": "http_503",
    "−1": "error:-1",
    "−702": "error:-702",
    "−780 USER_LOCKED": "error:-780:USER_LOCKED",
    "−780 BANK_FIRM_UNKNOWN": "error:-780:BANK_FIRM_UNKNOWN",
    "−785": "error:-785",
    "slow trickle": "trickle:3",
    "huge body": "huge",
    "redirect": "redirect",
    "wrong amount": "wrong_amount",
    "another tid": "wrong_tid",
    "refused connection": "refuse:0.6",
}


#: A connection that is refused comes before anything can have moved.
RUNS = [
    (fault, moved)
    for fault in FAULTS
    for moved in (False, True)
    if not (moved and fault == "refused connection")
]


def documented():
    """The rows of the table: what is told at once → in the end, by fault, moment and call."""
    rows = {}
    for line in Path("docs/reliability.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in FAULTS:
            rows[cells[0], cells[1] == "after"] = dict(zip(CALLS, cells[2:], strict=True))
    return rows


@pytest.fixture
def provider(kakaopay, settings):
    """Impatient, so that a time-out does not take a quarter of a minute."""
    settings.KAKAOPAY_READ_TIMEOUT_SECONDS = 0.6
    settings.KAKAOPAY_CONNECT_TIMEOUT_SECONDS = 0.6
    settings.ALLOWED_HOSTS = ["*"]
    return kakaopay


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("fault", "moved"), RUNS)
def test_a_fault_in_each_call(provider, fault, moved, capsys):
    """Books equal in the end, the truth at each moment, and what the table says."""
    seen = {}
    for call in CALLS:
        try:
            trial = Trial(provider, FAULTS[fault], moved)
            seen[call] = getattr(trial, call)()
        except NotArranged:
            seen[call] = "—"
    with capsys.disabled():
        when = "after" if moved else "before"
        print(f"\n| {fault} | {when} | " + " | ".join(seen.values()) + " |", end="")  # noqa: T201
    assert seen == documented()[fault, moved]


def test_the_table_has_no_other_rows():
    """What is not tried any more is not in the table."""
    assert list(documented()) == RUNS
