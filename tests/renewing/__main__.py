"""
``python -m tests.renewing --memberships 1000 --months 24``: random lives of memberships.

What happens is drawn with ``--seed``; where a process is when it is killed is not. The exit code is
1 if anything was not as it must be.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import django

FOLDER = tempfile.TemporaryDirectory(prefix="renewing-")
os.environ["VAR_DIR"] = FOLDER.name
os.environ["LOG_LEVEL"] = "CRITICAL"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.test.runner import DiscoverRunner  # noqa: E402
from tqdm import tqdm  # noqa: E402

from tests.renewing import books, oracle  # noqa: E402
from tests.renewing.life import Life, days_of  # noqa: E402
from tests.renewing.place import AGREEMENT_CHECK_DAYS, LEDGER, sandbox_for_renewing  # noqa: E402


def lived(given: argparse.Namespace, folder: Path) -> int:
    choose = random.Random(given.seed)  # noqa: S311
    process, kakaopay = sandbox_for_renewing(folder)
    settings.KAKAOPAY_API_URL = kakaopay.url
    settings.AGREEMENT_CHECK_DAYS = AGREEMENT_CHECK_DAYS
    began = time.monotonic()
    with process:
        life = Life(process, kakaopay, choose, given.workers)
        total = sum(1 for _ in days_of(given.months))
        for _ in tqdm(
            life.live(given.memberships, given.months), total=total, unit="day", disable=None
        ):
            pass
        read = books.read(kakaopay, folder / LEDGER, life.clock.now())
    found = list(oracle.differences(life, read))
    sys.stdout.writelines(f"{each.harm}: {each.what}\n" for each in found)
    for what, number in (oracle.figures(life, read) | oracle.harms(found)).items():
        sys.stdout.write(f"{what:50}{number:>14,}\n")
    sys.stdout.write(f"seed {given.seed}, {(time.monotonic() - began) / 60:.0f} minutes\n")
    return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.renewing")
    parser.add_argument("--memberships", type=int, default=1000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2, help="at most so many at once")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    try:
        with tempfile.TemporaryDirectory() as folder:
            return lived(given, Path(folder))
    finally:
        runner.teardown_databases(databases)


if __name__ == "__main__":
    sys.exit(main())
