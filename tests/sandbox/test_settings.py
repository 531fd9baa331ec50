"""A sandbox with other settings than the usual ones."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.kakaopay import KakaoPay, sandbox_process
from tests.processes import ROOT
from tests.sandbox.merchant import Merchant, refusal
from tests.sandbox.test_subscriptions import charge

KST = ZoneInfo("Asia/Seoul")
SECRET = "a1b2c3d4e5f6a1b2c3d4e5f6"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KakaoPay]:
    """A sandbox where every setting is another."""
    process, kakaopay = sandbox_process(
        tmp_path_factory.mktemp("odd"),
        SANDBOX_SECRET_KEY="DEV" + "A" * 37,
        SANDBOX_ONE_TIME_CIDS="MYSHOP0001",
        SANDBOX_RECURRING_CIDS="MYCLUB0001",
        SANDBOX_CID_SECRET=SECRET,
        SANDBOX_WINDOW_SECONDS="60",
        SANDBOX_DOMAINS="https://*.shop.example,http://localhost:8000",
        SANDBOX_URL="https://pay.example/",
        SANDBOX_MINIMAL_DETAILS="true",
        SANDBOX_MONTHLY_LIMIT="2",
        SANDBOX_STALE_CANCEL_CODE="-710",
    )
    with process:
        yield kakaopay


def test_every_setting_is_documented():
    """The page about the sandbox names each setting, and none that is gone."""
    code = (ROOT / "sandbox" / "settings.py").read_text()
    page = (ROOT / "docs" / "sandbox.md").read_text()
    settings = set(re.findall(r"^(SANDBOX_\w+) =", code, re.MULTILINE))
    assert set(re.findall(r"^\| `(SANDBOX_\w+)`", page, re.MULTILINE)) == settings


class SecretMerchant(Merchant):
    """A merchant that sends its cid_secret and pays on the sandbox's own address."""

    def send(self, endpoint: str, **fields: object):
        return super().send(endpoint, **{"cid_secret": SECRET} | fields)

    def ready(self, **fields: object):
        opened = super().ready(**fields)
        home = self.kakaopay.url
        return {key: value.replace("https://pay.example", home) for key, value in opened.items()}


@pytest.fixture
def shop(odd: KakaoPay) -> SecretMerchant:
    """The merchant of single payments there."""
    return SecretMerchant(odd, "MYSHOP0001")


def test_pages_are_where_the_setting_says(shop):
    """SANDBOX_URL is the address a phone can reach."""
    answer = shop.send("ready", **shop.goods()).json()
    assert answer["next_redirect_pc_url"].startswith("https://pay.example/mockup/bridge/pc/pg/")


@pytest.mark.parametrize("secret", [None, "", "b" * 24])
def test_the_cid_secret_is_checked_where_there_is_one(shop, secret):
    """Missing, empty or wrong: -733."""
    assert refusal(shop.send("ready", **shop.goods(), cid_secret=secret)) == (400, -733)


def test_only_the_cids_that_are_set_exist(odd):
    """The usual test cid is unknown there."""
    usual = SecretMerchant(odd)
    assert refusal(usual.send("ready", **usual.goods())) == (400, -731)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://www.shop.example/a", 200),
        ("https://www.shop.example:8443/a", 400),
        ("http://www.shop.example/a", 400),
        ("https://shop.example/a", 400),
        ("http://localhost:8000/a", 200),
        ("http://localhost:8001/a", 400),
    ],
)
def test_only_the_sites_that_are_set_are_registered(shop, url, status):
    """Scheme, host and port all count."""
    assert shop.send("ready", **shop.goods(fail_url=url)).status_code == status


def test_the_window_is_as_long_as_set(shop, odd):
    """Sixty seconds instead of fifteen minutes."""
    fields = shop.agreed()
    odd.advance(61)
    assert refusal(shop.send("approve", **fields)) == (400, -723)


def test_details_can_be_as_few_as_a_real_answer_had(shop):
    """Only the five keys that were seen in the wild."""
    tid = shop.paid()["tid"]
    (detail,) = shop.send("order", tid=tid).json()["payment_action_details"]
    keys = {"aid", "approved_at", "point_amount", "discount_amount", "payment_action_type"}
    assert set(detail) == keys


def test_the_refusal_of_a_stale_cancel_can_be_chosen(shop):
    """KakaoPay's own code is not known, so it is a setting."""
    tid = shop.paid()["tid"]
    cancel = {"tid": tid, "cancel_amount": 1, "cancel_tax_free_amount": 0}
    assert refusal(shop.send("cancel", **cancel, cancel_available_amount=1)) == (400, -710)


def test_a_sid_is_charged_so_often_a_month(odd):
    """The third charge of a month is refused; the next month it is granted."""
    club = SecretMerchant(odd, "MYCLUB0001")
    sid = club.paid(total_amount=100)["sid"]
    assert club.send("subscription", sid=sid, **charge()).status_code == 200
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -752)
    odd.advance(31 * 86400)
    assert club.send("subscription", sid=sid, **charge()).status_code == 200


def test_a_month_is_a_korean_one(odd):
    """The count begins anew at midnight in Korea; a clock set back counts the month it is in."""
    club = SecretMerchant(odd, "MYCLUB0001")
    odd.reset_clock()
    eve = datetime(datetime.now(KST).year + 1, 1, 31, 23, 58, tzinfo=KST)
    odd.advance(int((eve - datetime.now(KST)).total_seconds()))
    sid = club.paid(total_amount=100)["sid"]
    assert club.send("subscription", sid=sid, **charge()).status_code == 200
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -752)
    odd.advance(3 * 60)
    assert club.send("subscription", sid=sid, **charge()).status_code == 200
    odd.advance(-86400)
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -752)
    odd.advance(-31 * 86400)
    assert club.send("subscription", sid=sid, **charge()).status_code == 200


def test_a_sid_that_is_only_issued_has_not_been_charged(odd):
    """A first payment of nothing does not count against the month; a canceled charge does."""
    club = SecretMerchant(odd, "MYCLUB0001")
    sid = club.paid(total_amount=0)["sid"]
    tid = club.send("subscription", sid=sid, **charge()).json()["tid"]
    club.send("cancel", tid=tid, cancel_amount=9900, cancel_tax_free_amount=0)
    assert club.send("subscription", sid=sid, **charge()).status_code == 200
    assert refusal(club.send("subscription", sid=sid, **charge())) == (400, -752)
    assert odd.subscription(sid).charges == 2


def test_charges_at_once_stay_within_the_limit(odd):
    """Sixteen at the same moment: two are granted, however they meet."""
    club = SecretMerchant(odd, "MYCLUB0001")
    sid = club.paid(total_amount=0)["sid"]
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(club.send, "subscription", sid=sid, **charge()) for _ in range(16)]
        codes = [call.result().json().get("error_code") for call in calls]
    assert sorted(codes, key=str) == [-752] * 14 + [None] * 2
    assert odd.subscription(sid).charges == 2
