"""The command line client of ``examples/``, run as a program of its own against a running shop."""

import queue
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.kakaopay import Payment
from tests.live import LiveShop, live_shop
from tests.processes import ROOT

BUY = ROOT / "examples" / "python_client" / "buy.py"
PATIENCE = 60  # seconds
NOTEBOOK, DELIVERY = 9_000, 3_000

PEOPLE = [
    *("buys", "saves", "quits", "poor", "waits", "refused", "cart", "checkout", "new"),
]
LIKE_THE_DEMO_SHOPPER = f"""
from shop.management.commands.load_demo import load_belongings, load_person
staff = load_person("staff@example.com", {{}})
for name in {PEOPLE}:
    known = {{}} if name == "new" else {{"name": "김하나", "phone": "+821012345678"}}
    person = load_person(f"{{name}}@example.com", known)
    if name == "saves":
        load_belongings(person, by=staff)
print("done")
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    with live_shop(tmp_path_factory.mktemp("shop")) as running:
        assert running.python(LIKE_THE_DEMO_SHOPPER) == "done"
        yield running


class Client:
    """A ``buy.py`` at work."""

    def __init__(self, *args: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-B", str(BUY), *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={"PYTHONIOENCODING": "utf-8"},
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.printed = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.popen.stdout:
            self.lines.put(line)

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until it prints a line with this in it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                line = self.lines.get(timeout=0.2)
            except queue.Empty:
                if self.popen.poll() is not None and self.lines.empty():
                    break
                continue
            self.printed += line
            if found := re.search(pattern, line):
                return found
        pytest.fail(f"no {pattern!r}:\n{self.printed}\n{self.end()}")

    def end(self) -> tuple[int, str, str]:
        """Wait for its end. Returns its exit status, and what it printed out and as errors."""
        try:
            status = self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            status = self.popen.wait()
        self.reader.join(PATIENCE)
        while not self.lines.empty():
            self.printed += self.lines.get()
        return status, self.printed, self.popen.stderr.read()


@pytest.fixture
def buy(shop: LiveShop) -> Iterator[Callable[..., Client]]:
    """``buy("--product", slug, by="quits")``: the program at work, for one of ``PEOPLE``."""
    started = []

    def run(*args: str, by: str, at: str = "") -> Client:
        client = Client("--shop", at or shop.url, "--email", f"{by}@example.com", *args)
        started.append(client)
        return client

    yield run
    for client in started:
        if client.popen.poll() is None:
            client.popen.kill()
            client.popen.wait()


def come_back(link: str) -> None:
    """The buyer's browser goes where KakaoPay sends it."""
    answer = requests.get(link, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text


def bought(shop: LiveShop, by: str) -> list[Payment]:
    """What the sandbox holds of everything that this person ordered."""
    person = {"email": f"{by}@example.com", "password": "kakaopay-demo"}
    login = f"{shop.url}/_allauth/app/v1/auth/login"
    signed_in = requests.post(login, json=person, timeout=PATIENCE).json()
    token = {"X-Session-Token": signed_in["meta"]["session_token"]}
    orders = requests.get(f"{shop.url}/api/v1/orders/", headers=token, timeout=PATIENCE).json()
    numbers = [each["number"] for each in orders["results"]]
    return [payment for number in numbers for payment in shop.kakaopay.payments(number)]


def test_it_buys_and_prints_the_receipt(shop: LiveShop, buy: Callable[..., Client]):
    """Two mugs: what it prints is what stands in the sandbox's books, and it exits with 0."""
    client = buy("--product", "stoneware-mug", "--quantity", "2", by="buys")
    address = client.until(r"^Pay here: (\S+)$")[1]
    assert address.startswith(shop.kakaopay.url)
    assert client.popen.poll() is None, "it waits for the payer"
    come_back(shop.kakaopay.pay(address))

    status, printed, errors = client.end()
    assert (status, errors) == (0, "")
    [theirs] = bought(shop, "buys")
    assert (theirs.status, theirs.total, theirs.vat) == ("SUCCESS_PAYMENT", 39_000, 3_545)
    receipt = printed.partition("Pay here")[2].splitlines()[2:]
    assert receipt == [
        f"Order {theirs.partner_order_id}: PAID",
        "  2 x Hearty stoneware mug, 350 ml: 36,000 won",
        "      discount: 0 won",
        "      points: 0 won",
        "      shipping: 3,000 won",
        "      total: 39,000 won",
        "      tax_free: 0 won",
        "      vat: 3,545 won",
        f"Paid 39,000 won: CARD, tid {theirs.tid}, aid {theirs.actions[0].aid}",
    ]
    assert [action.amount for action in theirs.actions] == [39_000]


def test_a_coupon_and_points_come_off(shop: LiveShop, buy: Callable[..., Client]):
    """Both stand on the receipt; the sandbox is asked for what is left."""
    wish = ("--coupon", "WELCOME10", "--points", "2000")
    client = buy("--product", "stoneware-mug", "--quantity", "2", *wish, by="saves")
    come_back(shop.kakaopay.pay(client.until(r"^Pay here: (\S+)$")[1], method="MONEY"))
    status, printed, errors = client.end()
    assert (status, errors) == (0, "")
    [theirs] = bought(shop, "saves")
    assert theirs.total == 36_000 - 3_600 - 2_000 + 3_000 == 33_400
    assert "discount: 3,600 won\n      points: 2,000 won\n" in printed.partition("Pay here")[2]
    assert f"Paid 33,400 won: MONEY, tid {theirs.tid}, aid {theirs.actions[0].aid}" in printed


def test_an_account_that_knows_nothing_of_its_owner(shop: LiveShop, buy: Callable[..., Client]):
    """Name, telephone and address from the command line stand in the order."""
    person = ("--name", "김둘", "--phone", "010-8765-4321")
    home = ("--postcode", "06236", "--street", "서울 강남구 테헤란로 152")
    client = buy("--product", "plain-notebook", *person, *home, by="new")
    come_back(shop.kakaopay.pay(client.until(r"^Pay here: (\S+)$")[1]))
    assert client.end()[::2] == (0, "")
    [theirs] = bought(shop, "new")
    held = shop.python(
        "from orders.models import Shipment;"
        f"s=Shipment.objects.get(order__number={theirs.partner_order_id!r});"
        "print(s.order.name,s.order.email,s.recipient,s.phone,s.postcode,s.line1)"
    )
    assert held == "김둘 new@example.com 김둘 +821087654321 06236 서울 강남구 테헤란로 152"


def test_who_quits_is_told_so(shop: LiveShop, buy: Callable[..., Client]):
    """It exits with 1 and a sentence, and no money has moved."""
    client = buy("--product", "plain-notebook", by="quits")
    come_back(shop.kakaopay.quit(client.until(r"^Pay here: (\S+)$")[1]))
    status, printed, errors = client.end()
    assert (status, errors) == (1, "The payment was broken off. Nothing was charged.\n")
    assert "PAID" not in printed
    [theirs] = bought(shop, "quits")
    assert (theirs.status, theirs.actions) == ("QUIT_PAYMENT", ())


def test_a_declined_card(shop: LiveShop, buy: Callable[..., Client]):
    """The sentence that KakaoPay has for the buyer is shown, and it exits with 1."""
    client = buy("--product", "plain-notebook", by="poor")
    address = client.until(r"^Pay here: (\S+)$")[1]
    come_back(shop.kakaopay.pay(address, method="MONEY", decline="NOT_ENOUGH_BALANCE"))
    status, _printed, errors = client.end()
    assert (status, errors) == (1, "잔액이 부족합니다.\n")
    [theirs] = bought(shop, "poor")
    assert theirs.actions == ()


def test_an_outcome_that_is_not_known_is_waited_for(shop: LiveShop, buy: Callable[..., Client]):
    """The provider's answer is lost: it says so, keeps asking, and prints the receipt after all."""
    client = buy("--product", "plain-notebook", by="waits")
    address = client.until(r"^Pay here: (\S+)$")[1]
    shop.kakaopay.fault("approve", after="html_502")
    shop.kakaopay.fault("order", before="http_503", times=None)
    come_back(shop.kakaopay.pay(address))
    client.until(r"^The payment is being confirmed; paying again is not needed\.$")
    assert client.popen.poll() is None
    shop.kakaopay.clear_faults()
    shop.manage("reconcile_payments", "--older-than", "0")
    status, printed, errors = client.end()
    assert (status, errors) == (0, "")
    [theirs] = bought(shop, "waits")
    assert len(theirs.actions) == 1
    assert f"tid {theirs.tid}, aid {theirs.actions[0].aid}" in printed
    assert printed.count("is being confirmed") == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ("--product", "stoneware-mug", "--password", "wrong"),
            "The email address and/or password you specified are not correct.",
        ),
        (("--product", "wool-blanket"), "This product is sold out."),
        (("--product", "stoneware-mug", "--quantity", "99"), r"Only \d+ are left."),
        (("--product", "nothing"), "This product is not sold here, or not any more."),
        (
            ("--product", "stoneware-mug", "--coupon", "SUMMER25"),
            r"This coupon could be used until Aug\. 31, 2025\.",
        ),
        (
            ("--product", "stoneware-mug", "--points", "5"),
            "There are not so many points to use.",
        ),
        (
            ("--product", "stoneware-mug", "--postcode", "123", "--street", "서울"),
            r"Something in the request is not valid\. .*",
        ),
    ],
)
def test_refusals_are_sentences(
    shop: LiveShop, buy: Callable[..., Client], args: tuple[str, ...], said: str
):
    """One line for people, exit status 1, no traceback; nothing was ordered."""
    client = buy(*args, by="refused")
    status, printed, errors = client.end()
    assert re.fullmatch(f"{said}\n", errors), errors
    assert (status, "Pay here" in printed) == (1, False)
    assert bought(shop, "refused") == []


def test_a_shop_that_does_not_answer(buy: Callable[..., Client]):
    """A sentence with its address, after a few attempts."""
    client = buy("--product", "x", by="new", at="http://127.0.0.1:9")
    assert client.end() == (1, "", "The shop at http://127.0.0.1:9 does not answer.\n")


@contextmanager
def dropping(shop: LiveShop, request_line: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """
    A way to the shop that hangs up on the first answer to such a request, once the shop has given
    it. Yields its address, and the requests that came by.
    """
    target = ("127.0.0.1", int(shop.url.rpartition(":")[2]))
    host = shop.url.partition("//")[2].encode()
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    passed: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                client, _address = server.accept()
            except OSError:
                return
            with client:
                client.settimeout(PATIENCE)
                asked = whole(client)
                if not asked:
                    continue
                passed.append(asked)
                is_first = sum(each.startswith(request_line) for each in passed) == 1
                own = f"127.0.0.1:{port}".encode()
                closing = asked.replace(b"Connection: keep-alive", b"Connection: close")
                with socket.create_connection(target, timeout=PATIENCE) as upstream:
                    upstream.sendall(closing.replace(own, host))
                    answer = b"".join(iter(lambda: upstream.recv(65536), b""))
                if not (asked.startswith(request_line) and is_first):
                    client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}", passed
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(PATIENCE)


def whole(client: socket.socket) -> bytes:
    """One request, with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := client.recv(65536)):
            return b""
        data += more
    head, _end, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    length = int(found[1]) if found else 0
    while len(body) < length:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.mark.parametrize("path", [b"cart/items/", b"checkout/ready/"])
def test_a_lost_connection_does_nothing_twice(
    shop: LiveShop, buy: Callable[..., Client], path: bytes
):
    """The shop's answer is lost: the same request goes again with the same key, and counts once."""
    line = b"POST /api/v1/" + path
    who = path.partition(b"/")[0].decode()
    with dropping(shop, line) as (way, passed):
        client = buy("--product", "plain-notebook", by=who, at=way)
        come_back(shop.kakaopay.pay(client.until(r"^Pay here: (\S+)$")[1]))
        status, _printed, errors = client.end()
    assert (status, errors) == (0, "")
    sent = [each for each in passed if each.startswith(line)]
    keys = [re.search(rb"Idempotency-Key: (\S+)", each)[1] for each in sent]
    assert len(keys) == 2
    assert keys[0] == keys[1]
    [theirs] = bought(shop, who)
    assert (theirs.status, theirs.total) == ("SUCCESS_PAYMENT", NOTEBOOK + DELIVERY)


def test_the_readme_names_every_argument():
    """The page beside the script speaks of all that it takes."""
    readme = (BUY.parent / "README.md").read_text()
    source = Path(BUY).read_text()
    options = set(re.findall(r'add_argument\("(--[a-z]+)"', source))
    assert options == set(re.findall(r"--[a-z]+", readme))
