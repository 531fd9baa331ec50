"""What ``manage.py check`` says of the settings of the checkout."""

import pytest
from django.core import checks


def found() -> list[str]:
    return [message.id for message in checks.run_checks() if message.id.startswith("checkout.")]


@pytest.mark.parametrize(
    ("is_debugging", "cid", "warnings"),
    [(False, "", ["checkout.W001"]), (False, "C000000002", []), (True, "", [])],
)
def test_renewing_plans_need_a_cid_of_their_own(settings, is_debugging, cid, warnings):
    """Where the shop is live, its absence is a warning; the database is not asked."""
    settings.DEBUG, settings.KAKAOPAY_SUBSCRIPTION_CID = is_debugging, cid
    assert found() == warnings
