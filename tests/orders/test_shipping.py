"""Parcels: what a carrier calls them, and how far they may move."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from accounts.addresses import Destination
from orders import carriers, fulfilment, shipping
from orders.models import Order, Shipment

pytestmark = pytest.mark.django_db

Carrier, Status = Shipment.Carrier, Shipment.Status
NOW = datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC)
ELSEWHERE = Destination("이두리", "+82212345678", "04524", "서울 중구 세종대로 110", "1층", "")


@pytest.fixture
def make_parcel(make_order):
    """Parcels of paid orders to one address."""

    def make(order_status: str = "PAID", paid_at: datetime = NOW, **fields) -> Shipment:
        order = make_order(status=order_status, paid_at=paid_at)
        address = {"recipient": "김하나", "phone": "+821012345678", "postcode": "06236"}
        fields = address | {"line1": "서울 강남구 테헤란로 123", "line2": "5층"} | fields
        return Shipment.objects.create(order=order, **fields)

    return make


@pytest.fixture
def parcel(make_parcel) -> Shipment:
    return make_parcel()


def shipped(parcel: Shipment, number: str = "123456789012") -> Shipment:
    shipping.ship(parcel, carrier=Carrier.CJ, tracking_number=number, now=NOW)
    return parcel


def refund_of(parcel: Shipment, status: str = "PROCESSING", amount: int = 22_000) -> None:
    """Money of its order that may be going back."""
    amounts = {"amount": amount, "tax_free": 0, "vat": 0}
    given = {"kind": "REFUND", "status": status, "gateway": "kakaopay"}
    moves = status != "WAITING"
    txn = parcel.order.transactions.create(**given, **amounts) if moves else None
    parcel.order.refunds.create(kind="AMOUNT", status=status, transaction=txn, **amounts)


def row(parcel: Shipment) -> tuple:
    parcel.refresh_from_db()
    times = (parcel.shipped_at, parcel.delivered_at)
    return (parcel.status, parcel.carrier, parcel.tracking_number, *times)


UNTOUCHED = ("PREPARING", "", "", None, None)


class TestCarriers:
    """Where anybody can see how far a parcel is."""

    @pytest.mark.parametrize(
        ("carrier", "page"),
        [
            ("CJ", "https://trace.cjlogistics.com/next/tracking.html?wblNo=123456789012"),
            (
                "EPOST",
                "https://service.epost.go.kr/trace.RetrieveDomRigiTraceList.comm?sid1=123456789012",
            ),
            (
                "HANJIN",
                "https://www.hanjin.com/kor/CMS/DeliveryMgr/WaybillResult.do"
                "?mCode=MN038&schLang=KR&wblnumText2=123456789012",
            ),
            ("LOTTE", "https://www.lotteglogis.com/open/tracking?invno=123456789012"),
            ("LOGEN", "https://www.ilogen.com/web/personal/trace/123456789012"),
            ("OWN", ""),
            ("", ""),
        ],
    )
    def test_each_has_its_page(self, carrier, page):
        """With the number in it; the shop itself has none."""
        assert carriers.tracking_url(carrier, "123456789012") == page

    def test_no_number_no_page(self):
        """A page about nothing is not linked."""
        assert carriers.tracking_url("CJ", "") == ""

    def test_every_carrier_is_known(self):
        """A new carrier needs a page, or is the shop itself."""
        assert set(carriers.TRACKING_PAGES) == set(Carrier) - {Carrier.OWN}

    @pytest.mark.parametrize(
        "typed",
        [
            *("123456789012", "1234-5678-9012", " 1234 5678 9012\n", "１２３４５６７８９０１２"),
            "1234–5678–9012",
        ],
    )
    def test_one_number_however_it_is_typed(self, typed):
        """Spaces, hyphens, dashes and full-width digits are only how people type it."""
        assert carriers.checked(Carrier.CJ, typed) == "123456789012"

    def test_letters(self):
        """Registered mail has some; they are stored as capitals."""
        assert carriers.checked(Carrier.EPOST, "rr123456789kr") == "RR123456789KR"

    @pytest.mark.parametrize(
        "typed",
        ["", "1234567", "1" * 21, "12345678?x=1", "운송장12345678", "1234/5678", "--------"],
    )
    def test_no_number_of_any_carrier(self, typed):
        """Too short, too long, or with what would change the link."""
        with pytest.raises(carriers.BadTrackingNumber):
            carriers.checked(Carrier.CJ, typed)

    @pytest.mark.parametrize("number", ["12345678", "1" * 20])
    def test_eight_to_twenty(self, number):
        """Both ends are numbers."""
        assert carriers.checked(Carrier.LOGEN, number) == number

    def test_the_shop_itself_needs_none(self):
        """But a number that is given must be one."""
        assert carriers.checked(Carrier.OWN, " ") == ""
        with pytest.raises(carriers.BadTrackingNumber):
            carriers.checked(Carrier.OWN, "왼쪽 문")


class TestMoving:
    """Forward one step at a time, and all the way back if it was a mistake."""

    def test_shipped_and_delivered(self, parcel):
        """Each with its time; the number is stored without hyphens."""
        shipped(parcel, "1234-5678-9012")
        assert row(parcel) == ("SHIPPED", "CJ", "123456789012", NOW, None)
        later = NOW + timedelta(days=1)
        shipping.deliver(parcel, now=later)
        assert row(parcel) == ("DELIVERED", "CJ", "123456789012", NOW, later)

    def test_no_money_moves(self, parcel):
        """The order is paid, before and after."""
        before = Order.objects.values().get()
        shipped(parcel)
        shipping.deliver(parcel, now=NOW)
        assert Order.objects.values().get() == before | {"is_to_ship": False}

    @pytest.mark.parametrize("status", ["PENDING", "CANCELED", "REFUNDED"])
    def test_not_paid_not_shipped(self, make_parcel, status):
        """What nobody has paid for, or what was paid back, stays here."""
        parcel = make_parcel(status)
        with pytest.raises(shipping.NotPaid):
            shipped(parcel)
        assert row(parcel) == UNTOUCHED

    def test_partly_refunded(self, make_parcel):
        """One of two cups was broken; the other one is sent."""
        assert row(shipped(make_parcel("PARTIALLY_REFUNDED")))[0] == "SHIPPED"

    @pytest.mark.parametrize("status", ["PROCESSING", "WAITING"])
    @pytest.mark.parametrize("amount", [22_000, 7_000])
    def test_while_it_is_being_refunded(self, parcel, amount, status):
        """What may be paid back at this moment, or once it is approved, stays here."""
        refund_of(parcel, status, amount)
        with pytest.raises(shipping.BeingRefunded):
            shipped(parcel)
        assert row(parcel) == UNTOUCHED

    def test_all_that_is_delivered_was_refunded(self, make_parcel):
        """The delivery fee stays paid, and yet there is nothing to pack."""
        parcel = make_parcel("PARTIALLY_REFUNDED")
        parcel.order.lines.update(refunded=F("quantity"))
        with pytest.raises(shipping.NothingToShip):
            shipped(parcel)
        assert (row(parcel), list(shipping.to_ship())) == (UNTOUCHED, [])

    def test_the_refund_was_declined(self, parcel):
        """The money stayed, so the parcel leaves."""
        refund_of(parcel, status="FAILED")
        assert row(shipped(parcel))[0] == "SHIPPED"

    def test_refunded_while_it_is_on_its_way(self, parcel):
        """It arrives, can be corrected, and comes back if it never left."""
        shipped(parcel)
        refund_of(parcel)
        shipping.correct(parcel, carrier=Carrier.HANJIN, tracking_number="444455556666")
        shipping.deliver(parcel, now=NOW)
        shipping.undo(parcel)
        assert row(parcel) == UNTOUCHED

    def test_a_bad_number_moves_nothing(self, parcel):
        """It is still being prepared."""
        with pytest.raises(carriers.BadTrackingNumber):
            shipped(parcel, "123")
        assert row(parcel) == UNTOUCHED

    @pytest.mark.parametrize("where", ["SHIPPED", "DELIVERED"])
    def test_shipped_once(self, parcel, where):
        """Whoever comes second learns where it is, and changes neither number nor time."""
        shipped(parcel)
        if where == "DELIVERED":
            shipping.deliver(parcel, now=NOW)
        before = row(parcel)
        with pytest.raises(shipping.NotThere) as error:
            shipped(parcel, "999999999999")
        assert error.value.status == where
        assert row(parcel) == before

    @pytest.mark.parametrize("where", ["PREPARING", "DELIVERED"])
    def test_delivered_only_from_the_way(self, parcel, where):
        """Not from here, and not twice."""
        if where == "DELIVERED":
            shipping.deliver(shipped(parcel), now=NOW)
        before = row(parcel)
        with pytest.raises(shipping.NotThere):
            shipping.deliver(parcel, now=NOW + timedelta(hours=1))
        assert row(parcel) == before

    def test_refunded_on_its_way(self, parcel):
        """It arrives all the same."""
        shipped(parcel)
        Order.objects.update(status="REFUNDED")
        shipping.deliver(parcel, now=NOW)
        assert row(parcel)[0] == "DELIVERED"

    def test_the_number_is_corrected_on_the_way(self, parcel):
        """Carrier and number change, the time does not."""
        shipped(parcel)
        shipping.correct(parcel, carrier=Carrier.HANJIN, tracking_number="4444-5555-6666")
        assert row(parcel) == ("SHIPPED", "HANJIN", "444455556666", NOW, None)

    @pytest.mark.parametrize("where", ["PREPARING", "DELIVERED"])
    def test_there_is_nothing_to_correct(self, parcel, where):
        """Before it leaves, and once it has arrived."""
        if where == "DELIVERED":
            shipping.deliver(shipped(parcel), now=NOW)
        before = row(parcel)
        with pytest.raises(shipping.NotThere):
            shipping.correct(parcel, carrier=Carrier.HANJIN, tracking_number="444455556666")
        assert row(parcel) == before

    @pytest.mark.parametrize("where", ["SHIPPED", "DELIVERED"])
    def test_back_to_preparing(self, parcel, where):
        """As if it had never left; then it can leave again."""
        shipped(parcel)
        if where == "DELIVERED":
            shipping.deliver(parcel, now=NOW)
        shipping.undo(parcel)
        assert row(parcel) == UNTOUCHED
        assert row(shipped(parcel, "999999999999"))[2] == "999999999999"

    def test_found_again_once_it_is_undone(self, parcel):
        """In the list of what is to be shipped, in which it was not meanwhile."""
        shipped(parcel)
        assert list(shipping.to_ship()) == []
        shipping.undo(parcel)
        assert list(shipping.to_ship()) == [parcel]

    def test_found_once_its_order_is_taken_up_again(self, make_parcel):
        """Canceled, and then it turned out to be paid."""
        parcel = make_parcel("PENDING")
        assert fulfilment.cancel(parcel.order, Order.CancelReason.QUIT, now=NOW)
        assert fulfilment.revive(parcel.order, now=NOW)
        Order.objects.update(status="PAID")
        assert list(shipping.to_ship()) == [parcel]

    def test_nothing_to_undo(self, parcel):
        """What is being prepared is as far back as there is."""
        with pytest.raises(shipping.NotThere):
            shipping.undo(parcel)

    def test_a_new_address(self, parcel):
        """Every line of it, while the parcel is here."""
        shipping.readdress(parcel, ELSEWHERE)
        parcel.refresh_from_db()
        given = Destination(
            *(parcel.recipient, parcel.phone.as_e164, parcel.postcode),
            *(parcel.line1, parcel.line2, parcel.memo),
        )
        assert given == ELSEWHERE

    def test_too_late_for_a_new_address(self, parcel):
        """Where it went is where it went."""
        shipped(parcel)
        with pytest.raises(shipping.NotThere):
            shipping.readdress(parcel, ELSEWHERE)
        parcel.refresh_from_db()
        assert parcel.recipient == "김하나"

    def test_an_order_of_tickets(self, make_order):
        """It has no parcel to speak of."""
        with pytest.raises(shipping.NothingToShip):
            shipping.parcel_of(make_order())


class TestToShip:
    """What staff work through."""

    def test_paid_and_still_here(self, make_parcel):
        """Who has waited longest comes first; nothing unpaid, refunded, or gone."""
        late = make_parcel(paid_at=NOW)
        early = make_parcel("PARTIALLY_REFUNDED", paid_at=NOW - timedelta(hours=1))
        for status in ("PENDING", "CANCELED", "REFUNDED"):
            make_parcel(status)
        shipped(make_parcel())
        assert list(shipping.to_ship()) == [early, late]

    def test_not_while_it_is_being_refunded(self, make_parcel):
        """Nobody packs it until the refund is answered; a declined one keeps nothing here."""
        refund_of(make_parcel())
        refund_of(make_parcel("PARTIALLY_REFUNDED"), amount=5_000)
        declined, refunded = make_parcel(), make_parcel("PARTIALLY_REFUNDED")
        refund_of(declined, "FAILED")
        refund_of(refunded, "SUCCEEDED", 7_000)
        assert set(shipping.to_ship()) == {declined, refunded}

    def test_one_query(self, make_parcel, django_assert_num_queries):
        """With the orders."""
        make_parcel()
        make_parcel()
        with django_assert_num_queries(1):
            assert [str(parcel.order.status) for parcel in shipping.to_ship()] == ["PAID", "PAID"]
