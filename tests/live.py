"""The whole shop as real programs: web server, worker, sandbox, and a PostgreSQL of their own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.kakaopay import KakaoPay, sandbox_process
from tests.processes import ROOT, Process, free_port


@dataclass
class LiveShop:
    """A running shop with the demo goods, and the sandbox that it pays through."""

    url: str
    env: dict[str, str]
    web: Process
    sandbox: Process
    kakaopay: KakaoPay
    days: float = 0  # how far its clock is ahead

    def let_pass(self, *, days: float) -> None:
        """
        Let time pass for the shop and its sandbox, or turn it back with negative ``days``.

        The web server is started again with that clock. Programs of the test's own keep theirs:
        start those afterwards, with ``program``.
        """
        self.web.stop()
        self.days += days
        self.web.args = web_server(self.url, days=self.days)
        self.kakaopay.advance(round(days * 24 * 60 * 60))
        self.web.start()

    def program(self, *program: str) -> list[str]:
        """The command line of a Python program, such as a worker, with the shop's clock."""
        return in_days(self.days, *program)

    def manage(self, *command: str) -> str:
        """Run a management command against the same database. Returns what it printed."""
        return run(self.env, *command, days=self.days)

    def python(self, code: str) -> str:
        """The last line that a snippet prints inside the shop's own shell."""
        return self.manage("shell", "--no-imports", "-c", code).strip().splitlines()[-1]

    def stock_of(self, slug: str) -> int:
        return int(
            self.python(
                f"from shop.models import Product;print(Product.objects.get(slug={slug!r}).stock)"
            )
        )


def in_days(days: float, *program: str) -> list[str]:
    """The command line of a Python program whose clock is so many days ahead."""
    clock = ("-m", "config.later", str(days), "--") if days else ()
    return [sys.executable, *clock, *program]


def web_server(url: str, *, days: float = 0) -> list[str]:
    address = url.replace("http://localhost", "127.0.0.1")
    serve = ("-m", "gunicorn", "config.wsgi", "--bind", address)
    return in_days(days, *serve, "--workers", "1", "--threads", "8")


def run(env: dict[str, str], *command: str, days: float = 0) -> str:
    done = subprocess.run(
        in_days(days, "manage.py", *command),
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"manage.py {' '.join(command)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def live_shop(folder: Path, **settings: str) -> Iterator[LiveShop]:
    """
    Start everything in ``folder`` with the demo goods, and stop it at the end.

    ``settings`` are environment variables of the shop; those that begin with ``SANDBOX_`` are the
    sandbox's.
    """
    ours = {name: value for name, value in settings.items() if not name.startswith("SANDBOX_")}
    theirs = {name: value for name, value in settings.items() if name.startswith("SANDBOX_")}
    port = free_port()
    url = f"http://localhost:{port}"
    sandbox, kakaopay = sandbox_process(folder, **theirs)
    env = {
        "VAR_DIR": str(folder / "var"),
        "SITE_URL": url,
        "KAKAOPAY_API_URL": kakaopay.url,
        "KAKAOPAY_READ_TIMEOUT_SECONDS": "5",
        **ours,
    }
    run(env, "migrate", "--verbosity", "0")
    run(env, "load_demo")
    web = Process(web_server(url), ready=f"{url}/readyz", env=env)
    with ExitStack() as running:
        running.enter_context(sandbox)
        running.enter_context(web)
        yield LiveShop(url, env, web, sandbox, kakaopay)


class Visitor:
    """A browser without JavaScript: cookies, forms and redirects, over real HTTP."""

    def __init__(self, shop: LiveShop) -> None:
        self.shop = shop
        self.http = requests.Session()
        self.http.headers["Accept-Language"] = "ko"

    def get(self, path: str, *, follow: bool = True) -> requests.Response:
        return self.http.get(self._url(path), timeout=30, allow_redirects=follow)

    def post(
        self, page: str, path: str, *, follow: bool = True, **fields: str
    ) -> requests.Response:
        """Open ``page`` for its CSRF token, then post ``fields`` to ``path``."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(page).text)
        assert token, f"{page} has no form"
        return self.http.post(
            self._url(path),
            data={"csrfmiddlewaretoken": token[1]} | fields,
            headers={"Referer": self._url(page)},
            timeout=30,
            allow_redirects=follow,
        )

    def sign_in(self, email: str = "shopper@example.com", password: str = "kakaopay-demo") -> None:
        answer = self.post("/accounts/login/", "/accounts/login/", login=email, password=password)
        assert answer.status_code == 200, answer.text

    def check_out(self, **changed: str) -> requests.Response:
        """Fill in the review page and press the KakaoPay button; redirects are not followed."""
        seen = re.search(r'name="seen" value="([^"]+)"', self.get("/checkout/").text)
        fields = {
            "name": "김하나",
            "phone": "010-1234-5678",
            "email": "hana@example.com",
            "consent": "on",
            "address-recipient": "김둘",
            "address-phone": "010-8765-4321",
            "address-postcode": "06236",
            "address-line1": "서울 강남구 테헤란로 152",
            "seen": seen[1] if seen else "",
        }
        return self.post("/checkout/", "/checkout/ready/", follow=False, **(fields | changed))

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.shop.url + path
