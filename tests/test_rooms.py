"""Rules of the house that import-linter cannot state."""

import subprocess
import sys

from tests.processes import ROOT


def test_the_gateways_load_without_the_database():
    """Importing every provider's adapter loads no part of Django's ORM and no model of ours."""
    code = (
        "import sys, checkout.gateways.kakaopay;"
        "rooms = ('django.db', 'checkout.models', 'orders', 'shop', 'accounts');"
        "print([name for name in sys.modules if name.startswith(rooms)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
