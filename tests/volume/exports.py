"""
Exports of many orders, and how much memory they take.

``python -m tests.volume.exports DATABASE EMAIL CONTENT FORMAT DAY`` is one download: it takes the
file of a day through the admin's page as this member of staff, and prints how long it is.
``exports`` measures such processes on a tenth of the rows and on all of them.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

import django
import psutil

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["LOG_LEVEL"] = "CRITICAL"
    django.setup()

from django.db import connection
from django.test import Client
from django.urls import reverse
from tqdm import tqdm

from accounts.models import User
from checkout.exporting import MOST_IN_XLSX
from orders.models import Order, PaymentTransaction, Shipment
from tests.processes import ROOT

AT_ONCE = 2000
#: Memory may grow by this factor from a tenth of the rows to all of them.
FLAT = 1.25


@dataclass
class Took:
    """How long the file was, how long it took, and the most memory the process held."""

    bytes: int
    seconds: float
    megabytes: float


def make_orders(user: User, count: int, day: date) -> None:
    """Paid ones with a parcel, all placed on a day."""
    at = datetime.combine(day, time_of_day(12), ZoneInfo("Asia/Seoul"))
    moments = dict.fromkeys(("consented_at", "placed_at", "deadline_at", "paid_at"), at)
    buyer = {"name": "김하나", "phone": "+821012345678", "email": "hana@example.com"}
    goods = {"title": "컵 외 1건", "subtotal": 22_000, "total": 22_000, "tax_free": 0, "vat": 2_000}
    paid = {"kind": "CHARGE", "status": "SUCCEEDED", "gateway": "kakaopay", "amount": 22_000}
    address = {"recipient": "이두리", "postcode": "06236", "line1": "서울 강남구 테헤란로 123"}
    with tqdm(total=count, unit=" orders", leave=False, disable=None) as bar:
        for start in range(0, count, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, count))
            orders = Order.objects.bulk_create(
                Order(user=user, status="PAID", **moments, **buyer, **goods) for _ in numbers
            )
            PaymentTransaction.objects.bulk_create(
                PaymentTransaction(order=order, **paid, tax_free=0, vat=2_000, created_at=at)
                for order in orders
            )
            Shipment.objects.bulk_create(
                Shipment(order=order, phone=f"+8210{order.pk:08}", line2="5층", **address)
                for order in orders
            )
            bar.update(len(numbers))


def download(user: User, content: str, kind: str, day: date) -> Took:
    """Take the file of a day in a process of its own, and watch how much memory it holds."""
    began = time.monotonic()
    name = connection.settings_dict["NAME"]
    command = [sys.executable, "-m", __name__, name, user.email, content, kind, day.isoformat()]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    most, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        try:
            most = max(most, watched.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    told, _ = process.communicate()
    assert process.returncode == 0, told
    return Took(int(told), time.monotonic() - began, most / 2**20)


def take(email: str, content: str, kind: str, day: str) -> int:
    """How many bytes the file has; they are not kept."""
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(email=email))
    fields = {"content": content, "format": kind, "first": day, "last": day}
    answer = client.post(reverse("admin:orders_order_export"), fields)
    assert answer.status_code == 200, answer.status_code
    return sum(len(piece) for piece in answer.streaming_content)


def exports(user: User, rows: int) -> bool:
    """Both kinds of file, as long as each may be. Returns whether memory stays flat."""
    lengths = {"csv": rows, "xlsx": min(rows, MOST_IN_XLSX)}
    flat = []
    for month, (kind, count) in enumerate(lengths.items(), start=1):
        many = date(2026, month, 15)
        few = many - timedelta(days=1)
        make_orders(user, count // 10, few)
        make_orders(user, count, many)
        flat.append(is_flat(user, kind, few, many, count))
    return all(flat)


def is_flat(user: User, kind: str, few: date, many: date, rows: int) -> bool:
    part, whole = (download(user, "orders", kind, day) for day in (few, many))
    growth = whole.megabytes / part.megabytes
    print(f"export of {rows} orders as {kind}: {whole.bytes:,} bytes, {whole.seconds:.0f} s")
    print(
        f"  memory {whole.megabytes:.0f} MB; {part.megabytes:.0f} MB for {rows // 10}: "
        f"× {growth:.2f}"
    )
    return growth < FLAT and whole.bytes > 9 * part.bytes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.volume.exports", description=__doc__)
    for name in ("database", "email", "content", "format", "day"):
        parser.add_argument(name)
    given = parser.parse_args()
    connection.settings_dict["NAME"] = given.database
    print(take(given.email, given.content, given.format, given.day))


if __name__ == "__main__":
    main()
