"""The KakaoPay adapter on its own: a payment, the answers about it, and a server of canned ones."""

import socket
import time
from contextlib import contextmanager, suppress
from threading import Thread

from checkout.gateways.base import Payment, Refund, ReturnUrls
from checkout.gateways.kakaopay import Credentials, KakaoPay, Timeouts

API = "https://pay.example"
TID = "T0a1b2c3d4e5f6071829"
PAYMENT = Payment("20261121-7KQ4MX9T", "u1", 11_000, 0, 1_000, tid=TID)
URLS = ReturnUrls("https://shop.example/a", "https://shop.example/c", "https://shop.example/f")
APPROVED = {
    "aid": "A0a1b2c3d4e5f6071829",
    "tid": TID,
    "cid": "TC0ONETIME",
    "sid": None,
    "partner_order_id": PAYMENT.order_number,
    "partner_user_id": PAYMENT.buyer,
    "amount": {"total": 11000, "tax_free": 0, "vat": 1000, "point": 0, "discount": 0},
    "payment_method_type": "CARD",
    "card_info": {"kakaopay_issuer_corp": "신한", "install_month": "03", "bin": "111111"},
    "approved_at": "2026-11-20T14:13:20",
}
FOUND = {
    "tid": TID,
    "status": "SUCCESS_PAYMENT",
    "partner_order_id": PAYMENT.order_number,
    "partner_user_id": PAYMENT.buyer,
    "payment_method_type": "MONEY",
    "amount": {"total": 11000, "tax_free": 0, "vat": 1000},
    "canceled_amount": {"total": 0, "tax_free": 0, "vat": 0},
    "approved_at": "2026-11-20T14:13:20",
    "payment_action_details": [
        {"aid": "A0a1b2c3d4e5f6071829", "payment_action_type": "PAYMENT"},
    ],
}


REFUNDED = APPROVED | {
    "aid": "A0a1b2c3d4e5f6071830",
    "status": "PART_CANCEL_PAYMENT",
    "approved_cancel_amount": {"total": 3000, "tax_free": 0, "vat": 273},
    "canceled_at": "2026-11-21T09:00:00",
}
REFUND = Refund(amount=3_000, tax_free=0, vat=273, refundable=11_000, note="abc")


@contextmanager
def no_journal(operation, url, body):
    class Call:
        def answered(self, http_status, body):
            pass

    yield Call()


@contextmanager
def trickling(answer):
    """A server that sends ``answer`` a byte at a time, one every 50 ms after its first line."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        peer, _ = server.accept()
        with peer, suppress(OSError):
            peer.recv(65536)
            head, body = answer[:100], answer[100:]
            peer.sendall(head)
            for byte in body:
                peer.sendall(bytes([byte]))
                time.sleep(0.05)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    with server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def make_adapter(
    url=API, timeouts=None, journal=no_journal, subscription_cid="TCSUBSCRIP", **secrets
):
    credentials = Credentials(
        "DEV" + "0" * 37, "TC0ONETIME", subscription_cid=subscription_cid, **secrets
    )
    return KakaoPay(url, credentials, timeouts or Timeouts(), journal)


def answer(provider, operation, body, status=200, **more):
    provider.post(f"{API}/online/v1/payment/{operation}", json=body, status=status, **more)
