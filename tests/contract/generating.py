"""The schema as `make schema` writes it: in English, and with the addresses of development."""

import os
import subprocess
import sys
from functools import cache

from tests.processes import ROOT

COMMAND = ("manage.py", "spectacular", "--lang", "en", "--validate", "--fail-on-warn")
#: Whatever else stands in a developer's `.env`.
SETTINGS = {"SITE_URL": "http://localhost:8000"}


@cache
def generated() -> str:
    """What the schema is now, as YAML. It is valid OpenAPI, or an AssertionError says why not."""
    done = subprocess.run(
        [sys.executable, *COMMAND],
        cwd=ROOT,
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
