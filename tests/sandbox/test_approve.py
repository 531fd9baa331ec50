"""Taking the money of a payment its payer agreed to."""

import re

import pytest

from tests.sandbox.merchant import refusal


def test_a_card_payment_is_answered_like_kakaopay_does(merchant, kakaopay):
    """Every key of a real card answer is there, what has no value as an explicit null."""
    fields = merchant.agreed(
        quantity=3, total_amount=110000, payer={"issuer": "HYUNDAI", "instalment": 3}
    )
    answer = merchant.send("approve", **fields, total_amount=110000, payload="memo").json()
    assert re.fullmatch(r"A[0-9a-f]{19}", answer.pop("aid"))
    assert re.fullmatch(r"\d{8}", answer["card_info"].pop("approved_id"))
    times = answer.pop("created_at"), answer.pop("approved_at")
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", time) for time in times)
    assert answer == {
        "tid": fields["tid"],
        "cid": "TC0ONETIME",
        "sid": None,
        "partner_order_id": fields["partner_order_id"],
        "partner_user_id": "user-1",
        "item_name": "한라봉 티",
        "item_code": None,
        "quantity": 3,
        "payload": "memo",
        "payment_method_type": "CARD",
        "amount": {
            "total": 110000,
            "tax_free": 0,
            "vat": 10000,
            "point": 0,
            "discount": 0,
            "green_deposit": 0,
        },
        "card_info": {
            "kakaopay_purchase_corp": "현대",
            "kakaopay_purchase_corp_code": "706",
            "kakaopay_issuer_corp": "현대",
            "kakaopay_issuer_corp_code": "106",
            "bin": "433028",
            "card_type": "신용",
            "install_month": "03",
            "card_mid": "150000001",
            "interest_free_install": "N",
            "installment_type": "CARD_INSTALLMENT",
            "card_item_code": "100101",
        },
        "sequential_payment_methods": None,
    }
    held = kakaopay.payment(fields["tid"])
    assert (held.status, held.available_total) == ("SUCCESS_PAYMENT", 110000)
    assert [(action.type, action.amount) for action in held.actions] == [("PAYMENT", 110000)]


def test_a_money_payment_has_no_card(merchant):
    """Paid with KakaoPay Money, the answer has no card_info at all."""
    answer = merchant.paid(payer={"method": "MONEY"})
    assert answer["payment_method_type"] == "MONEY"
    assert "card_info" not in answer


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"tid": "T" + "0" * 19}, -721),
        ({"partner_order_id": "another"}, -706),
        ({"partner_user_id": "another"}, -707),
        ({"pg_token": "0" * 20}, -708),
        ({"total_amount": 10999}, -725),
        ({"cid": "TCSUBSCRIP"}, -721),
        ({"cid": "TC0NOBODY0"}, -731),
        ({"pg_token": None}, -2),
        ({"pg_token": ""}, -2),
        ({"payload": "x" * 201}, -2),
        ({"tid": "T" * 21}, -2),
    ],
)
def test_a_wrong_detail_takes_no_money(merchant, kakaopay, changed, code):
    """One wrong field is refused, the books do not move, and the right call still works."""
    fields = merchant.agreed()
    assert refusal(merchant.send("approve", **fields | changed)) == (400, code)
    assert kakaopay.payment(fields["tid"]).actions == ()
    assert merchant.send("approve", **fields).status_code == 200


def test_mistakes_are_found_in_kakaopays_order(merchant, kakaopay):
    """With everything wrong at once, each correction uncovers the next refusal."""
    fields = merchant.agreed()
    kakaopay.advance(901)
    wrong = {
        "payload": "x" * 201,
        "cid": "TC0NOBODY0",
        "tid": "T" + "0" * 19,
        "partner_order_id": "another",
        "partner_user_id": "another",
    }
    found = []
    for field in wrong:
        found.append(refusal(merchant.send("approve", **fields | wrong))[1])
        wrong = wrong | {field: {"cid": "TC0ONETIME", **fields}.get(field)}
    found.append(refusal(merchant.send("approve", **fields | wrong))[1])
    assert found == [-2, -731, -721, -706, -707, -723]


def test_a_second_approve_is_told_it_is_paid(merchant, kakaopay):
    """One tid is paid once, also when the second call carries a wrong token."""
    fields = merchant.agreed()
    assert merchant.send("approve", **fields).status_code == 200
    assert refusal(merchant.send("approve", **fields)) == (400, -702)
    assert refusal(merchant.send("approve", **fields | {"pg_token": "x"})) == (400, -702)
    assert len(kakaopay.payment(fields["tid"]).actions) == 1


def test_nothing_is_taken_before_the_payer_agrees(merchant, kakaopay):
    """Right after ready, and with the page only opened, approve comes too early."""
    opened = merchant.ready()
    ids = ("tid", "partner_order_id", "partner_user_id")
    fields = {name: opened[name] for name in ids} | {"pg_token": "0" * 20}
    assert refusal(merchant.send("approve", **fields)) == (400, -701)
    kakaopay.open(opened["next_redirect_pc_url"])
    assert refusal(merchant.send("approve", **fields)) == (400, -701)
    assert kakaopay.payment(opened["tid"]).status == "OPEN_PAYMENT"


@pytest.mark.parametrize("leave", ["quit", "fail"])
def test_a_payment_that_was_left_cannot_be_approved(merchant, kakaopay, leave):
    """After quitting or failing, the state does not allow an approve."""
    opened = merchant.ready()
    getattr(kakaopay, leave)(opened["next_redirect_mobile_url"])
    ids = ("tid", "partner_order_id", "partner_user_id")
    fields = {name: opened[name] for name in ids}
    assert refusal(merchant.send("approve", **fields, pg_token="0" * 20)) == (400, -783)


def test_the_window_closes_after_fifteen_minutes(merchant, kakaopay):
    """A minute before the end the money is taken; a minute after, it is too late."""
    early, late = merchant.agreed(), merchant.agreed()
    kakaopay.advance(840)
    assert merchant.send("approve", **early).status_code == 200
    kakaopay.advance(120)
    assert refusal(merchant.send("approve", **late)) == (400, -723)
    held = kakaopay.payment(late["tid"])
    assert (held.status, held.actions) == ("AUTH_PASSWORD", ())


@pytest.mark.parametrize(
    ("method", "reason", "message"),
    [
        ("MONEY", "NOT_ENOUGH_BALANCE", "잔액이 부족합니다."),
        ("CARD", "3538", "한도초과"),
        ("CARD", "0026", "도난/분실 카드"),
    ],
)
def test_a_declined_method_gives_its_reason(merchant, kakaopay, method, reason, message):
    """The card company or bank says no: -780 with extras, and the payment has failed."""
    fields = merchant.agreed(payer={"method": method, "decline": reason})
    answer = merchant.send("approve", **fields)
    assert refusal(answer) == (400, -780)
    assert answer.json()["extras"] == {
        "method_result_code": reason,
        "method_result_message": message,
    }
    held = kakaopay.payment(fields["tid"])
    assert (held.status, held.actions) == ("FAIL_PAYMENT", ())
    assert refusal(merchant.send("approve", **fields)) == (400, -783)
