"""The tests' handle on a running sandbox: its books, its faults, its clock, and a payer."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from tests.processes import Process, free_port

SECRET_KEY = "DEVSANDBOX" + "1".zfill(30)
PATIENCE = 30  # seconds
LONG_PATIENCE = 300  # for files with hundreds of thousands of rows


@dataclass(frozen=True)
class Action:
    """One movement in the sandbox's books; amounts in won."""

    aid: str
    type: str
    by: str
    amount: int
    tax_free: int
    vat: int
    at: str
    payload: str


@dataclass(frozen=True)
class Payment:
    """One payment in the sandbox's books; amounts in won, times in KST."""

    tid: str
    cid: str
    sid: str | None
    status: str
    partner_order_id: str
    partner_user_id: str
    item_name: str
    quantity: int
    payment_method_type: str | None
    issuer: str | None
    instalment: int
    total: int
    tax_free: int
    vat: int
    canceled_total: int
    canceled_tax_free: int
    canceled_vat: int
    available_total: int
    available_tax_free: int
    available_vat: int
    created_at: str
    approved_at: str | None
    canceled_at: str | None
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Subscription:
    """A SID in the sandbox's books; times in KST, ``charges`` how often it took money."""

    sid: str
    cid: str
    partner_user_id: str
    status: str
    method: str
    created_at: str
    last_approved_at: str
    inactivated_at: str | None
    charges: int


class KakaoPay:
    """A running sandbox."""

    def __init__(self, url: str, secret_key: str = SECRET_KEY) -> None:
        self.url = url
        self.secret_key = secret_key
        self.http = requests.Session()
        until_it_listens = Retry(connect=60, read=0, backoff_factor=0.05, backoff_max=0.5)
        self.http.mount(f"{url}/sandbox/faults/", HTTPAdapter(max_retries=until_it_listens))

    # -- its books --

    def payment(self, tid: str) -> Payment:
        """What the sandbox holds under ``tid``. :raises LookupError: if it holds nothing."""
        found = self._look_up(tid=tid)
        if not found:
            raise LookupError(tid)
        return found[0]

    def payments(self, partner_order_id: str) -> list[Payment]:
        """Every payment asked for under one order, newest first."""
        return self._look_up(partner_order_id=partner_order_id)

    def _look_up(self, **by: str) -> list[Payment]:
        answer = self.http.get(f"{self.url}/ledger.json", params=by, timeout=PATIENCE)
        answer.raise_for_status()
        return [_payment(entry) for entry in answer.json()["payments"]]

    def ledger(self, since: date | None = None, until: date | None = None) -> Iterator[Payment]:
        """Every payment made on these Korean days, both inclusive, oldest first, as it comes."""
        return map(_payment, self._lines("/ledger.jsonl", since=since, until=until))

    def subscription(self, sid: str) -> Subscription:
        """What the sandbox holds under ``sid``. :raises LookupError: if it holds nothing."""
        url = f"{self.url}/subscriptions.json"
        answer = self.http.get(url, params={"sid": sid}, timeout=PATIENCE)
        answer.raise_for_status()
        found = answer.json()["subscriptions"]
        if not found:
            raise LookupError(sid)
        return _subscription(found[0])

    def subscriptions(self) -> Iterator[Subscription]:
        """Every SID, oldest first, as it comes."""
        return map(_subscription, self._lines("/subscriptions.jsonl"))

    def _lines(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        with self.http.get(
            self.url + path, params=params, timeout=LONG_PATIENCE, stream=True
        ) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines(chunk_size=64 * 1024):
                yield json.loads(line)

    def statement(
        self,
        since: date,
        until: date,
        *,
        kind: Literal["csv", "xlsx"] = "csv",
        encoding: Literal["utf-8", "cp949"] = "utf-8",
    ) -> bytes:
        """The file a merchant downloads: the movements of these Korean days, both inclusive."""
        answer = self.http.get(
            f"{self.url}/statement.{kind}",
            params={"since": since, "until": until, "encoding": encoding},
            timeout=LONG_PATIENCE,
        )
        assert answer.ok, answer.text
        return answer.content

    # -- changing its books on purpose --

    def console_refund(self, tid: str, amount: int) -> Action:
        """Give money back by hand, as a merchant does in the partner site; in won."""
        url = f"{self.url}/ledger/{tid}/refund/"
        answer = self.http.post(url, data={"amount": amount}, timeout=PATIENCE)
        assert answer.ok, answer.text
        return self.payment(tid).actions[-1]

    def import_payments(self, payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """
        Write payments into the books, any number of them; see ``sandbox/planting.py``.

        Returns ``tid``, ``aid`` and ``cancel_aids`` of each, in order.
        """
        planted = []
        for start in range(0, len(payments), 1000):
            planted += self._post("/sandbox/payments/", payments[start : start + 1000])
        return planted

    def alter(self, tid: str, **fields: Any) -> None:
        """Write over figures of a payment, such as ``total=900`` or ``status="FAIL_PAYMENT"``."""
        self._post(f"/sandbox/payments/{tid}/", fields)

    def forget(self, tid: str) -> None:
        """Take a payment out of the books, as if it had never been."""
        answer = self.http.delete(f"{self.url}/sandbox/payments/{tid}/", timeout=PATIENCE)
        assert answer.ok, answer.text

    def import_subscriptions(self, rows: list[dict[str, Any]]) -> list[str]:
        """
        Write SIDs into the books, any number of them; see ``sandbox/planting_sids.py``.

        Returns the sid of each, in order.
        """
        planted = []
        for start in range(0, len(rows), 5000):
            planted += self._post("/sandbox/subscriptions/", rows[start : start + 5000])
        return planted

    # -- its faults and its clock --

    def fault(
        self,
        endpoint: str,
        *,
        before: str | None = None,
        after: str | None = None,
        times: int | None = 1,
    ) -> None:
        """
        Let the next calls of ``endpoint`` ("any" for all) go wrong; None is until they are cleared.

        ``before`` any money moves, or ``after`` it moved; the kinds are in ``sandbox/faults.py``.
        ``fault("any", before="refuse:SECONDS")`` shuts the port at once.
        """
        for when, kind in (("before", before), ("after", after)):
            if kind:
                fault = {"endpoint": endpoint, "when": when, "kind": kind, "times": times}
                self._post("/sandbox/faults/", fault)

    def clear_faults(self) -> None:
        """Let nothing more go wrong. Waits while connections are refused."""
        self.http.delete(f"{self.url}/sandbox/faults/", timeout=PATIENCE).raise_for_status()

    def advance(self, seconds: int) -> None:
        """Let time pass in the sandbox."""
        self._post("/sandbox/clock/", {"advance": seconds})

    def reset_clock(self) -> None:
        """Put the sandbox's clock back to the time of day."""
        self._post("/sandbox/clock/", {"offset_seconds": 0})

    def _post(self, path: str, body: Any) -> Any:
        answer = self.http.post(self.url + path, json=body, timeout=PATIENCE)
        assert answer.ok, answer.text
        return answer.json()

    # -- its payer --

    def pay(
        self,
        redirect_url: str,
        *,
        method: str = "CARD",
        issuer: str = "SHINHAN",
        instalment: int = 0,
        decline: str | None = None,
    ) -> str:
        """
        Agree to pay, as the payer does in a browser.

        ``decline`` is the reason approve will be refused with, such as "NOT_ENOUGH_BALANCE".
        Returns the approval URL with its pg_token; nobody has gone there yet.
        """
        self.open(redirect_url)
        chosen = {"method": method, "issuer": issuer, "instalment": instalment}
        password = self._submit(redirect_url, "/method", chosen | {"decline": decline or ""})
        assert password.startswith(self.url), f"nothing to pay there any more: {password}"
        return self._submit(password, "")

    def open(self, redirect_url: str) -> requests.Response:
        """Open the payment page and go no further."""
        return self.http.get(redirect_url, timeout=PATIENCE, allow_redirects=False)

    def quit(self, redirect_url: str) -> str:
        """Leave without paying. Returns the cancel URL."""
        return self._submit(redirect_url, "/leave/quit")

    def fail(self, redirect_url: str) -> str:
        """Let the payment fail before it is approved. Returns the fail URL."""
        return self._submit(redirect_url, "/leave/method")

    def end_subscription(self, sid: str) -> None:
        """End a SID as the payer does in the KakaoPay app; the merchant is not told."""
        self._post(f"/subscriptions/{sid}/end/", {})

    def decline_subscription(self, sid: str, reason: str, times: int | None = None) -> None:
        """
        Let the payer's card or bank decline the next charges of a SID (-782).

        ``reason`` is such as "NOT_ENOUGH_BALANCE" or "8008"; without ``times`` it lasts until
        ``accept_subscription``.
        """
        self._post(f"/subscriptions/{sid}/decline/", {"reason": reason, "times": times})

    def accept_subscription(self, sid: str) -> None:
        """Let the payer's card or bank approve again."""
        self._post(f"/subscriptions/{sid}/decline/", {"reason": ""})

    def _submit(self, page: str, step: str, fields: dict[str, Any] | None = None) -> str:
        url = urljoin(page, urlsplit(page).path + step)
        answer = self.http.post(url, data=fields, timeout=PATIENCE, allow_redirects=False)
        assert answer.status_code == 303, f"{url}: {answer.status_code}\n{answer.text}"
        return urljoin(url, answer.headers["Location"])


def _payment(entry: dict[str, Any]) -> Payment:
    actions = tuple(Action(**action) for action in entry["actions"])
    names = [field.name for field in fields(Payment) if field.name != "actions"]
    return Payment(**{name: entry[name] for name in names}, actions=actions)


def _subscription(entry: dict[str, Any]) -> Subscription:
    return Subscription(**{field.name: entry[field.name] for field in fields(Subscription)})


def sandbox_process(folder: Path, port: int | None = None, **env: str) -> tuple[Process, KakaoPay]:
    """
    A sandbox that is yet to be started, its ledger in ``folder``, and the handle on it.

    ``env`` are its settings, such as ``SANDBOX_WINDOW_SECONDS="60"``.
    """
    url = f"http://127.0.0.1:{port or free_port()}"
    process = Process(
        [sys.executable, "-m", "sandbox", "--port", url.rpartition(":")[2]],
        ready=f"{url}/ledger.json?tid=none",
        env={"SANDBOX_LEDGER": str(folder / "sandbox.sqlite3")} | env,
    )
    return process, KakaoPay(url, env.get("SANDBOX_SECRET_KEY", SECRET_KEY))
