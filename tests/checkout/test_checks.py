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


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("MEMBERSHIP_CHARGE_HOUR", 24),
        ("MEMBERSHIP_CHARGE_HOUR", -1),
        ("MEMBERSHIP_GRACE_DAYS", 0),
        ("MEMBERSHIP_RETRY_DAYS", [1, 8]),
        ("MEMBERSHIP_RETRY_DAYS", [0, 1]),
        ("MEMBERSHIP_NOTICE_DAYS", -1),
        ("MEMBERSHIP_REMIND_DAYS", -1),
        ("AGREEMENT_CHECK_DAYS", 0),
    ],
)
def test_memberships_that_nobody_could_charge(settings, name, wrong):
    """An error names the setting; as they come there is none."""
    assert found() == []
    setattr(settings, name, wrong)
    errors = [each for each in checks.run_checks() if each.id == "checkout.E001"]
    assert any(error.msg.startswith(name) for error in errors)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("CLIENT_ORIGINS", "https://app.example.com/"),
        ("CLIENT_ORIGINS", "app.example.com"),
        ("CLIENT_ORIGINS", "https://APP.example.com"),
        ("CLIENT_ORIGINS", "*"),
        ("CLIENT_APP_SCHEMES", "cornershop://"),
        ("CLIENT_APP_SCHEMES", "Cornershop"),
        ("CLIENT_APP_SCHEMES", "javascript"),
        ("CLIENT_APP_SCHEMES", "https"),
    ],
)
def test_front_ends_that_no_buyer_should_be_sent_to(settings, name, wrong):
    """Are an error before the shop starts."""
    settings.CLIENT_ORIGINS = ["https://app.example.com", "http://localhost:5173"]
    settings.CLIENT_APP_SCHEMES = ["cornershop"]
    assert found() == []
    setattr(settings, name, [wrong])
    (error,) = [each for each in checks.run_checks() if each.id == "checkout.E002"]
    assert error.msg.startswith(repr(wrong))
