"""The rules of each request's fields. An integer may also be sent as a JSON string."""

from functools import cache
from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from .cards import ISSUERS
from .models import Method
from .refusals import invalid

MAX_INTEGER = 2**31 - 1
OPTIONAL: dict[str, Any] = {"default": None, "allow_null": True}


class Text(serializers.CharField):
    """A string, kept as it was sent."""

    def __init__(self, limit: int, **rules: Any) -> None:
        super().__init__(max_length=limit, trim_whitespace=False, **rules)


class Won(serializers.IntegerField):
    """An amount of money."""

    def __init__(self, least: int = 0, **rules: Any) -> None:
        super().__init__(min_value=least, max_value=MAX_INTEGER, **rules)


class PageUrl(Text):
    """An http or https address of at most 255 characters."""

    def __init__(self) -> None:
        super().__init__(255)

    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data)
        try:
            parts = urlsplit(url)
            whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            whole = False
        if not whole or any(character.isspace() for character in url):
            raise serializers.ValidationError("not a web address")
        return url


class Request(serializers.Serializer[Any]):
    """What every request carries."""

    cid = Text(10, min_length=10)
    cid_secret = Text(24, allow_blank=True, **OPTIONAL)

    @classmethod
    def read(cls, body: dict[str, Any]) -> dict[str, Any]:
        """
        The fields of ``body``, typed, an omitted optional one as None.

        :raises Refused: -2 naming the first field that breaks its rule.
        """
        try:
            return dict(_rules_of(cls).run_validation(body))
        except serializers.ValidationError as error:
            raise invalid(str(next(iter(error.detail)))) from None


@cache
def _rules_of(request: type[Request]) -> Request:
    """One for all calls: to make its fields costs more than to use them."""
    return request()


class Goods(Request):
    """An order for which money is asked."""

    partner_order_id = Text(100)
    partner_user_id = Text(100)
    item_name = Text(100)
    item_code = Text(100, allow_blank=True, **OPTIONAL)
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_INTEGER)
    total_amount = Won()
    tax_free_amount = Won()
    vat_amount = Won(**OPTIONAL)
    green_deposit = Won(**OPTIONAL)


class Ready(Goods):
    """The request that opens a payment."""

    approval_url = PageUrl()
    cancel_url = PageUrl()
    fail_url = PageUrl()
    available_cards = serializers.ListField(
        child=serializers.ChoiceField(choices=list(ISSUERS)), **OPTIONAL
    )
    payment_method_type = serializers.ChoiceField(choices=Method.values, **OPTIONAL)
    install_month = serializers.IntegerField(min_value=0, max_value=12, **OPTIONAL)
    use_share_installment = serializers.ChoiceField(choices=["Y", "N"], **OPTIONAL)
    custom_json = serializers.DictField(child=Text(1000, allow_blank=True), **OPTIONAL)
    redirect_scheme_url = Text(255, allow_blank=True, **OPTIONAL)


class Approve(Request):
    """The request that takes the money."""

    tid = Text(20)
    partner_order_id = Text(100)
    partner_user_id = Text(100)
    pg_token = Text(100)
    payload = Text(200, allow_blank=True, **OPTIONAL)
    total_amount = Won(**OPTIONAL)


class Order(Request):
    """The request that looks a payment up."""

    tid = Text(20)


class Cancel(Request):
    """The request that gives money back."""

    tid = Text(20)
    cancel_amount = Won(1)
    cancel_tax_free_amount = Won()
    cancel_vat_amount = Won(**OPTIONAL)
    cancel_available_amount = Won(**OPTIONAL)
    payload = Text(200, allow_blank=True, **OPTIONAL)


class Charge(Goods):
    """The request that charges a SID again."""

    sid = Text(20)
    total_amount = Won(1)
    payload = Text(200, allow_blank=True, **OPTIONAL)


class Sid(Request):
    """A request about a SID itself."""

    sid = Text(20)
