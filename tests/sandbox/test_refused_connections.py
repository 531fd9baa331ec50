"""A sandbox that nobody can reach for a while, as if no process listened."""

import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from tests.kakaopay import sandbox_process
from tests.sandbox.merchant import Merchant


def refused(url: str) -> bool:
    """Whether a connection is refused (not merely dropped)."""
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=2).close()
    except ConnectionRefusedError:
        return True
    return False


def wait_until_it_listens(url: str) -> None:
    """:raises AssertionError: if it does not within ten seconds."""
    deadline = time.monotonic() + 10
    while refused(url):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_connections_are_refused_for_as_long_as_asked(merchant, kakaopay):
    """From the moment it is arranged; afterwards the same process answers as before."""
    tid = merchant.ready()["tid"]
    begun = time.monotonic()
    kakaopay.fault("any", before="refuse:1.5")
    assert refused(kakaopay.url)
    with pytest.raises(requests.ConnectionError):
        merchant.send("order", tid=tid)
    wait_until_it_listens(kakaopay.url)
    assert 1.4 < time.monotonic() - begun < 4
    assert merchant.send("order", tid=tid).status_code == 200


def test_an_open_connection_goes_on_and_can_end_it(merchant, kakaopay):
    """Who is connected already keeps being answered, and clearing opens the port at once."""
    kakaopay.fault("any", before="refuse:60")
    page = kakaopay.http.get(f"{kakaopay.url}/sandbox/faults/", timeout=30).text
    assert "연결 거부 중" in page
    kakaopay.clear_faults()
    assert not refused(kakaopay.url)


def test_asking_twice_prolongs_it(kakaopay):
    """The later end counts."""
    begun = time.monotonic()
    kakaopay.fault("any", before="refuse:0.5")
    kakaopay.fault("any", before="refuse:2")
    wait_until_it_listens(kakaopay.url)
    assert time.monotonic() - begun > 1.9


def test_clearing_waits_for_a_sandbox_that_refuses(kakaopay):
    """A test that tidies up with new connections does not fail over it."""
    kakaopay.fault("any", before="refuse:1")
    kakaopay.http.close()
    kakaopay.clear_faults()
    assert not refused(kakaopay.url)


def test_killing_and_restarting_ends_it(tmp_path):
    """SIGKILL while the port is shut: the next sandbox listens there at once."""
    process, kakaopay = sandbox_process(tmp_path)
    merchant = Merchant(kakaopay)
    with process:
        tid = merchant.ready()["tid"]
        kakaopay.fault("any", before="refuse:60")
        assert refused(kakaopay.url)
        process.restart()
        assert merchant.send("order", tid=tid).status_code == 200
