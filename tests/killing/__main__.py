"""
``python -m tests.killing --kills 500``: random kills of random requests, and what came of them.

Like the matrix, but a person's second attempt may be killed as well. The points to die at are drawn
with ``--seed``, so a run can be repeated. The exit code is 1 if anything was not as it must be.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("LOG_LEVEL", "CRITICAL")
django.setup()

from django.conf import settings  # noqa: E402
from django.test.runner import DiscoverRunner  # noqa: E402
from tqdm import tqdm  # noqa: E402

from tests.kakaopay import KakaoPay, sandbox_process  # noqa: E402
from tests.killing.books import Harm  # noqa: E402
from tests.killing.journeys import Journey  # noqa: E402
from tests.killing.matrix import JOURNEYS, Kill, kill, points_of, ways_to_die  # noqa: E402
from tests.killing.web import KillableShop, killable_shop  # noqa: E402


@contextmanager
def place_to_die() -> Iterator[tuple[KillableShop, KakaoPay]]:
    """The shop on an empty database, and a sandbox with empty books."""
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    try:
        with tempfile.TemporaryDirectory() as folder:
            process, kakaopay = sandbox_process(Path(folder))
            settings.KAKAOPAY_API_URL = kakaopay.url
            with process, killable_shop(kakaopay) as shop:
                settings.SITE_URL = shop.url
                yield shop, kakaopay
    finally:
        runner.teardown_databases(databases)


def random_kill(
    points: dict[type[Journey], list[str]],
    shop: KillableShop,
    kakaopay: KakaoPay,
    choose: random.Random,
) -> Kill:
    """Any journey at any of its points; in half of the runs the second attempt dies as well."""
    journey = choose.choice(JOURNEYS)
    point = choose.choice(list(ways_to_die(points[journey])))
    again_at = choose.choice([0, choose.randint(1, len(points[journey]))])
    return kill(point, journey, shop, kakaopay, again_at=again_at)


def table(points: dict[type[Journey], list[str]], kills: list[Kill]) -> str:
    """One line for each journey; a kill that did several harms counts under each."""
    names = ("points", "kills", "survived", *Harm)
    lines = [f"{'journey':24}" + "".join(f"{name:>10}" for name in names)]
    for journey, passed in points.items():
        mine = [each for each in kills if each.journey == journey.name]
        harms = Counter(harm for each in mine for harm in {d.harm for d in each.differences})
        survived = sum(not each.differences for each in mine)
        figures = (len(passed), len(mine), survived, *(harms[harm] for harm in Harm))
        lines.append(f"{journey.name:24}" + "".join(f"{figure:>10}" for figure in figures))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.killing")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    choose = random.Random(given.seed)  # noqa: S311
    with place_to_die() as (shop, kakaopay):
        points = {journey: points_of(journey, shop, kakaopay) for journey in JOURNEYS}
        kills = [
            random_kill(points, shop, kakaopay, choose)
            for _ in tqdm(range(given.kills), unit="kill", disable=None)
        ]
    harmful = [each for each in kills if each.differences]
    sys.stdout.writelines(f"{each}\n" for each in harmful)
    sys.stdout.write(f"\n{table(points, kills)}\n\nseed {given.seed}\n")
    return 1 if harmful else 0


if __name__ == "__main__":
    sys.exit(main())
