"""The shop as it is run for real: DEBUG off, collected static files, gunicorn."""

import re
import sys
from pathlib import Path

import requests

from tests.live import LiveShop, run
from tests.processes import Process, free_port


def test_a_shop_with_debug_off(shop: LiveShop, tmp_path: Path):
    """Pages and hashed static files are served; an unknown address tells nothing of the insides."""
    port = free_port()
    url = f"http://localhost:{port}"
    env = shop.env | {
        "SECRET_KEY": "0123456789" * 6,
        "SITE_URL": url,
        "EMAIL_URL": "dummymail://",
        "KAKAOPAY_SECRET_KEY": shop.kakaopay.secret_key,
        "KAKAOPAY_CID": "TC0ONETIME",
    }
    run(env, "collectstatic", "--noinput", "--verbosity", "0")
    gunicorn = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"]
    with Process(gunicorn, ready=f"{url}/readyz", env=env):
        home = requests.get(url, timeout=10)
        assert home.status_code == 200
        css = re.search(r'href="(/static/css/shop\.[0-9a-f]{12}\.css)"', home.text)[1]
        style = requests.get(url + css, timeout=10)
        assert style.status_code == 200
        assert "immutable" in style.headers["Cache-Control"]
        missing = requests.get(f"{url}/nowhere/", timeout=10)
        assert missing.status_code == 404
        assert "urlpatterns" not in missing.text
        assert "Django" not in missing.text
