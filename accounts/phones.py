from typing import Any

from django.core.exceptions import ValidationError
from django.forms import TextInput
from django.utils.translation import gettext_lazy as _
from phonenumber_field.formfields import PhoneNumberField

KOREA = 82


class KoreanPhoneField(PhoneNumberField):
    """A Korean number, mobile or not, however it is written: 010-1234-5678, +82 10 1234 5678."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {
            "autocomplete": "tel",
            "inputmode": "tel",
            "type": "tel",
            "placeholder": "010-1234-5678",
        }
        super().__init__(region="KR", widget=TextInput(attrs=attrs), **kwargs)
        self.error_messages |= {
            "required": _("Enter a phone number that we can reach you at."),
            "invalid": _("Enter a Korean phone number such as 010-1234-5678 or 02-123-4567."),
        }

    def to_python(self, value: Any) -> Any:
        number = super().to_python(value)
        if number and number.country_code != KOREA:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return number
