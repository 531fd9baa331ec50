"""
``python -m tests.volume.memberships --due 100000``: as many memberships are due at once.

Makes them in the shop's books and their agreements in the sandbox's, charges them with several
``manage.py charge_memberships`` at the same time, watches the memory of each, and compares the two
books. The exit code is 1 if a membership was not renewed exactly once, if the books differ by a
won, or if memory grew with the number.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import psutil

if __name__ == "__main__":
    FOLDER = tempfile.TemporaryDirectory(prefix="volume-")
    os.environ["VAR_DIR"] = FOLDER.name
    os.environ["LOG_LEVEL"] = "CRITICAL"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from django.core.management import call_command
from django.db.models import Count, Q, Sum
from tqdm import tqdm

from accounts.models import BillingAgreement, Membership, MembershipPeriod, Plan
from checkout.management.commands.make_many_memberships import make
from orders.models import Order, PaymentTransaction
from shop import plans
from shop.models import Category
from tests.kakaopay import KakaoPay, sandbox_process
from tests.processes import ROOT

AT_ONCE = 5000
PRICE = 4_900
#: Memory may grow by this factor from a tenth of the memberships to all of them.
FLAT = 1.25


@dataclass
class Ran:
    """What one process said of itself, its exit status, and the most memory it held, in MB."""

    said: dict[str, Any]
    status: int
    early: float  # until a tenth of all memberships were renewed
    most: float


def plant(kakaopay: KakaoPay, count: int) -> None:
    """So many memberships that are due, and their agreements in the sandbox."""
    shelf = Category.objects.create(slug="volume", name_ko="멤버십", name_en="Memberships")
    plan = Plan(slug="volume", name_ko="프리미엄", name_en="Premium", price=PRICE)
    plans.offer(plan, category=shelf)
    make(count, plan, is_due=True)
    agreements = BillingAgreement.objects.select_related("user").order_by("pk")
    with tqdm(total=count, unit=" agreements", leave=False, disable=None) as bar:
        for start in range(0, count, AT_ONCE):
            rows = [
                {
                    "sid": each.sid,
                    "partner_user_id": each.user.public_id,
                    "created_at": each.created_at.isoformat(),
                }
                for each in agreements[start : start + AT_ONCE]
            ]
            kakaopay.import_subscriptions(rows)
            bar.update(len(rows))


def charge(count: int, *, processes: int, workers: int, env: dict[str, str]) -> list[Ran]:
    """Charge all that is due with so many processes at once, and watch their memory."""
    command = [sys.executable, "manage.py", "charge_memberships", "--json"]
    command += ["--workers", str(workers)]
    with tempfile.TemporaryDirectory() as folder:
        told = [Path(folder) / str(number) for number in range(processes)]
        started = [
            subprocess.Popen(command, cwd=ROOT, env=os.environ | env, stdout=file.open("w"))
            for file in told
        ]
        early, most = [0.0] * processes, [0.0] * processes
        is_early = True
        while any(each.poll() is None for each in started):
            for number, held in enumerate(memory_of(started)):
                most[number] = max(most[number], held)
            if is_early:
                early = list(most)
                renewed = MembershipPeriod.objects.filter(number=2, status="PAID")
                is_early = renewed.count() < count / 10
            time.sleep(0.5)
        return [
            Ran(json.loads(file.read_text()), each.wait(), *held)
            for file, each, *held in zip(told, started, early, most, strict=True)
        ]


def memory_of(started: list[subprocess.Popen[bytes]]) -> Iterator[float]:
    """How much each holds now, in MB; 0 if it has ended."""
    for each in started:
        try:
            yield psutil.Process(each.pid).memory_info().rss / 2**20
        except psutil.NoSuchProcess:
            yield 0.0


def faults(kakaopay: KakaoPay, count: int, ran: list[Ran]) -> Iterator[str]:
    """What is not as it must be, in words."""
    renewed = sum(each.said.get("renewed", 0) for each in ran)
    if renewed != count or any(each.status for each in ran):
        yield f"the commands renewed {renewed:,}, and ended with {[each.status for each in ran]}"
    orders = Order.objects.filter(kind="RENEWAL")
    if orders.count() != count or orders.exclude(status=Order.Status.PAID).exists():
        yield f"{orders.count():,} orders were placed, not all of them paid"
    twice = Membership.objects.alias(
        paid=Count("periods", filter=Q(periods__status="PAID", periods__number__gt=1))
    ).exclude(paid=1)
    if twice.exists():
        yield f"{twice.count():,} memberships were not renewed exactly once"
    charges = PaymentTransaction.objects.filter(order__kind="RENEWAL", status="SUCCEEDED")
    ours = dict(charges.values_list("tid", "amount"))
    theirs = {each.tid: each.total for each in kakaopay.ledger() if each.sid}
    if ours != theirs:
        yield f"the books differ in {len(ours.items() ^ theirs.items()):,} payments"
    won = charges.aggregate(won=Sum("amount"))["won"]
    if (won, sum(theirs.values())) != (count * PRICE, count * PRICE):
        yield f"{won:,} won here, {sum(theirs.values()):,} there, of {count * PRICE:,}"
    charged = [each.charges for each in kakaopay.subscriptions()]
    if charged != [1] * count:
        yield f"of {len(charged):,} agreements {charged.count(1):,} were charged exactly once"


def judge(kakaopay: KakaoPay, count: int, ran: list[Ran]) -> bool:
    """Print what came of it. Returns whether all is as it must be."""
    seconds = max(each.said["seconds"] for each in ran)
    print(f"{count:,} memberships, {len(ran)} processes: {count / seconds:.0f} a second")
    for number, each in enumerate(ran, start=1):
        said = each.said
        print(
            f"  process {number}: {said['renewed']:,} renewed, {said['won']:,} won, "
            f"{said['per_second']} a second, {said['seconds']:,} s; "
            f"memory {each.most:.0f} MB, {each.early:.0f} MB after a tenth: "
            f"× {each.most / each.early:.2f}"
        )
    for call in ran[0].said["latency"]:
        print(
            f"  the provider, {call['operation']}: {call['calls']:,} calls, "
            f"median {call['median']} ms, 95 % within {call['p95']} ms"
        )
    wrong = list(faults(kakaopay, count, ran))
    for fault in wrong:
        print(f"  WRONG: {fault}")
    won = sum(each.said["won"] for each in ran)
    print(f"  {won:,} won charged, and the books {'DIFFER' if wrong else 'agree to the won'}")
    return not wrong and all(each.most < FLAT * each.early for each in ran)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.volume.memberships", description=__doc__)
    parser.add_argument("--due", type=int, default=10_000, help="memberships (10,000)")
    parser.add_argument("--processes", type=int, default=2, help="commands at once (2)")
    parser.add_argument("--workers", type=int, default=4, help="threads of each (4)")
    given = parser.parse_args()
    call_command("migrate", verbosity=0)
    process, kakaopay = sandbox_process(Path(FOLDER.name))
    with process:
        plant(kakaopay, given.due)
        env = {"KAKAOPAY_API_URL": kakaopay.url}
        ran = charge(given.due, processes=given.processes, workers=given.workers, env=env)
        is_good = judge(kakaopay, given.due, ran)
    FOLDER.cleanup()
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
