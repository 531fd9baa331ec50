"""What a person meets on the command line when something is not as it should be."""

import os
import socket
import subprocess
import sys

import pytest

from tests.processes import ROOT, free_port


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgres://shop:pw@127.0.0.1:9/shop", "PostgreSQL at 127.0.0.1:9 did not let us in"),
        ("postgres://shop:pw@nowhere.invalid/shop", "PostgreSQL at nowhere.invalid:5432"),
        ("mysql://shop:pw@127.0.0.1/shop", "DATABASE_URL must name a PostgreSQL"),
        ("postgres", "DATABASE_URL must name a PostgreSQL"),
        ("postgres://shop:pw@127.0.0.1:port/shop", "DATABASE_URL cannot be read"),
    ],
)
def test_a_wrong_database_url_is_one_sentence(url, says):
    """Exit status 1, one line that names the setting, no traceback, no password."""
    done = run("manage.py", "showmigrations", DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"manage.py: {says}")
    assert "DATABASE_URL" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert ":pw@" not in done.stderr


@pytest.mark.parametrize(
    "missing", ["SECRET_KEY", "SITE_URL", "EMAIL_URL", "KAKAOPAY_SECRET_KEY", "KAKAOPAY_CID"]
)
def test_a_shop_says_which_setting_is_missing(missing):
    """With SECRET_KEY or an https SITE_URL, nothing that must be chosen has a default."""
    settings = {
        "SECRET_KEY": "x" * 50,
        "SITE_URL": "https://shop.example",
        "EMAIL_URL": "smtp://mail.example",
        "KAKAOPAY_SECRET_KEY": "PRD" + "0" * 37,
        "KAKAOPAY_CID": "C000000001",
    }
    del settings[missing]
    done = run("manage.py", "check", **settings)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("manage.py: ")
    assert missing in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_taken_port_is_one_sentence(name):
    """``make run`` names the port and what to type instead."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())} | {name: str(port)}
        done = run("-m", "config.run", "--check", **ports)
    assert done.returncode == 1
    assert done.stderr == (
        f"Port {port} is already taken. Stop what uses it, or choose another: "
        f"make run {name}={port + 10}\n"
    )


def test_env_example_names_every_setting():
    """Each environment variable that the settings read has its line in .env.example."""
    import re

    source = (ROOT / "config" / "settings.py").read_text()
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', source))
    told = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read - told == set()
    assert told - read == {"PORT"}


@pytest.mark.parametrize(
    ("command", "options", "says"),
    [
        (
            "reconcile_payments",
            ["--since", "soon"],
            "“soon” is neither a day such as 2026-11-21 nor a time such as",
        ),
        ("reconcile_payments", ["--workers", "none"], "“none” is not a whole number from 1 on"),
        ("charge_memberships", ["--workers", "0"], "“0” is not a whole number from 1 on"),
        ("charge_memberships", ["--rate", "0"], "“0” is not a number above 0"),
        ("tend_memberships", ["--rate", "fast"], "“fast” is not a number above 0"),
    ],
)
def test_a_wrong_option_is_one_sentence(command, options, says):
    """Exit status 2, as if it could not finish; no traceback."""
    done = run("manage.py", command, *options)
    assert done.returncode == 2
    assert says in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
