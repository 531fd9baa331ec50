"""
``python -m tests.contract --cases 5000 [--seed N]``: hold the API to its own schema.

Starts the shop and the sandbox, and sends at least so many generated requests: as the shopper by
token and by cookie, as nobody, and as somebody with made-up tokens and cookies. Ends with 1 if an
answer was not what the schema says, an operation was never reached, or nothing was ever bought.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.contract import people
from tests.contract.fuzzing import Finding, Seen, fuzz, operations
from tests.live import LiveShop, live_shop

#: Of all cases, in percent.
SHARES = {people.by_token: 60, people.by_cookie: 20, people.nobody: 15, people.stranger: 5}
PLENTY = 1_000_000
SETTINGS = {
    "CLIENT_ORIGINS": people.ORIGIN,
    "CLIENT_APP_SCHEMES": people.APP_SCHEME,
    # Limits would hide what is behind them.
    "RATE_LIMIT_READY": str(PLENTY),
    "RATE_LIMIT_APPROVE": str(PLENTY),
    "RATE_LIMIT_COUPON": str(PLENTY),
    "LOG_LEVEL": "WARNING",
}

#: The rest needs a certain order of things, which a short run may miss; it is printed then.
MUST_WORK = {"POST /api/v1/checkout/ready/", "POST /api/v1/payments/{payment_id}/approve/"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract", description=__doc__)
    parser.add_argument("--cases", type=int, default=5000, help="At least so many, in all.")
    parser.add_argument("--seed", type=int, help="Of an earlier run, to make much the same again.")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.randrange(2**32)  # noqa: S311
    say(f"seed {seed}")
    with (
        tempfile.TemporaryDirectory() as folder,
        live_shop(Path(folder), **SETTINGS) as shop,
    ):
        fill(shop)
        labels = operations(shop.url)
        everybody = []
        for person_of, share in SHARES.items():
            person = person_of(shop.url, shop.kakaopay)
            wanted = max(1, asked.cases * share // 100)
            everybody.append(fuzz(person, cases=wanted, seed=seed))
            tell(everybody[-1], labels)
    return conclude(everybody, labels, wanted=asked.cases)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def fill(shop: LiveShop) -> None:
    """Nothing runs out of stock."""
    shop.python(
        "from shop.models import Product;"
        f"print(Product.objects.filter(plan=None).update(stock={PLENTY}))"
    )


def tell(seen: Seen, labels: list[str]) -> None:
    """What one person's requests came to."""
    phases = ", ".join(f"{phase} {count}" for phase, count in sorted(seen.by_phase().items()))
    say(f"\n== {seen.person.name}: {seen.total} cases ({phases})")
    for label in labels:
        found = sorted(seen.statuses(label).items())
        statuses = "  ".join(f"{status}×{count}" for status, count in found)
        say(f"  {label:72} {statuses or 'NOT REACHED'}")
    others = sum(n for (_phase, label, _status), n in seen.cases.items() if label not in labels)
    say(f"  {'methods that are not there':72} {others}")


def conclude(everybody: list[Seen], labels: list[str], *, wanted: int) -> int:
    """Print what is wrong. Returns the exit status."""
    total = sum(seen.total for seen in everybody)
    shoppers = [seen for seen in everybody if seen.person.is_signed_in]
    never = [
        label
        for label in labels
        if not any(200 <= status < 300 for seen in shoppers for status in seen.statuses(label))
    ]
    unreached = [label for label in labels if not any(seen.statuses(label) for seen in everybody)]
    errors = [f"{seen.person.name}: {error}" for seen in everybody for error in seen.errors]
    findings = tell_findings(everybody)
    for error in errors:
        say(f"\n-- not tested: {error}")
    for label in never:
        say(f"never 2xx as the shopper: {label}")
    for label in unreached:
        say(f"never reached: {label}")
    say(f"\n{total} cases, {findings} failures")
    bought_nothing = not MUST_WORK.isdisjoint(never)
    return 1 if findings or errors or unreached or bought_nothing or total < wanted else 0


def tell_findings(everybody: list[Seen]) -> int:
    """Print each with one way to see it. Returns how many there are, alike ones being one."""
    alike: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for seen in everybody:
        for finding in seen.findings.values():
            what = finding.what.replace(finding.operation, "it")
            alike.setdefault((finding.check, what), []).append((seen.person.name, finding))
    for (check, what), found in alike.items():
        places = dict.fromkeys(f"{finding.operation} as {person}" for person, finding in found)
        say(f"\n-- {check} | " + "\n   ".join(places))
        say(what)
        say(found[0][1].curl)
    return len(alike)


if __name__ == "__main__":
    sys.exit(main())
