"""Many memberships due at once, and two commands that charge them."""

from urllib.parse import quote, urlencode

import pytest
from django.db import connection

from tests.kakaopay import sandbox_process
from tests.volume.memberships import charge, faults, plant

pytestmark = pytest.mark.django_db(transaction=True)

DUE = 300


@pytest.fixture
def env():
    """What lets a program use the tests' database."""
    given = connection.get_connection_params()
    where = urlencode({name: given[name] for name in ("host", "port") if given.get(name)})
    who = f"{given['user']}:{quote(given.get('password') or '', safe='')}"
    return {"DATABASE_URL": f"postgres://{who}@/{given['dbname']}?{where}"}


def test_two_commands_renew_all_of_them_once(env, tmp_path):
    """Both do a part of it, and the two books agree to the won; see ``tests.volume``."""
    process, kakaopay = sandbox_process(tmp_path)
    with process:
        plant(kakaopay, DUE)
        env["KAKAOPAY_API_URL"] = kakaopay.url
        ran = charge(DUE, processes=2, workers=3, env=env)
        assert list(faults(kakaopay, DUE, ran)) == []
    assert all(each.said["renewed"] > 0 for each in ran)
    assert {each["operation"] for each in ran[0].said["latency"]} == {"status", "subscription"}
