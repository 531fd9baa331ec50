"""A merchant's server that speaks plain HTTP to the sandbox."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import requests

from tests.kakaopay import KakaoPay

API = "/online/v1/payment/"
PATHS = {"inactive": "manage/subscription/inactive", "status": "manage/subscription/status"}


class Merchant:
    """A merchant's server: sends what it is told and hands back the raw answer."""

    def __init__(self, kakaopay: KakaoPay, cid: str = "TC0ONETIME") -> None:
        self.kakaopay = kakaopay
        self.cid = cid
        self.key = f"SECRET_KEY {kakaopay.secret_key}"

    def post(self, endpoint: str, body: Any, **headers: str | None) -> requests.Response:
        """Send ``body`` as it is."""
        url = self.kakaopay.url + API + PATHS.get(endpoint, endpoint)
        return requests.post(
            url, json=body, headers={"Authorization": self.key} | headers, timeout=30
        )

    def send(self, endpoint: str, **fields: Any) -> requests.Response:
        """Send ``fields`` with our cid; a field that is given as None is left out."""
        fields = {"cid": self.cid} | fields
        return self.post(endpoint, {k: v for k, v in fields.items() if v is not None})

    def goods(self, **fields: Any) -> dict[str, Any]:
        """A valid ready, changed by ``fields``."""
        return {
            "partner_order_id": uuid4().hex,
            "partner_user_id": "user-1",
            "item_name": "한라봉 티",
            "quantity": 1,
            "total_amount": 11000,
            "tax_free_amount": 0,
            "approval_url": "http://localhost:8000/approve/?order=7",
            "cancel_url": "http://localhost:8000/cancel/",
            "fail_url": "http://localhost:8000/fail/",
        } | fields

    def ready(self, **fields: Any) -> dict[str, Any]:
        """An opened payment: what ready answered, and the partner ids it was asked with."""
        goods = self.goods(**fields)
        answer = self.send("ready", **goods)
        assert answer.status_code == 200, answer.text
        ids = ("partner_order_id", "partner_user_id")
        return answer.json() | {name: goods[name] for name in ids}

    def agreed(self, *, payer: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """The fields of an approve that will be granted: the payer has agreed."""
        opened = self.ready(**fields)
        url = self.kakaopay.pay(opened["next_redirect_mobile_url"], **(payer or {}))
        return {
            "tid": opened["tid"],
            "partner_order_id": opened["partner_order_id"],
            "partner_user_id": opened["partner_user_id"],
            "pg_token": parse_qs(urlsplit(url).query)["pg_token"][0],
        }

    def paid(self, *, payer: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """A paid payment: what approve answered."""
        answer = self.send("approve", **self.agreed(payer=payer, **fields))
        assert answer.status_code == 200, answer.text
        return answer.json()


def refusal(answer: requests.Response) -> tuple[int, int]:
    """The HTTP status and the error_code of a refused call."""
    return answer.status_code, answer.json()["error_code"]
