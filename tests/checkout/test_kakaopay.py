"""The KakaoPay adapter alone: what is sent, and what is read from each answer."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import responses
from responses import matchers

from checkout.gateways.base import (
    Amounts,
    Approved,
    Declined,
    Found,
    Goods,
    Movement,
    OutcomeUnknown,
    Paid,
    Ready,
    State,
)
from tests.checkout.adapter import (
    API,
    APPROVED,
    FOUND,
    PAYMENT,
    REFUND,
    REFUNDED,
    TID,
    URLS,
    answer,
    make_adapter,
)

SEOUL = ZoneInfo("Asia/Seoul")


@pytest.fixture
def kakaopay():
    return make_adapter()


@pytest.fixture
def provider():
    with responses.RequestsMock() as mock:
        yield mock


def test_ready_sends_what_kakaopay_asks_for(kakaopay, provider):
    """JSON with numbers, the key in the header, tax given explicitly."""
    provider.post(
        f"{API}/online/v1/payment/ready",
        json={"tid": TID}
        | {f"next_redirect_{d}_url": f"https://pay.example/{d}" for d in ("pc", "mobile", "app")},
        match=[
            matchers.header_matcher({"Authorization": "SECRET_KEY DEV" + "0" * 37}),
            matchers.json_params_matcher(
                {
                    "cid": "TC0ONETIME",
                    "partner_order_id": PAYMENT.order_number,
                    "partner_user_id": "u1",
                    "item_name": "컵",
                    "quantity": 2,
                    "total_amount": 11000,
                    "tax_free_amount": 0,
                    "vat_amount": 1000,
                    "approval_url": URLS.approve,
                    "cancel_url": URLS.cancel,
                    "fail_url": URLS.fail,
                }
            ),
        ],
    )
    ready = kakaopay.ready(PAYMENT, Goods("컵", 2), URLS)
    assert ready == Ready(TID, {d: f"https://pay.example/{d}" for d in ("pc", "mobile", "app")})


def test_every_request_verifies_tls_and_has_a_time_limit(kakaopay, provider):
    """Connect and read separately; redirects are not followed."""
    answer(provider, "order", FOUND)
    kakaopay.lookup(PAYMENT)
    sent = provider.calls[0].request
    assert sent.req_kwargs["timeout"] == (3.0, 15.0)
    assert sent.req_kwargs["verify"] not in (False, None)
    assert sent.headers["Connection"] == "close"


def test_approve_by_card(kakaopay, provider):
    """Issuer, instalment and time are read; the time is Korean."""
    answer(provider, "approve", APPROVED)
    assert kakaopay.approve(PAYMENT, "good") == Approved(
        aid="A0a1b2c3d4e5f6071829",
        amount=11_000,
        approved_at=datetime(2026, 11, 20, 14, 13, 20, tzinfo=ZoneInfo("Asia/Seoul")),
        paid=Paid("CARD", "신한", 3),
    )


def test_approve_by_money_has_no_card(kakaopay, provider):
    """``card_info`` may be null or missing."""
    answer(provider, "approve", APPROVED | {"payment_method_type": "MONEY", "card_info": None})
    assert kakaopay.approve(PAYMENT, "good").paid == Paid("MONEY")


def test_the_method_says_why(kakaopay, provider):
    """The buyer is told what the card company said."""
    body = {
        "error_code": -780,
        "error_message": "approval failure!",
        "extras": {"method_result_code": "3538", "method_result_message": "한도초과"},
    }
    answer(provider, "approve", body, status=400)
    assert kakaopay.approve(PAYMENT, "good") == Declined(
        "-780 3538", "approval failure!", "한도초과"
    )


def test_a_key_in_netrc_does_not_replace_ours(kakaopay, provider, tmp_path, monkeypatch):
    """The Authorization header is always the shop's own."""
    (tmp_path / "netrc").write_text("machine pay.example login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    answer(provider, "order", FOUND)
    kakaopay.lookup(PAYMENT)
    assert provider.calls[0].request.headers["Authorization"] == "SECRET_KEY DEV" + "0" * 37


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("READY", State.WAITING),
        ("SEND_TMS", State.WAITING),
        ("OPEN_PAYMENT", State.WAITING),
        ("SELECT_METHOD", State.WAITING),
        ("ARS_WAITING", State.WAITING),
        ("AUTH_PASSWORD", State.WAITING),
        ("FAIL_AUTH_PASSWORD", State.FAILED),
        ("QUIT_PAYMENT", State.FAILED),
        ("FAIL_PAYMENT", State.FAILED),
    ],
)
def test_lookup_of_what_is_not_paid(kakaopay, provider, status, state):
    """Each status of the provider's list has one meaning."""
    unknown_yet = dict.fromkeys(("amount", "partner_order_id", "payment_method_type"))
    answer(provider, "order", FOUND | unknown_yet | {"status": status})
    assert kakaopay.lookup(PAYMENT) == Found(state, status)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("SUCCESS_PAYMENT", State.PAID),
        ("PART_CANCEL_PAYMENT", State.RETURNED),
        ("CANCEL_PAYMENT", State.RETURNED),
    ],
)
def test_lookup_of_what_was_paid(kakaopay, provider, status, state):
    """The approval's aid comes from the movements, also where they hold only five keys."""
    answer(provider, "order", FOUND | {"status": status})
    found = kakaopay.lookup(PAYMENT)
    assert (found.state, found.approved.aid) == (state, "A0a1b2c3d4e5f6071829")
    assert found.approved.paid == Paid("MONEY")


def test_a_refund_says_what_it_believes_can_go_back(kakaopay, provider):
    """The belief is always sent: it is KakaoPay's only guard against a repeated refund."""
    sent = {
        "cid": "TC0ONETIME",
        "tid": TID,
        "cancel_amount": 3000,
        "cancel_tax_free_amount": 0,
        "cancel_vat_amount": 273,
        "cancel_available_amount": 11000,
        "payload": "abc",
    }
    answer(provider, "cancel", REFUNDED, match=[matchers.json_params_matcher(sent)])
    assert kakaopay.refund(PAYMENT, REFUND) == Approved(
        "A0a1b2c3d4e5f6071830", 3_000, datetime(2026, 11, 21, 9, tzinfo=SEOUL)
    )


@pytest.mark.parametrize(
    "wrong", [{"tid": "T" + "0" * 19}, {"approved_cancel_amount": {"total": 2_999}}, {"aid": None}]
)
def test_a_refund_of_something_else_is_not_trusted(kakaopay, provider, wrong):
    """Another payment, or another amount than was asked for."""
    answer(provider, "cancel", REFUNDED | wrong)
    with pytest.raises(OutcomeUnknown):
        kakaopay.refund(PAYMENT, REFUND)


def test_lookup_tells_every_movement(kakaopay, provider):
    """What was paid, what went back, and each movement with its note where the books keep one."""
    details = [
        {"aid": "A1", "payment_action_type": "PAYMENT", "amount": 11000, "payload": None},
        {"aid": "A2", "payment_action_type": "CANCEL", "amount": 3000, "payload": "abc"},
        {"aid": "A3", "payment_action_type": "CANCEL", "approved_at": "2026-11-21T09:00:00"},
    ]
    books = {
        "status": "PART_CANCEL_PAYMENT",
        "canceled_amount": {"total": 5000, "tax_free": 0, "vat": 455},
        "payment_action_details": details,
    }
    answer(provider, "order", FOUND | books)
    found = kakaopay.lookup(PAYMENT)
    assert (found.order_number, found.paid) == (PAYMENT.order_number, Amounts(11_000, 0, 1_000))
    assert found.returned == Amounts(5_000, 0, 455)
    assert found.movements == (
        Movement("A1", False, None, 11_000, ""),
        Movement("A2", True, None, 3_000, "abc"),
        Movement("A3", True, datetime(2026, 11, 21, 9, tzinfo=SEOUL)),
    )


def test_a_movement_without_a_name_is_not_trusted(kakaopay, provider):
    """It could not be told from the others."""
    answer(
        provider, "order", FOUND | {"payment_action_details": [{"payment_action_type": "CANCEL"}]}
    )
    with pytest.raises(OutcomeUnknown):
        kakaopay.lookup(PAYMENT)
