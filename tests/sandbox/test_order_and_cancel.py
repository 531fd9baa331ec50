"""Looking a payment up, and giving money back."""

import pytest

from tests.sandbox.merchant import refusal

SIX = ("total", "tax_free", "vat", "point", "discount", "green_deposit")


def amount(total: int = 0, tax_free: int = 0, vat: int = 0, green_deposit: int = 0) -> dict:
    """An amount object with KakaoPay's six keys."""
    return dict(zip(SIX, (total, tax_free, vat, 0, 0, green_deposit), strict=True))


def test_an_unpaid_payment_can_be_looked_up(merchant):
    """Before the payer does anything: READY, unknowns null, nothing to cancel."""
    opened = merchant.ready(item_code="TEA-1")
    assert merchant.send("order", tid=opened["tid"]).json() == {
        "tid": opened["tid"],
        "cid": "TC0ONETIME",
        "status": "READY",
        "partner_order_id": opened["partner_order_id"],
        "partner_user_id": "user-1",
        "payment_method_type": None,
        "item_name": "한라봉 티",
        "item_code": "TEA-1",
        "quantity": 1,
        "amount": amount(11000, 0, 1000),
        "canceled_amount": amount(),
        "cancel_available_amount": amount(),
        "created_at": opened["created_at"],
        "approved_at": None,
        "canceled_at": None,
        "selected_card_info": None,
        "payment_action_details": [],
    }


def test_a_refunded_payment_tells_its_history(merchant):
    """After a charge and a partial cancel: both actions, the sums, the card."""
    paid = merchant.paid(total_amount=60000, payer={"issuer": "KB", "instalment": 2})
    canceled = merchant.send(
        "cancel", tid=paid["tid"], cancel_amount=11000, cancel_tax_free_amount=0, payload="one"
    ).json()
    order = merchant.send("order", tid=paid["tid"]).json()
    assert order["status"] == "PART_CANCEL_PAYMENT"
    assert order["canceled_amount"] == amount(11000, 0, 1000)
    assert order["cancel_available_amount"] == amount(49000, 0, 4455)
    assert order["canceled_at"] == canceled["canceled_at"]
    assert order["selected_card_info"] == {
        "card_bin": "457973",
        "install_month": 2,
        "card_corp_name": "국민",
        "interest_free_install": "N",
    }
    detail = {
        "payment_method_type": "CARD",
        "point_amount": 0,
        "discount_amount": 0,
        "green_deposit": 0,
    }
    assert order["payment_action_details"] == [
        detail
        | {
            "aid": paid["aid"],
            "payment_action_type": "PAYMENT",
            "approved_at": paid["approved_at"],
            "amount": 60000,
            "payload": None,
        },
        detail
        | {
            "aid": canceled["aid"],
            "payment_action_type": "CANCEL",
            "approved_at": canceled["canceled_at"],
            "amount": 11000,
            "payload": "one",
        },
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"tid": "T" + "0" * 19}, -721),
        ({"partner_order_id": "an-order"}, -2),
        ({"tid": "T" + "0" * 19, "cid": "TC0NOBODY0"}, -731),
    ],
)
def test_a_payment_is_found_by_its_tid_only(merchant, fields, code):
    """There is no lookup by the merchant's own order id."""
    assert refusal(merchant.send("order", **fields)) == (400, code)


def test_another_merchants_payment_is_not_found(merchant, club):
    """A tid belongs to the cid it was opened with."""
    tid = merchant.paid()["tid"]
    assert refusal(club.send("order", tid=tid)) == (400, -721)
    cancel = {"tid": tid, "cancel_amount": 1, "cancel_tax_free_amount": 0}
    assert refusal(club.send("cancel", **cancel)) == (400, -721)


def test_partial_cancels_add_up_to_a_full_one(merchant, kakaopay):
    """Each answer holds this cancel, their sum and the rest, until nothing is left."""
    paid = merchant.paid(total_amount=12000, tax_free_amount=1000)
    first = merchant.send(
        "cancel",
        tid=paid["tid"],
        cancel_amount=4000,
        cancel_tax_free_amount=1000,
        cancel_available_amount=12000,
    ).json()
    assert first["status"] == "PART_CANCEL_PAYMENT"
    assert first["amount"] == amount(12000, 1000, 1000)
    assert first["approved_cancel_amount"] == amount(4000, 1000, 273)
    assert first["canceled_amount"] == amount(4000, 1000, 273)
    assert first["cancel_available_amount"] == amount(8000, 0, 727)
    second = merchant.send(
        "cancel",
        tid=paid["tid"],
        cancel_amount=8000,
        cancel_tax_free_amount=0,
        cancel_vat_amount=727,
        cancel_available_amount=8000,
    ).json()
    assert second["status"] == "CANCEL_PAYMENT"
    assert second["canceled_amount"] == amount(12000, 1000, 1000)
    assert second["cancel_available_amount"] == amount()
    assert len({paid["aid"], first["aid"], second["aid"]}) == 3
    held = kakaopay.payment(paid["tid"])
    assert (held.canceled_total, held.available_total) == (12000, 0)


CANCELS = [
    ({"cancel_amount": 11000, "cancel_tax_free_amount": 0, "tid": "T" + "0" * 19}, -721),
    ({"cancel_amount": 11001, "cancel_tax_free_amount": 0}, -711),
    ({"cancel_amount": 0, "cancel_tax_free_amount": 0}, -2),
    ({"cancel_amount": -1, "cancel_tax_free_amount": 0}, -2),
    ({"cancel_amount": 1000}, -2),
    ({"cancel_tax_free_amount": 0}, -2),
    ({"cancel_amount": 1000, "cancel_tax_free_amount": 1}, -722),
    ({"cancel_amount": 1000, "cancel_tax_free_amount": 2000}, -722),
    ({"cancel_amount": 11000, "cancel_tax_free_amount": 0, "cancel_vat_amount": 1001}, -722),
    ({"cancel_amount": 500, "cancel_tax_free_amount": 0, "cancel_vat_amount": 501}, -722),
    ({"cancel_amount": 1000, "cancel_tax_free_amount": 0, "payload": "x" * 201}, -2),
    ({"cancel_amount": 1000, "cancel_tax_free_amount": 0, "cancel_available_amount": 9}, -722),
]


@pytest.mark.parametrize(("fields", "code"), CANCELS)
def test_a_wrong_cancel_gives_nothing_back(merchant, kakaopay, fields, code):
    """Refused, and the books did not move."""
    tid = merchant.paid()["tid"]
    assert refusal(merchant.send("cancel", **{"tid": tid} | fields)) == (400, code)
    held = kakaopay.payment(tid)
    assert (held.status, held.available_total) == ("SUCCESS_PAYMENT", 11000)


def test_no_more_can_go_back_than_is_left(merchant):
    """More than the rest but not more than the charge: -710."""
    tid = merchant.paid()["tid"]
    half = {"tid": tid, "cancel_amount": 6000, "cancel_tax_free_amount": 0}
    assert merchant.send("cancel", **half).status_code == 200
    assert refusal(merchant.send("cancel", **half)) == (400, -710)


def test_a_repeated_cancel_is_caught_by_the_available_amount(merchant, kakaopay):
    """The same partial cancel sent twice moves money once if it says what was available."""
    tid = merchant.paid()["tid"]
    part = {"tid": tid, "cancel_amount": 3000, "cancel_tax_free_amount": 0}
    part["cancel_available_amount"] = 11000
    assert merchant.send("cancel", **part).status_code == 200
    assert refusal(merchant.send("cancel", **part)) == (400, -722)
    assert kakaopay.payment(tid).canceled_total == 3000


def test_the_tax_free_part_cannot_be_left_behind(merchant):
    """Canceling everything that is left must include its tax-free part."""
    tid = merchant.paid(total_amount=12000, tax_free_amount=1000)["tid"]
    fields = {"tid": tid, "cancel_amount": 12000, "cancel_tax_free_amount": 0}
    assert refusal(merchant.send("cancel", **fields, cancel_vat_amount=1000)) == (400, -722)


def test_only_a_paid_payment_can_be_canceled(merchant):
    """Not one that waits, and not one that was canceled already."""
    opened = merchant.ready()
    whole = {"cancel_amount": 11000, "cancel_tax_free_amount": 0}
    assert refusal(merchant.send("cancel", tid=opened["tid"], **whole)) == (400, -784)
    tid = merchant.paid()["tid"]
    assert merchant.send("cancel", tid=tid, **whole).json()["status"] == "CANCEL_PAYMENT"
    assert refusal(merchant.send("cancel", tid=tid, **whole)) == (400, -784)


def test_a_cup_deposit_forbids_partial_cancels(merchant):
    """With a green deposit all or nothing goes back, the deposit included."""
    tid = merchant.paid(total_amount=5000, green_deposit=300)["tid"]
    part = {"tid": tid, "cancel_amount": 1000, "cancel_tax_free_amount": 0}
    assert refusal(merchant.send("cancel", **part)) == (400, -722)
    whole = merchant.send("cancel", **part | {"cancel_amount": 5000}).json()
    assert whole["approved_cancel_amount"] == amount(5000, 0, 455, green_deposit=300)
    assert whole["cancel_available_amount"] == amount()


def test_a_late_cancel_works(merchant, kakaopay):
    """The fifteen minutes are for approving; money goes back weeks later too."""
    tid = merchant.paid()["tid"]
    kakaopay.advance(30 * 86400)
    answer = merchant.send("cancel", tid=tid, cancel_amount=11000, cancel_tax_free_amount=0)
    assert answer.json()["status"] == "CANCEL_PAYMENT"
