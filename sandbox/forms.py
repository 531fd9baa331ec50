"""What the payer fills in."""

from typing import Any

from django import forms
from django.http import QueryDict

from .cards import INSTALMENTS_FROM, ISSUERS
from .models import Method, Payment
from .refusals import METHOD_MESSAGES

AT_ONCE = "일시불 / in full"
DECLINES = {
    Method.CARD: ["3538", "5039", "0002", "0004", "0026", "8008"],
    Method.MONEY: ["NOT_ENOUGH_BALANCE", "LIMIT_ONE_TIME", "LIMIT_USE_PER_DAY"],
}


class MethodForm(forms.Form):
    """How to pay, within what the merchant allows and the amount permits."""

    def __init__(self, payment: Payment, data: QueryDict | None = None) -> None:
        super().__init__(data)
        methods = [pair for pair in Method.choices if payment.only_method in ("", pair[0])]
        cards = payment.available_cards or ISSUERS
        self.fields = {
            "method": forms.ChoiceField(
                choices=methods, initial=methods[0][0], widget=forms.RadioSelect
            ),
            "issuer": forms.ChoiceField(
                choices=[(code, ISSUERS[code].name) for code in cards], required=False
            ),
            "instalment": forms.TypedChoiceField(
                choices=_instalments(payment), coerce=int, required=False
            ),
            "decline": forms.ChoiceField(choices=_outcomes(), required=False),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("method") == Method.MONEY:
            cleaned |= {"issuer": "", "instalment": 0}
        elif not cleaned.get("issuer") and "issuer" not in self.errors:
            self.add_error("issuer", "카드사를 선택해 주세요. / Choose a card.")
        return cleaned | {"instalment": cleaned.get("instalment") or 0}


def _instalments(payment: Payment) -> list[tuple[int, str]]:
    if payment.only_instalment is not None:
        months = [payment.only_instalment]
    elif payment.total_amount >= INSTALMENTS_FROM:
        months = [0, *range(2, 13)]
    else:
        months = [0]
    return [(n, f"{n}개월 / months" if n > 1 else AT_ONCE) for n in months]


def _outcomes() -> list[tuple[str, Any]]:
    reasons = [
        (method.label, [(code, f"{METHOD_MESSAGES[code]} ({code})") for code in codes])
        for method, codes in DECLINES.items()
    ]
    return [("", "승인됨 / approved"), *reasons]
