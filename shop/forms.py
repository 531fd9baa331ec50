from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from shop.carts import quantity_rule
from shop.models import MAX_LINE_QUANTITY


class QuantityForm(forms.Form):
    """
    A number of pieces as somebody typed it.

    ``step`` comes from the − and + buttons, which without JavaScript submit the form.
    """

    quantity = forms.IntegerField(label=_("Quantity"), localize=False)
    step = forms.IntegerField(min_value=-1, max_value=1, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        quantity = self.fields["quantity"]
        quantity.error_messages = {"required": quantity_rule(), "invalid": quantity_rule()}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "quantity" in data:
            data["quantity"] += data.get("step") or 0
            if not 1 <= data["quantity"] <= MAX_LINE_QUANTITY:
                self.add_error("quantity", quantity_rule())
        return data
