"""
``python -m tests.volume``: two big books with planted differences, and what the command finds.

Makes so many payments in the shop's books and in the sandbox's alike, plants differences of every
kind, runs ``manage.py reconcile_payments`` as a program of its own and compares what it reports
with what was planted. Its memory is measured on a tenth of the books and on all of them. With
``--exports 200000`` so many orders are exported, and with ``--orders 1000000`` the desk's lists are
opened over so many. The exit code is 1 if a difference was missed or invented, if memory grew with
the books or with an export, or if a list was read from end to end.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import django
import psutil

FOLDER = tempfile.TemporaryDirectory(prefix="volume-")
os.environ["VAR_DIR"] = FOLDER.name
os.environ["LOG_LEVEL"] = "CRITICAL"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402
from tqdm import tqdm  # noqa: E402

from accounts.models import User  # noqa: E402
from orders.models import PaymentTransaction  # noqa: E402
from tests.checkout.two_books import TwoBooks  # noqa: E402
from tests.kakaopay import KakaoPay, sandbox_process  # noqa: E402
from tests.volume import desk, exports  # noqa: E402

EACH_KIND = 5
AT_ONCE = 1000
#: Memory may grow by this factor from a tenth of the books to all of them.
FLAT = 1.25

Planted = set[tuple[str, str]]


@dataclass
class Ran:
    """What the command said of itself, how long it took, and the most memory it held."""

    status: int
    found: list[dict[str, str]]
    counts: dict[str, int]
    seconds: float
    megabytes: float

    @property
    def kinds(self) -> Planted:
        return {(each["kind"], each["tid"]) for each in self.found}


def make_books(books: TwoBooks, payments: int) -> None:
    """So many sales, every tenth of them refunded in part."""
    with tqdm(total=payments, unit=" payments", leave=False, disable=None) as bar:
        for start in range(0, payments, AT_ONCE):
            here = range(start, min(start + AT_ONCE, payments))
            books.sell_all([(11_000 + n % 7, (3_000,) if n % 10 == 0 else ()) for n in here])
            bar.update(len(here))


def plant(books: TwoBooks, missing_here: Callable[[TwoBooks], str]) -> Planted:
    """Five differences of each kind. Returns kind and tid of each."""
    kakaopay = books.kakaopay
    planted: Planted = set()
    sold = books.sell_all([(11_000, ())] * EACH_KIND * 3)
    gone, dearer, failed = (sold[n::3] for n in range(3))
    planted |= {("MISSING_HERE", missing_here(books)) for _ in range(EACH_KIND)}
    for charge in gone:
        kakaopay.forget(charge.tid)
        planted.add(("MISSING_THERE", charge.tid))
    for charge in dearer:
        kakaopay.alter(charge.tid, total=12_000, vat=1_091)
        planted.add(("AMOUNT", charge.tid))
    for charge in failed:
        PaymentTransaction.objects.filter(pk=charge.pk).update(status="CANCELED", aid="")
        planted.add(("STATUS", charge.tid))
    for charge in books.sell_all([(11_000, ())] * EACH_KIND):
        again = books.theirs(charge.order)
        (entry,) = kakaopay.import_payments([again])
        books.ours(charge.order, "CHARGE", 11_000, entry["tid"], "", status="CANCELED").save()
        planted.add(("DUPLICATE", entry["tid"]))
    return planted


def refund_by_hand(books: TwoBooks) -> str:
    """A refund in the provider's site, which only a lookup shows: it is made today."""
    tid = books.sell().tid
    books.kakaopay.console_refund(tid, 4_000)
    return tid


def unknown_sale(books: TwoBooks) -> str:
    """A payment of no order of ours, which only a file shows: we have no tid to look up."""
    (entry,) = books.kakaopay.import_payments([books.theirs(books.order(11_000))])
    return str(entry["tid"])


def reconcile(*arguments: str) -> Ran:
    """Run the command, and watch how much memory it holds."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as told:
        command = [sys.executable, "manage.py", "reconcile_payments", "--json", *arguments]
        process = subprocess.Popen(command, stdout=told)
        most, watched = 0, psutil.Process(process.pid)
        while process.poll() is None:
            try:
                most = max(most, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
        status = process.wait()
        told.seek(0)
        said = json.load(told)
    seconds = time.monotonic() - began
    return Ran(status, said["differences"], said.get("counts", {}), seconds, most / 2**20)


def judge(name: str, part: Ran, whole: Ran, planted: Planted) -> bool:
    """Print what came of it. Returns whether all is as it must be."""
    missed, invented = planted - whole.kinds, whole.kinds - planted
    growth = whole.megabytes / part.megabytes
    rate = whole.counts["checked"] / whole.seconds
    print(f"{name}: {whole.counts['checked']} compared, {rate:.0f} a second")
    print(f"  planted {len(planted)}: {dict(Counter(kind for kind, _tid in planted))}")
    print(f"  found {len(whole.found)}, missed {len(missed)}, invented {len(invented)}")
    print(
        f"  memory {whole.megabytes:.0f} MB; {part.megabytes:.0f} MB for "
        f"{part.counts['checked']}: × {growth:.2f}"
    )
    for kind, tid in sorted(missed):
        print(f"  MISSED {kind} {tid}")
    for kind, tid in sorted(invented):
        print(f"  INVENTED {kind} {tid}")
    exact = not missed and not invented and len(whole.found) == len(planted)
    return exact and growth < FLAT and (part.status, whole.status) == (0, 1)


def audit(kakaopay: KakaoPay, user: User, payments: int, workers: int) -> bool:
    """Every transaction of a day is looked up."""
    few, many = days_ago(2), days_ago(3)
    make_books(TwoBooks(kakaopay, user, at=few), payments // 10)
    books = TwoBooks(kakaopay, user, at=many)
    make_books(books, payments - 6 * EACH_KIND)
    planted = plant(books, refund_by_hand)
    part, whole = (
        reconcile("--since", day, "--until", day, "--workers", str(workers))
        for day in (f"{few:%Y-%m-%d}", f"{many:%Y-%m-%d}")
    )
    return judge(f"audit with {workers} workers", part, whole, planted)


def statement(kakaopay: KakaoPay, user: User, rows: int) -> bool:
    """A file of the sandbox's movements, made after the differences were planted."""
    few, many = days_ago(5), days_ago(6)
    sales = rows * 10 // 11  # every tenth is refunded, which is a row of its own
    make_books(TwoBooks(kakaopay, user, at=few), sales // 10)
    books = TwoBooks(kakaopay, user, at=many)
    make_books(books, sales)
    planted = plant(books, unknown_sale)
    ran = []
    for day in (few, many):
        file = Path(FOLDER.name) / f"{day:%Y-%m-%d}.csv"
        file.write_bytes(kakaopay.statement(day.date(), day.date(), encoding="cp949"))
        ran.append(reconcile("--statement", str(file)))
    return judge("statement", *ran, planted)


def days_ago(days: int) -> datetime:
    """Noon in Seoul."""
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    return noon - timedelta(days=days)


@contextmanager
def sandbox() -> Iterator[KakaoPay]:
    process, kakaopay = sandbox_process(Path(FOLDER.name))
    os.environ["KAKAOPAY_API_URL"] = kakaopay.url
    with process:
        yield kakaopay


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.volume", description=__doc__)
    parser.add_argument("--payments", type=int, default=10_000, help="to audit (10,000)")
    parser.add_argument("--rows", type=int, default=200_000, help="of the statement (200,000)")
    parser.add_argument("--workers", type=int, default=8, help="that audit at once (8)")
    parser.add_argument("--exports", type=int, default=0, help="orders to export (none)")
    parser.add_argument("--orders", type=int, default=0, help="in the desk's lists (none)")
    given = parser.parse_args()
    call_command("migrate", verbosity=0)
    user = User.objects.create_user("volume@example.com")
    with sandbox() as kakaopay:
        audited = audit(kakaopay, user, given.payments, given.workers)
        stated = statement(kakaopay, user, given.rows)
    staff = User.objects.create_superuser("staff@example.com")
    exported = exports.exports(staff, given.exports) if given.exports else True
    listed = desk.lists(given.orders) if given.orders else True
    FOLDER.cleanup()
    sys.exit(0 if audited and stated and exported and listed else 1)


main()
